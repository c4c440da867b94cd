"""`python -m tests.attack.attacker …`: one process that attacks, and prints what it found as JSON."""

import asyncio
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import uvloop

from tests.attack.target import Target
from tests.live_service import ROOT, Service

#: How much longer than its time an attack may take.
_LATE = 90.0


@dataclass(frozen=True)
class Found:
    """What one attack has found."""

    statuses: dict[str, int]
    faults: list[str]


class Attacker:
    """A process that runs one attack."""

    def __init__(
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
        """`quiet` hides its standard error, for an attack on a service that ends."""
        arguments = [family, attack, running.port, running.operations_port, running.process.pid, running.tls, seconds]
        command = [sys.executable, "-m", "tests.attack.attacker", *map(str, [*arguments, scale, seed])]
        self._late = seconds + _LATE
        errors = subprocess.DEVNULL if quiet else None
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)

    @property
    def attacking(self) -> bool:
        return self._process.poll() is None

    def found(self) -> Found:
        """Waits for the end of the attack."""
        try:
            output, _ = self._process.communicate(timeout=self._late)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return Found({}, ["the attack did not end"])
        if self._process.returncode:
            return Found({}, ["the attacker failed"])
        return Found(**json.loads(output))

    def end(self) -> None:
        """Ends the attack, whatever it found."""
        self._process.kill()
        self._process.communicate()


def main(arguments: list[str]) -> None:
    """Attacks as the arguments of `Attacker` say."""
    from tests.attack.families import attack_of  # noqa: PLC0415, the families import this module

    family, name, port, operations_port, pid, tls, seconds, scale, seed = arguments

    async def run() -> Target:
        target = Target(
            port=int(port),
            operations_port=int(operations_port),
            pid=int(pid),
            tls=Path(tls),
            until=monotonic() + float(seconds),
            scale=float(scale),
            chance=random.Random(int(seed)),  # noqa: S311
        )
        await attack_of(family, name).run(target)
        return target

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        target = runner.run(run())
    faults = [f"{fault} ({count} times)" if count > 1 else fault for fault, count in target.faults.items()]
    print(json.dumps({"statuses": target.statuses, "faults": faults}))


if __name__ == "__main__":
    main(sys.argv[1:])
