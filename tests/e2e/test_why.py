"""`why` on a real API server, about pods that a real scheduler and a real overflow controller have decided about."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.model_nodes import MODELS, Model, ModelNodes
from tests.e2e.overflow_controller import OverflowController, overflow_controller, policy_of
from tests.e2e.release import Release, scheduling
from tests.e2e.rights import await_rights
from tests.e2e.spark_pods import placement, spark_pod
from webhook.cli.process import run_command
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode
from webhook.overflow.events import Happening

pytestmark = pytest.mark.needs("control-plane")

JSON = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
NODES = {"ecs": Model("amd64", 4), "eci": MODELS["eci-amd64"]}
#: CPUs that only the virtual node has, and that no node has.
LARGE, TOO_LARGE = "100", "5000"
PROFILES = {
    "patient": {"executor": {"mode": "ecs-then-eci", "after": "10m"}},
    "hasty": {"executor": {"mode": "ecs-then-eci", "after": "0s"}},
    "limited": {"executor": {"mode": "ecs-then-eci", "after": "0s"}, "overflow": {"maxPerNamespace": 0}},
}
ECS_FIRST = "record  ecs-first for the executor, by the profile ecs-first: The pods prefer ECS and may run on ECI."
WAITS = "The pods run on ECS; one that stays unschedulable is opened to ECI."
Why = Callable[..., list[str]]


@dataclass(frozen=True)
class Stage:
    """A release with a scheduler, an ECS node and a virtual one."""

    release: Release
    folder: Path

    @property
    def control_plane(self) -> ControlPlane:
        return self.release.control_plane

    def namespace(self, profile: str | None) -> str:
        return self.control_plane.create_namespace("etl", {names.PROFILE_LABEL: profile} if profile else {})

    def create(self, namespace: str, cpu: str = "1", name: str = "pi-exec-1") -> JSON:
        """An executor as it is stored, once the scheduler has decided about it."""
        pod = spark_pod("executor")
        pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        metadata = {"name": name, "labels": pod["metadata"]["labels"]}
        path = f"/api/v1/namespaces/{namespace}/pods"
        self.control_plane.create(path, pod | {"metadata": metadata})
        wait_for(lambda: decided(self.control_plane.get(f"{path}/{name}")))
        return self.control_plane.get(f"{path}/{name}")

    def told(self, namespace: str, reason: str) -> bool:
        """Whether there is an Event with a reason."""
        events = self.control_plane.get(f"/api/v1/namespaces/{namespace}/events")["items"]
        return any(event["reason"] == reason for event in events)

    @contextmanager
    def controller(self) -> Iterator[OverflowController]:
        policy = policy_of(self.control_plane, self.release.namespace)
        with overflow_controller(self.control_plane, self.release.namespace, policy, self.folder) as started:
            yield started


def decided(pod: JSON) -> bool:
    return bool(pod["spec"].get("nodeName") or pod["status"].get("conditions"))


@pytest.fixture(scope="module")
def stage(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("why")
    with (
        scheduling(control_plane, folder / "node", PROFILES, overflow=True) as release,
        ModelNodes(control_plane, NODES) as nodes,
    ):
        nodes.await_scheduler()
        yield Stage(release, folder)


@pytest.fixture
def ask(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `why` about the pod pi-exec-1 of a namespace; returns what it prints."""

    def call(namespace: str, *arguments: str, kubeconfig: Path | None = None) -> str:
        capsys.readouterr()
        config = str(kubeconfig or stage.control_plane.kubeconfig)
        code = run_command(["why", "pi-exec-1", "-n", namespace, "--kubeconfig", config, *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return call


@pytest.fixture
def why(ask: Callable[..., str]) -> Why:
    """The lines of `why`, without what differs from run to run: the namespace, times, numbers of nodes."""

    def call(namespace: str, *, kubeconfig: Path | None = None) -> list[str]:
        text = ask(namespace, kubeconfig=kubeconfig).replace(namespace, "NS")
        for pattern, shown in (
            (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\b(ec[is])-\d+\b", r"\1"),
            (r"\b\d+ s\b(?! by)", "SOME s"),
            (r": \d/\d+ nodes are available.*", ": WHY"),
            (r" \(\d+ times\)", ""),
        ):
            text = re.sub(pattern, shown, text)
        return [line.strip() for line in text.splitlines()]

    return call


def policy_line(pod: JSON) -> str:
    """That the deployed policy is that of the pod's record."""
    recorded = dict(part.partition("=")[::2] for part in (placement(pod) or "").split(","))
    return f"policy  {recorded['policy']} is deployed, which is that of the record"


def other_modes(*own: str) -> str:
    modes = (*SchedulingMode, NONE)
    place = f"{names.MODE_ANNOTATION} in spec.executor.annotations of the SparkApplication"
    return f"change  for another mode, set {place}: {', '.join(one for one in modes if one not in own)}"


@pytest.mark.parametrize(
    ("profile", "where", "sentence"),
    [
        ("ecs-only", "on the node ecs, which is ECS", "The pods run on ECS."),
        ("eci-only", "on the virtual node eci, which is ECI", "The pods run on ECI."),
    ],
)
def test_a_pod_on_a_node(stage: Stage, why: Why, profile: str, where: str, sentence: str) -> None:
    namespace = stage.namespace(profile)
    pod = stage.create(namespace)
    wait_for(lambda: stage.told(namespace, "Scheduled"))
    headline, record, policy, event, change = why(namespace)
    assert headline == f"NS/pi-exec-1: {where}; Pending"
    assert record == f"record  {profile} for the executor, by the profile {profile}: {sentence}"
    assert policy == policy_line(pod)
    assert event.startswith("event   TIME Scheduled: Successfully assigned NS/pi-exec-1 to ")
    assert change == other_modes(profile)


def test_a_pod_for_which_no_node_is_found(stage: Stage, why: Why) -> None:
    namespace = stage.namespace("ecs-first")
    pod = stage.create(namespace, TOO_LARGE)
    wait_for(lambda: stage.told(namespace, "FailedScheduling"))
    assert why(namespace) == [
        "NS/pi-exec-1: Pending, unschedulable for SOME s: WHY",
        ECS_FIRST,
        policy_line(pod),
        "event   TIME FailedScheduling: WHY",
        "change  room on ECS: pods there that end, or more nodes, or a virtual node that takes the pod: "
        "`spark-eci-webhook doctor` checks them",
        other_modes("ecs-first"),
    ]


def test_pods_that_wait_without_and_with_a_controller(stage: Stage, ask: Callable[..., str], why: Why) -> None:
    """The controller opens the one that is due, but not the one that a limit stops."""
    patient, hasty, limited = (stage.namespace(profile) for profile in ("patient", "hasty", "limited"))
    pods = {namespace: stage.create(namespace, LARGE) for namespace in (patient, hasty, limited)}
    for namespace in pods:
        wait_for(partial(stage.told, namespace, "FailedScheduling"))
    *head, wait, _, change, other = why(patient)
    assert head == [
        "NS/pi-exec-1: Pending, unschedulable for SOME s: WHY",
        f"record  ecs-then-eci for the executor, by the profile patient: {WAITS}",
        policy_line(pods[patient]),
    ]
    assert re.match(r"wait    due in \d+ min, but no overflow controller runs: ", wait)
    assert change.startswith(
        "change  `spark-eci-webhook doctor` checks the overflow controller; until then, room on ECS"
    )
    assert re.match(r"wait    due (in SOME s|SOME s ago), but no overflow controller runs: ", why(hasty)[3])

    with stage.controller() as controller:
        wait_for(lambda: stage.told(hasty, Happening.OPENED))
        wait_for(lambda: stage.told(limited, Happening.LIMIT_REACHED))
        wait_for(lambda: stage.told(hasty, "Scheduled"))
        told = json.loads(ask(patient, "-o", "json"))["wait"]
        answers = {namespace: why(namespace) for namespace in pods}
    assert answers[patient][:3] == head
    *_, wait, _, change, other = answers[patient]
    # On a busy machine the controller's start takes its time.
    start = r"wait    due in \d+ min, at the earliest: unschedulable for 600 s by then; "
    assert re.fullmatch(rf"{start}{controller.identity}\S* opens pods", wait)
    assert change == (
        "change  room on ECS: pods there that end, or more nodes; or a shorter `after` in the rule of the profile patient"
    )
    assert other == other_modes("ecs-then-eci")
    since, due = (datetime.fromisoformat(told[key]) for key in ("since", "due"))
    assert timedelta(minutes=10) <= due - since <= timedelta(minutes=10, seconds=2)
    assert (told["state"], told["after"]) == ("counting", "600s")

    headline, record, policy, *events, change = answers[hasty]
    assert headline == "NS/pi-exec-1: on the virtual node eci, which is ECI; Pending"
    assert record == (
        f"record  ecs-then-eci for the executor, by the profile hasty: {WAITS} The overflow controller has opened it to ECI."
    )
    assert policy == policy_line(pods[hasty])
    assert sorted(event.split()[2].rstrip(":") for event in events) == [
        "FailedScheduling",
        "OverflowOpened",
        "Scheduled",
    ]
    assert change == other_modes("ecs-then-eci")

    *_, wait, scheduler, event, change, _ = answers[limited]
    assert wait.startswith(
        "wait    due SOME s ago, but as many pods are opened as the profile allows for a namespace: 0; "
    )
    assert sorted([scheduler.split()[2], event.split()[2]]) == ["FailedScheduling:", "OverflowLimitReached:"]
    assert change == "change  opened pods that finish, or a higher `overflow.maxPerNamespace` in the profile limited"
    for namespace in pods:
        stage.control_plane.remove_pods(namespace)


def test_no_label_and_then_one_that_is_younger_than_the_pod(stage: Stage, why: Why) -> None:
    namespace = stage.namespace(None)
    pod = stage.create(namespace)
    record, change = [line for line in why(namespace) if line.startswith(("record", "change"))]
    assert record == f"record  none: the namespace NS has no label {names.PROFILE_LABEL}"
    assert change == f"change  kubectl label namespace NS {names.PROFILE_LABEL}=default"
    created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    wait_for(lambda: datetime.now(UTC) > created + timedelta(seconds=2))
    label = {"metadata": {"labels": {names.PROFILE_LABEL: "eci-only"}}}
    stage.control_plane.patch(f"/api/v1/namespaces/{namespace}", label)
    record, policy, change = [line for line in why(namespace) if line.startswith(("record", "policy", "change"))]
    assert record == (
        "record  none: the pod is probably older than the label of its namespace, the webhook, or the deployed policy"
    )
    assert policy.endswith(" is deployed; it would decide eci-only for such a pod, by the profile eci-only")
    assert change == "change  submit the application again: new pods are placed, and none that runs is moved"


def test_the_profile_of_the_namespace_has_changed(stage: Stage, why: Why) -> None:
    """The pod has the affinity and tolerations of its old profile, which the new one would contradict."""
    namespace = stage.namespace("eci-only")
    stage.create(namespace)
    stage.control_plane.patch(
        f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {names.PROFILE_LABEL: "ecs-only"}}}
    )
    assert why(namespace)[2].endswith(
        " is deployed, but the namespace has the profile ecs-only now; it would decide ecs-only for such a pod, by the profile ecs-only"
    )


def test_an_account_that_may_see_pods_only(stage: Stage, why: Why) -> None:
    namespace = stage.namespace("ecs-only")
    stage.create(namespace)
    denied = 'is forbidden: User "system:serviceaccount:NS:default" cannot'
    with account(stage, namespace, ["pods"]) as kubeconfig:
        headline, record, policy, event, change = why(namespace, kubeconfig=kubeconfig)
    assert headline.startswith("NS/pi-exec-1: on the node ecs; whether that is a virtual one could not be read (nodes ")
    assert headline.endswith("; Pending")
    assert record == "record  ecs-only for the executor, by the profile ecs-only: The pods run on ECS."
    assert policy.startswith("policy  the webhook configurations could not be read (mutatingwebhookconfigurations.")
    assert event.startswith("event   the Events could not be read (events ")
    assert all(denied in line for line in (headline, policy, event))
    assert change == (
        f"change  for another mode, if the profile allows it, set {names.MODE_ANNOTATION} in spec.executor.annotations of the SparkApplication"
    )


#: What docs/operations.md says is needed for complete answers: everywhere, and in the webhook's namespace.
EVERYWHERE = [
    {"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["get"]},
    {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"], "verbs": ["list"]},
]
IN_THE_WEBHOOKS_NAMESPACE = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list"]},
]


def test_an_account_with_the_rights_of_the_documentation(stage: Stage, ask: Callable[..., str]) -> None:
    """The pod waits under a limit, so that everything is read."""
    namespace, home, control_plane = stage.namespace("limited"), stage.release.namespace, stage.control_plane
    stage.create(namespace, LARGE)
    subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}]
    for path, kind, rules, inside in (
        (RBAC, "ClusterRole", EVERYWHERE, ""),
        (f"{RBAC}/namespaces/{home}", "Role", IN_THE_WEBHOOKS_NAMESPACE, home),
    ):
        metadata = {"metadata": {"name": namespace}}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": namespace}
        control_plane.create(f"{path}/{kind.lower()}s", metadata | {"rules": rules})
        control_plane.create(f"{path}/{kind.lower()}bindings", metadata | {"roleRef": role, "subjects": subjects})
        await_rights(control_plane, f"{namespace}:default", rules, inside)
    with account(stage, namespace, ["pods", "events"]) as kubeconfig:
        told = json.loads(ask(namespace, "-o", "json", kubeconfig=kubeconfig))
    assert told["unread"] == []
    assert told["policy"]["comparison"] == "same"
    assert told["wait"]["state"] == "no-controller"
    for kind in ("clusterrolebindings", "clusterroles"):
        control_plane.http.delete(f"{RBAC}/{kind}/{namespace}")
    control_plane.remove_pods(namespace)


def test_an_account_that_may_not_see_the_pod(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = stage.namespace("ecs-first")
    stage.create(namespace)
    with account(stage, namespace, []) as kubeconfig:
        code = run_command(["why", "pi-exec-1", "--kubeconfig", str(kubeconfig)])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err == (
        f'the pod {namespace}/pi-exec-1 could not be read: pods "pi-exec-1" is forbidden: User '
        f'"system:serviceaccount:{namespace}:default" cannot get resource "pods" in API group "" in the namespace "{namespace}"\n'
    )


@contextmanager
def account(stage: Stage, namespace: str, resources: list[str]) -> Iterator[Path]:
    """A kubeconfig of an account that may read these resources of a namespace, which is that of its context."""
    control_plane, inside = stage.control_plane, f"{RBAC}/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": resources, "verbs": ["get", "list"]}] if resources else []
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    control_plane.create(f"{inside}/roles", {"metadata": {"name": "some"}, "rules": rules})
    binding = {"metadata": {"name": "some"}, "roleRef": role, "subjects": [subject]}
    control_plane.create(f"{inside}/rolebindings", binding)
    await_rights(control_plane, f"{namespace}:default", rules, namespace)
    yield control_plane.service_account_kubeconfig(namespace, "default")


def test_a_pod_that_does_not_exist(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = stage.namespace("ecs-only")
    stage.create(namespace)
    config = str(stage.control_plane.kubeconfig)
    for name, where, sentence in (
        ("pi-exec-2", namespace, f'no pod "pi-exec-2" in the namespace {namespace}; near: pi-exec-1'),
        (
            "spark-pi-driver",
            namespace,
            f'no pod "spark-pi-driver" in the namespace {namespace}; the pods of the application spark-pi: pi-exec-1',
        ),
        ("pi-exec-2", "typo", 'no pod "pi-exec-2" in the namespace typo: there is no such namespace'),
    ):
        code = run_command(["why", name, "-n", where, "--kubeconfig", config])
        assert (code, *capsys.readouterr()) == (2, "", f"{sentence}\n")


def test_an_event_that_would_control_a_terminal(stage: Stage, why: Why) -> None:
    namespace = stage.namespace("ecs-only")
    pod = stage.create(namespace)
    about = {key: pod["metadata"][key] for key in ("namespace", "name", "uid")}
    event = {
        "metadata": {"name": "hostile"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", **about},
        "type": "Warning",
        "reason": "Failed\x1b]0;\x07",
        "message": "\x1b[2J\nall is well\r\u202e" + "x" * 900,
        "lastTimestamp": "2026-09-01T00:00:00Z",
    }
    stage.control_plane.create(f"/api/v1/namespaces/{namespace}/events", event)
    (hostile,) = [line for line in why(namespace) if "well" in line]
    start = "event   TIME Failed?]0;?: ?[2J all is well ?"
    assert hostile == f"{start}{'x' * (159 - len('?[2J all is well ?'))}…"
