"""A server process, measured through /proc: processor time, memory, and the time until it is ready."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep


def free_port() -> int:
    """A port on loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """One running server, pinned to a processor core."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, seconds_to_ready: float) -> None:
        """Watches `process`, which serves reviews on `port`."""
        self.process = process
        self.port = port
        self.seconds_to_ready = seconds_to_ready

    @property
    def processor_seconds(self) -> float:
        """Processor time so far, which the kernel's scheduler counts in nanoseconds."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9

    @property
    def resident_mib(self) -> float:
        """Resident memory now, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def served(arguments: Sequence[str], port: int, ready: str | None, log: Path, core: int | None) -> Iterator[Served]:
    """Runs `python ARGUMENTS` during the block. The server is ready when `ready` (a URL), or else `port`, answers."""
    started = perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        try:
            while not _answers(port, ready):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                sleep(0.005)
            yield Served(process, port, perf_counter() - started)
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int, ready: str | None) -> bool:
    try:
        if ready is None:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        with urllib.request.urlopen(ready, timeout=1) as response:  # noqa: S310, a URL on loopback
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
