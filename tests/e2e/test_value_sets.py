"""Every set of values is installed by Helm's own library on a real API server, stays as it was rendered, and goes again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.chart.manifests import CHART, RELEASE
from tests.chart.value_sets import ANY, BOTH, IPV6, UMBRELLA
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import custom_kinds

pytestmark = pytest.mark.needs("control-plane")

#: The namespaces that the sets name.
NAMESPACES = ("placement-elsewhere", "spark-etl")
PLURALS = {
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "NetworkPolicy": "networkpolicies",
    "ResourcePolicy": "resourcepolicies",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
#: The sets that are applied twice. The stored fields of the others are compared as well.
AGAIN = list(ANY)[::3]
Objects = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Cluster:
    """A control plane, and Helm in one of its namespaces."""

    control_plane: ControlPlane
    namespace: str
    helm: helm_python.Config


@contextmanager
def with_helm(control_plane: ControlPlane) -> Iterator[Cluster]:
    """Helm that asks once what the API server serves."""
    namespace = control_plane.create_namespace("placement")
    with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=namespace) as helm:
        yield Cluster(control_plane, namespace, helm)


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    """With the namespaces and the custom kinds that the sets need."""
    with custom_kinds(control_plane):
        for name in NAMESPACES:
            control_plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
        with with_helm(control_plane) as found:
            yield found


@pytest.fixture(scope="module")
def without_ipv4(ipv6_control_plane: ControlPlane) -> Iterator[Cluster]:
    with with_helm(ipv6_control_plane) as found:
        yield found


@pytest.fixture(scope="module")
def both_families(dual_stack: ControlPlane) -> Iterator[Cluster]:
    with with_helm(dual_stack) as found:
        yield found


@pytest.fixture(scope="module")
def chart() -> Iterator[helm_python.Chart]:
    with helm_python.Chart.load(CHART) as loaded:
        yield loaded


@pytest.mark.parametrize("name", ANY)
def test_a_set_is_installed_as_rendered_and_leaves_nothing(
    cluster: Cluster, chart: helm_python.Chart, name: str
) -> None:
    values = dict(ANY[name])
    if values.get("kubeVersion") == "the cluster's":
        values["kubeVersion"] = cluster.control_plane.get("/version")["gitVersion"]
    live(cluster, chart, values, again=name in AGAIN)


@pytest.mark.needs("networks")
@pytest.mark.parametrize("name", IPV6)
def test_a_set_lives_in_a_cluster_without_ipv4(without_ipv4: Cluster, chart: helm_python.Chart, name: str) -> None:
    stored = live(without_ipv4, chart, IPV6[name])
    (service,) = [one for one in stored.values() if one["kind"] == "Service"]
    assert service["spec"]["ipFamilies"] == ["IPv6"]


@pytest.mark.needs("networks")
@pytest.mark.parametrize("name", BOTH)
def test_a_set_lives_in_a_cluster_with_both_families(
    both_families: Cluster, chart: helm_python.Chart, name: str
) -> None:
    stored = live(both_families, chart, BOTH[name])
    (service,) = [one for one in stored.values() if one["kind"] == "Service"]
    assert sorted(service["spec"]["ipFamilies"]) == ["IPv4", "IPv6"]


@pytest.mark.parametrize("name", UMBRELLA)
def test_a_set_lives_in_a_chart_that_depends_on_this_one(cluster: Cluster, tmp_path: Path, name: str) -> None:
    dependency = yaml.safe_load((CHART / "Chart.yaml").read_text())
    dependencies = [{"name": CHART.name, "version": dependency["version"], "condition": f"{CHART.name}.enabled"}]
    umbrella = {"apiVersion": "v2", "name": "platform", "version": "0.1.0", "dependencies": dependencies}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(umbrella))
    shutil.copytree(CHART, tmp_path / "charts" / CHART.name)
    with helm_python.Chart.load(tmp_path) as loaded:
        stored = live(cluster, loaded, UMBRELLA[name])
    images = {
        container["image"].split("/")[0]
        for one in stored.values()
        if one["kind"] == "Deployment"
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    assert images == {UMBRELLA[name]["global"]["imageRegistry"]}


def live(cluster: Cluster, chart: helm_python.Chart, values: dict[str, Any], *, again: bool = True) -> Objects:
    """Installs a set, applies it once more if `again`, uninstalls it; returns what was stored.

    Fails if the API server stored a field in another way than it was rendered, if the second time changes anything, or if an
    object stays.
    """
    control_plane, helm = cluster.control_plane, cluster.helm
    try:
        manifest = helm.install(chart, RELEASE, values)["manifest"]
        rendered = _objects(manifest, cluster.namespace)
        first = {path: control_plane.get(path) for path in rendered}
        assert [fault for path, one in rendered.items() for fault in differences(one, first[path], path)] == []
        if again:
            assert helm.upgrade(chart, RELEASE, values)["manifest"] == manifest
            second = {path: control_plane.get(path) for path in rendered}
            assert _versions(second) == _versions(first)
    finally:
        helm.uninstall(RELEASE, ignore_not_found=True)
    assert [path for path in rendered if control_plane.http.get(path).status_code != 404] == []
    assert control_plane.get(f"/api/v1/namespaces/{cluster.namespace}/secrets")["items"] == []
    return first


def differences(rendered: Any, stored: Any, place: str) -> Iterator[str]:
    """What is stored in another way than it was rendered. What the API server added is none of it."""
    if isinstance(rendered, dict) and isinstance(stored, dict):
        for key, value in rendered.items():
            if key not in stored:
                yield f"{place}.{key}: {value!r} is not stored"
            else:
                yield from differences(value, stored[key], f"{place}.{key}")
    elif isinstance(rendered, list) and isinstance(stored, list) and len(rendered) == len(stored):
        for number, value in enumerate(rendered):
            yield from differences(value, stored[number], f"{place}[{number}]")
    elif rendered != stored:
        yield f"{place}: {rendered!r} is stored as {stored!r}"


def _objects(manifest: str, namespace: str) -> Objects:
    """The objects of a manifest by their paths in the API."""
    return {_path(one, namespace): one for one in yaml.load_all(manifest, yaml.CSafeLoader) if one}


def _path(one: dict[str, Any], namespace: str) -> str:
    kind, version, metadata = one["kind"], one["apiVersion"], one["metadata"]
    plural = PLURALS.get(kind, f"{kind.lower()}s")
    everywhere = kind.startswith(("ClusterRole", "MutatingWebhook", "ValidatingAdmission"))
    inside = "" if everywhere else f"/namespaces/{metadata.get('namespace', namespace)}"
    return f"/{'apis' if '/' in version else 'api'}/{version}{inside}/{plural}/{metadata['name']}"


def _versions(objects: Objects) -> dict[str, str]:
    return {path: one["metadata"]["resourceVersion"] for path, one in objects.items()}
