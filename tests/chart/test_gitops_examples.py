"""The examples for GitOps tools: the chart takes their values, and they name what the chart has."""

from typing import Any

import pytest
import yaml

from tests.chart.manifests import CHART, render

EXAMPLES = CHART.parents[1] / "examples/gitops"
CHART_PATH = "charts/spark-eci-webhook"


def objects(name: str) -> dict[str, dict[str, Any]]:
    """The objects of an example by their kinds; of several of one kind, the last."""
    return {one["kind"]: one for one in yaml.safe_load_all((EXAMPLES / name).read_text())}


def application() -> dict[str, Any]:
    spec: dict[str, Any] = objects("argocd-applicationset.yaml")["ApplicationSet"]["spec"]["template"]["spec"]
    return spec


def release() -> dict[str, Any]:
    spec: dict[str, Any] = objects("flux.yaml")["HelmRelease"]["spec"]
    return spec


def test_the_chart_takes_the_values_of_the_applicationset() -> None:
    source = application()["sources"][0]
    assert source["path"] == CHART_PATH
    values = yaml.safe_load(yaml.safe_dump(source["helm"]["valuesObject"]).replace("{{ .nameNormalized }}", "berlin-1"))
    rendered = render(values)
    assert "tests/post-sync.yaml" in rendered.templates
    assert {one["metadata"]["labels"]["cluster"] for one in rendered.objects} == {"berlin-1"}


def test_the_chart_takes_the_values_of_the_helmrelease() -> None:
    assert release()["chart"]["spec"]["chart"] == CHART_PATH
    assert render(release()["values"]).one("Deployment")["spec"]["replicas"] == release()["values"]["replicas"]


def test_the_source_of_the_helmrelease_is_in_the_example() -> None:
    found = objects("flux.yaml")
    source = release()["chart"]["spec"]["sourceRef"]
    assert found[source["kind"]]["metadata"]["name"] == source["name"]
    assert {one["metadata"].get("namespace", "spark-eci-webhook") for one in found.values()} == {"spark-eci-webhook"}


def test_no_tool_is_told_to_replace() -> None:
    assert [one for one in application()["syncPolicy"]["syncOptions"] if one.startswith(("Replace", "Force"))] == []
    assert "force" not in release()["upgrade"]


def test_what_argo_cd_leaves_alone_is_the_charts_configuration() -> None:
    (left,) = application()["ignoreDifferences"]
    (found,) = render().template("mutatingwebhookconfiguration.yaml")
    assert (left["kind"], left["group"]) == (found["kind"], found["apiVersion"].split("/")[0])
    assert left["jqPathExpressions"] == [".webhooks[]?.clientConfig.caBundle"]
    assert "RespectIgnoreDifferences=true" in application()["syncPolicy"]["syncOptions"]


def test_each_cluster_of_the_applicationset_is_in_one_stage() -> None:
    spec = objects("argocd-applicationset.yaml")["ApplicationSet"]["spec"]
    (generator,) = spec["generators"]
    (stages,) = generator["clusters"]["selector"]["matchExpressions"]
    steps = [step["matchExpressions"][0]["values"] for step in spec["strategy"]["rollingSync"]["steps"]]
    assert [stage for step in steps for stage in step] == stages["values"]


@pytest.mark.parametrize("one", list(yaml.safe_load_all((EXAMPLES / "namespaces.yaml").read_text())), ids=str)
def test_the_namespaces_have_profiles_of_the_chart(one: dict[str, Any]) -> None:
    (configuration,) = render().template("mutatingwebhookconfiguration.yaml")
    selected = [entry["namespaceSelector"].get("matchLabels") for entry in configuration["webhooks"]]
    assert one["kind"] == "Namespace"
    assert one["metadata"]["labels"] in selected


def test_every_example_is_in_the_document() -> None:
    page = (CHART.parents[1] / "docs/gitops.md").read_text()
    assert [file.name for file in EXAMPLES.iterdir() if f"../examples/gitops/{file.name}" not in page] == []
