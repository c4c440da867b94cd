"""templates/monitoring/servicemonitor.yaml: how the Prometheus Operator finds the metrics."""

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, render


@pytest.mark.parametrize("enabled", [False, True])
def test_it_selects_the_services_of_metrics_alone(*, enabled: bool) -> None:
    monitoring = {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}
    rendered = render({"monitoring": monitoring, "overflow": {"enabled": enabled}})
    monitor = rendered.one("ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [NAMESPACE]}
    selected = [
        one["metadata"]["name"]
        for one in rendered.objects
        if one["kind"] == "Service"
        and monitor["spec"]["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
    ]
    assert selected == [f"{FULLNAME}-metrics", *([f"{FULLNAME}-overflow-metrics"] if enabled else [])]


def test_it_reads_the_port_that_the_service_names() -> None:
    more = {"relabelings": [{"action": "labelmap"}], "metricRelabelings": [{"action": "drop"}], "interval": "15s"}
    rendered = render({"monitoring": {"serviceMonitor": {"enabled": True, **more}}})
    (port,) = rendered.one("Service", f"{FULLNAME}-metrics")["spec"]["ports"]
    assert rendered.one("ServiceMonitor")["spec"]["endpoints"] == [
        {"port": port["name"], "path": "/metrics", "scrapeTimeout": "10s", **more}
    ]
