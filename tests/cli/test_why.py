"""What `why` says of pods as an API server stores them; tests/e2e/test_why.py uses a real one."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import jsonpatch
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError
from certs.errors import InputError
from certs.kubeconfig import context_namespace
from tests.cli.conftest import Run
from tests.cli.test_doctor import CONFIGURATIONS, DENIED, ETL, NOW, OBJECTS, Stored, pod
from tests.cli.why_cases import BUILT_IN, CASES, FILE, JSON, ME, ask, event, on, printed, recorded, said
from tests.overlays import ABSENT, overlaid
from tests.pods import EVERY_MODE, MODES, pods
from webhook.cli import why
from webhook.cli.doctor.overflow_state import held_lease
from webhook.cli.why import output, remedies, words
from webhook.cli.why.absence import Absence
from webhook.cli.why.location import Standing
from webhook.cli.why.original import original
from webhook.cli.why.pod_events import MOST, choose
from webhook.cli.why.policy_comparison import Comparison
from webhook.cli.why.record import read_record
from webhook.cli.why.waiting import WaitState
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.patch import patch
from webhook.core.pod import Pod
from webhook.core.profile import CompiledProfile, compile_policy
from webhook.core.reasons import Reason
from webhook.core.review import Decision, decide_for
from webhook.core.selectors import Role
from webhook.overflow.events import Happening
from webhook.overflow.profiles import Denial
from webhook.spark.documents import read
from webhook.spark.workloads import Workload

#: Nothing but the pod may be seen.
NOTHING_READ = {CONFIGURATIONS: DENIED, ETL: DENIED}
#: Each table of words, its place, and the values that it has to have.
TABLES: list[tuple[str, Mapping[Any, str], list[str]]] = [
    ("REASONS in webhook/cli/why/words.py", words.REASONS, list(Reason)),
    ("ABSENCES in webhook/cli/why/words.py", words.ABSENCES, list(Absence)),
    ("WAITS in webhook/cli/why/words.py", words.WAITS, list(WaitState)),
    ("DENIALS in webhook/cli/why/words.py", words.DENIALS, list(Denial)),
    ("REASONS in webhook/cli/why/remedies.py", remedies.REASONS, list(Reason)),
    ("ABSENCES in webhook/cli/why/remedies.py", remedies.ABSENCES, list(Absence)),
    ("WAITS in webhook/cli/why/remedies.py", remedies.WAITS, list(WaitState)),
    ("STANDINGS in webhook/cli/why/remedies.py", remedies.STANDINGS, list(Standing)),
    ("UNSCHEDULABLE in webhook/cli/why/remedies.py", remedies.UNSCHEDULABLE, [*SchedulingMode, NONE]),
]
#: The values for which nothing can be changed, or nothing is to be done.
SILENT = {
    Absence.NOT_SPARK,
    Standing.ON_NODE,
    Standing.UNSCHEDULABLE,
    Standing.NOMINATED,
    Standing.ENDING,
    Standing.ENDED,
}


def test_what_is_said_is_the_expected() -> None:
    assert printed() == FILE.read_text(encoding="utf-8"), f"{FILE}: run make golden"


@pytest.mark.parametrize(("place", "table", "values"), TABLES, ids=[place for place, *_ in TABLES])
def test_every_value_has_its_words(place: str, table: Mapping[Any, str], values: list[str]) -> None:
    assert {str(one) for one in values} - {str(one) for one in table} == set(), f"add them to {place}"
    assert {str(one) for one in table} - {str(one) for one in values} == set(), f"remove them from {place}"
    assert [one for one in values if not table[one] and one not in SILENT] == [], f"{place} has no words for them"


@pytest.mark.parametrize("values", [Standing, Absence, Comparison, WaitState, Reason])
def test_every_value_has_a_case(values: type[StrEnum]) -> None:
    found: set[Any] = set()
    for one in (ask(*case) for case in CASES.values()):
        found |= {one.location.standing, one.absence, one.deployed.comparison, one.record and one.record.reason}
        found |= {one.waiting.state} if one.waiting else set()
    assert set(values) - found == set(), "add a case to tests/cli/why_cases.py"


@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_a_few_lines_that_control_no_terminal(case: str) -> None:
    lines = said(ask(*CASES[case]))
    assert 2 <= len(lines) <= 12
    for line in lines:
        assert line.isprintable()
        assert "{" not in line
        assert len(line) < 500


@pytest.mark.parametrize("case", CASES)
def test_json_has_everything_that_is_said(case: str) -> None:
    answer = ask(*CASES[case])
    told = json.loads(json.dumps(output.document(answer)))
    headline, *lines = said(answer)
    assert told["where"]["sentence"] == headline
    parts = [("record", told["record"]["sentence"]), ("policy", told["policy"]["sentence"])]
    parts += [("wait", told["wait"]["sentence"])] if told["wait"] else []
    assert [line for line in lines if not line.startswith(("event:", "change:"))] == [
        f"{label}: {sentence}" for label, sentence in parts if sentence
    ]
    assert [line for line in lines if line.startswith("change:")] == [f"change: {one}" for one in told["change"]]
    for line in lines:
        if "could not be read" in line:
            assert any(one in line for one in told["unread"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mode=ecs-first",
        f"mode=ecs-second,profile=default,policy={BUILT_IN}",
        f"mode=ecs-first,profile=default,policy={BUILT_IN},reason=because",
        f"mode=ecs-first,profile=default,policy={BUILT_IN}\n",
        f"mode=ecs-first,profile=default,policy={BUILT_IN},opened,opened",
        f"mode=ecs-first,profile={'x' * 64},policy={BUILT_IN}",
    ],
)
def test_what_the_webhook_does_not_write_is_no_record(text: str) -> None:
    assert read_record(text) is None


PROFILES = compile_policy(EVERY_MODE)


@given(pods(), st.sampled_from(MODES))
def test_a_pod_as_it_was_before_the_webhook_gets_the_same_record_again(pod: JSON, mode: str) -> None:
    profile = PROFILES[mode]
    first = decided(pod, profile)
    placed = jsonpatch.apply_patch(pod, msgspec.to_builtins(patch(first.pod, first.changes)))
    record = read_record(placed["metadata"]["annotations"][names.PLACEMENT_ANNOTATION])
    assert record is not None
    before = original(placed, record, profile.label, profile.rules[Role.EXECUTOR].wait.tolerations)
    assert names.OVERFLOW_LABEL not in before["metadata"]["labels"]
    again = decided(before, profile)
    # What the pod had itself and is like the webhook's cannot be told from it.
    if Reason.OWN_PREFERENCE not in (record.reason, again.placement.reason):
        assert again.placement.record == record.text


def decided(pod: JSON, profile: CompiledProfile) -> Decision:
    found = decide_for(msgspec.convert(pod, Pod), "etl", profile)
    assert isinstance(found, Decision)
    return found


def test_an_opened_pod_is_decided_as_before_it_was_opened() -> None:
    tolerations = PROFILES["default"].rules[Role.EXECUTOR].wait.tolerations
    added = [msgspec.to_builtins(one) for _, one in tolerations]
    record = read_record(f"mode=ecs-then-eci,profile=default,policy={BUILT_IN},opened")
    found = {"metadata": {"name": "a"}, "spec": {"tolerations": [{"key": "own"}, *added]}}
    assert original(found, record, PROFILES["default"].label, tolerations)["spec"]["tolerations"] == [{"key": "own"}]


def test_the_last_events_that_matter_are_told_once_each() -> None:
    events = [event("FailedScheduling", f"try {number}", number) for number in range(1, 9)]
    events += [event("FailedScheduling", "try 4", 20), event("Pulling", "image", 30, type="Normal")]
    events += [event(Happening.OPENED, "opened", 10, type="Normal")]
    found = choose(events)
    assert [one.message for one in found] == ["try 6", "try 7", "try 8", "opened", "try 4"]
    assert len(found) == MOST


def test_an_event_without_times_is_told_by_its_creation() -> None:
    (found,) = choose(
        [{"type": "Warning", "metadata": {"creationTimestamp": "2026-09-01T11:00:00Z"}, "series": {"count": 3}}]
    )
    assert words.event(found) == "2026-09-01 11:00:00  (3 times): "


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, run: Run) -> Any:
    """Runs `why` against objects, in a context whose namespace is etl."""

    def call(*arguments: str, **overlay: Any) -> Any:
        cluster = Stored(
            overlaid(overlaid(OBJECTS, {ME: on("ecs", recorded("ecs-first"))}), overlay.get("objects", {}))
        )
        monkeypatch.setattr(why, "connect", lambda *_: cluster)
        monkeypatch.setattr(Cluster, "host", "https://a")
        monkeypatch.setattr(why, "context_namespace", lambda *_: overlay.get("namespace", "etl"))
        return run("why", *arguments)

    return call


@pytest.mark.parametrize("name", ["me", "pod/me", "pods/me"])
def test_a_name_as_kubectl_prints_it(asked: Any, name: str) -> None:
    ran = asked(name)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[:2] == [
        "etl/me: on the node ecs, which is ECS; Running",
        "  record  ecs-first for the executor, by the profile default: The pods prefer ECS and may run on ECI.",
    ]


def test_json_controls_no_terminal(asked: Any) -> None:
    hostile = {f"{ETL}/events/a": event("Failed", "\x1b[31m\u202e")}
    ran = asked("me", "-o", "json", objects=hostile)
    assert ran.out.replace("\n", "").isprintable()
    assert json.loads(ran.out)["events"][0]["message"] == "\x1b[31m\u202e"


def application(name: str, role: str = "driver") -> JSON:
    labels = {"spark-role": role, names.APP_NAME: name}
    return dict(overlaid(pod("2026-08-03"), {"metadata": {"labels": labels}}))


GONE = {f"{ETL}/pods/pi-{number}": ABSENT for number in range(3)} | {f"{ETL}/pods/ended": ABSENT, ME: ABSENT}


@pytest.mark.parametrize(
    ("name", "objects", "sentence"),
    [
        ("pi-9", {}, 'no pod "pi-9" in the namespace etl; near: pi-2, pi-1, pi-0'),
        ("what", {}, 'no pod "what" in the namespace etl; it has 5 pods: kubectl get pods --namespace etl'),
        (
            "spark-pi",
            {f"{ETL}/pods/{one}": application("spark-pi") for one in ("a", "b")}
            | {f"{ETL}/pods/c": application("other")}
            | GONE,
            'no pod "spark-pi" in the namespace etl; the pods of the application spark-pi: a, b',
        ),
        (
            "etl-job-exec-12",
            {f"{ETL}/pods/a": application("etl-job")},
            'no pod "etl-job-exec-12" in the namespace etl; the pods of the application etl-job: a',
        ),
        (
            "gone-driver",
            {f"{ETL}/sparkapplications/gone": {}},
            'no pod "gone-driver" in the namespace etl; there is sparkapplications.sparkoperator.k8s.io/gone, but it has no pods: kubectl describe sparkapplications.sparkoperator.k8s.io/gone --namespace etl',
        ),
        (
            "me",
            {f"{ETL}/pods": DENIED, ME: ABSENT},
            'no pod "me" in the namespace etl; the pods of the namespace could not be read: no such right',
        ),
        ("me", {ETL: ABSENT} | GONE, 'no pod "me" in the namespace etl: there is no such namespace'),
        (
            "me",
            {ETL: DENIED} | GONE,
            'no pod "me" in the namespace etl; it has no pods: kubectl get pods --namespace etl',
        ),
        ("me", GONE, 'no pod "me" in the namespace etl; it has no pods: kubectl get pods --namespace etl'),
        ("me", {ME: DENIED}, "the pod etl/me could not be read: no such right"),
        (
            "me",
            {ME: ClusterError("x", reason="timed out")},
            "the pod etl/me could not be read from the cluster at https://a: timed out",
        ),
    ],
)
def test_a_pod_that_cannot_be_read(asked: Any, name: str, objects: JSON, sentence: str) -> None:
    assert asked(name, objects=objects) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Spark Pi"], 'POD: found "Spark Pi"; accepted: the name of a pod, such as spark-pi-driver'),
        (["deployment/a"], 'POD: found "deployment/a"; accepted: the name of a pod, such as spark-pi-driver'),
        (["../x\x1b"], 'POD: found "../x?"; accepted: the name of a pod, such as spark-pi-driver'),
        (["a", "-n", "../b"], '--namespace: found "../b"; accepted: the name of a namespace'),
    ],
)
def test_names_that_cannot_be(asked: Any, arguments: list[str], sentence: str) -> None:
    assert asked(*arguments) == (2, "", f"{sentence}\n")


def test_without_a_namespace_that_of_the_context_or_else_default(asked: Any) -> None:
    assert asked("x", "-n", "plain").err.startswith('no pod "x" in the namespace plain')
    assert asked("x", namespace="strict").err.startswith('no pod "x" in the namespace strict')
    assert asked("x", namespace=None).err.startswith('no pod "x" in the namespace default')


@pytest.mark.parametrize(
    ("context", "found"), [(None, "etl"), ("one", "etl"), ("two", None)], ids=["current", "with one", "without"]
)
def test_the_namespace_of_a_context(tmp_path: Path, context: str | None, found: str | None) -> None:
    contexts = [
        {"name": "one", "context": {"cluster": "a", "user": "a", "namespace": "etl"}},
        {"name": "two", "context": {"cluster": "a", "user": "a"}},
    ]
    clusters, users = [{"name": "a", "cluster": {"server": "https://a"}}], [{"name": "a", "user": {"token": "a"}}]
    config = {"contexts": contexts, "clusters": clusters, "users": users, "current-context": "one"}
    (tmp_path / "config").write_text(json.dumps(config))
    assert context_namespace(tmp_path / "config", context) == found


def test_the_namespace_of_no_context(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no cluster: .*; accepted: a kubeconfig"):
        context_namespace(tmp_path / "config")


#: An application of each kind, and the place of its annotations as `why` names it.
KINDS = {
    "SparkApplication": (
        "sparkoperator.k8s.io/v1beta2",
        "executor",
        "spec.executor.annotations",
        {"driver": {}, "executor": {}},
    ),
    "ScheduledSparkApplication": (
        "sparkoperator.k8s.io/v1beta2",
        "driver",
        "spec.template.driver.annotations",
        {"schedule": "@daily", "template": {"driver": {}, "executor": {}}},
    ),
    "SparkConnect": (
        "sparkoperator.k8s.io/v1alpha1",
        "connect-server",
        "spec.server.template.metadata.annotations",
        {"server": {}, "executor": {}, "image": "spark", "sparkVersion": "4.0.0"},
    ),
    "SparkCluster": (
        "spark.apache.org/v1",
        "worker",
        "spec.workerSpec.statefulSetSpec.template.metadata.annotations",
        {"runtimeVersions": {"sparkVersion": "4.2.0"}},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_place_that_is_named_is_where_an_application_asks_for_a_mode(kind: str) -> None:
    version, role, place, spec = KINDS[kind]
    document: JSON = {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    *parents, last = place.split(".")
    target: JSON = document
    for one in parents:
        target = target.setdefault(one, {})
    target[last] = {names.MODE_ANNOTATION: "eci-only"}
    (workload,) = read(document, "etl")
    assert isinstance(workload, Workload)
    (found,) = [one.created for one in workload.pods if one.title == role]
    assert found["metadata"]["annotations"][names.MODE_ANNOTATION] == "eci-only"
    answer = ask(overlaid(found, {"spec": {}, "metadata": {"creationTimestamp": "2026-08-03T00:00:00Z"}}), NOTHING_READ)
    assert f" set {names.MODE_ANNOTATION} in {place} of the {kind}" in remedies.override(answer)


def test_pods_of_spark_itself_ask_by_a_property() -> None:
    labels = {names.LAUNCHED_BY_OPERATOR: ABSENT, names.APP_NAME: ABSENT}
    answer = ask(overlaid(pod("2026-08-03"), {"metadata": {"labels": labels}}), NOTHING_READ)
    place = f" set the Spark property spark.kubernetes.executor.annotation.{names.MODE_ANNOTATION}"
    assert remedies.override(answer).endswith(place)


def test_a_lease_of_a_year_that_python_does_not_know() -> None:
    stored = {"metadata": {"name": "a"}, "spec": {"holderIdentity": "b", "renewTime": "0000-01-01T00:00:00.000000Z"}}
    assert held_lease([stored], NOW) == "b has not renewed the Lease a since 0000-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("profile", "advised"), [("ecs-only", "ecs-only"), ("gone", "default")], ids=["still exists", "is gone"]
)
def test_a_namespace_that_opted_out_is_given_back_the_profile_of_the_record(profile: str, advised: str) -> None:
    answer = ask(on("ecs", recorded("ecs-only", profile=profile)), {ETL: {"metadata": {"labels": ABSENT}}})
    assert list(remedies.remedies(answer)) == [f"kubectl label namespace etl {names.PROFILE_LABEL}={advised}"]
