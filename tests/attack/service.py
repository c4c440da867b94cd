"""The process under attack: started as a user starts it, and watched from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attack.turns import Turns
from tests.deadline import wait_for
from tests.live_service import ROOT, Service
from tests.reliability.process import Process

#: How long the process may take to end: a second to drain, five to stop, and the rest for a busy machine.
STOP_SECONDS = 60
_SAMPLES = 0.005


@dataclass(frozen=True)
class Attacked(Service):
    """A service process with its longest turn and its peak of memory."""

    turns: Turns
    memory: "Memory"

    @property
    def calm(self) -> bool:
        """Whether the service holds nothing of any request."""
        return self.metric("admission_in_flight") == self.metric("admission_body_bytes") == 0

    def measure(self) -> None:
        """Begins to measure anew."""
        self.turns.reset()
        self.memory.reset()

    def ends(self) -> str | None:
        """Sends SIGTERM; returns what is wrong with the end of the process, or None."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return f"the process runs {STOP_SECONDS} seconds after SIGTERM"
        return f"exit code {code}" if code else None


class Memory:
    """The peak of a process's resident memory: from samples and, if the kernel can reset it, from VmHWM."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._sampled = 0.0
        self._exact = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def reset(self) -> None:
        self._sampled = 0.0
        with contextlib.suppress(OSError):
            # Makes VmHWM the present size (proc(5), /proc/PID/clear_refs).
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")
            self._exact = True

    @property
    def peak_mib(self) -> float:
        """The peak since the last reset."""
        if self._exact:
            with contextlib.suppress(OSError, IndexError):
                return max(self._sampled, self._process.peak_mib)
        return self._sampled

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLES):
            with contextlib.suppress(OSError, IndexError):
                self._sampled = max(self._sampled, self._process.resident_mib)


@contextlib.contextmanager
def attacked(
    folder: Path, tls: Path, arguments: Sequence[str] = (), *, log_read: bool = True, patient: bool = False
) -> Iterator[Attacked]:
    """Runs the service with the certificate in `tls` while the block lasts.

    Its log is `folder`/log; or else it is a pipe of which only the first lines are read. If it is `patient`, clients that
    connected before its end have longer to begin their request.
    """
    turns, log = Turns(folder / "turns"), folder / "log"
    command = [sys.executable, "-m", "tests.attack.watched", str(folder / "turns"), *(["patient"] if patient else [])]
    command += ["serve", "--tls-dir", str(tls), "--drain-seconds", "1"]
    command += ["--port", "0", "--operations-port", "0", *arguments]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=file if log_read else subprocess.PIPE,
            stderr=file,
            env=environment(),
        )
    try:
        if process.stdout is None:
            wait_for(lambda: b'"serving"' in log.read_bytes() or process.poll() is not None)
            lines = log.read_bytes().splitlines()
        else:
            lines = []
            while not lines or (lines[-1] and b'"serving"' not in lines[-1]):
                lines.append(process.stdout.readline())
        (event,) = [json.loads(line) for line in lines if b'"serving"' in line]
        ports = [int(event[key].rsplit(":", 1)[1]) for key in ("reviews", "operations")]
        memory = Memory(Process(process.pid))
        try:
            yield Attacked(process, ports[0], ports[1], tls, log, page="", turns=turns, memory=memory)
        finally:
            memory.close()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def environment() -> dict[str, str]:
    """The environment without coverage measurement, which would make the turns of the loop longer."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def descriptors(running: Attacked, most: int, seconds: float = 15) -> str | None:
    """What is wrong with the number of open files after an attack, or None."""
    process = Process(running.process.pid)
    until = time.monotonic() + seconds
    while process.descriptors > most:
        if time.monotonic() > until:
            return f"{process.descriptors} open files {seconds:g} seconds after the attack"
        time.sleep(0.1)
    return None
