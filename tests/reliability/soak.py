"""`make soak`: mixed load for half an hour. Memory must not grow, and no call may fail."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import uvloop

from tests.captured_reviews import BUILT_IN
from tests.live_service import Service, issue, service, trusting
from tests.pods import BUILT_IN_MODES
from tests.reliability.client import Client, call
from tests.reliability.process import Process
from tests.service.test_bad_input import FAULTS

CONNECTIONS = 16
#: The allowed growth of memory between the end of the first quarter and the end of the run.
GROWTH = 0.02


@dataclass(frozen=True)
class State:
    """Quantities that must not grow."""

    resident_mib: float
    threads: int
    descriptors: int
    series: int


def state(running: Service) -> State:
    """The state of the service now."""
    process = Process(running.process.pid)
    series = sum(not line.startswith("#") for line in running.operations("/metrics").text.splitlines())
    return State(process.resident_mib, process.threads, process.descriptors, series)


async def load(running: Service, seconds: float, seed: int = 0) -> Counter[str]:
    """Sends calls of every kind for `seconds`; returns how many had the expected status, and how many another."""
    good = [
        (call(f"/mutate/{profile}", path.read_bytes()), 200)
        for path in BUILT_IN
        for profile in ("default", *BUILT_IN_MODES)
    ]
    good += [(call("/unknown-profile", BUILT_IN[0].read_bytes()), 200)]
    bad = [(call("/mutate", body), 400) for body, _ in FAULTS.values() if len(body) < 100_000]
    bad += [(call("/mutate/nope", b"{}"), 404), (b"GET /mutate HTTP/1.1\r\nHost: a\r\n\r\n", 405)]
    until = monotonic() + seconds
    outcomes: Counter[str] = Counter()

    async def work(number: int) -> None:
        chance = random.Random(seed + number)  # noqa: S311
        client = Client(running.port, trusting(running.tls))
        while monotonic() < until:
            request, expected = chance.choice(good if chance.random() < 0.95 else bad)
            status = await client.exchange(request)
            outcomes["as expected" if status == expected else f"{status} instead of {expected}"] += 1
            if chance.random() < 0.01:
                client.close()
        client.close()

    await asyncio.gather(*(work(number) for number in range(CONNECTIONS)))
    return outcomes


def run(seconds: float, folder: Path) -> tuple[Counter[str], State, State, list[str]]:
    """Loads a new service; returns outcomes, its state after a quarter of the time and at the end, and what is wrong."""
    arguments = ["--log-rate", "10"]
    with (
        service(issue(folder / "tls"), folder / "log", arguments, anew=True) as running,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        outcomes = runner.run(load(running, seconds / 4))
        before = state(running)
        outcomes += runner.run(load(running, seconds * 3 / 4, seed=1000))
        after = state(running)
    faults = [outcome for outcome in outcomes if outcome != "as expected"]
    if after.resident_mib > before.resident_mib * (1 + GROWTH):
        faults.append(f"memory grew from {before.resident_mib:.1f} to {after.resident_mib:.1f} MiB")
    faults += [
        f"{name} grew from {getattr(before, name)} to {getattr(after, name)}"
        for name in ("threads", "series")
        if getattr(after, name) > getattr(before, name)
    ]
    # Connections that were closed a moment ago may still be counted.
    if after.descriptors > before.descriptors + CONNECTIONS:
        faults.append(f"descriptors grew from {before.descriptors} to {after.descriptors}")
    return outcomes, before, after, faults


def main() -> int:
    """Runs from the command line; exit code 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        outcomes, before, after, faults = run(options.minutes * 60, Path(name))
    print(f"{outcomes.total():,} calls: {dict(outcomes)}\nafter a quarter: {before}\nat the end:      {after}")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
