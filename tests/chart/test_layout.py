"""The chart as a whole: linted by Helm, each template with its tests."""

import helm_python
import pytest

from tests.chart.rendered import CHART, render

HERE = CHART.parents[1] / "tests/chart"


@pytest.mark.parametrize("version", ["v1.20.0", "v1.28.0", "v1.36.0"])
def test_helm_finds_nothing_to_complain_about(version: str) -> None:
    report = helm_python.lint(CHART, {}, strict=True, namespace="placement", kube_version=version)
    assert report["errors"] == []
    assert [one["error"] for one in report["messages"]] == ["icon is recommended"]


def test_every_template_has_its_file_of_tests() -> None:
    templates = {path.relative_to(CHART / "templates") for path in (CHART / "templates").rglob("*.*")}
    expected = {
        str(path.parent / f"test_{path.stem.lower().replace('-', '_')}.py")
        for path in templates
        if path.name != "_helpers.tpl"
    }
    there = {str(path.relative_to(HERE)) for path in HERE.rglob("test_*.py")}
    assert expected - there == set()


def test_every_object_carries_the_charts_labels_and_those_of_the_user() -> None:
    everything = {
        "commonLabels": {"team": "data"},
        "autoscaling": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "monitoring": {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")},
    }
    expected = {
        "app.kubernetes.io/instance": "placing",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": "spark-eci-webhook",
        "app.kubernetes.io/version": "0.1.0",
        "helm.sh/chart": "spark-eci-webhook-0.1.0",
        "team": "data",
    }
    found = render(everything).objects
    assert len(found) > 15
    assert [one["metadata"]["name"] for one in found if not expected.items() <= one["metadata"]["labels"].items()] == []


def test_names_stay_dns_labels_however_long_the_releases_is() -> None:
    rendered = render(name="r" * 53)
    names = [one["metadata"]["name"] for one in rendered.objects if not one["kind"].startswith("ClusterRole")]
    assert [name for name in names if len(name) > 63] == []
    assert len([one for one in rendered.objects if one["kind"] == "Deployment"]) == 2


def test_names_can_be_replaced() -> None:
    assert render({"fullnameOverride": "placer"}).one("Service", "placer")
    assert render({"nameOverride": "placer"}).one("Service", "placing-placer")
    assert render(name="spark-eci-webhook").one("Service", "spark-eci-webhook")
