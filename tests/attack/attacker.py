"""`python -m tests.attack.attacker`: a process that attacks, and prints what it found as JSON."""

import asyncio
import contextlib
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from tests.attack.target import Target
from tests.live_service import ROOT, Service

#: How much longer than its time an attack may take.
_LATE = 90.0
#: How many files may be open.
_FILES = 8192


@dataclass(frozen=True)
class Found:
    """What one attack has found."""

    statuses: dict[str, int]
    faults: list[str]


class Attacker:
    """A process that runs one attack after another, each in a process that it forks.

    So what attacks need is imported once, and nothing of an attack is left but what the service keeps of it.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin
        assert process.stdout
        self._arguments, self._answers = process.stdin, process.stdout
        self._pid, self._late = 0, 0.0

    def begin(
        self,
        family: str,
        attack: str,
        running: Service,
        seconds: float,
        scale: float,
        seed: int,
        *,
        quiet: bool = False,
    ) -> None:
        """Begins an attack. `quiet` hides its standard error, for an attack on a service that ends."""
        arguments = [family, attack, running.port, running.operations_port, running.process.pid, str(running.tls)]
        self._arguments.write(json.dumps([*arguments, seconds, scale, seed, quiet]).encode() + b"\n")
        # An attack that was ended may have left a line.
        while len(line := self._next()) != 1:
            pass
        self._pid, self._late = line[0], monotonic() + seconds + _LATE

    @property
    def attacking(self) -> bool:
        return not select.select([self._answers], [], [], 0)[0]

    def found(self) -> Found:
        """Waits for the end of the attack."""
        if not select.select([self._answers], [], [], max(0, self._late - monotonic()))[0]:
            self.end()
            return Found({}, ["the attack did not end"])
        _, answer = self._next()
        return Found({}, ["the attacker failed"]) if answer is None else Found(**answer)

    def end(self) -> None:
        """Ends the attack, whatever it found."""
        if self.attacking:
            # It may end in this moment.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._next()

    def _next(self) -> Any:
        line = self._answers.readline()
        assert line, "the attacker has ended"
        return json.loads(line)


@contextlib.contextmanager
def attacker() -> Iterator[Attacker]:
    """An attacker that ends with the block."""
    _allow_files()
    command = [sys.executable, "-m", "tests.attack.attacker"]
    with subprocess.Popen(
        command, bufsize=0, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield Attacker(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _allow_files() -> None:
    """Raises the limit of open files for the processes that this one starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> None:
    """Attacks as each line of standard input says. Prints the number of each process, and then again with what it found."""
    from tests.attack import families  # noqa: F401, PLC0415, they import this module

    for line in sys.stdin.buffer:
        pid = os.fork()
        if not pid:
            print(json.dumps([os.getpid()]), flush=True)
            print(json.dumps([os.getpid(), vars(_attack(*json.loads(line)))]), flush=True)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status:
            print(json.dumps([pid, None]), flush=True)


def _attack(
    family: str,
    name: str,
    port: int,
    operations_port: int,
    pid: int,
    tls: str,
    seconds: float,
    scale: float,
    seed: int,
    quiet: bool,  # noqa: FBT001, it comes by its place
) -> Found:
    from tests.attack.families import attack_of  # noqa: PLC0415, they import this module

    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    async def run() -> Target:
        target = Target(
            port=port,
            operations_port=operations_port,
            pid=pid,
            tls=Path(tls),
            until=monotonic() + seconds,
            scale=scale,
            chance=random.Random(seed),  # noqa: S311
        )
        await attack_of(family, name).run(target)
        return target

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        target = runner.run(run())
    faults = [f"{fault} ({count} times)" if count > 1 else fault for fault, count in target.faults.items()]
    return Found(dict(target.statuses), faults)


if __name__ == "__main__":
    main()
