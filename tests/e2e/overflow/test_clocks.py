"""Clocks that differ, gaps in the watches, and pods that waited for something else: never early, and not late."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.api_proxy import Fault, answer
from tests.e2e.overflow.replica import Replica, at_once, running
from tests.e2e.overflow.waiting_pods import AFTER, History, WaitingPods

pytestmark = pytest.mark.needs("control-plane")
MINUTE = 60
DELAY = AFTER["patient"]


@pytest.fixture
def history(control_plane: ControlPlane) -> Iterator[History]:
    with History(control_plane) as made:
        yield made


@pytest.fixture
def replica(control_plane: ControlPlane, tmp_path: Path) -> Callable[[WaitingPods], Replica]:
    """Makes a controller for the pods of one scenario."""
    return lambda pods: Replica(control_plane, tmp_path, f"clock-{pods.namespace}", [pods.namespace])


def test_clocks_a_minute_behind_and_ahead_open_no_pod_early(
    control_plane: ControlPlane, history: History, replica: Callable[[WaitingPods], Replica]
) -> None:
    """The API server's Date differs from the clock of the scheduler, which writes the time of the condition."""
    groups = [WaitingPods(control_plane, "patient") for _ in range(3)]
    replicas = [replica(pods) for pods in groups]
    for one, ahead in zip(replicas, (-MINUTE, 0, MINUTE), strict=True):
        one.proxy.shift = timedelta(seconds=ahead)

    def play(pods: WaitingPods) -> None:
        for one, shift in zip(pods.made, (0, -MINUTE, MINUTE, None), strict=True):
            pods.condition(one, shift=shift)
        pods.await_opened()

    with running(*replicas):
        for pods in groups:
            pods.create(4, unschedulable=False)
        # They are known for longer than the delay before they become unschedulable.
        time.sleep(DELAY + 1)
        at_once(*(partial(play, pods) for pods in groups))
        history.judge(groups, [one.proxy for one in replicas])


def test_what_a_watch_missed_is_made_up_for_but_opens_no_pod_early(
    control_plane: ControlPlane, history: History, replica: Callable[[WaitingPods], Replica]
) -> None:
    """Four controllers at once: the watch is cut, silent, or too old, or the controller is restarted."""
    groups = [WaitingPods(control_plane, "patient") for _ in range(4)]
    replicas = [replica(pods) for pods in groups]
    successor = replica(groups[3])

    def cut() -> None:
        """A change in the gap counts from its own time, unless the pod waited for something else before."""
        pods, proxy = groups[0], replicas[0].proxy
        known, other = pods.create(2, unschedulable=False)
        pods.condition(other, "Suspended")
        time.sleep(0.5)
        with proxy.no_watches():
            (new,) = pods.create()
            pods.condition(known)
            pods.condition(other)
            time.sleep(DELAY + 1.5)
        pods.await_opened()
        again = next(call.forwarded for call in reversed(proxy.of("watch waiting")) if call.status)
        waits = {call.pod: call.forwarded - again for call in proxy.opened()}
        assert max(waits[known.name], waits[new.name]) < DELAY <= waits[other.name]

    def silent() -> None:
        """Nothing tells that the pods are written, and that one waited for something else."""
        pods, proxy = groups[1], replicas[1].proxy
        other, touched = pods.create(2)
        wait_for(lambda: replicas[1].metrics()["spark_eci_overflow_waiting_pods"] == 2)
        proxy.hold_watches(held=True)
        pods.annotate(touched, "touched")
        time.sleep(DELAY - 1)
        pods.condition(other, "Suspended")
        pods.condition(other)
        time.sleep(2)
        assert pods.opened() == 0
        proxy.hold_watches(held=False)
        pods.await_opened()
        opened = {call.pod: call.forwarded for call in proxy.opened()}
        assert opened[touched.name] < opened[other.name]

    def too_old() -> None:
        """After a list, a pod that has changed counts from then, and one that has not from before."""
        pods, proxy = groups[2], replicas[2].proxy
        same, changed = pods.create(2)
        time.sleep(DELAY - 1)
        with proxy.no_watches():
            pods.condition(changed, "Suspended")
            pods.condition(changed)
            proxy.add(Fault("watch waiting", answer(410)))
            time.sleep(0.5)
        pods.await_opened()
        listed = proxy.of("list waiting")
        assert len(listed) == 2
        waits = {call.pod: call.forwarded - listed[1].began for call in proxy.opened()}
        assert waits[same.name] < DELAY <= waits[changed.name]

    def restarted() -> None:
        """The delay counts from the start of the new controller."""
        pods = groups[3]
        pods.create(2)
        time.sleep(DELAY - 1)
        replicas[3].kill()
        with successor:
            pods.await_opened()
            (listed,) = successor.proxy.of("list waiting")
            assert min(call.forwarded for call in successor.proxy.opened()) - listed.began >= DELAY

    with running(*replicas):
        at_once(cut, silent, too_old, restarted)
        history.judge(groups, [one.proxy for one in (*replicas, successor)])


def test_a_pod_that_is_gated_suspended_or_nominated_waits_and_counts_from_its_release(
    control_plane: ControlPlane, history: History, replica: Callable[[WaitingPods], Replica]
) -> None:
    """On an API server without scheduling gates, the condition alone says so."""
    pods = WaitingPods(control_plane, "patient")
    one = replica(pods)
    with running(one):
        gated, suspended, flapping, nominated = pods.create(4, unschedulable=False)
        pods.condition(gated, "SchedulingGated")
        pods.condition(suspended)
        pods.condition(nominated)
        pods.nominate(nominated, "node")
        for _ in range(4):
            pods.condition(flapping)
            time.sleep(1)
            pods.condition(flapping, "SchedulerError")
            pods.condition(suspended, "Suspended")
        assert pods.opened() == 0
        for pod in (gated, suspended, flapping):
            # The status of the condition has not changed, so it keeps the old time.
            pods.condition(pod, shift=-DELAY - 1)
        pods.await_opened(3)
        assert [call.pod for call in one.proxy.opened()].count(nominated.name) == 0
        pods.nominate(nominated, "")
        pods.await_opened()
        history.judge([pods], [one.proxy])
