"""The examples for GitOps tools: the chart takes their values, and they name what the chart has."""

from typing import Any

import pytest
import yaml

from tests.chart.manifests import CHART, Rendered, refusal, render

EXAMPLES = CHART.parents[1] / "examples/gitops"
CHART_PATH = "charts/spark-eci-webhook"
PAGE = (CHART.parents[1] / "docs/gitops.md").read_text()
#: A repository of one's own. The chart refuses the one that the examples show.
OWN = "registry.platform.test/spark/webhook"


def objects(name: str) -> dict[str, dict[str, Any]]:
    """The objects of an example by their kinds; of several of one kind, the last."""
    return {one["kind"]: one for one in yaml.safe_load_all((EXAMPLES / name).read_text())}


def application() -> dict[str, Any]:
    spec: dict[str, Any] = objects("argocd-applicationset.yaml")["ApplicationSet"]["spec"]["template"]["spec"]
    return spec


def release() -> dict[str, Any]:
    spec: dict[str, Any] = objects("flux.yaml")["HelmRelease"]["spec"]
    return spec


def rendered_with_own_image(values: dict[str, Any]) -> Rendered:
    """The chart with the values of an example, once the image's placeholder is replaced, which the chart refuses."""
    placeholder = f"image.repository: {values['image']['repository']} is the placeholder of the documentation"
    assert placeholder in refusal(values)
    rendered = render(values | {"image": values["image"] | {"repository": OWN}})
    pods = [one["spec"]["template"] for one in rendered.objects if one["kind"] == "Deployment"]
    images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    assert images == {f"{OWN}:{yaml.safe_load((CHART / 'Chart.yaml').read_text())['appVersion']}"}
    return rendered


def test_the_chart_takes_the_values_of_the_applicationset() -> None:
    source = application()["sources"][0]
    assert source["path"] == CHART_PATH
    values = yaml.safe_load(yaml.safe_dump(source["helm"]["valuesObject"]).replace("{{ .nameNormalized }}", "berlin-1"))
    rendered = rendered_with_own_image(values)
    assert "tests/post-sync.yaml" in rendered.templates
    assert {one["metadata"]["labels"]["cluster"] for one in rendered.objects} == {"berlin-1"}


def test_the_chart_takes_the_values_of_the_helmrelease() -> None:
    assert release()["chart"]["spec"]["chart"] == CHART_PATH
    rendered_with_own_image(release()["values"])


def test_the_source_of_the_helmrelease_is_in_the_example() -> None:
    found = objects("flux.yaml")
    source = release()["chart"]["spec"]["sourceRef"]
    assert found[source["kind"]]["metadata"]["name"] == source["name"]
    assert {one["metadata"].get("namespace", "spark-eci-webhook") for one in found.values()} == {"spark-eci-webhook"}


def test_no_tool_is_told_to_replace_nor_to_merge_bundles() -> None:
    assert application()["syncPolicy"]["syncOptions"] == ["CreateNamespace=true", "ServerSideApply=true"]
    assert "ignoreDifferences" not in application()
    assert "force" not in release()["upgrade"]


def test_argo_cd_deletes_what_has_left_git() -> None:
    assert application()["syncPolicy"]["automated"] == {"prune": True}


def test_the_flag_that_the_stages_need_is_named() -> None:
    example = (EXAMPLES / "argocd-applicationset.yaml").read_text()
    assert yaml.safe_load(example)["spec"]["strategy"]["type"] == "RollingSync"
    assert [text for text in (example, PAGE) if "`--enable-progressive-syncs`" not in text] == []


def test_flux_packages_the_chart_anew_with_each_commit() -> None:
    chart = release()["chart"]["spec"]
    assert (chart["sourceRef"]["kind"], chart["reconcileStrategy"]) == ("GitRepository", "Revision")


def test_the_version_of_the_chart_changes_no_pod() -> None:
    """With `Revision` each commit is another version."""
    deployments = [one for one in render({"overflow": {"enabled": True}}).objects if one["kind"] == "Deployment"]
    assert len(deployments) == 3
    for one in deployments:
        assert "helm.sh/chart" in one["metadata"]["labels"]
        assert "helm.sh/chart" not in one["spec"]["template"]["metadata"]["labels"]


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
    assert [file.name for file in EXAMPLES.iterdir() if f"../examples/gitops/{file.name}" not in PAGE] == []
