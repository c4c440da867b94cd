"""Clocks that differ, gaps in the watches, and pods that waited for something else: never early, and not late."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.api_proxy import Call, Fault, answer
from tests.e2e.overflow.replica import Replica, at_once, running
from tests.e2e.overflow.waiting_pods import AFTER, History, WaitingPods

pytestmark = pytest.mark.needs("control-plane")
MINUTE = 60
DELAY = AFTER["patient"]


@pytest.fixture
def history(control_plane: ControlPlane) -> Iterator[History]:
    with History(control_plane) as made:
        yield made


def _opened(pods: WaitingPods, one: Replica) -> dict[str, float]:
    """Waits until all pods are opened; returns when the patches of each went to the API server."""
    wait_for(lambda: len(one.proxy.opened()) == len(pods.made))
    return {call.pod: call.forwarded for call in one.proxy.opened()}


def _skewed(ahead: float, pods: WaitingPods, one: Replica) -> None:
    """The API server's Date differs from the clock of the scheduler, which writes the time of the condition."""
    one.proxy.shift = timedelta(seconds=ahead)
    pods.create(4, unschedulable=False)
    wait_for(lambda: _waiting(one) == 4)
    # They are known for longer than the delay before they become unschedulable.
    time.sleep(DELAY + 1)
    for pod, shift in zip(pods.made, (0, -MINUTE, MINUTE, None), strict=True):
        pods.condition(pod, shift=shift)
    pods.await_opened()


def _gated(pods: WaitingPods, one: Replica) -> None:
    """Pods that are gated, suspended or nominated wait, and count from their release."""
    gated, suspended, flapping, nominated = pods.create(4, unschedulable=False)
    pods.condition(gated, "SchedulingGated")
    pods.nominate(nominated, "node")
    pods.condition(nominated)
    pods.condition(suspended)
    pods.condition(suspended, "Suspended")
    began = time.monotonic()
    while time.monotonic() < began + DELAY + 1:
        pods.condition(flapping)
        time.sleep(0.25)
        pods.condition(flapping, "SchedulerError")
    assert pods.opened() == 0
    for pod in (gated, suspended, flapping):
        # The status of the condition has not changed, so it keeps the old time.
        pods.condition(pod, shift=-DELAY - 1)
    pods.await_opened(3)
    assert nominated.name not in [call.pod for call in one.proxy.opened()]
    pods.nominate(nominated, "")
    pods.await_opened()


def _cut(pods: WaitingPods, one: Replica) -> None:
    """A change in a gap of the watch counts from its own time, unless the pod waited for something else before."""
    (other,) = pods.create(unschedulable=False)
    pods.condition(other, "Suspended")
    (known,) = pods.create(unschedulable=False)
    # The watch tells of this pod after it has told that the other one is Suspended.
    wait_for(lambda: _waiting(one) == 2)
    with one.proxy.no_watches():
        (new,) = pods.create()
        pods.condition(known)
        pods.condition(other)
        time.sleep(DELAY + 1.5)
    opened = _opened(pods, one)
    again = next(call.forwarded for call in reversed(one.proxy.of("watch waiting")) if call.status)
    assert max(opened[known.name], opened[new.name]) < again + DELAY <= opened[other.name]


def _silent(pods: WaitingPods, one: Replica) -> None:
    """The watch does not tell that the pods are written, and that one waited for something else."""
    other, touched = pods.create(2)
    (last,) = pods.create(unschedulable=False)
    # The watch tells of this pod after it has told that the others are Unschedulable.
    wait_for(lambda: _waiting(one) == 3)
    one.proxy.hold_watches(held=True)
    pods.annotate(touched, "touched")
    pods.condition(other, "Suspended")
    pods.condition(other)
    # Once the controller looks again, it has not opened them when they were due.
    wait_for(lambda: all(len(one.proxy.of("get pod", pod.name)) > 1 for pod in (other, touched)))
    assert pods.opened() == 0
    one.proxy.hold_watches(held=False)
    pods.condition(last)
    opened = _opened(pods, one)
    assert opened[touched.name] < opened[other.name]


def _too_old(pods: WaitingPods, one: Replica) -> None:
    """After a list, a pod that has changed counts from then, and one that has not from before."""
    same, changed = pods.create(2)
    # The watch tells of the second pod after it has told that the first one is Unschedulable.
    wait_for(lambda: _waiting(one) == 2)
    with one.proxy.no_watches():
        pods.condition(changed, "Suspended")
        pods.condition(changed)
        one.proxy.add(Fault("watch waiting", answer(410)))
        time.sleep(DELAY - 1)
    opened = _opened(pods, one)
    _, listed = one.proxy.of("list waiting")
    assert opened[same.name] < listed.began + DELAY <= opened[changed.name]


def _restarted(pods: WaitingPods, one: Replica) -> None:
    """After a restart the delay counts from then."""
    pods.create(2)
    one.kill()
    time.sleep(DELAY - 1)
    one.restart()
    opened = _opened(pods, one)
    _, listed = one.proxy.of("list waiting")
    assert min(opened.values()) >= listed.began + DELAY


def _hanging(pods: WaitingPods, one: Replica) -> None:
    """No answer to any call comes for longer than a call may last; pods become due and change meanwhile."""
    (pending,) = pods.create()
    (flapping,) = pods.create(unschedulable=False)
    # The watch tells of this pod after it has told that the other one is Unschedulable.
    wait_for(lambda: _waiting(one) == 2)
    due, cut = threading.Event(), threading.Event()

    def hang(_: Call) -> None:
        due.set()
        cut.wait(60)

    one.proxy.add(Fault("get pod", hang, pod=pending.name))
    assert due.wait(60)
    with one.proxy.cut():
        cut.set()
        pods.condition(flapping)
        wait_for(lambda: _errors(one, "lease") > 0)
        pods.condition(flapping, "Suspended")
        pods.condition(flapping)
        wait_for(lambda: _errors(one, "open") > 0)
        assert pods.opened() == 0
    opened = _opened(pods, one)
    assert opened[pending.name] < opened[flapping.name]


def _waiting(one: Replica) -> float:
    return one.metrics()["spark_eci_overflow_waiting_pods"]


def _errors(one: Replica, what: str) -> float:
    return one.metrics()[f'spark_eci_overflow_errors_total{{what="{what}"}}']


SCENARIOS: tuple[Callable[[WaitingPods, Replica], None], ...] = (
    partial(_skewed, -MINUTE),
    partial(_skewed, 0),
    partial(_skewed, MINUTE),
    _gated,
    _cut,
    _silent,
    _too_old,
    _restarted,
    _hanging,
)


def test_no_pod_is_opened_early_or_lost_whatever_the_clocks_say_and_the_watches_miss(
    control_plane: ControlPlane, history: History, tmp_path: Path
) -> None:
    """Each scenario has its own controller and pods. An API server without scheduling gates tells of them by the condition."""
    groups = [WaitingPods(control_plane, "patient") for _ in SCENARIOS]
    replicas = [Replica(control_plane, tmp_path, f"clock-{pods.namespace}", [pods.namespace]) for pods in groups]
    with running(*replicas):
        at_once(*(partial(play, pods, one) for play, pods, one in zip(SCENARIOS, groups, replicas, strict=True)))
        history.judge(groups, [one.proxy for one in replicas])
