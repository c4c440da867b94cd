"""What becomes of a pod that is due, against a server in memory that tells what a test wants."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from certs.cluster_errors import ClusterError, ConflictError
from tests.overflow.stored_pods import stored
from webhook.core import names
from webhook.overflow import opener, state
from webhook.overflow.api_server import ApiServer
from webhook.overflow.clock import ServerClock
from webhook.overflow.events import Events
from webhook.overflow.lease import Lease
from webhook.overflow.metrics import Metrics
from webhook.overflow.opener import Opener
from webhook.overflow.pods import Scheduling, StoredPod
from webhook.overflow.profiles import Profiles
from webhook.overflow.reports import Reports
from webhook.overflow.schedule import WaitingPod
from webhook.overflow.state import ClusterState
from webhook.service.policy_file import parse_policy

POLICY = b"""
overflow: {}
profiles: {etl: {executor: {mode: ecs-then-eci, after: 0s}}}
"""
LABELS = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "executor"}


def told(version: str = "1", scheduling: Scheduling = Scheduling.UNSCHEDULABLE, **more: Any) -> StoredPod:
    return stored("a", scheduling, version=version, labels=LABELS | more.pop("labels", {}), **more)


@dataclass
class Server:
    """What is stored, and what the next calls raise."""

    stored: StoredPod | None
    faults: list[ClusterError] = field(default_factory=list)
    patches: int = 0

    def pod(self, _namespace: str, _name: str) -> StoredPod | None:
        return self.stored

    def labels(self, _namespace: str) -> dict[str, str]:
        return {names.PROFILE_LABEL: "etl"}

    def patch(self, *_: object) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.patches += 1


class Bench:
    """An opener with one pod that the watch has told of, and the moment by its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (opener, state):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)
        policy = parse_policy(POLICY, "policy")
        profiles = Profiles(policy, ())
        self.state = ClusterState(profiles, ServerClock())
        self.state.enrol("spark", "etl")
        self.server = Server(told())
        server = cast(ApiServer, self.server)
        self.lease = SimpleNamespace(may_write=True, epoch=1)
        metrics = Metrics(policy.digest, policy.profiles, self.state.waiting)
        events = Events(server, lambda: datetime.now(UTC), "one", lambda: None)
        reports = Reports(events, metrics)
        self.opener = Opener(server, self.state, profiles, cast(Lease, self.lease), reports, 1000, lambda _: False)
        self.state.see(told())

    def check(self) -> WaitingPod:
        """Works on the pod, which must be due."""
        one = self.state.take(0)
        assert one is not None
        self.opener.check(one)
        return one

    @property
    def wait(self) -> float:
        """How long the pod is left alone from now on."""
        return self.state.schedule.next_due() - self.now


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_pod_that_is_due_is_opened_and_forgotten(bench: Bench) -> None:
    bench.check()
    assert bench.server.patches == 1
    assert len(bench.state.schedule) == 0


@pytest.mark.parametrize(
    "found",
    [None, told("2"), told("1", labels={names.OVERFLOW_LABEL: names.OPENED}), told("1", phase="Failed")],
    ids=["not found", "written since", "opened", "ended"],
)
def test_a_pod_of_which_the_watch_has_not_told_what_is_stored_is_left_to_the_watch(
    bench: Bench, found: StoredPod | None
) -> None:
    """It is not forgotten, because one wrong answer would lose it, and not asked for all the time."""
    bench.server.stored = found
    for turn in range(8):
        bench.check()
        assert 0 < bench.wait <= 5
        assert bench.wait > min(5, 0.5 * 2**turn) / 2 - 1e-9
        bench.now += bench.wait
    assert bench.server.patches == 0
    bench.server.stored = told("3")
    bench.state.see(told("3"))
    bench.check()
    assert bench.server.patches == 1


def test_a_conflict_is_tried_again_soon_and_a_fault_later_and_later_but_within_a_minute(bench: Bench) -> None:
    bench.server.faults = [ConflictError("written", 409)]
    bench.server.stored = told("1")
    bench.check()
    assert 0 < bench.wait <= 0.5
    for turn in range(10):
        bench.now += bench.wait
        bench.server.faults = [ClusterError("refused", 500)]
        bench.check()
        assert min(60, 0.5 * 2**turn) / 2 - 1e-9 <= bench.wait <= 60
    bench.now += bench.wait
    bench.check()
    assert bench.server.patches == 1


def test_a_pod_that_cannot_be_opened_takes_few_calls(bench: Bench) -> None:
    """Users can fill the annotations of a pod so that the record does not fit."""
    for turn in range(14):
        bench.server.faults = [ClusterError("annotations: Too long", 422)]
        bench.check()
        assert min(900, 0.5 * 2**turn) / 2 - 1e-9 <= bench.wait <= min(900, 0.5 * 2**turn)
        bench.now += bench.wait
    bench.check()
    assert bench.server.patches == 1


def test_an_api_server_that_asks_to_wait_is_obeyed_for_up_to_a_minute(bench: Bench) -> None:
    bench.server.faults = [ClusterError("busy", 429, retry_after=20), ClusterError("busy", 429, retry_after=1e9)]
    bench.check()
    assert bench.wait == pytest.approx(20)
    bench.now += bench.wait
    bench.check()
    assert bench.wait == pytest.approx(60)


def test_without_the_lease_nothing_is_written(bench: Bench) -> None:
    bench.lease.may_write = False
    bench.check()
    assert bench.server.patches == 0
    assert 0 < bench.wait <= 0.5
