"""templates/monitoring/service.yaml: the address of the metrics, separately for each replica."""

import pytest

from tests.chart.manifests import FULLNAME, render


@pytest.mark.parametrize("name", [FULLNAME, f"{FULLNAME}-overflow"])
def test_it_lists_every_replica_ready_or_not(name: str) -> None:
    rendered = render({"monitoring": {"serviceMonitor": {"enabled": True}}, "overflow": {"enabled": True}})
    deployment = rendered.one("Deployment", name)["spec"]
    assert rendered.one("Service", f"{name}-metrics")["spec"] == {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": deployment["selector"]["matchLabels"],
        "ports": [{"name": "operations", "port": 8080, "targetPort": "operations", "protocol": "TCP"}],
    }
    (container,) = deployment["template"]["spec"]["containers"]
    assert {"name": "operations", "containerPort": 8080, "protocol": "TCP"} in container["ports"]
