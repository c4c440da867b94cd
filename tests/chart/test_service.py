"""templates/service.yaml: the address that API servers call."""

from tests.chart.manifests import render


def test_it_leads_port_443_to_the_pods_https_port() -> None:
    rendered = render({"service": {"annotations": {"team": "data"}}})
    service = rendered.one("Service")
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": rendered.one("Deployment")["spec"]["selector"]["matchLabels"],
        "ports": [{"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}],
    }
    assert service["metadata"]["annotations"] == {"team": "data"}
