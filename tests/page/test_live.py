"""The live view's stream: a real page process, told what a serving process tells."""

import contextlib
import json
import signal
import statistics
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.page.page_process import STARTED, Page, greeting, page, tick, wait_until

ROW = ("etl", "spark-pi", "executor", "ecs-first", "patched", "")
NAMES = ("seq", "time", "namespace", "application", "role", "mode", "outcome", "reason", "microseconds")


def row(seq: int, microseconds: int = 100) -> list[Any]:
    return [seq, STARTED + seq, *ROW, microseconds]


def shown(*rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, one, strict=True)) for one in rows]


class Stream:
    """The events of one stream."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.id = ""

    def next(self, name: str) -> dict[str, Any]:
        """The data of the next event, which is of the kind `name`. Before it, nothing may have come for a while."""
        event = self.any()
        while event[0] == "stale" != name:
            assert event[1]["seconds"] >= 3
            event = self.any()
        assert event[0] == name, event
        return event[1]

    def any(self) -> tuple[str, dict[str, Any]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                break
            key, _, value = line.partition(": ")
            fields[key] = value
        self.id = fields.get("id", self.id)
        return fields["event"], json.loads(fields["data"])


@contextlib.contextmanager
def stream(of: Page, last: str = "") -> Iterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    with httpx.stream("GET", f"{of.url}/live", headers=headers, timeout=30) as answer:
        assert answer.status_code == httpx.codes.OK
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.iter_lines())


def test_a_stream_begins_with_a_snapshot_and_goes_on_with_ticks() -> None:
    with page() as running, stream(running) as events:
        nothing = {
            "started": STARTED,
            "now": STARTED,
            "policy": greeting()["policy"]["digest"],
            "certificateDaysLeft": None,
            "rates": {"seconds": 60, "perSecond": 0, "total": 0, "by": []},
            "latency": None,
            "warnings": [],
            "seq": 0,
            "missed": 0,
            "decisions": [],
        }
        assert events.next("snapshot") == nothing
        admitted = [["ecs-only", "patched", 4], ["", "skipped", 2]]
        first = tick(
            10, certificateNotAfter=STARTED + 10 + 86_400 * 2.5, admitted=admitted, warnings={"unsupported": 1}
        )
        running.tell(first | {"seq": 6, "decisions": [row(5, 200), row(6, 50)]})
        assert events.next("tick") == {
            "started": STARTED,
            "now": STARTED + 10,
            "policy": greeting()["policy"]["digest"],
            "certificateDaysLeft": 2.5,
            "rates": {
                "seconds": 60,
                "perSecond": pytest.approx(0.6),
                "total": 6,
                "by": [
                    {"mode": "", "outcome": "skipped", "perSecond": 0.2, "total": 2},
                    {"mode": "ecs-only", "outcome": "patched", "perSecond": 0.4, "total": 4},
                ],
            },
            "latency": {"count": 2, "p50": 50, "p90": 200, "p99": 200, "max": 200},
            "warnings": [{"reason": "unsupported", "total": 1, "perMinute": 6}],
            "seq": 6,
            "missed": 4,
            "decisions": shown(row(5, 200), row(6, 50)),
        }
        assert events.id == f"{STARTED}-6"


def test_a_client_that_comes_back_gets_what_it_has_missed_and_nothing_twice() -> None:
    with page() as running:
        with stream(running) as events:
            events.next("snapshot")
            running.tell(tick(1, seq=2, decisions=[row(1), row(2)]))
            assert events.next("tick")["decisions"] == shown(row(1), row(2))
            last = events.id
        running.tell(tick(2, seq=4, decisions=[row(3), row(4)]))
        running.tell(tick(3, seq=505, decisions=[row(seq) for seq in range(306, 506)]))
        with stream(running) as events:
            wait_for_seq(events, 505)
        with stream(running) as events:
            found = events.next("snapshot")
            assert found["decisions"] == shown(*[row(seq) for seq in range(306, 506)])
            assert found["missed"] == 305
        with stream(running, last) as events:
            found = events.next("snapshot")
            assert found["missed"] == 303
            assert found["decisions"][0]["seq"] == 306
        with stream(running, f"{STARTED}-504") as events:
            found = events.next("snapshot")
            assert (found["missed"], found["decisions"]) == (0, shown(row(505)))


def test_a_page_process_that_knows_less_than_its_client_sends_nothing_twice() -> None:
    with page() as running, stream(running, f"{STARTED}-5") as events:
        found = events.next("snapshot")
        assert (found["seq"], found["missed"], found["decisions"]) == (0, 0, [])
        assert events.id == f"{STARTED}-5"
        running.tell(tick(1, seq=6, decisions=[row(seq) for seq in range(1, 7)]))
        found = events.next("tick")
        assert (found["seq"], found["missed"], found["decisions"]) == (6, 0, shown(row(6)))
        assert events.id == f"{STARTED}-6"


def test_rates_begin_anew_after_the_clock_was_set_back() -> None:
    with page() as running, stream(running) as events:
        events.next("snapshot")
        for now, total in ((1000, 100), (1010, 200), (500, 300), (510, 350)):
            made = [total, STARTED + now, *ROW, total]
            running.tell(tick(now, seq=total, admitted=[["eci-only", "patched", total]], decisions=[made]))
            found = events.next("tick")
        assert found["rates"]["perSecond"] == pytest.approx(5)
        assert found["latency"] == {"count": 2, "p50": 300, "p90": 350, "p99": 350, "max": 350}


def test_an_id_of_another_process_or_of_none_begins_anew() -> None:
    with page() as running:
        running.tell(tick(1, seq=2, decisions=[row(1), row(2)]))
        with stream(running) as events:
            wait_for_seq(events, 2)
        for last in (f"{STARTED - 1}-2", "-2", "x", f"{STARTED}-x", f"{STARTED}-{'9' * 40}", f"{STARTED}-٣"):
            header = {b"Last-Event-ID": last.encode()}
            with httpx.stream("GET", f"{running.url}/live", headers=header, timeout=30) as answer:
                found = Stream(answer.iter_lines()).next("snapshot")
            assert (last, found["missed"], found["decisions"]) == (last, 0, shown(row(1), row(2)))


def wait_for_seq(events: Stream, seq: int) -> None:
    while events.any()[1].get("seq") != seq:
        pass


def test_rates_and_latencies_are_those_of_the_last_minute() -> None:
    with page() as running, stream(running) as events:
        events.next("snapshot")
        durations = [[(second * 37 + 11 * one) % 1000 for one in range(20)] for second in range(101)]
        for second in range(1, 101):
            first = second * 20 - 19
            rows = [row(first + index, durations[second][index]) for index in range(20)]
            total = second * 20 if second <= 50 else 1000 + (second - 50) * 20 * 2
            told = tick(
                second, seq=second * 20, admitted=[["eci-only", "patched", total]], warnings={"outranked": second}
            )
            running.tell(told | {"decisions": rows})
            found = events.next("tick")
        lately = [one for second in range(41, 101) for one in durations[second]]
        cuts = statistics.quantiles(lately, n=100, method="inclusive")
        assert found["latency"]["count"] == len(lately) == 1200
        for name, cut in (("p50", cuts[49]), ("p90", cuts[89]), ("p99", cuts[98])):
            # Two ways to take a percentile differ by less than one of the durations.
            at = sorted(lately).index(found["latency"][name])
            assert sorted(lately)[max(0, at - 25)] <= cut <= sorted(lately)[min(len(lately) - 1, at + 25)]
        assert found["latency"]["max"] == max(lately)
        # From second 40 to 100: 200 by the slow rate, and 2000 by the fast one.
        assert found["rates"]["perSecond"] == pytest.approx(2200 / 60)
        assert found["warnings"] == [{"reason": "outranked", "total": 100, "perMinute": pytest.approx(60)}]


def test_a_serving_process_that_falls_silent_is_told_and_so_is_its_return() -> None:
    with page() as running, stream(running) as events:
        events.next("snapshot")
        running.tell(tick(1))
        events.next("tick")
        assert events.next("stale")["seconds"] >= 3
        assert events.next("stale")["seconds"] >= 4
        # One that comes now is told at once, and not three seconds later.
        with stream(running) as late:
            late.next("snapshot")
            assert late.next("stale")["seconds"] >= 4
            running.tell(tick(7, seq=1, decisions=[row(1)]))
            for one in (events, late):
                while (event := one.any())[0] == "stale":
                    pass
                assert (event[0], event[1]["decisions"]) == ("tick", shown(row(1)))


def test_more_than_32_streams_are_refused_until_one_ends() -> None:
    with page() as running:
        with contextlib.ExitStack() as open_streams:
            # A stream ends with the last reference to it.
            streams = [open_streams.enter_context(stream(running)) for _ in range(32)]
            for one in streams:
                one.next("snapshot")
            answer = httpx.get(f"{running.url}/live", timeout=30)
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert answer.json() == {"error": "32 live views are open; close one of them"}

        def accepted() -> bool:
            with httpx.stream("GET", f"{running.url}/live", timeout=30) as again:
                return again.status_code == httpx.codes.OK

        running.tell(tick(1))
        wait_until(accepted)


def test_a_message_that_cannot_be_read_changes_nothing() -> None:
    with page() as running, stream(running) as events:
        events.next("snapshot")
        running.feed.send(b"{")
        running.feed.send(b'{"now": "soon"}')
        running.tell(tick(1, seq=1, decisions=[row(1)]))
        assert events.next("tick")["decisions"] == shown(row(1))


@pytest.mark.parametrize("way", ["feed", "signal"])
def test_all_streams_end_with_the_process(way: str) -> None:
    with page() as running, stream(running) as events:
        events.next("snapshot")
        if way == "feed":
            running.feed.close()
        else:
            running.process.send_signal(signal.SIGTERM)
        assert {line for line in events._lines if line.startswith("event: ")} <= {"event: stale"}
        assert running.process.wait(30) == 0
