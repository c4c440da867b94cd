"""templates/certificates/poddisruptionbudget.yaml: of several certificate controllers, some stay while nodes are drained."""

import pytest

from tests.chart.manifests import FULLNAME, render

NAME = f"{FULLNAME}-certificate-controller"
SEVERAL = {"certificates": {"controller": {"replicas": 2}}}


@pytest.mark.parametrize("version", ["1.20.15", "1.21", "1.27"])
def test_it_is_that_of_the_service_for_other_pods(version: str) -> None:
    rendered = render(SEVERAL | {"kubeVersion": version})
    mine, services = (rendered.one("PodDisruptionBudget", name) for name in (NAME, FULLNAME))
    assert mine["apiVersion"] == services["apiVersion"]
    deployment = rendered.one("Deployment", NAME)
    assert deployment["spec"]["replicas"] == 2
    assert mine["spec"] == services["spec"] | {"selector": deployment["spec"]["selector"]}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="one replica, which may be evicted at any time"),
        pytest.param(SEVERAL | {"podDisruptionBudget": {"enabled": False}}, id="left out"),
        pytest.param({"certificates": {"source": "cert-manager", "controller": {"replicas": 2}}}, id="no controller"),
    ],
)
def test_there_may_be_none(values: dict[str, object]) -> None:
    assert render(values).template("certificates/poddisruptionbudget.yaml") == []
