"""The Lease, against a server in memory that loses calls and answers. Time passes only where the tests say so."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.cluster_errors import ClusterError, ConflictError, NotFoundError
from webhook.overflow import lease as module
from webhook.overflow.api_server import ApiServer
from webhook.overflow.lease import LABELS, LEASE_SECONDS, LOOK_SECONDS, POLICY_ANNOTATION, WRITE_SECONDS, Lease

START = datetime(2027, 1, 1, tzinfo=UTC)
#: The longest time between the end of a holder and the next one.
TAKEOVER_SECONDS = 15


@dataclass
class Server:
    """One Lease with its resourceVersion, and the clock of everybody."""

    now: float = 1000
    stored: dict[str, Any] | None = None
    version: int = 0
    faults: list[str] = field(default_factory=list)
    """What happens to the next calls: `lost` on the way, `answer lost`, `slow`, or a status."""
    calls: int = 0
    gone: ClusterError = field(default_factory=lambda: NotFoundError("there is none", 404))
    """What an update of a Lease is answered that was deleted. It depends on the version of the API server."""

    def lease(self, _namespace: str, _name: str) -> dict[str, Any] | None:
        lost = self._begin()
        found = copy.deepcopy(self.stored)
        self._end(lost=lost)
        return found

    def write_lease(self, body: dict[str, Any]) -> dict[str, Any]:
        lost = self._begin()
        version = body["metadata"].get("resourceVersion")
        if version is not None and self.stored is None:
            raise self.gone
        if self.stored is not None and version != self.stored["metadata"]["resourceVersion"]:
            raise ConflictError("written in between", 409)
        self.put(body)
        self._end(lost=lost)
        return copy.deepcopy(body)

    def put(self, body: dict[str, Any]) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.stored = copy.deepcopy(body)

    def _begin(self) -> bool:
        """Whether the answer gets lost."""
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "slow":
            self.now += 4.9
        elif fault == "lost":
            self.now += 5
            raise ClusterError("no answer")
        elif fault.isdecimal():
            raise ClusterError("refused", int(fault))
        return fault == "answer lost"

    def _end(self, *, lost: bool) -> None:
        if lost:
            self.now += 5
            raise ClusterError("no answer")


class Replica:
    """One controller's Lease, and when its next turn is."""

    def __init__(self, server: Server, identity: str) -> None:
        self.lease = Lease(
            cast(ApiServer, server),
            lambda: START + timedelta(seconds=server.now),
            "spark",
            "overflow",
            identity,
            "digest",
        )
        self._server = server
        self.next = server.now
        self.paused = False

    def turn(self) -> None:
        try:
            wait = self.lease.turn()
        except ClusterError:
            wait = LOOK_SECONDS
        self.next = self._server.now + wait


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    return made


def run(server: Server, replicas: list[Replica], seconds: float) -> Iterator[None]:
    """Lets time pass, and yields after each turn and before each further second."""
    end = server.now + seconds
    while True:
        ready = [one for one in replicas if not one.paused]
        first = min(ready, key=lambda one: one.next, default=None)
        moment = min(server.now + 1, end) if first is None else min(first.next, server.now + 1, end)
        server.now = max(server.now, moment)
        if first is not None and first.next <= server.now:
            first.turn()
        yield
        if server.now >= end:
            return


def holders(replicas: list[Replica]) -> list[Replica]:
    return [one for one in replicas if one.lease.may_write]


FAULTS = st.sampled_from(["", "", "slow", "lost", "answer lost", "500", "429"])
ACTS = st.sampled_from(["pass", "pause", "go on", "delete"])


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(ACTS, st.integers(0, 2), st.floats(0, 20), st.lists(FAULTS, max_size=6)), min_size=1, max_size=12
    ),
    st.sampled_from([NotFoundError("there is none", 404), ConflictError("there is none", 409)]),
)
def test_two_never_write_at_once_whatever_is_lost_and_one_writes_in_the_end(
    acts: list[tuple[str, int, float, list[str]]], gone: ClusterError
) -> None:
    """Controllers are stopped and go on, calls and answers are lost or slow, and the Lease is deleted once."""
    server, deleted = Server(gone=gone), False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "monotonic", lambda: server.now)
        replicas = [Replica(server, name) for name in ("a", "b", "c")]
        for _ in run(server, replicas, 3):
            assert len(holders(replicas)) <= 1
        for act, number, seconds, faults in acts:
            server.faults = list(faults)
            if act == "delete" and not deleted:
                deleted, server.stored = True, None
            elif act in ("pause", "go on"):
                replicas[number].paused = act == "pause"
            for _ in run(server, replicas, seconds):
                assert len(holders(replicas)) <= 1
        server.faults = []
        for one in replicas:
            one.paused = False
        for _ in run(server, replicas, TAKEOVER_SECONDS):
            assert len(holders(replicas)) <= 1
        assert len(holders(replicas)) == 1


@pytest.mark.parametrize("faults", [[], ["500"], ["", "429", "", "500"]])
@pytest.mark.parametrize("after", [0.0, 0.9, 1.9])
def test_a_takeover_lasts_at_most_fifteen_seconds(server: Server, faults: list[str], after: float) -> None:
    """The holder ends some time after it renewed, and the other one's calls are refused now and then."""
    first, second = Replica(server, "first"), Replica(server, "second")
    first.turn()
    list(run(server, [first, second], 10 + after))
    assert first.lease.may_write
    ended = server.now
    server.faults = faults
    for _ in run(server, [second], TAKEOVER_SECONDS):
        if second.lease.may_write:
            break
    assert second.lease.may_write
    assert server.now - ended <= TAKEOVER_SECONDS
    assert not first.lease.may_write


def test_a_lease_that_is_given_up_is_taken_at_the_next_look(server: Server) -> None:
    first, second = Replica(server, "first"), Replica(server, "second")
    first.turn()
    second.turn()
    first.lease.release()
    assert not first.lease.may_write
    server.now += LOOK_SECONDS
    second.turn()
    assert second.lease.may_write
    assert server.stored
    assert server.stored["spec"]["leaseTransitions"] == 2


def test_writing_ends_eight_seconds_after_the_last_renewal_began(server: Server) -> None:
    one = Replica(server, "one")
    server.faults = ["", "slow"]
    began = server.now
    one.turn()
    assert server.now > began
    server.now = began + WRITE_SECONDS - 0.1
    assert one.lease.may_write
    server.now = began + WRITE_SECONDS
    assert not one.lease.may_write


def test_a_deleted_lease_is_not_taken_while_its_holder_may_write(server: Server) -> None:
    first, second = Replica(server, "first"), Replica(server, "second")
    first.turn()
    second.turn()
    server.stored = None
    list(run(server, [second], LEASE_SECONDS - 1))
    assert not second.lease.may_write
    list(run(server, [second], 2))
    assert second.lease.may_write


def test_a_stolen_lease_is_lost_with_the_next_renewal_and_left_to_the_thief_while_it_is_valid(server: Server) -> None:
    one = Replica(server, "one")
    one.turn()
    assert one.lease.epoch == 1
    assert server.stored
    server.put({**server.stored, "spec": {"holderIdentity": "thief"}})
    list(run(server, [one], 3))
    assert not one.lease.may_write
    list(run(server, [one], LEASE_SECONDS - 2))
    assert not one.lease.may_write
    list(run(server, [one], 3))
    assert one.lease.may_write
    assert one.lease.epoch == 2


def test_a_lease_in_constant_conflict_is_not_asked_for_without_a_pause(server: Server) -> None:
    one = Replica(server, "one")
    one.turn()
    before = server.calls
    for _ in run(server, [one], 10):
        assert server.stored
        server.put(server.stored)
    assert server.calls - before <= 150


def test_a_new_lease_has_the_labels_and_the_policy_by_which_it_is_found(server: Server) -> None:
    one = Replica(server, "one")
    one.turn()
    moment = "2027-01-01T00:16:40.000000Z"
    assert server.stored == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "overflow",
            "namespace": "spark",
            "labels": LABELS,
            "annotations": {POLICY_ANNOTATION: "digest"},
            "resourceVersion": "1",
        },
        "spec": {
            "holderIdentity": "one",
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": moment,
            "renewTime": moment,
            "leaseTransitions": 1,
        },
    }
