"""What the page process is told: whole messages on a real socket, never more than fits, and nobody waits."""

import json
import socket
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from webhook.core.reasons import Caution, Reason
from webhook.core.review import Admission
from webhook.service import feed as module
from webhook.service.feed import MOST, Feed
from webhook.service.feed_messages import MOST_BYTES
from webhook.service.metrics import Metrics

NOW = 1_700_000_000.25
EXPIRY = NOW + 86_400
CAUTION = Caution(next(iter(Reason)), "a sentence about the pod's own values")


def _admission(application: str = "spark-pi", **facts: Any) -> Admission:
    placed = {"namespace": "etl", "role": "executor", "mode": "ecs-first", "application": application}
    return Admission(**{"uid": "u", "outcome": "patched", "profile": "default", "name": "pod-1", **placed, **facts})


def _row(seq: int) -> list[Any]:
    return [seq, NOW, "etl", "spark-pi", "executor", "ecs-first", "patched", "", 1500]


@dataclass
class Told:
    """A feed, and the end of its socket that a page process reads."""

    feed: Feed
    metrics: Metrics
    ours: socket.socket
    theirs: socket.socket

    def admit(self, admission: Admission, times: int = 1) -> None:
        for _ in range(times):
            self.metrics.admitted(admission, 0.0015)
            self.feed.record(admission, 0.0015)

    def tell(self) -> None:
        self.feed.tell(self.ours)

    def read(self) -> list[dict[str, Any]]:
        """The messages that wait."""
        found = []
        while True:
            try:
                found.append(json.loads(self.theirs.recv(MOST_BYTES)))
            except BlockingIOError:
                return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setattr(module, "time", lambda: NOW)
    metrics = Metrics("digest")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for one in (ours, theirs):
            one.setblocking(False)  # noqa: FBT003, the name says it
        yield Told(Feed(metrics), metrics, ours, theirs)


def test_a_tick_has_the_totals_and_the_new_decisions(told: Told) -> None:
    """Of the pod it has nothing but what the live view shows: no name, no uid, no sentence."""
    told.tell()
    nothing: dict[str, Any] = {
        "now": NOW,
        "certificateNotAfter": None,
        "admitted": [],
        "warnings": {},
        "seq": 0,
        "decisions": [],
    }
    assert told.read() == [nothing]
    told.metrics.reloaded("loaded", EXPIRY)
    told.admit(_admission(), 2)
    denied = _admission("", mode="eci-only", outcome="denied", reason=CAUTION.reason, cautions=(CAUTION,))
    told.admit(denied)
    told.tell()
    admitted = [["ecs-first", "patched", 2], ["eci-only", "denied", 1]]
    last = [3, NOW, "etl", "", "executor", "eci-only", "denied", CAUTION.reason, 1500]
    changed = {"certificateNotAfter": EXPIRY, "admitted": admitted, "warnings": {CAUTION.reason: 1}, "seq": 3}
    assert told.read() == [nothing | changed | {"decisions": [_row(1), _row(2), last]}]
    told.tell()
    assert told.read() == [nothing | changed]


def test_totals_are_those_of_all_profiles_and_roles(told: Told) -> None:
    told.admit(_admission(), 2)
    told.admit(_admission(role="driver", profile="other"), 3)
    told.tell()
    (tick,) = told.read()
    assert tick["admitted"] == [["ecs-first", "patched", 5]]


def test_a_tick_has_no_more_than_the_newest_decisions(told: Told) -> None:
    told.admit(_admission(), MOST + 50)
    told.tell()
    (tick,) = told.read()
    assert (tick["seq"], tick["decisions"]) == (MOST + 50, [_row(seq) for seq in range(51, MOST + 51)])


def test_what_did_not_fit_comes_with_the_next_tick(told: Told) -> None:
    """A page process that does not read makes nobody wait, and the kernel keeps little for it."""
    for _ in range(1000):
        told.admit(_admission())
        told.tell()
    waiting = told.read()
    assert len(waiting) < 1000
    assert [tick["decisions"] for tick in waiting] == [[_row(tick["seq"])] for tick in waiting]
    told.tell()
    (tick,) = told.read()
    assert (tick["seq"], tick["decisions"]) == (1000, [_row(seq) for seq in range(1000 - MOST + 1, 1001)])


def test_a_new_page_process_hears_of_all_decisions_that_are_kept(told: Told) -> None:
    told.admit(_admission(), 3)
    told.tell()
    told.read()
    told.feed.start_over()
    told.admit(_admission())
    told.tell()
    (tick,) = told.read()
    assert tick["decisions"] == [_row(seq) for seq in range(1, 5)]


@pytest.mark.parametrize("character", ["x", '"', "\x00", "ß", "漢", "\ud800"])
def test_the_longest_texts_fit_into_a_message(told: Told, character: str) -> None:
    """An API server checks the length of a label only after the review."""
    long = character * 100_000
    told.admit(_admission(long, namespace=long), MOST)
    told.tell()
    (tick,) = told.read()
    assert tick["seq"] == MOST
    assert tick["decisions"][-1][0] == MOST
    assert len(tick["decisions"]) >= MOST // 2
    assert all(len(json.dumps(text, ensure_ascii=False).encode()) <= 255 for text in tick["decisions"][-1][2:4])


def test_long_texts_are_not_kept(told: Told) -> None:
    tracemalloc.start()
    try:
        for _ in range(MOST):
            long = "x" * 100_000
            told.feed.record(_admission(long, name=long, namespace=long), 0.001)
            del long
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500_000


def test_nobody_to_tell_is_an_error(told: Told) -> None:
    told.theirs.close()
    with pytest.raises(BrokenPipeError):
        told.tell()
