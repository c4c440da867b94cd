"""The service beside the yardstick: one process each on one core, over TLS, in interleaved rounds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from rich.table import Table

from benchmarks.bare import YARDSTICK
from benchmarks.goals import Goal
from benchmarks.load import Client, Load
from benchmarks.reviews import CAPTURED, grown
from benchmarks.servers import Servers

ROUNDS = 7
REQUESTS = 10_000
CONNECTIONS = 16
#: Memory must not grow during this many reviews.
REVIEWS = 100_000
NEW_CONNECTIONS = 200
REQUESTS_OVER_NEW = 2000
LARGE_BYTES = 1_000_000
LARGE_REQUESTS = 200
#: Fewer than for small reviews: the service bounds the bodies that it holds at once.
LARGE_CONNECTIONS = 4
#: As the API server adds it.
_QUERY = "?timeout=10s"


@dataclass
class _Side:
    """One of the two servers, and the loads that it took."""

    client: Client
    loads: list[Load] = field(default_factory=list)

    def median(self, figure: Callable[[Load], float]) -> float:
        return median(figure(load) for load in self.loads)

    @property
    def resident_mib(self) -> float:
        return self.client.served.resident_mib


@dataclass(frozen=True)
class _Figure:
    name: str
    value: Callable[[Load], float]
    form: str = ".1f"
    """The format in which it is printed."""
    more_is_better: bool = False


_PROCESSOR = _Figure("processor time a review, µs", lambda load: load.processor_us)
#: Only over open connections. A handshake and a large body cost the client so much that these would be its own figures.
_PACE = (
    _Figure("rate, reviews/s", lambda load: load.rate, ",.0f", more_is_better=True),
    _Figure("latency p50, ms", lambda load: load.percentile(0.5) * 1e3, ".2f"),
    _Figure("latency p99, ms", lambda load: load.percentile(0.99) * 1e3, ".2f"),
)


def open_connections(servers: Servers) -> tuple[Table, list[Goal]]:
    """Reviews over persistent connections, as the API server sends them. Log and metrics are on."""
    body = CAPTURED.read_bytes()
    title = f"{REQUESTS:,} reviews of {len(body):,} bytes over {CONNECTIONS} open connections"
    with _sides(servers) as (bare, ours):
        _measure(bare, ours, lambda client: client.over_open(CONNECTIONS, REQUESTS, body))
        table = _table(title, bare, ours, _PROCESSOR, *_PACE)
        before = ours.resident_mib
        ours.client.over_open(CONNECTIONS, REVIEWS, body)
        after = ours.resident_mib
    ratio = _ratio(bare, ours, _PROCESSOR)
    return table, [
        Goal("processor time, bare callable on plain uvicorn / the service", ratio, "at least", 0.55, ""),
        Goal(f"resident memory after {REVIEWS + ROUNDS * REQUESTS:,} reviews", after, "at most", 62, "MiB"),
        Goal(f"growth of memory over the last {REVIEWS:,} of them", after - before, "at most", 1, "MiB"),
    ]


def new_connections(servers: Servers) -> Table:
    """Reviews over connections that last for ten of them, with their handshakes."""
    body = CAPTURED.read_bytes()
    title = (
        f"{REQUESTS_OVER_NEW:,} reviews of {len(body):,} bytes over {NEW_CONNECTIONS} new connections, with handshakes"
    )
    with _sides(servers) as (bare, ours):
        _measure(bare, ours, lambda client: client.over_new(NEW_CONNECTIONS, REQUESTS_OVER_NEW, body))
        return _table(title, bare, ours, _PROCESSOR)


def large_pod(servers: Servers) -> Table:
    """Reviews of a pod of 1 MB. Asserts that the service works on it."""
    body = grown(LARGE_BYTES)
    title = f"{LARGE_REQUESTS} reviews of {len(body):,} bytes over {LARGE_CONNECTIONS} open connections"
    with _sides(servers) as (bare, ours):
        _measure(bare, ours, lambda client: client.over_open(LARGE_CONNECTIONS, LARGE_REQUESTS, body))
        return _table(title, bare, ours, _PROCESSOR)


@contextmanager
def _sides(servers: Servers) -> Iterator[tuple[_Side, _Side]]:
    """Two new processes, so that the memory after one load says nothing of another."""
    with servers.bare() as bare, servers.service() as ours:
        authority = servers.authority
        yield _Side(Client(bare, f"/{_QUERY}", authority)), _Side(Client(ours, f"/mutate{_QUERY}", authority))


def _measure(bare: _Side, ours: _Side, load: Callable[[Client], Load]) -> None:
    for _ in range(ROUNDS):
        for side in (bare, ours):
            side.loads.append(load(side.client))
    assert b'"patch":' in ours.loads[-1].answer


def _ratio(bare: _Side, ours: _Side, figure: _Figure) -> float:
    """The median of the rounds' ratios, 1 if both are equal, less if the service is worse.

    Both loads of a round run under the same disturbance, so this is steadier than the ratio of the medians.
    """
    ratios = (figure.value(one) / figure.value(other) for one, other in zip(bare.loads, ours.loads, strict=True))
    return median(1 / ratio if figure.more_is_better else ratio for ratio in ratios)


def _table(title: str, bare: _Side, ours: _Side, *figures: _Figure) -> Table:
    title = f"{title}, medians of {ROUNDS} interleaved rounds"
    table = Table("medians", YARDSTICK, "the service", "ratio", title=title, title_justify="left")
    for figure in figures:
        values = (format(side.median(figure.value), figure.form) for side in (bare, ours))
        table.add_row(figure.name, *values, f"{_ratio(bare, ours, figure):.2f}")
    one, other = bare.resident_mib, ours.resident_mib
    table.add_row("resident memory then, MiB", f"{one:.1f}", f"{other:.1f}", f"{one / other:.2f}")
    busy = (f"{side.median(lambda load: load.busy):.0%}" for side in (bare, ours))
    table.add_row("share of the time in which it had work", *busy)
    return table
