"""What an attack may use: the addresses of the service, its time, and a place for what is wrong."""

import asyncio
import contextlib
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.attack.wire import Wire


@dataclass
class Target:
    """The service under attack, and what the attack has found."""

    port: int
    operations_port: int
    pid: int
    tls: Path
    """The folder of the certificate. Beside it is the folder `authority` with the key of its CA."""
    until: float
    """When the attack ends, by monotonic()."""
    scale: float
    """The share of the connections that an attack opens at full size."""
    chance: random.Random
    alone: bool = True
    """Whether no other attack runs, so that metrics can be compared."""
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    @property
    def running(self) -> bool:
        """Whether the attack has time left."""
        return monotonic() < self.until

    def wire(self, receive_buffer: int | None = None) -> Wire:
        """A connection to the admission listener."""
        return Wire(self.port, self._context, self.statuses, receive_buffer)

    def plain(self, port: int | None = None, receive_buffer: int | None = None) -> Wire:
        """A connection to `port`, or to the operations listener, without TLS."""
        return Wire(port or self.operations_port, None, self.statuses, receive_buffer)

    async def hold(self) -> None:
        """Does nothing until the end."""
        await asyncio.sleep(max(0, self.until - monotonic()))

    async def swarm(self, count: int, attack: Callable[[], Awaitable[None]]) -> None:
        """Runs `attack` in `count` (at full size) tasks, each again and again until the end. Closed connections are expected."""

        async def work() -> None:
            while self.running:
                try:
                    await attack()
                except (OSError, ssl.SSLError):
                    await asyncio.sleep(0.02)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, self.until - monotonic())):
                await asyncio.gather(*(work() for _ in range(max(1, round(count * self.scale)))))

    async def metric(self, series: str) -> float:
        """The value of one of the service's own series."""
        async with self.plain() as wire:
            await wire.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            text = (await wire.answer()).body.decode()
        prefix = f"spark_eci_webhook_{series} "
        (line,) = [one for one in text.splitlines() if one.startswith(prefix)]
        return float(line.removeprefix(prefix))


@dataclass(frozen=True)
class Attack:
    """One way to misbehave."""

    run: Callable[[Target], Awaitable[None]]
    seconds: float = 1.2
    """How long it takes at least in the short form."""
    check: bool = False
    """Whether it sends a fixed number of calls and compares their answers, so that its time does not matter."""
