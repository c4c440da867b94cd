"""The controller killed at each step, calls that fail at each step, and two controllers that know nothing of each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import SCALE
from tests.e2e.overflow.api_proxy import Call, Fault, answer, drop
from tests.e2e.overflow.replica import Replica, running
from tests.e2e.overflow.waiting_pods import LIMIT, History, WaitingPods

pytestmark = pytest.mark.needs("control-plane")

#: What a controller does from its start until it has opened pods under a limit and renews its Lease: a step, and how many such
#: calls come before it.
STEPS = (
    ("list namespaces", 0),
    ("watch namespaces", 0),
    ("get lease", 0),
    ("create lease", 0),
    ("list waiting", 0),
    ("list opened", 0),
    ("watch waiting", 0),
    ("watch opened", 0),
    ("get pod", 0),
    ("read profile", 0),
    ("list opened", 1),
    ("patch pod", 0),
    ("patch pod", 1),
    ("create event", 0),
    ("update lease", 0),
)
KILLS = [(*step, after) for step in STEPS for after in (False, True) if not (after and step[0].startswith("watch"))]
#: The kills that every run has. `make reliability` has all.
ALWAYS = [
    ("get pod", 0, True),
    ("list opened", 1, True),
    ("patch pod", 0, False),
    ("patch pod", 0, True),
    ("patch pod", 1, True),
    ("create lease", 0, True),
]
#: How many controllers start at the same time.
_STARTS = 3


@pytest.fixture
def history(control_plane: ControlPlane) -> Iterator[History]:
    with History(control_plane) as made:
        yield made


def test_a_controller_killed_at_any_step_loses_no_pod_and_opens_none_twice(
    control_plane: ControlPlane, history: History, tmp_path: Path
) -> None:
    """Before the API server gets a call, and before the controller gets the answer. The next one has another Lease."""
    kills = KILLS if SCALE >= 1 else ALWAYS
    groups = [WaitingPods(control_plane, "limited") for _ in kills]
    killed = [
        Replica(control_plane, tmp_path, f"killed-{pods.namespace}", [pods.namespace], ready=False) for pods in groups
    ]
    successor = Replica(control_plane, tmp_path, f"after-{groups[0].namespace}", [pods.namespace for pods in groups])

    def kill(pods: WaitingPods, one: Replica, step: str, skip: int, after: bool) -> None:  # noqa: FBT001
        pods.create(LIMIT + 1)
        fault = one.proxy.add(Fault(step, one.die, after=after, skip=skip))
        with one:
            wait_for(lambda: not one.running)
            assert fault.done == skip + 1

    with ThreadPoolExecutor(_STARTS) as players:
        played = [players.submit(kill, pods, one, *step) for pods, one, step in zip(groups, killed, kills, strict=True)]
    for each in played:
        each.result()
    assert sum(pods.opened() for pods in groups) < len(groups) * LIMIT
    with running(successor):
        for pods in groups:
            pods.await_opened(LIMIT)
        # Every pod that is left was asked for, and stopped by the limit. One whose patch is not answered in time counts, too.
        wait_for(lambda: _limited(successor) >= len(groups))
        history.judge(groups, [one.proxy for one in (*killed, successor)], still=len(groups))
        assert [pods.opened() for pods in groups] == [LIMIT] * len(groups)


def _limited(one: Replica) -> float:
    return one.metrics()['spark_eci_overflow_limit_reached_total{limit="application",profile="limited"}']


FAULTS: dict[str, tuple[Callable[[Call], None], bool]] = {
    "dropped": (drop, False),
    "answer dropped": (drop, True),
    **{f"answered {status}": (answer(status), False) for status in (404, 409, 410, 422, 429, 500)},
    "answer 500 instead of 200": (answer(500), True),
}


def test_two_controllers_without_a_common_lease_open_each_pod_once_whatever_fails(
    control_plane: ControlPlane, history: History, tmp_path: Path
) -> None:
    """Calls for some pods are lost, or fail in each way, while both controllers open them. Lists and watches fail, too.
    Then the API server is restarted."""
    pods = WaitingPods(control_plane, "quick")
    replicas = [Replica(control_plane, tmp_path, f"{name}-{pods.namespace}", [pods.namespace]) for name in ("a", "b")]
    with running(*replicas):
        harms = [(step, *harm) for step in ("get pod", "patch pod", "create event") for harm in FAULTS.values()]
        pods.create(len(harms) + 6, unschedulable=False)
        # Each has a pod of its own, and whichever controller gets to it is harmed.
        faults = [
            [one.proxy.add(Fault(step, act, after=after, pod=pod.name)) for one in replicas]
            for (step, act, after), pod in zip(harms, pods.made, strict=False)
        ]
        acts: tuple[Callable[[Call], None], ...] = (drop, answer(500))
        for replica, act in zip(replicas, acts, strict=True):
            for step in (
                "read profile",
                "list waiting",
                "list opened",
                "watch opened",
                "watch waiting",
                "update lease",
            ):
                replica.proxy.add(Fault(step, act))
        for one in pods.made:
            pods.condition(one)
        replicas[0].proxy.end_watches(orderly=True)
        replicas[1].proxy.end_watches(orderly=False)
        replicas[1].proxy.add(Fault("watch waiting", answer(410)))
        pods.await_opened()
        # Events are told later than pods are opened, and those that the restart meets are lost.
        wait_for(lambda: all(any(fault.done for fault in both) for both in faults))
        history.await_seen(pods.create(6))
        control_plane.restart_api_server()
        pods.await_opened()
        history.judge([pods], [one.proxy for one in replicas])
