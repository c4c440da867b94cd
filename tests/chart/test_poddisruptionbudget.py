"""templates/poddisruptionbudget.yaml: nodes are drained one replica at a time."""

import pytest

from tests.chart.manifests import render

TEMPLATE = "poddisruptionbudget.yaml"


def test_one_replica_may_go_at_a_time_and_a_broken_one_at_any_time() -> None:
    (budget,) = render().template(TEMPLATE)
    selector = render().one("Deployment")["spec"]["selector"]
    assert budget["spec"] == {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector}


@pytest.mark.parametrize(
    ("version", "api", "fields"),
    [
        ("1.20.15", "policy/v1beta1", {"maxUnavailable", "selector"}),
        ("1.21", "policy/v1", {"maxUnavailable", "selector"}),
        ("1.27", "policy/v1", {"maxUnavailable", "selector", "unhealthyPodEvictionPolicy"}),
    ],
)
def test_older_clusters_get_what_they_serve(version: str, api: str, fields: set[str]) -> None:
    (budget,) = render({"kubeVersion": version}).template(TEMPLATE)
    assert (budget["apiVersion"], budget["spec"].keys()) == (api, fields)


def test_it_can_be_a_percentage_and_be_left_out() -> None:
    (budget,) = render({"podDisruptionBudget": {"maxUnavailable": "50%"}}).template(TEMPLATE)
    assert budget["spec"]["maxUnavailable"] == "50%"
    assert render({"podDisruptionBudget": {"enabled": False}}).template(TEMPLATE) == []
