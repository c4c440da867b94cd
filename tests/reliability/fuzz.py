"""`make fuzz`: broken input over TLS, a million times. No 5xx, no crash, no growth.

The corpus is tests/reviews and the faults of tests/service/test_bad_input.py. The inputs depend only on a seed.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import uvloop

from tests.captured_reviews import REVIEWS
from tests.live_service import Service, issue, service, trusting
from tests.reliability.client import Client, call
from tests.reliability.process import Process
from tests.service.test_bad_input import FAULTS, mangled

PATHS = [
    *["/mutate"] * 12,
    "/mutate/eci-only",
    "/mutate/ecs-only",
    "/unknown-profile",
    "/mutate/nope",
    "/",
    "/mutate/%00",
    "/x" * 40,
]
METHODS = [b"GET", b"PUT", b"HEAD", b"OPTIONS", b"BREW"]
CONNECTIONS = 16
#: How much resident memory may grow after the first tenth of the inputs, in MiB. The allocator needs some room.
GROWTH_MIB = 8


def inputs(seed: int, count: int) -> Iterator[bytes]:
    """`count` requests; most with a broken review, some broken as HTTP, some for other paths and methods."""
    chance = random.Random(seed)  # noqa: S311
    corpus = [path.read_bytes() for path in REVIEWS]
    corpus += [body for body, _ in FAULTS.values() if 0 < len(body) < 100_000]
    for _ in range(count):
        request = call(chance.choice(PATHS), mangled(chance, chance.choice(corpus)))
        match chance.randrange(20):
            case 0:
                # Only the head is broken: with a broken length the service would only wait for the rest.
                head, _, body = request.partition(b"\r\n\r\n")
                yield mangled(chance, head) + b"\r\n\r\n" + body
            case 1:
                yield chance.choice(METHODS) + b" " + chance.choice(PATHS).encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"
            case _:
                yield request


async def fuzz(running: Service, seed: int, count: int) -> tuple[Counter[int], float]:
    """The statuses of the answers to `count` inputs (0: closed without an answer), and the growth of memory in MiB."""
    statuses: Counter[int] = Counter()
    requests = inputs(seed, count)
    process = Process(running.process.pid)
    baseline = 0.0

    async def work() -> None:
        nonlocal baseline
        client = Client(running.port, trusting(running.tls))
        for request in requests:
            try:
                statuses[await asyncio.wait_for(client.exchange(request), 5)] += 1
            except (TimeoutError, IndexError, ValueError):
                # After a broken length the service waits for more, and an answer to HEAD has no body. Only this connection
                # ends.
                client.close()
                statuses[0] += 1
            if statuses.total() == count // 10:
                baseline = process.resident_mib
        client.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return statuses, process.resident_mib - baseline


def verdict(running: Service, statuses: Counter[int], growth: float) -> list[str]:
    """What is wrong with the outcome; empty if nothing is."""
    faults = [f"{count} answers with status {status}" for status, count in statuses.items() if status >= 500]
    if running.process.poll() is not None:
        faults.append("the process ended")
    elif running.readiness().status_code != 200:
        faults.append("it is not ready any more")
    if growth > GROWTH_MIB:
        faults.append(f"memory grew by {growth:.1f} MiB")
    return faults


def run(seed: int, count: int, folder: Path) -> tuple[Counter[int], float, list[str]]:
    """Fuzzes a new service; returns the statuses, the growth of memory in MiB, and what is wrong with them."""
    arguments = ["--log-rate", "1", "--read-seconds", "0.5"]
    with service(issue(folder / "tls"), folder / "log", arguments, anew=True) as running:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            statuses, growth = runner.run(fuzz(running, seed, count))
        return statuses, growth, verdict(running, statuses, growth)


def main() -> int:
    """Runs from the command line; exit code 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        statuses, growth, faults = run(options.seed, options.inputs, Path(name))
    print(
        f"seed {options.seed}: {statuses.total():,} inputs, statuses {dict(sorted(statuses.items()))}, growth {growth:.1f} MiB"
    )
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
