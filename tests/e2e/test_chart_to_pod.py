"""From `helm install` to placed pods: the unchanged chart, with its commands run as its Deployments say."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.admission_reviews import answer, patched
from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.release import Release, helm_test, serving
from tests.pods import BUILT_IN_MODES
from tests.virtual_node import TOLERATION
from webhook.core.policy import Policy

pytestmark = pytest.mark.needs("control-plane")

REVIEWS = Path(__file__).parents[1] / "reviews"


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart with its default values."""
    namespace = control_plane.create_namespace("placement")
    with serving(control_plane, namespace, tmp_path_factory.mktemp("node")) as started:
        yield started


def test_helm_test_succeeds(release: Release) -> None:
    succeeded, output = helm_test(release)
    assert succeeded, output
    policy = output.splitlines()[0].rsplit("policy=", 1)[-1]
    assert output.splitlines() == [
        f"profile {name}: mode={mode},profile={name},policy={policy}"
        for name, mode in sorted([("default", "ecs-first"), *zip(BUILT_IN_MODES, BUILT_IN_MODES, strict=True)])
    ]
    assert release.control_plane.get(f"/api/v1/namespaces/{release.namespace}/pods")["items"] == []


def test_helm_test_fails_where_the_service_is_away(release: Release) -> None:
    with release.away():
        succeeded, output = helm_test(release)
    assert not succeeded
    first = min("default", *BUILT_IN_MODES)
    url = f"https://{FULLNAME}.{release.namespace}.svc:443/mutate/{first}?timeout=10s"
    assert output.startswith(f"profile {first}: {url} did not answer a review: ")
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize("review", ["driver", "executor-1"])
@pytest.mark.parametrize("profile", ["default", *BUILT_IN_MODES])
def test_stored_pods_are_as_the_core_places_them(release: Release, profile: str, review: str) -> None:
    sent = _pod(review)
    placed = patched(sent, answer(sent, Policy(), profile))
    stored = _store(release, {"spark-eci-webhook/profile": profile}, sent)
    assert stored["spec"].get("affinity") == placed["spec"].get("affinity")
    assert stored["metadata"]["annotations"] == placed["metadata"]["annotations"]
    tolerations = [spec.get("tolerations", []).count(TOLERATION) for spec in (stored["spec"], placed["spec"])]
    assert tolerations[0] == tolerations[1]


@pytest.mark.parametrize(("profile", "review"), [("ecs-only", "executor-1"), ("default", "driver")])
def test_pods_kept_on_ecs_are_marked_and_otherwise_as_they_were(release: Release, profile: str, review: str) -> None:
    sent = _pod(review)
    stored = _store(release, {"spark-eci-webhook/profile": profile}, sent)
    assert TOLERATION not in stored["spec"]["tolerations"]
    assert stored["spec"].get("affinity") == sent["spec"].get("affinity")
    assert stored["metadata"]["annotations"].keys() - sent["metadata"].get("annotations", {}).keys() == {
        "spark-eci-webhook/placement"
    }


def test_without_the_namespaces_label_a_pod_is_untouched(release: Release) -> None:
    assert _placement(_store(release, {}, _pod("executor-1"))) is None


def test_without_the_operators_label_a_pod_is_untouched(release: Release) -> None:
    pod = _pod("executor-1")
    del pod["metadata"]["labels"]["sparkoperator.k8s.io/launched-by-spark-operator"]
    assert _placement(_store(release, {"spark-eci-webhook/profile": "eci-only"}, pod)) is None


def test_a_label_that_names_no_profile_leaves_pods_and_warns(release: Release) -> None:
    namespace = release.control_plane.create_namespace("spark", {"spark-eci-webhook/profile": "typo"})
    answer = release.control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods", json=_pod("executor-1"))
    assert answer.status_code == 201
    assert _placement(answer.json()) is None
    assert "spark-eci-webhook/profile: unknown profile" in answer.headers["Warning"]


@pytest.mark.parametrize("count", [990, 1_001])
def test_a_pod_that_is_too_large_is_stored_as_it_was(release: Release, count: int) -> None:
    """The API server adds two tolerations before it calls the service."""
    pod = _pod("executor-1")
    own = [{"key": f"own-{number}", "operator": "Exists"} for number in range(count)]
    pod["spec"]["tolerations"] = own
    namespace = release.control_plane.create_namespace("spark", {"spark-eci-webhook/profile": "eci-only"})
    answer = release.control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods", json=pod)
    assert answer.status_code == 201
    stored = answer.json()
    too_large = count > 1_000
    assert stored["spec"]["tolerations"][:count] == own
    assert (TOLERATION in stored["spec"]["tolerations"]) != too_large
    assert (_placement(stored) is None) == too_large
    assert ("affinity" in stored["spec"]) != too_large
    sentence = "the pod has too many tolerations to be placed; accepted: at most 1000"
    assert answer.headers.get("Warning") == (f'299 - "{sentence}"' if too_large else None)
    found = [line for line in release.control_plane.audit_log.read_text().splitlines() if namespace in line]
    assert any("reason=too-large" in line for line in found) == too_large


def test_the_system_and_the_releases_namespace_are_left_alone(release: Release) -> None:
    """Before 1.21 namespaces have no label with their name, and NOTES.txt says to add it."""
    control_plane = release.control_plane
    account = "/api/v1/namespaces/kube-system/serviceaccounts/default"
    with ExitStack() as ends:
        control_plane.create_default_service_account("kube-system")
        ends.callback(control_plane.http.delete, account)
        for namespace in ("kube-system", release.namespace):
            path = f"/api/v1/namespaces/{namespace}"
            labels = {"kubernetes.io/metadata.name": namespace, "spark-eci-webhook/profile": "eci-only"}
            ends.callback(control_plane.patch, path, {"metadata": {"labels": {"spark-eci-webhook/profile": None}}})
            control_plane.patch(path, {"metadata": {"labels": labels}})
        for namespace in ("kube-system", release.namespace):
            pods = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
            # The API server sees a namespace's new labels a moment later.
            wait_for(partial(_left_alone, control_plane, pods))


def _left_alone(control_plane: ControlPlane, pods: str) -> bool:
    return _placement(control_plane.create(pods, _pod("executor-1"))) is None


def _pod(review: str) -> dict[str, Any]:
    """The pod of a captured review as Spark sent it, without what the API server added before admission."""
    captured = json.loads((REVIEWS / f"spark-3.5.2-{review}.json").read_text())["request"]["object"]
    metadata = {key: captured["metadata"][key] for key in ("labels", "annotations") if key in captured["metadata"]}
    spec = {
        key: value
        for key, value in captured["spec"].items()
        if key not in ("serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy", "volumes")
    }
    for container in spec["containers"]:
        container.pop("volumeMounts", None)
    return {"metadata": {"generateName": "spark-", **metadata}, "spec": spec}


def _store(release: Release, labels: dict[str, str], pod: dict[str, Any]) -> dict[str, Any]:
    namespace = release.control_plane.create_namespace("spark", labels)
    return release.control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)


def _placement(pod: dict[str, Any]) -> str | None:
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get("spark-eci-webhook/placement")
