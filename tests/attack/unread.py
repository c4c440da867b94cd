"""Answers that nobody reads, or that somebody reads slowly."""

import asyncio

from tests.attack.reviews import request
from tests.attack.target import Attack, Target
from tests.attack.wire import SMALL

_METRICS = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


async def _reviews(target: Target, count: int, name: str, *, again: bool = True) -> None:
    data = request(name)

    async def send() -> None:
        async with target.wire(SMALL) as wire:
            await wire.send(data)
            while again:
                await wire.send(data)
            await target.hold()

    await target.swarm(count, send)


async def four(target: Target) -> None:
    await _reviews(target, 4, "1,000 large terms")


async def twenty_four(target: Target) -> None:
    await _reviews(target, 24, "1,000 large terms")


async def two_hundred(target: Target) -> None:
    await _reviews(target, 200, "1,000 terms")


async def two_hundred_large(target: Target) -> None:
    await _reviews(target, 200, "1,000 large terms")


async def one_each(target: Target) -> None:
    """One answer of 200 kB for each connection, held."""
    await _reviews(target, 400, "1,000 terms", again=False)


async def slow(target: Target) -> None:
    """Reads a byte a second."""
    data = request("1,000 terms")

    async def read() -> None:
        async with target.wire(SMALL) as wire:
            await wire.send(data * 3)
            while True:
                await asyncio.sleep(1)
                await asyncio.get_running_loop().sock_recv(wire.socket, 1)

    await target.swarm(200, read)


async def metrics(target: Target) -> None:
    async def send() -> None:
        async with target.plain(receive_buffer=SMALL) as wire:
            while True:
                await wire.send(_METRICS * 1000)

    await target.swarm(200, send)


async def metrics_slow(target: Target) -> None:
    async def read() -> None:
        async with target.plain(receive_buffer=SMALL) as wire:
            await wire.send(_METRICS * 20)
            while True:
                await asyncio.sleep(1)
                await asyncio.get_running_loop().sock_recv(wire.socket, 1)

    await target.swarm(200, read)


ATTACKS = {
    "large reviews on 4 connections": Attack(four),
    "large reviews on 24 connections": Attack(twenty_four),
    "reviews on 200 connections": Attack(two_hundred),
    "large reviews on 200 connections": Attack(two_hundred_large),
    "one review on each of 400 connections": Attack(one_each),
    "a byte a second": Attack(slow),
    "metrics": Attack(metrics),
    "metrics, a byte a second": Attack(metrics_slow),
}
