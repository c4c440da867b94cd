"""Which pods are opened and in which order, against a server in memory."""

from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Any, cast

import pytest

from tests.overflow.stored_pods import stored
from webhook.core import names
from webhook.core.patch import PatchOperation
from webhook.overflow import opener
from webhook.overflow.api_server import ApiServer
from webhook.overflow.clock import ServerClock
from webhook.overflow.lease import Lease
from webhook.overflow.limited_opener import LimitedOpener
from webhook.overflow.opener import MOST_LIMITED, Opener
from webhook.overflow.pods import Named, PodMetadata, StoredPod
from webhook.overflow.profiles import Profiles
from webhook.overflow.reports import Reports
from webhook.overflow.state import ClusterState
from webhook.service.policy_file import parse_policy

POLICY = parse_policy(
    b"""
overflow: {}
profiles:
  soon: {executor: {mode: ecs-then-eci, after: 0s}}
  late: {executor: {mode: ecs-then-eci, after: 1h}}
  few: {executor: {mode: ecs-then-eci, after: 0s}, overflow: {maxPerNamespace: 2}}
""",
    "policy",
)


@dataclass
class Server:
    """Pods, and the profiles of their namespaces, which are named after them at first."""

    profiles: dict[str, str | None] = field(default_factory=dict)
    pods: dict[str, StoredPod] = field(default_factory=dict)
    opened_pods: list[Named] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)
    reads: int = 0

    def pod(self, _namespace: str, name: str) -> StoredPod | None:
        self.reads += 1
        return self.pods.get(name)

    def labels(self, namespace: str) -> dict[str, str] | None:
        profile = self.profiles.get(namespace, namespace)
        return {} if profile is None else {names.PROFILE_LABEL: profile}

    def opened(self, namespace: str) -> list[Named]:
        return [one for one in self.opened_pods if one.metadata.namespace == namespace]

    def patch(self, namespace: str, name: str, _operations: list[PatchOperation]) -> None:
        self.patched.append(name)
        del self.pods[name]
        self.opened_pods.append(Named(PodMetadata(uid=name, namespace=namespace)))


class Writer:
    """A Lease that is held for ever, and reports that nobody reads."""

    may_write, epoch = True, 0

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


class Stage:
    """An Opener and a LimitedOpener with all that they need."""

    def __init__(self) -> None:
        self.server = Server()
        profiles = Profiles(POLICY, ())
        self.state = ClusterState(profiles, ServerClock())
        for name in POLICY.profiles:
            self.state.enrol(name, name)
        self.stop = Event()
        server, lease, reports = cast(ApiServer, self.server), cast(Lease, Writer()), cast(Reports, Writer())
        self.opener = Opener(server, self.state, profiles, lease, reports, 10_000, self.stop.wait)
        self.limited = LimitedOpener(self.opener, server, self.state, lease, reports, profiles.application_labels)

    def add(self, namespace: str, *uids: str) -> None:
        """Pods that no node was found for."""
        for uid in uids:
            labels = {names.SPARK_ROLE: "executor", names.LAUNCHED_BY_OPERATOR: "true", names.APP_NAME: "one"}
            pod = self.server.pods[uid] = stored(uid, namespace=namespace, labels=labels)
            self.state.see(pod)

    def work(self) -> int:
        """Works on the pods that are due, and returns how many there were."""
        count = 0
        while (one := self.state.take(0)) is not None:
            self.opener.check(one)
            count += 1
        return count

    def open_limited(self) -> None:
        """Opens what of the pods under limits may be opened."""
        while not self.opener.limited.empty():
            found = self.opener.limited.get()
            self.limited._open_within_limits(found.one.namespace, [found])


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_pods_without_a_limit_do_not_wait_for_the_many_with_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Longer than a busy machine takes for the pods.
    monkeypatch.setattr(opener, "_FULL_SECONDS", (1000, 1000))
    limited = [f"few{number}" for number in range(MOST_LIMITED + 100)]
    stage.add("few", *limited)
    stage.add("soon", "a", "b")
    began = monotonic()
    assert stage.work() == len(limited) + 2
    assert sorted(stage.server.patched) == ["a", "b"]
    assert stage.opener.limited.full()
    # The others are left alone for a while, and cost no calls.
    assert stage.server.reads == MOST_LIMITED + 2
    assert began + 1000 <= stage.state.schedule.next_due() <= monotonic() + 1000


def test_a_limit_holds_and_stopped_pods_are_left_alone(stage: Stage) -> None:
    stage.add("few", *"abcdef")
    stage.work()
    stage.open_limited()
    assert stage.server.patched == ["a", "b"]
    assert stage.work() == 0


def test_each_pod_that_finishes_makes_one_pod_due_and_not_all_that_a_limit_stopped(stage: Stage) -> None:
    stage.add("few", *(f"few{number}" for number in range(400)))
    stage.work()
    stage.open_limited()
    for one in stage.server.opened_pods:
        stage.state.opened.add(one)
    gone = stage.state.opened.remove(stage.server.opened_pods.pop().metadata.uid)
    stage.state.free([gone or ""])
    assert stage.work() == 1
    stage.open_limited()
    assert stage.server.patched == ["few0", "few1", "few2"]


def test_a_place_that_another_limit_keeps_closed_makes_no_pod_due(stage: Stage) -> None:
    stage.add("few", *"abcdef")
    stage.work()
    stage.open_limited()
    for one in stage.server.opened_pods:
        stage.state.opened.add(one)
    stage.state.free(["few", "soon", "other"])
    assert stage.work() == 0


def test_a_namespace_that_is_told_of_while_a_pod_is_read_opens_it_no_earlier(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.state.enrol("late", "soon")
    stage.add("late", "a")
    see = stage.state.see_again

    def see_and_be_told(*arguments: Any) -> bool:
        known = see(*arguments)
        stage.state.enrol("late", "late")
        return known

    monkeypatch.setattr(stage.state, "see_again", see_and_be_told)
    stage.work()
    assert stage.server.patched == []


def test_a_pod_whose_namespace_opts_out_while_it_waits_for_its_turn_stays_closed(stage: Stage) -> None:
    stage.add("few", "a")
    stage.work()
    stage.server.profiles["few"] = None
    stage.opener._seen_profiles.clear()
    stage.open_limited()
    assert stage.server.patched == []
    assert stage.state.schedule.next_due() < monotonic() + 1
