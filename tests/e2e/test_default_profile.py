"""Namespaces without the label, where the chart has a default profile: a real API server selects them, or not.

The failurePolicy is Fail, which must not hold for them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.release import Release, serving
from tests.e2e.spark_pods import spark_pod
from webhook.core import names
from webhook.core.namespaces import NEVER_BY_DEFAULT

pytestmark = pytest.mark.needs("control-plane")

#: Kubernetes 1.20 does not set it, so that the chart refuses a default profile there: the version is told by a value.
NAME = "kubernetes.io/metadata.name"
VALUES = {
    "webhook": {"defaultProfile": "eci-only", "failurePolicy": "Fail"},
    "kubeVersion": "1.21",
    # 1.20 does not serve the version of 1.21.
    "podDisruptionBudget": {"enabled": False},
}


def named(control_plane: ControlPlane, namespace: str) -> str:
    control_plane.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {NAME: namespace}}})
    return namespace


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    namespace = named(control_plane, control_plane.create_namespace("placement"))
    folder = tmp_path_factory.mktemp("node")
    with serving(control_plane, namespace, folder, VALUES, replicas=1) as started:
        yield started


def create(release: Release, namespace: str) -> httpx.Response:
    """The answer to a pod that is created as a dry run."""
    return release.control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", json=spark_pod())


def record(release: Release, namespace: str) -> str | None:
    """What the webhook wrote on a new pod; None if it was not called, or left the pod alone."""
    answer = create(release, namespace)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()["metadata"].get("annotations") or {}
    return found.get(names.PLACEMENT_ANNOTATION)


def namespace(release: Release, label: str | None) -> str:
    labels = {} if label is None else {names.PROFILE_LABEL: label}
    return named(release.control_plane, release.control_plane.create_namespace("spark", labels))


@contextmanager
def with_account(control_plane: ControlPlane, namespace: str) -> Iterator[None]:
    """Pods may be created in a namespace of the system."""
    control_plane.create_default_service_account(namespace)
    try:
        yield
    finally:
        control_plane.http.delete(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")


@pytest.mark.parametrize(
    ("label", "profile"),
    [(None, "eci-only"), ("ecs-only", "ecs-only"), (names.OPTED_OUT, None), ("eci-olny", None), ("", None)],
)
def test_only_a_namespace_without_the_label_is_placed_by_the_default_profile(
    release: Release, label: str | None, profile: str | None
) -> None:
    found = record(release, namespace(release, label))
    assert (found is None) if profile is None else f"mode={profile},profile={profile}," in str(found)


def test_a_namespace_that_opted_out_is_not_told_of_an_unknown_profile(release: Release) -> None:
    warnings = {one: create(release, namespace(release, one)).headers.get("Warning") for one in ("none", "eci-olny")}
    assert warnings["none"] is None
    assert "unknown profile" in str(warnings["eci-olny"])


@pytest.mark.parametrize("system", NEVER_BY_DEFAULT)
def test_system_namespaces_are_never_placed_by_default(release: Release, system: str) -> None:
    named(release.control_plane, system)
    with with_account(release.control_plane, system):
        assert record(release, system) is None


def test_the_namespace_of_the_release_is_never_placed_by_default(release: Release) -> None:
    assert record(release, release.namespace) is None


def test_a_label_counts_as_soon_as_it_is_set(release: Release) -> None:
    found = namespace(release, None)
    for label, profile in (("none", None), (None, "eci-only"), ("ecs-only", "ecs-only"), (None, "eci-only")):
        metadata = {"metadata": {"labels": {names.PROFILE_LABEL: label}}}
        release.control_plane.patch(f"/api/v1/namespaces/{found}", metadata)
        wait_for(lambda: _profile(release, found) == profile)  # noqa: B023, called at once


def test_without_the_service_pods_are_refused_only_where_the_label_names_a_profile(release: Release) -> None:
    by_default, labelled, out = (namespace(release, one) for one in (None, "eci-only", "none"))
    # The API server keeps a connection as long as it is open.
    release.pods[0].kill()
    try:
        wait_for(lambda: "failed calling webhook" in create(release, labelled).text)
        assert record(release, by_default) is None
        assert record(release, out) is None
    finally:
        release.mend()
    wait_for(lambda: _profile(release, by_default) == "eci-only")


def _profile(release: Release, namespace: str) -> str | None:
    """The profile in the record of a new pod."""
    parts = dict(part.split("=", 1) for part in (record(release, namespace) or "").split(",") if "=" in part)
    return parts.get("profile")
