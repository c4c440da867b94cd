"""When pods are due, judged by a model that knows what truly happened to them."""

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.overflow.stored_pods import stored
from webhook.overflow.pods import Scheduling
from webhook.overflow.schedule import Schedule

DELAY = 60
PODS = ("a", "b")


@dataclass
class TruePod:
    """What a pod truly is."""

    scheduling: Scheduling = Scheduling.NEW
    version: int = 0
    transition: float = -inf
    """When its condition became False, which is all that its time says."""
    since: float = inf
    """Since when it is Unschedulable."""
    nominated: bool = False
    opened: int = 0


@dataclass
class World:
    """Pods, a watch that tells of them, and the schedule. Its clock and that of the pods' conditions may differ."""

    ahead: float
    """How far ages are wrong while the watch tells all as it happens."""
    now: float = 0
    schedule: Schedule = field(default_factory=Schedule)
    pods: dict[str, TruePod] = field(default_factory=dict)
    untold: list[tuple[str, TruePod]] | None = None
    """What happened since the watch was interrupted; None while it is not."""
    heard: float = 0

    def happen(self, uid: str, scheduling: Scheduling, *, nominated: bool) -> None:
        """A pod is created or changes, unless it was opened."""
        old = self.pods.get(uid, TruePod())
        if old.opened:
            return
        false = scheduling is not Scheduling.NEW
        transition = old.transition if false and old.transition > -inf else self.now if false else -inf
        since = inf
        if scheduling is Scheduling.UNSCHEDULABLE:
            since = old.since if old.since < inf else self.now
        new = TruePod(scheduling, old.version + 1, transition, since, nominated)
        self.pods[uid] = new
        if self.untold is None:
            self._tell(uid, new, heard=self.now)
        else:
            self.untold.append((uid, new))

    def interrupt(self) -> None:
        """The watch ends by a fault."""
        if self.untold is None:
            self.untold, self.heard = [], self.now

    def resume(self) -> None:
        """A new watch tells all that happened meanwhile."""
        for uid, pod in self.untold or ():
            self._tell(uid, pod, heard=self.heard)
        self.untold = None

    def relist(self) -> None:
        """Too much was missed: only a list tells how the pods are now."""
        self.untold = None
        waiting = {uid for uid, pod in self.pods.items() if not pod.opened}
        for uid in waiting:
            self._tell(uid, self.pods[uid], heard=self.now, gap=True)
        self.schedule.keep(waiting, None)

    def restart(self) -> None:
        """Another controller begins, and lists all."""
        self.schedule = Schedule()
        self.relist()

    def advance(self, seconds: float) -> None:
        """Time passes, and every pod that is due in it is opened when it is."""
        end = self.now + seconds
        while (due := self.schedule.next_due()) <= end:
            self.now = max(self.now, due)
            self._open()
        self.now = end

    def _open(self) -> None:
        one = self.schedule.take(self.now)
        if one is None:
            return
        pod = self.pods[one.uid]
        one.busy = False
        if one.version != str(pod.version):
            # The opener reads it, and leaves it to the watch.
            one.not_before = self.now + 5
            self.schedule.plan(one)
            return
        assert pod.scheduling is Scheduling.UNSCHEDULABLE
        assert not pod.nominated
        assert self.now >= pod.since + DELAY, "early"
        pod.opened += 1
        self.schedule.forget(one.uid)

    def _tell(self, uid: str, pod: TruePod, *, heard: float, gap: bool = False) -> None:
        told = stored(uid, pod.scheduling, version=str(pod.version), nominated=pod.nominated)
        error = self.ahead if heard == self.now else 0
        age = max(0.0, self.now - pod.transition + error) if pod.transition > -inf else 0.0
        one = self.schedule.see(told, "etl", self.now, age, heard=heard, gap=gap)
        one.delay = DELAY
        self.schedule.plan(one)


HAPPENINGS = st.tuples(st.sampled_from(PODS), st.sampled_from(Scheduling), st.sampled_from([False, False, True]))
ACTS = st.sampled_from(["interrupt", "resume", "relist", "restart"])


OTHER, UNSCHEDULABLE = ("a", Scheduling.OTHER, False), ("a", Scheduling.UNSCHEDULABLE, False)


@settings(max_examples=300)
@given(
    st.lists(HAPPENINGS | ACTS | st.sampled_from([1, 30, 59, 61]), max_size=30),
    st.sampled_from([0.0, -60.0, 60.0, 3600.0]),
)
@example([OTHER, "interrupt", 30, UNSCHEDULABLE, "resume", 59], 0.0)
@example([UNSCHEDULABLE, 30, "interrupt", OTHER, UNSCHEDULABLE, "relist", 59], 0.0)
@example([UNSCHEDULABLE, 30, "interrupt", OTHER, UNSCHEDULABLE, 59], 0.0)
def test_whatever_is_told_or_missed_no_pod_is_due_early_and_none_is_lost(
    acts: list[tuple[str, Scheduling, bool] | str | int], ahead: float
) -> None:
    world = World(ahead)
    for act in acts:
        if isinstance(act, int):
            world.advance(act)
        elif isinstance(act, str):
            getattr(world, act)()
        else:
            uid, scheduling, nominated = act
            world.happen(uid, scheduling, nominated=nominated)
    world.resume()
    world.advance(DELAY + 5)
    left = {uid for uid, pod in world.pods.items() if not pod.opened}
    held = {
        uid
        for uid, pod in world.pods.items()
        if not pod.opened and (pod.nominated or pod.scheduling is not Scheduling.UNSCHEDULABLE)
    }
    assert left == held


@pytest.mark.parametrize(
    ("before", "heard", "gap", "since"),
    [
        (None, 1000, False, 1000),
        (Scheduling.NEW, 1000, False, 1000),
        (Scheduling.NEW, 980, False, 990),
        (Scheduling.NEW, 995, False, 995),
        (Scheduling.NEW, 980, True, 1000),
        (Scheduling.OTHER, 980, False, 1000),
        (Scheduling.UNSCHEDULABLE, 1000, False, 900),
        (Scheduling.UNSCHEDULABLE, 1000, True, 1000),
    ],
    ids=[
        "at first sight from then on",
        "a change that is told at once from then on",
        "a change told late from its own time",
        "a change told late from no earlier than what was told before",
        "a change in a gap from then on",
        "after another reason from then on",
        "a further change does not matter",
        "a change in a gap may have hidden another reason",
    ],
)
def test_the_delay_counts(before: Scheduling | None, heard: float, gap: bool, since: float) -> None:  # noqa: FBT001
    """The condition is ten seconds old at the moment 1000; the pod was told before at 900."""
    schedule = Schedule()
    if before is not None:
        schedule.see(stored("a", before), "etl", 900, 0, heard=900)
    one = schedule.see(stored("a", version="2"), "etl", 1000, 10, heard=heard, gap=gap)
    assert one.since == since


def test_a_list_after_a_gap_does_not_delay_a_pod_that_has_not_changed() -> None:
    schedule = Schedule()
    schedule.see(stored("a"), "etl", 900, 0, heard=900)
    assert schedule.see(stored("a"), "etl", 1000, 100, heard=1000, gap=True).since == 900


def test_pods_that_change_all_the_time_and_go_leave_nothing_behind() -> None:
    schedule = Schedule()
    for turn in range(20_000):
        scheduling = Scheduling.UNSCHEDULABLE if turn % 2 else Scheduling.OTHER
        one = schedule.see(stored(f"{turn % 7}", scheduling), "etl", turn, 0, heard=turn)
        one.delay = 3600
        schedule.plan(one)
    assert len(schedule) == 7
    assert len(schedule._queue) <= 2 * 7 + 1000
    schedule.keep(set(), "other")
    assert len(schedule) == 7
    schedule.keep(set(), "spark")
    assert len(schedule) == 0
    assert schedule.take(inf) is None
    assert schedule._queue == []


def test_a_pod_that_ended_without_a_node_is_never_due() -> None:
    schedule = Schedule()
    one = schedule.see(stored("a", phase="Failed"), "etl", 0, 0, heard=0)
    one.delay = 0
    schedule.plan(one)
    assert schedule.next_due() == inf
