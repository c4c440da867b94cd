"""templates/overflow/poddisruptionbudget.yaml: while nodes are drained, a replica of the overflow controller stays."""

import pytest

from tests.chart.manifests import FULLNAME, render

NAME = f"{FULLNAME}-overflow"


@pytest.mark.parametrize("version", ["1.20.15", "1.21", "1.27"])
def test_it_is_that_of_the_service_for_other_pods(version: str) -> None:
    rendered = render({"overflow": {"enabled": True}, "kubeVersion": version})
    mine, services = (rendered.one("PodDisruptionBudget", name) for name in (NAME, FULLNAME))
    assert mine["apiVersion"] == services["apiVersion"]
    selector = rendered.one("Deployment", NAME)["spec"]["selector"]
    assert mine["spec"] == services["spec"] | {"selector": selector}


def test_it_can_be_left_out() -> None:
    values = {"overflow": {"enabled": True}, "podDisruptionBudget": {"enabled": False}}
    assert render(values).template("overflow/poddisruptionbudget.yaml") == []
