"""The service and the bare callable: one process each on one core, TLS, persistent connections, interleaved runs."""

import os
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from benchmarks.goals import Goal
from benchmarks.load import Load, run
from benchmarks.process import Served, free_port, served
from benchmarks.reviews import CAPTURED
from certs.issue import ensure

REQUESTS = 10_000
ROUNDS = 7
#: Memory must not grow during this many reviews.
REVIEWS = 100_000


@dataclass
class _Runs:
    served: Served
    path: str
    loads: list[Load] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)

    def load(self, authority: Path, body: bytes, requests: int) -> None:
        before = self.served.processor_seconds
        self.loads.append(run(self.served.port, authority, self.path, body, requests))
        self.processor_us.append((self.served.processor_seconds - before) / requests * 1e6)

    def median(self, quantity: str) -> float:
        match quantity:
            case "processor":
                return statistics.median(self.processor_us)
            case "rate":
                return statistics.median(load.rate for load in self.loads)
            case "p50":
                return statistics.median(load.percentile(0.5) for load in self.loads) * 1e3
            case _:
                return statistics.median(load.percentile(0.99) for load in self.loads) * 1e3


def serving() -> tuple[Table, list[Goal]]:
    """A table of both servers, and the goals with their measurements."""
    cores = sorted(os.sched_getaffinity(0))
    server_core = cores[0] if len(cores) > 1 else None
    body = CAPTURED.read_bytes()
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ensure(folder / "tls", ["localhost"], datetime.now(UTC))
        authority = folder / "tls" / "ca.crt"
        port, operations, bare_port = free_port(), free_port(), free_port()
        arguments = ["-m", "webhook", "serve", "--tls-dir", str(folder / "tls")]
        arguments += ["--port", str(port), "--operations-port", str(operations), "--log-rate", "0"]
        ready = f"http://127.0.0.1:{operations}/readyz"
        starts = [_start(arguments, port, ready, folder, server_core) for _ in range(5)]
        bare_arguments = ["-m", "benchmarks.bare", str(bare_port), str(folder / "tls")]
        bare = _Runs(stack.enter_context(served(bare_arguments, bare_port, None, folder / "bare", server_core)), "/")
        ours = _Runs(stack.enter_context(served(arguments, port, ready, folder / "ours", server_core)), "/mutate")
        if server_core is not None:
            os.sched_setaffinity(0, set(cores) - {server_core})
        try:
            for _ in range(ROUNDS):
                bare.load(authority, body, REQUESTS)
                ours.load(authority, body, REQUESTS)
            before = ours.served.resident_mib
            run(ours.served.port, authority, ours.path, body, REVIEWS)
            after = ours.served.resident_mib
        finally:
            os.sched_setaffinity(0, cores)
    ratio = bare.median("processor") / ours.median("processor")
    return _table(bare, ours), [
        Goal("processor time, bare callable / the service", ratio, "at least", 0.40, ""),
        Goal(f"resident memory after {REVIEWS + ROUNDS * REQUESTS:,} reviews", after, "at most", 64, "MiB"),
        Goal(f"growth of memory over the last {REVIEWS:,} of them", after - before, "at most", 1, "MiB"),
        Goal("start-up to ready, median of 5", statistics.median(starts), "at most", 1, "s"),
    ]


def _start(arguments: list[str], port: int, ready: str, folder: Path, core: int | None) -> float:
    with served(arguments, port, ready, folder / "start", core) as process:
        return process.seconds_to_ready


def _table(bare: _Runs, ours: _Runs) -> Table:
    title = (
        f"{ROUNDS} interleaved rounds of {REQUESTS:,} reviews of {len(CAPTURED.read_bytes()):,} bytes, 16 connections"
    )
    table = Table("medians", "bare callable", "the service", "ratio", title=title, title_justify="left")
    for name, quantity, form in (
        ("processor time a request, µs", "processor", ".1f"),
        ("rate, requests/s", "rate", ",.0f"),
        ("latency p50, ms", "p50", ".2f"),
        ("latency p99, ms", "p99", ".2f"),
    ):
        one, other = bare.median(quantity), ours.median(quantity)
        ratio = other / one if quantity == "rate" else one / other
        table.add_row(name, format(one, form), format(other, form), f"{ratio:.2f}")
    return table
