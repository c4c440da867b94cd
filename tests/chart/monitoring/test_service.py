"""templates/monitoring/service.yaml: the address of the metrics, separately for each replica."""

from tests.chart.manifests import FULLNAME, render


def test_it_lists_every_replica_ready_or_not() -> None:
    rendered = render({"monitoring": {"serviceMonitor": {"enabled": True}}})
    assert rendered.one("Service", f"{FULLNAME}-metrics")["spec"] == {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": rendered.one("Deployment")["spec"]["selector"]["matchLabels"],
        "ports": [{"name": "operations", "port": 8080, "targetPort": "operations", "protocol": "TCP"}],
    }
