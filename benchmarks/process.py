"""A process, measured through /proc: processor time, memory, and the time until it is ready."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter, sleep

#: Linux gives these to nobody who asks for any port (ip_local_port_range), so they stay free until somebody listens.
#: Processes that run beside each other begin far apart.
_ports = (20_000 + number % 12_000 for number in count(7417 * os.getpid()))


def free_port() -> int:
    """A port that is free on every address of this machine, and that nobody gets by chance."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with suppress(OSError), socket.create_server(("", port), family=family, dualstack_ipv6=both):
        return True
    return False


@dataclass(frozen=True)
class Used:
    """What a process took of its processor core, in seconds."""

    processor: float
    """Processor time of all threads."""
    waited: float
    """Time in which a thread was ready to run, but another process had the core."""

    def __sub__(self, before: "Used") -> "Used":
        """What it took since `before`."""
        return Used(self.processor - before.processor, self.waited - before.waited)


class Served:
    """One running process that serves `port`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, seconds_to_ready: float) -> None:
        """Watches `process`, which got ready in `seconds_to_ready`."""
        self._folder = Path("/proc") / str(process.pid)
        self.port = port
        self.seconds_to_ready = seconds_to_ready
        self.used_to_ready = self.used
        self.resident_mib_when_ready = self.resident_mib

    @property
    def used(self) -> Used:
        """What its threads took so far, which the kernel's scheduler counts in nanoseconds."""
        threads = [file.read_text(encoding="ascii").split() for file in self._folder.glob("task/*/schedstat")]
        return Used(sum(int(one[0]) for one in threads) / 1e9, sum(int(one[1]) for one in threads) / 1e9)

    @property
    def resident_mib(self) -> float:
        """Resident memory now, in MiB."""
        status = (self._folder / "status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def apart() -> Iterator[int | None]:
    """Yields a processor core for servers, and keeps this process on the others. Without a second core yields None."""
    cores = os.sched_getaffinity(0)
    core = min(cores) if len(cores) > 1 else None
    os.sched_setaffinity(0, cores - {core} or cores)
    try:
        yield core
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def served(arguments: Sequence[str], port: int, ready: str | None, log: Path, core: int | None) -> Iterator[Served]:
    """Runs `python ARGUMENTS` during the block. It is ready when `ready` (a URL), or else `port`, answers."""
    started = perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            while not _answers(port, ready):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                sleep(0.005)
            yield Served(process, port, perf_counter() - started)
        finally:
            process.terminate()
            try:
                process.wait(10)
            finally:
                process.kill()


def _answers(port: int, ready: str | None) -> bool:
    try:
        if ready is None:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        with urllib.request.urlopen(ready, timeout=1) as response:  # noqa: S310, a URL on loopback
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
