"""Namespaces without the label, where the chart has a default profile: a real API server selects them, or not.

The failurePolicy is Fail, which must not hold for them. `doctor`, `why` and the overflow controller see them likewise.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow_controller import ACCOUNT, installed_controller, policy_of
from tests.e2e.release import CONFIGURATION, Release, serving
from tests.e2e.spark_pods import placement, spark_pod
from tests.virtual_node import TOLERATION
from webhook.cli.doctor.finding import LIMIT
from webhook.cli.process import run_command
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.namespaces import NEVER_BY_DEFAULT
from webhook.core.text import listed
from webhook.service.policy_file import parse_policy

pytestmark = pytest.mark.needs("control-plane")

Run = Callable[..., str]
#: Kubernetes 1.20 does not set it, so that the chart refuses a default profile there: the version is told by a value.
NAME = "kubernetes.io/metadata.name"
DEFAULT = str(SchedulingMode.ECS_THEN_ECI)
VALUES = {
    "webhook": {"defaultProfile": DEFAULT, "failurePolicy": "Fail"},
    "overflow": {"enabled": True},
    "policy": {"profiles": {DEFAULT: {"executor": {"mode": DEFAULT, "after": "1s"}}}},
    "kubeVersion": "1.21",
    # 1.20 does not serve the version of 1.21.
    "podDisruptionBudget": {"enabled": False},
}
#: What `doctor` says of the namespaces without the label, and `why` of their executors.
BY_DEFAULT = f"without the label, and so placed by the default profile {DEFAULT}: "
PLACED = f"{DEFAULT} for the executor, by the profile {DEFAULT}: {SchedulingMode.ECS_THEN_ECI.sentence}"
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def named(control_plane: ControlPlane, namespace: str) -> str:
    control_plane.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {NAME: namespace}}})
    return namespace


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    home = named(control_plane, control_plane.create_namespace("placement"))
    folder = tmp_path_factory.mktemp("node")
    with serving(control_plane, home, folder, VALUES, replicas=1) as started:
        # Until the API server follows the new configuration, it lets pods pass.
        by_default = namespace(started, None)
        wait_for(lambda: record(started, by_default))
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


def store(release: Release, namespace: str, labels: Mapping[str, str] | None = None) -> str:
    """Creates an executor, with further labels, and returns its name."""
    pod = spark_pod()
    pod["metadata"]["labels"] |= labels or {}
    return str(release.control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)["metadata"]["name"])


@pytest.fixture
def run(release: Release, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command about the cluster, and returns what it prints."""

    def call(*arguments: str) -> str:
        capsys.readouterr()
        run_command([*arguments, "--kubeconfig", str(release.control_plane.kubeconfig)])
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return call


def doctor(run: Run, *checks: str, only: str | None = None) -> list[str]:
    """What `doctor` finds in some checks, in one namespace or in all, each with its fix."""
    found = json.loads(run("doctor", "-o", "json", *(["-n", only] if only else [])))
    lines = [(one, f"{one['level']} {one['check']}: {one['sentence']}") for one in found if one["check"] in checks]
    return [f"{line} | {one['fix']}" if one["fix"] else line for one, line in lines]


def why(run: Run, namespace: str, pod: str) -> list[str]:
    return [line.strip() for line in run("why", pod, "-n", namespace).splitlines()]


def digest(release: Release) -> str:
    """That of the deployed policy."""
    return parse_policy(policy_of(release.control_plane, release.namespace).encode(), "policy.yaml").digest


def installed_at(release: Release) -> str:
    """When the later one of the webhook's configuration and its policy was created; nothing has changed either since."""
    policy = f"/api/v1/namespaces/{release.namespace}/configmaps/{FULLNAME}-policy"
    both = map(release.control_plane.get, (CONFIGURATION, policy))
    return max(str(one["metadata"]["creationTimestamp"]) for one in both)


def events(release: Release, namespace: str) -> list[str]:
    """The reasons of all Events of a namespace."""
    return [one["reason"] for one in release.control_plane.get(f"/api/v1/namespaces/{namespace}/events")["items"]]


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
    [(None, DEFAULT), ("ecs-only", "ecs-only"), (names.OPTED_OUT, None), ("eci-olny", None), ("", None)],
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
        # The API server sees a namespace's new label a moment later.
        wait_for(lambda: record(release, system) is None)


def test_the_namespace_of_the_release_is_never_placed_by_default(release: Release) -> None:
    assert record(release, release.namespace) is None


def test_a_label_counts_as_soon_as_it_is_set(release: Release) -> None:
    found = namespace(release, None)
    for label, profile in (("none", None), (None, DEFAULT), ("ecs-only", "ecs-only"), (None, DEFAULT)):
        metadata = {"metadata": {"labels": {names.PROFILE_LABEL: label}}}
        release.control_plane.patch(f"/api/v1/namespaces/{found}", metadata)
        wait_for(lambda: _profile(release, found) == profile)  # noqa: B023, called at once


def test_without_the_service_pods_are_refused_only_where_the_label_names_a_profile(release: Release, run: Run) -> None:
    """`doctor` and `why` tell of the pod that was let pass meanwhile."""
    by_default, labelled, out = (namespace(release, one) for one in (None, "eci-only", "none"))
    # The API server keeps a connection as long as it is open.
    release.pods[0].kill()
    try:
        wait_for(lambda: "failed calling webhook" in create(release, labelled).text)
        missed = store(release, by_default)
        assert record(release, out) is None
    finally:
        release.mend()
    wait_for(lambda: _profile(release, by_default) == DEFAULT)
    assert doctor(run, "pods", only=by_default) == [
        f"fault pods: pods without a placement in {by_default}, probably because the webhook was not reached when they were "
        f"created (failurePolicy Ignore lets such pods pass): {missed} | kubectl logs deployment/{FULLNAME} "
        f"--since-time {installed_at(release)} --namespace {release.namespace}"
    ]
    _, record_of, policy, *_ = why(run, by_default, missed)
    assert record_of == (
        "record  none: the webhook was probably not reached when the pod was created, "
        "and its failurePolicy Ignore lets such pods pass"
    )
    would = f"it would decide {DEFAULT} for such a pod, by the profile {DEFAULT}"
    assert policy == f"policy  {digest(release)} is deployed; {would}"
    release.control_plane.remove_pods(by_default)


def test_doctor_tells_how_the_pods_of_each_namespace_are_placed(release: Release, run: Run) -> None:
    control_plane = release.control_plane
    by_default, labelled, out = made = [namespace(release, one) for one in (None, "ecs-only", names.OPTED_OUT)]
    for one in made:
        store(release, one)
    outranked = "ok outranked: no namespace and no Spark pod has a label alibabacloud.com/eci or alibabacloud.com/acs of its own"
    placed = "ok pods: 1 running Spark pods have a placement"
    assert {one: doctor(run, "namespaces", "outranked", "pods", only=one) for one in made} == {
        by_default: [f"ok namespaces: {BY_DEFAULT}{by_default}", outranked, placed],
        labelled: [f"ok namespaces: opted in: {labelled} (ecs-only)", outranked, placed],
        out: [f"ok namespaces: opted out: {out}", outranked],
    }
    stored = (one["metadata"] for one in control_plane.get("/api/v1/namespaces")["items"])
    labels = {one["name"]: one.get("labels", {}).get(names.PROFILE_LABEL) for one in stored}
    unlabelled = {name for name, label in labels.items() if label is None} - {*NEVER_BY_DEFAULT, release.namespace}
    known = [f"{name} ({label})" for name, label in labels.items() if label in (*SchedulingMode, "default")]
    opted_out = [name for name, label in labels.items() if label == names.OPTED_OUT]
    assert [line for line in doctor(run, "namespaces") if line.startswith("ok ")] == [
        f"ok namespaces: {listed(start, of, LIMIT)}"
        for start, of in (("opted in: ", known), (BY_DEFAULT, sorted(unlabelled)), ("opted out: ", opted_out))
    ]
    for one in made:
        control_plane.remove_pods(one)


def test_why_names_the_default_profile_or_that_the_namespace_opted_out(release: Release, run: Run) -> None:
    by_default, out = made = [namespace(release, one) for one in (None, names.OPTED_OUT)]
    pods = {one: store(release, one) for one in made}
    unseen = "Pending: no scheduler has said anything of it yet; it asks for the scheduler default-scheduler"
    nothing = "change  nothing yet; if it stays so, see whether the scheduler runs that the pod asks for"
    *lines, other = why(run, by_default, pods[by_default])
    assert lines == [
        f"{by_default}/{pods[by_default]}: {unseen}",
        f"record  {PLACED}",
        f"policy  {digest(release)} is deployed, which is that of the record",
        "wait    its time has not begun: it counts from when a scheduler finds no node for it",
        nothing,
    ]
    assert other.startswith("change  for another mode, set ")
    assert why(run, out, pods[out]) == [
        f"{out}/{pods[out]}: {unseen}",
        f"record  none: the namespace {out} opted out: its label {names.PROFILE_LABEL} is none",
        nothing,
        f"change  kubectl label namespace {out} {names.PROFILE_LABEL}={DEFAULT} --overwrite",
    ]
    for one in made:
        release.control_plane.remove_pods(one)


def test_the_overflow_controller_opens_a_pod_of_a_namespace_without_the_label(release: Release, run: Run) -> None:
    """It has the arguments and the account of the chart. The pod of the namespace that opted out has the label by hand."""
    control_plane = release.control_plane
    by_default, out = made = [namespace(release, one) for one in (None, names.OPTED_OUT)]
    waits = {one: store(release, one, {names.OVERFLOW_LABEL: names.WAITING} if one == out else {}) for one in made}
    paths = {one: f"/api/v1/namespaces/{one}/pods/{name}" for one, name in waits.items()}
    for path in paths.values():
        control_plane.patch(f"{path}/status", {"status": {"conditions": [UNSCHEDULABLE]}})
    before = {one: control_plane.get(path) for one, path in paths.items()}
    assert before[by_default]["metadata"]["labels"][names.OVERFLOW_LABEL] == names.WAITING
    with installed_controller(release.node, release.namespace):
        wait_for(lambda: [events(release, one) for one in made] == [["OverflowOpened"], ["OverflowNotOpened"]])
        opened = control_plane.get(paths[by_default])
        assert control_plane.get(paths[out]) == before[out]
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{release.namespace}/leases/{FULLNAME}-{ACCOUNT}"
        holder = control_plane.get(lease)["spec"]["holderIdentity"]
        told = {one: doctor(run, "overflow", only=one) for one in made}
        said = {one: why(run, one, waits[one])[1:4] for one in made}
    tolerations = [*before[by_default]["spec"]["tolerations"], TOLERATION]
    assert opened["spec"] == before[by_default]["spec"] | {"tolerations": tolerations}
    assert placement(opened) == f"{placement(before[by_default])},{names.OPENED}"
    working = f"ok overflow: {holder} opens pods by policy {digest(release)}; "
    never = "pods wait that are never opened, because no profile applies to their namespaces: "
    fix = f"kubectl get namespaces --label-columns {names.PROFILE_LABEL}"
    assert told == {
        by_default: [f"{working}0 pods wait"],
        out: [f"warning overflow: {never}{out}/{waits[out]} | {fix}", f"{working}1 pod waits"],
    }
    record, policy, event = said[by_default]
    assert record == f"record  {PLACED} The overflow controller has opened it to ECI."
    assert policy == f"policy  {digest(release)} is deployed, which is that of the record"
    assert " OverflowOpened: Unschedulable for " in event
    record, wait, event = said[out]
    assert record == f"record  none: the namespace {out} opted out: its label {names.PROFILE_LABEL} is none"
    assert (
        wait == "wait    it is never opened to ECI: no profile of the deployed policy applies to its namespace any more"
    )
    assert event.endswith(
        " OverflowNotOpened: The pod is not opened to virtual nodes: its namespace has no profile of the policy"
    )
    for one in made:
        control_plane.remove_pods(one)


def _profile(release: Release, namespace: str) -> str | None:
    """The profile in the record of a new pod."""
    parts = dict(part.split("=", 1) for part in (record(release, namespace) or "").split(",") if "=" in part)
    return parts.get("profile")
