"""The chart installed, upgraded, rolled back and uninstalled by Helm's own library on a real API server."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from certs.issue import ensure
from tests.chart.manifests import CHART, FULLNAME, RELEASE
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import custom_kinds
from tests.e2e.release import CONFIGURATION, CONTROLLER, helm_test, serving
from tests.pods import BUILT_IN_MODES

pytestmark = pytest.mark.needs("control-plane")

BUNDLE = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
#: The objects of a release in its namespace, except Helm's own Secrets.
NAMESPACED = (
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/services",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/pods",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
)
CLUSTER = (
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    return control_plane.create_namespace("placement")


@pytest.fixture
def helm(control_plane: ControlPlane, namespace: str) -> Iterator[helm_python.Config]:
    """Helm in a new namespace; the release is removed afterwards."""
    with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=namespace) as config:
        yield config
        config.uninstall(RELEASE, ignore_not_found=True)


@pytest.fixture
def custom_kinds_served(control_plane: ControlPlane) -> Iterator[None]:
    with custom_kinds(control_plane):
        yield


def test_kinds_are_rendered_as_the_cluster_serves_them(control_plane: ControlPlane, helm: helm_python.Config) -> None:
    several = {"selector": {"anyOf": ["kubeflow", "spark"]}}
    helm.install(CHART, RELEASE, {"autoscaling": {"enabled": True}, "policy": several})
    manifest = {one["kind"]: one for one in _objects(helm.status(RELEASE))}
    for kind in ("PodDisruptionBudget", "HorizontalPodAutoscaler"):
        assert control_plane.serves(manifest[kind]["apiVersion"], kind)
    entries = control_plane.http.get(CONFIGURATION).json()["webhooks"]
    assert {"matchConditions" in entry for entry in entries} == {control_plane.version.serves_match_conditions}
    assert "ResourcePolicy" not in manifest


@pytest.mark.usefixtures("custom_kinds_served")
def test_resource_policies_come_with_the_clusters_kind(control_plane: ControlPlane, helm: helm_python.Config) -> None:
    target = control_plane.create_namespace("spark")
    spec = _resource_policy()
    helm.install(CHART, RELEASE, {"resourcePolicies": {"namespaces": {target: {"spark": spec}}}})
    path = f"/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{target}/resourcepolicies/spark"
    assert control_plane.http.get(path).json()["spec"] == spec
    helm.upgrade(CHART, RELEASE, {"resourcePolicies": {"render": "never", "namespaces": {target: {"spark": spec}}}})
    assert control_plane.http.get(path).status_code == 404


def test_a_release_lives_and_leaves_nothing_behind(
    control_plane: ControlPlane, helm: helm_python.Config, namespace: str
) -> None:
    before = everything(control_plane, namespace)

    helm.install(CHART, RELEASE, {})
    installed = everything(control_plane, namespace)
    first = _checksum(control_plane, namespace)
    assert _bundles(control_plane) == dict.fromkeys([*_PROFILES, *_OTHERS])

    _publish_bundle(control_plane)
    mine = {"driver": {"mode": "eci-only"}, "executor": {"mode": "eci-only"}}
    helm.upgrade(CHART, RELEASE, {"policy": {"profiles": {"mine": mine, "eci-first": None}}})
    kept = dict.fromkeys(sorted({*_PROFILES, *_OTHERS} - {"eci-first"}), BUNDLE)
    assert _bundles(control_plane) == kept | {"mine": None}
    assert _checksum(control_plane, namespace) != first
    assert yaml.safe_load(_policy(control_plane, namespace))["profiles"]["mine"] == mine
    assert everything(control_plane, namespace) == installed

    helm.rollback(RELEASE)
    assert _bundles(control_plane) == {**kept, "eci-first": None}
    assert _checksum(control_plane, namespace) == first
    assert "mine" not in yaml.safe_load(_policy(control_plane, namespace))["profiles"]

    helm.uninstall(RELEASE)
    assert everything(control_plane, namespace) == before
    assert helm.list(all_states=True) == []

    helm.install(CHART, RELEASE, {})
    assert everything(control_plane, namespace) == installed


def test_a_certificate_of_the_users_serves_too(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    tls = tmp_path / "tls"
    ensure(tls, (f"{FULLNAME}.{namespace}.svc",), datetime.now(UTC))
    data = {name: base64.b64encode((tls / name).read_bytes()).decode() for name in ("tls.crt", "tls.key")}
    secret = {"metadata": {"name": "ours"}, "type": "kubernetes.io/tls", "data": data}
    control_plane.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
    provided = {"secretName": "ours", "caBundle": (tls / "ca.crt").read_text()}
    values = {"certificates": {"source": "provided", "provided": provided}}
    with serving(control_plane, namespace, tmp_path / "node", values, replicas=1) as release:
        succeeded, output = helm_test(release)
        assert succeeded, output


def test_the_controllers_secrets_stay_behind_and_serve_the_next_release(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    def secrets() -> dict[str, Any]:
        items = control_plane.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]
        return {one["metadata"]["name"]: one["data"] for one in items if one["type"] != "helm.sh/release.v1"}

    with serving(control_plane, namespace, tmp_path / "first"):
        made = secrets()
    assert made.keys() == {f"{FULLNAME}-ca", f"{FULLNAME}-tls"}
    assert secrets() == made
    with serving(control_plane, namespace, tmp_path / "second") as release:
        succeeded, output = helm_test(release)
        assert succeeded, output
        assert secrets() == made


def test_a_bad_value_changes_nothing(control_plane: ControlPlane, helm: helm_python.Config) -> None:
    helm.install(CHART, RELEASE, {})
    before = control_plane.http.get(CONFIGURATION).json()
    with pytest.raises(helm_python.HelmError, match="value must be one of"):
        helm.upgrade(CHART, RELEASE, {"policy": {"profiles": {"default": {"driver": {"mode": "eci-maybe"}}}}})
    assert control_plane.http.get(CONFIGURATION).json() == before
    assert [one["revision"] for one in helm.history(RELEASE)] == [1]


def test_pods_of_the_release_pass_the_restricted_standard(
    control_plane: ControlPlane, helm: helm_python.Config, namespace: str
) -> None:
    """From 1.23 on the API server enforces the standard. Older ones do not."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    control_plane.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    helm.install(CHART, RELEASE, {"overflow": {"enabled": True}})
    for name in (FULLNAME, CONTROLLER, f"{FULLNAME}-overflow"):
        deployment = control_plane.http.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}").json()
        template = deployment["spec"]["template"]
        pod = {"metadata": {"name": name, **template["metadata"]}, "spec": template["spec"]}
        pod["spec"]["automountServiceAccountToken"] = False
        control_plane.create(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)


_PROFILES = sorted(["default", *BUILT_IN_MODES])
#: The first word of each entry that is for no profile.
_OTHERS = ("unknown-profile", "canary")


def _resource_policy() -> dict[str, Any]:
    return {
        "selector": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"},
        "strategy": "prefer",
        "units": [{"resource": "ecs", "max": 2}, {"resource": "eci"}],
    }


def _objects(release: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(release["manifest"]) if one]


def everything(control_plane: ControlPlane, namespace: str) -> set[str]:
    """Lists the objects of all kinds that a release has, except Helm's own record of the release."""
    found = set()
    for path in (*(one.format(namespace) for one in NAMESPACED), *CLUSTER):
        items = control_plane.http.get(path).json()["items"]
        found |= {f"{path}/{one['metadata']['name']}" for one in items}
    return found


def _deployment(control_plane: ControlPlane, namespace: str) -> dict[str, Any]:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{FULLNAME}"
    return dict(control_plane.http.get(path).json())


def _checksum(control_plane: ControlPlane, namespace: str) -> str:
    template = _deployment(control_plane, namespace)["spec"]["template"]
    return str(template["metadata"]["annotations"]["checksum/policy"])


def _policy(control_plane: ControlPlane, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/configmaps/{FULLNAME}-policy"
    return str(control_plane.http.get(path).json()["data"]["policy.yaml"])


def _bundles(control_plane: ControlPlane) -> dict[str, str | None]:
    """Each entry's caBundle by the profile's name."""
    entries = control_plane.http.get(CONFIGURATION).json()["webhooks"]
    return {entry["name"].split(".")[0]: entry["clientConfig"].get("caBundle") for entry in entries}


def _publish_bundle(control_plane: ControlPlane) -> None:
    """Writes the caBundle into every entry as the certificate controller does."""
    entries = control_plane.http.get(CONFIGURATION).json()["webhooks"]
    patch = [{"name": entry["name"], "clientConfig": {"caBundle": BUNDLE}} for entry in entries]
    control_plane.patch(CONFIGURATION, {"webhooks": patch}, "strategic-merge")
