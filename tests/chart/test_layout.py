"""The chart as a whole: Helm's linter, the templates, labels and names."""

from typing import Any

import helm_python
import pytest

from tests.chart.manifests import CHART, Rendered, refusal, render

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


def test_what_is_optional_is_not_rendered_by_default() -> None:
    assert set(render().templates) == {
        "certificates/controller-deployment.yaml",
        "certificates/controller-rbac.yaml",
        "certificates/controller-serviceaccount.yaml",
        "configmap-policy.yaml",
        "deployment.yaml",
        "mutatingwebhookconfiguration.yaml",
        "poddisruptionbudget.yaml",
        "service.yaml",
        "serviceaccount.yaml",
        "tests/review.yaml",
    }


def test_every_object_carries_the_charts_labels_and_those_of_the_user() -> None:
    everything = {
        "commonLabels": {"team": "data"},
        "overflow": {"enabled": True, "namespaces": ["etl"]},
        "autoscaling": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "monitoring": {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")},
    }
    expected = {
        "app.kubernetes.io/instance": "placing",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": "spark-eci-webhook",
        "app.kubernetes.io/version": "1.0.0",
        "helm.sh/chart": "spark-eci-webhook-1.0.0",
        "team": "data",
    }
    found = render(everything).objects
    assert len(found) > 30
    assert [one["metadata"]["name"] for one in found if not expected.items() <= one["metadata"]["labels"].items()] == []


def test_labels_of_one_object_win_over_those_for_every_object() -> None:
    kinds = ("serviceMonitor", "prometheusRule", "dashboard")
    common = {"commonLabels": {"release": "a", "team": "data"}}
    monitoring = {name: {"enabled": True, "labels": {"release": "prom"}} for name in kinds}
    found = render({**common, "monitoring": monitoring})
    (everywhere,) = [one["metadata"]["labels"] for one in found.template("configmap-policy.yaml")]
    expected = {**everywhere, "release": "prom"}
    assert {name: found.template(f"monitoring/{name.lower()}.yaml")[0]["metadata"]["labels"] for name in kinds} == {
        "serviceMonitor": expected,
        "prometheusRule": expected,
        "dashboard": {**expected, "grafana_dashboard": "1"},
    }


def test_names_stay_dns_labels_however_long_the_releases_is() -> None:
    monitoring = {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")}
    rendered = render({"overflow": {"enabled": True}, "monitoring": monitoring}, name="r" * 53)
    clusters = ("ClusterRole", "ValidatingAdmissionPolicy")
    names = [one["metadata"]["name"] for one in rendered.objects if not one["kind"].startswith(clusters)]
    assert [name for name in names if len(name) > 63] == []
    assert len([one for one in rendered.objects if one["kind"] == "Deployment"]) == 3


def test_names_can_be_replaced() -> None:
    assert render({"fullnameOverride": "placer"}).one("Service", "placer")
    assert render({"nameOverride": "placer"}).one("Service", "placing-placer")
    assert render(name="spark-eci-webhook").one("Service", "spark-eci-webhook")


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("2024", {}, "2024-spark-eci-webhook"),
        ("my.release", {}, "my.release-spark-eci-webhook"),
        ("placing", {"fullnameOverride": "1abc"}, "1abc"),
    ],
)
def test_a_name_that_some_clusters_refuse_for_a_service_is_refused(
    release: str, values: dict[str, Any], name: str
) -> None:
    sentence = (
        f"{name} cannot be the name of a Service: set fullnameOverride to lowercase letters, digits and hyphens that "
        "begin with a letter and end with a letter or digit"
    )
    assert refusal(values, name=release).rstrip().endswith(sentence)
    assert render({**values, "fullnameOverride": "placer"}, name=release).one("Service", "placer")


@pytest.mark.parametrize("source", ["self", "cert-manager", "provided"])
def test_names_that_yaml_takes_for_something_else_stay_strings(source: str) -> None:
    def named(release: str, namespace: str, word: str) -> Rendered:
        policy = {"selector": {}, "strategy": "prefer", "units": [{"resource": "ecs"}]}
        values = {
            "fullnameOverride": word,
            "nameOverride": word,
            "priorityClassName": word,
            "serviceAccount": {"name": word},
            "webhook": {"configurationName": word},
            "certificates": {
                "source": source,
                "provided": {"secretName": word, "caBundle": "-----BEGIN CERTIFICATE-----"},
                "controller": {"serviceAccount": {"name": word}, "priorityClassName": word},
            },
            "overflow": {
                "enabled": True,
                "namespaces": [word],
                "priorityClassName": word,
                "serviceAccount": {"name": word},
            },
            "autoscaling": {"enabled": True},
            "networkPolicy": {"enabled": True},
            "monitoring": {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")},
            "resourcePolicies": {"render": "always", "namespaces": {word: {word: policy}}},
        }
        return render(values, name=release, namespace=namespace)

    plain = _types(named("placing", "placement", "placer").templates)
    assert len(plain) > 10
    for word in ("on", "null", "true"):
        assert _types(named("2024", "123", word).templates) == plain


def _types(value: Any) -> Any:
    """`value`, with each scalar replaced by the name of its type."""
    if isinstance(value, dict):
        return {key: _types(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_types(one) for one in value]
    return type(value).__name__
