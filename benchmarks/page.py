"""`make bench-page`: what the page costs the admissions, with live views open and somebody typing in the playground.

Two services run on one core: one without a page, and one with it. Its page processes run on the same core, so they
disturb the admissions as much as they can. Only the processor time of the two serving processes counts.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.browsers import VIEWS
from benchmarks.goals import Goal, judged
from benchmarks.load import Client, Load
from benchmarks.process import free_port
from benchmarks.reviews import CAPTURED
from benchmarks.servers import servers

ROUNDS: Final = 7
CONNECTIONS: Final = 16
REQUESTS: Final = 10_000
#: Reviews a second at which what the page costs each second would show most.
RATE: Final = 200
SECONDS_AT_RATE: Final = 5
#: The most that a review may take of the processor with the page, as a multiple of what it takes without.
MOST: Final = 1.05
_PATH: Final = "/mutate?timeout=10s"
_WITHOUT, _UNSEEN, _WATCHED = "no page", "page unseen", f"{VIEWS} live views, and typing"


@dataclass(frozen=True)
class _Pace:
    """How fast reviews come."""

    name: str
    load: Callable[[Client, bytes], Load]


_PACES: Final = (
    _Pace("at full rate", lambda client, body: client.over_open(CONNECTIONS, REQUESTS, body)),
    _Pace(f"at {RATE}/s", lambda client, body: client.at_rate(CONNECTIONS, RATE * SECONDS_AT_RATE, body, RATE)),
)


def main() -> int:
    """Prints the tables; returns the exit code, 1 if a goal is missed."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    goals = []
    with servers() as measured:
        port = free_port()
        with measured.service() as plain, measured.service(page_port=port) as paged:
            clients = {
                _WITHOUT: Client(plain, _PATH, measured.authority),
                _UNSEEN: Client(paged, _PATH, measured.authority),
                _WATCHED: Client(paged, _PATH, measured.authority),
            }
            for pace in _PACES:
                loads = _measured(clients, pace, port)
                console.print(_table(pace, loads))
                ratio = median(_ratios(loads, _WATCHED))
                goals.append(Goal(f"processor time with the page / without, {pace.name}", ratio, "at most", MOST, ""))
    console.print(judged(goals))
    return 0 if all(goal.reached for goal in goals) else 1


def _measured(clients: dict[str, Client], pace: _Pace, port: int) -> dict[str, list[Load]]:
    """The loads of all sides, in interleaved rounds."""
    body = CAPTURED.read_bytes()
    loads: dict[str, list[Load]] = {side: [] for side in clients}
    for _ in range(ROUNDS):
        for side, client in clients.items():
            if side == _WATCHED:
                with _browsers(port):
                    loads[side].append(pace.load(client, body))
            else:
                loads[side].append(pace.load(client, body))
    assert b'"patch":' in loads[_WATCHED][-1].answer
    return loads


@contextmanager
def _browsers(port: int) -> Iterator[None]:
    """Shows the page in all browsers during the block, and asserts that they got what they show."""
    arguments = [sys.executable, "-m", "benchmarks.browsers", str(port)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "shown\n"
        yield
        told, _ = process.communicate(timeout=30)
    got: dict[str, Any] = msgspec.json.decode(told)
    assert process.returncode == 0
    assert got["events"] > VIEWS, got
    assert got["explanations"] > 0, got


def _ratios(loads: dict[str, list[Load]], side: str) -> list[float]:
    """For each round the processor time of a review, as a multiple of that without a page."""
    return [one.processor_us / other.processor_us for one, other in zip(loads[side], loads[_WITHOUT], strict=True)]


def _table(pace: _Pace, loads: dict[str, list[Load]]) -> Table:
    title = f"Reviews over {CONNECTIONS} open connections {pace.name}, medians of {ROUNDS} interleaved rounds"
    table = Table("medians", *loads, title=title, title_justify="left")

    def add_row(name: str, value: Callable[[Load], float], form: str) -> None:
        table.add_row(name, *(format(median(map(value, found)), form) for found in loads.values()))

    add_row("processor time a review, µs", lambda load: load.processor_us, ".1f")
    ratios = {side: _ratios(loads, side) for side in loads}
    table.add_row("ratio to no page", *(f"{median(one):.3f}" for one in ratios.values()))
    table.add_row("its least and greatest", *(f"{min(one):.3f} to {max(one):.3f}" for one in ratios.values()))
    add_row("latency p50, ms", lambda load: load.percentile(0.5) * 1e3, ".2f")
    add_row("latency p99, ms", lambda load: load.percentile(0.99) * 1e3, ".2f")
    return table


if __name__ == "__main__":
    sys.exit(main())
