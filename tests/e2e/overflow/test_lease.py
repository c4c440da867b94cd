"""Two controllers with one Lease: one writes at a time, and another one soon goes on for it."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.api_proxy import ApiProxy, Call, Fault, drop
from tests.e2e.overflow.replica import HOME, Replica, at_once, holder, lease, running
from tests.e2e.overflow.waiting_pods import LIMIT, History, WaitingPods
from webhook.overflow.lease import LABELS, LEASE_SECONDS, LOOK_SECONDS, POLICY_ANNOTATION, WRITE_SECONDS

pytestmark = pytest.mark.needs("control-plane")
#: The longest time between the end of a holder and the first write of the next one's Lease.
TAKEOVER_SECONDS = 15


class Pair:
    """Two controllers with one Lease, and their pods. The first one has it."""

    def __init__(self, control_plane: ControlPlane, folder: Path, profile: str = "quick") -> None:
        self.control_plane = control_plane
        self.pods = WaitingPods(control_plane, profile)
        self.lease = f"pair-{self.pods.namespace}"
        self.first, self.second = (Replica(control_plane, folder, self.lease, [self.pods.namespace]) for _ in range(2))

    @property
    def replicas(self) -> tuple[Replica, Replica]:
        return self.first, self.second

    def settle(self) -> None:
        """Waits until one of both has the Lease, which is the first one from then on."""
        wait_for(lambda: any(one.identity == self.holder != "" for one in self.replicas))
        if self.second.identity == self.holder:
            self.first, self.second = self.second, self.first

    @property
    def holder(self) -> str:
        return holder(self.control_plane, self.lease)

    @property
    def path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/{self.lease}"

    def await_takeover(self) -> float:
        """Waits until the second one has the Lease; returns when it took it."""
        wait_for(lambda: self.second.identity == self.holder and bool(_written(self.second.proxy)))
        return _written(self.second.proxy)[0]


def _written(proxy: ApiProxy) -> list[float]:
    """When the Lease was written by a controller and this was accepted."""
    calls = [*proxy.of("create lease"), *proxy.of("update lease")]
    return sorted(call.forwarded for call in calls if call.status in (200, 201))


def _await_written(since: float, *replicas: Replica) -> float:
    """Waits until one of them has written the Lease after a moment; returns when it did so first."""

    def moments() -> list[float]:
        return [moment for one in replicas for moment in _written(one.proxy) if moment > since]

    # The API server tells of it a moment before the proxy knows its answer.
    wait_for(moments)
    return min(moments())


def _takeover_seconds(since: float, taken: float, other: Replica) -> float:
    """How long a takeover lasted, without the time for which the machine kept the other controller from looking, but no
    more of it than ten seconds: a controller that hangs must fail."""
    looks = [call.began for call in other.proxy.of("get lease") if since < call.began < taken]
    late = sum(max(0, after - before - LOOK_SECONDS) for before, after in pairwise([since, *looks, taken]))
    return taken - since - min(late, 10)


@pytest.fixture
def history(control_plane: ControlPlane) -> Iterator[History]:
    with History(control_plane) as made:
        yield made


def _ended(pair: Pair) -> None:
    """SIGKILL of the holder: the other one has the Lease within 15 s. Its own SIGTERM: it is free at once."""
    pair.pods.create()
    pair.pods.await_opened()
    killed = time.monotonic()
    pair.first.kill()
    pair.pods.create(2)
    assert _takeover_seconds(killed, pair.await_takeover(), pair.second) <= TAKEOVER_SECONDS
    pair.pods.await_opened()
    stored = lease(pair.control_plane, pair.lease)
    assert stored["spec"]["leaseTransitions"] == 2
    assert stored["spec"]["leaseDurationSeconds"] == LEASE_SECONDS
    assert LABELS.items() <= stored["metadata"]["labels"].items()
    assert list(stored["metadata"]["annotations"]) == [POLICY_ANNOTATION]
    pair.second.terminate()
    assert pair.holder == ""


def _deleted(pair: Pair) -> None:
    """The Lease is deleted: one of both makes it anew when it is sure that the holder knows. A SIGTERM ends the new holder: the
    other one goes on at its next look."""
    other = pair.second
    pair.control_plane.http.delete(pair.path)
    deleted = time.monotonic()
    pair.pods.create(2)
    pair.settle()
    made = _await_written(deleted, pair.first)
    assert made - deleted > WRITE_SECONDS
    assert _takeover_seconds(deleted, made, other) <= TAKEOVER_SECONDS
    pair.pods.await_opened()
    pair.pods.create(2)
    pair.first.terminate()
    released = _written(pair.first.proxy)[-1]
    # It would last longer if the Lease were not given up.
    assert _await_written(released, pair.second) - released < LEASE_SECONDS
    pair.pods.await_opened()


def _silent(pair: Pair) -> None:
    """No renewal of the holder gets through: it begins no write after 8 s, which may take 5 s, and the other one takes over no earlier."""
    proxy = pair.first.proxy
    for step in ("update lease", "get lease"):
        proxy.add(Fault(step, drop, times=float("inf")))
    # There is something to open all the time.
    while pair.holder != pair.second.identity:
        pair.pods.create()
        time.sleep(0.5)
    taken, renewed = pair.await_takeover(), _written(proxy)[-1]
    assert taken - renewed >= LEASE_SECONDS
    assert _takeover_seconds(renewed, taken, pair.second) <= TAKEOVER_SECONDS
    pair.pods.await_opened()
    last = max(call.began for call in proxy.of("patch pod"))
    assert last - renewed < LEASE_SECONDS
    assert last < min(call.began for call in pair.second.proxy.of("patch pod"))
    wait_for(lambda: pair.second.leads)
    assert not pair.first.leads


def _stolen(pair: Pair) -> None:
    """Somebody else writes its name into the Lease: both end writing until that has not been renewed for 13 s."""
    spec = {"holderIdentity": "thief", "renewTime": "2027-01-01T00:00:00.000000Z"}
    began = time.monotonic()
    pair.control_plane.patch(pair.path, {"spec": spec})
    stolen = time.monotonic()
    wait_for(lambda: not any(one.leads for one in pair.replicas))
    pair.pods.create(4)
    wait_for(lambda: pair.holder != "thief")
    taken = _await_written(stolen, *pair.replicas)
    assert taken - began >= LEASE_SECONDS
    assert _takeover_seconds(stolen, taken, pair.second) <= TAKEOVER_SECONDS
    pair.pods.await_opened()
    assert min(call.began for one in pair.replicas for call in one.proxy.opened()) > taken
    wait_for(lambda: sum(one.leads for one in pair.replicas) == 1)


def _stopped(pair: Pair) -> None:
    """A holder that is stopped in mid-write opens one pod more than the limit allows when it goes on, and not a second one."""
    first, second = pair.first, pair.second
    held: list[Call] = []

    def stop(call: Call) -> None:
        first.stop()
        held.append(call)
        # What it sent arrives when the other one has opened as many as the limit allows.
        wait_for(lambda: pair.pods.opened() == LIMIT, timeout=120)

    # It stops at its last pod that the limit allows. The other one does not get at this pod, or it would open it itself.
    fault = first.proxy.add(Fault("patch pod", stop, skip=LIMIT - 1))
    pods = pair.pods.create(LIMIT + 3, unschedulable=False)
    for one in pods:
        pair.pods.condition(one)
        wait_for(lambda: held or first.proxy.of("patch pod", one.name))  # noqa: B023, it is called here
        if held:
            break
    second.proxy.add(Fault("get pod", drop, pod=held[0].pod, times=float("inf")))
    for one in pods[LIMIT:]:
        pair.pods.condition(one)
    pair.await_takeover()
    wait_for(lambda: held[0].status == 200)
    assert fault.done == LIMIT
    first.go_on()
    wait_for(lambda: not first.leads)
    assert pair.pods.opened() == LIMIT + 1
    # Some opened pods finish: both could open more only within the limit.
    second.proxy.clear()
    opened = [call.pod for one in pair.replicas for call in one.proxy.opened()]
    for one in pods:
        if one.name in opened[:2]:
            pair.pods.finish(one)
    wait_for(lambda: pair.pods.opened() == LIMIT + 2)
    assert len(first.proxy.opened()) == LIMIT


SCENARIOS: dict[Callable[[Pair], None], str] = {
    _ended: "quick",
    _deleted: "quick",
    _silent: "quick",
    _stolen: "quick",
    _stopped: "limited",
}


def test_one_of_two_controllers_writes_and_the_other_goes_on_within_fifteen_seconds(
    control_plane: ControlPlane, history: History, tmp_path: Path
) -> None:
    """The holder is killed, ended, stopped or cut off from its Lease, which is stolen or deleted: each in a pair of its own."""
    pairs = [Pair(control_plane, tmp_path, profile) for profile in SCENARIOS.values()]
    with running(*(one for pair in pairs for one in pair.replicas)):
        for pair in pairs:
            pair.settle()
        at_once(*(partial(play, pair) for play, pair in zip(SCENARIOS, pairs, strict=True)))
        proxies = [one.proxy for pair in pairs for one in pair.replicas]
        history.judge([pair.pods for pair in pairs], proxies, still=1)
