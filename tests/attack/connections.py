"""More connections than the service wants, in every stage."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

from tests.attack.target import Attack, Target
from tests.attack.wire import Wire

_HEAD = b"POST /mutate HTTP/1.1\r\nHost: a\r\n"


async def _held(target: Target, count: int, opened: Callable[[Wire], Awaitable[None]], *, tls: bool = True) -> None:
    """Keeps `count` connections open, each after `opened`; opens one again if the service closes it."""
    opening = asyncio.Semaphore(64)

    async def hold() -> None:
        wire = target.wire() if tls else target.plain(target.port)
        try:
            async with opening:
                await wire.__aenter__()
                await opened(wire)
            while True:
                await wire.receive()
        finally:
            wire.abort()
            if target.running:
                await asyncio.sleep(target.chance.random())

    await target.swarm(count, hold)


async def half_bodies(target: Target) -> None:
    """Nearly as much of a body as is always read."""
    data = _HEAD + b"Content-Length: 4000000\r\n\r\n" + b" " * 65_000
    await _held(target, 1200, lambda wire: wire.send(data))


async def idle(target: Target) -> None:
    await _held(target, 2000, lambda _: asyncio.sleep(0))


async def silent(target: Target) -> None:
    """No handshake at all."""
    await _held(target, 2000, lambda _: asyncio.sleep(0), tls=False)


def _hello(target: Target) -> bytes:
    return target.wire().hello()


async def half_handshakes(target: Target) -> None:
    hello = _hello(target)

    async def half(wire: Wire) -> None:
        await wire.send_raw(hello[: target.chance.choice((3, 50, len(hello) - 1, len(hello)))])

    await _held(target, 2000, half, tls=False)


async def hellos(target: Target) -> None:
    """The same ClientHello, as fast as possible."""
    hello = _hello(target)

    async def send() -> None:
        async with target.plain(target.port) as wire:
            await wire.send_raw(hello)
            await wire.receive()

    await target.swarm(64, send)


async def bursts(target: Target) -> None:
    """Hundreds of ClientHellos at the same moment."""
    hello = _hello(target)
    count = max(10, round(500 * target.scale))

    async def burst() -> None:
        wires = [target.plain(target.port) for _ in range(count)]
        try:
            for wire in wires:
                await wire.connect()
            for wire in wires:
                wire.socket.send(hello)
            await asyncio.sleep(0.5)
        finally:
            for wire in wires:
                wire.abort()

    while target.running:
        with contextlib.suppress(OSError):
            await burst()


async def slow_bodies(target: Target) -> None:
    async def begin(wire: Wire) -> None:
        await wire.send(_HEAD + b"Content-Length: 1000\r\n\r\n")
        await _slowly(wire)

    await _slow(target, begin)


async def slow_heads(target: Target) -> None:
    async def begin(wire: Wire) -> None:
        await wire.send(_HEAD + b"X: ")
        await _slowly(wire)

    await _slow(target, begin)


async def _slowly(wire: Wire) -> None:
    while True:
        await asyncio.sleep(1)
        await wire.send(b" ")


async def _slow(target: Target, begin: Callable[[Wire], Awaitable[None]]) -> None:
    async def hold() -> None:
        async with target.wire() as wire:
            await begin(wire)

    await target.swarm(800, hold)


async def churn(target: Target) -> None:
    """Connects, sends one byte, aborts."""

    async def once() -> None:
        if target.chance.random() < 0.2:
            async with target.wire() as wire:
                await wire.send(b"P")
        else:
            async with target.plain(target.port) as wire:
                await wire.send_raw(b"\x16")

    await target.swarm(64, once)


async def broken_handshakes(target: Target) -> None:
    """No TLS at all, and handshakes that the service ends."""
    hello = _hello(target)

    async def once() -> None:
        async with target.plain(target.port) as wire:
            broken = bytearray(hello)
            broken[target.chance.randrange(len(broken))] ^= 1 << target.chance.randrange(8)
            await wire.send_raw(target.chance.choice((b"GET / HTTP/1.1\r\n\r\n", bytes(broken))))
            await asyncio.wait_for(wire.receive(), 1)

    async def tolerant() -> None:
        try:
            await once()
        except (TimeoutError, ssl.SSLError):
            return

    await target.swarm(64, tolerant)


async def silent_operations(target: Target) -> None:
    """Connections to the operations port, without a request."""

    async def hold() -> None:
        async with target.plain() as wire:
            await wire.receive()

    await target.swarm(1000, hold)


ATTACKS = {
    "half bodies": Attack(half_bodies, 3),
    "idle": Attack(idle, 3),
    "silent": Attack(silent),
    "half handshakes": Attack(half_handshakes),
    "canned ClientHellos": Attack(hellos),
    "ClientHellos in bursts": Attack(bursts),
    "slow bodies": Attack(slow_bodies, 2),
    "slow heads": Attack(slow_heads, 2),
    "churn": Attack(churn),
    "broken handshakes": Attack(broken_handshakes),
    "silent on the operations port": Attack(silent_operations),
}
