"""templates/monitoring/servicemonitor.yaml: how the Prometheus Operator finds the metrics."""

import pytest
import yaml

from tests.chart.manifests import CHART, FULLNAME, NAMESPACE, render


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


def test_it_can_name_the_cluster() -> None:
    readme = (CHART / "README.md").read_text()
    alerts = (CHART.parents[1] / "docs/alerts.md").read_text()
    shown = "`monitoring.serviceMonitor.relabelings: [{targetLabel: cluster, replacement: production}]`"
    assert shown in readme
    assert shown in alerts
    relabelings = yaml.safe_load(shown.strip("`").split(": ", 1)[1])
    (endpoint,) = render({"monitoring": {"serviceMonitor": {"enabled": True, "relabelings": relabelings}}}).one(
        "ServiceMonitor"
    )["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "cluster", "replacement": "production"}]


def test_it_reads_the_port_that_the_service_names() -> None:
    more = {"relabelings": [{"action": "labelmap"}], "metricRelabelings": [{"action": "drop"}], "interval": "15s"}
    rendered = render({"monitoring": {"serviceMonitor": {"enabled": True, **more}}})
    (port,) = rendered.one("Service", f"{FULLNAME}-metrics")["spec"]["ports"]
    assert rendered.one("ServiceMonitor")["spec"]["endpoints"] == [
        {"port": port["name"], "path": "/metrics", "scrapeTimeout": "10s", **more}
    ]
