"""Many requests at once on one connection."""

import asyncio
import contextlib
import json
from collections import Counter

from tests.admission_reviews import review
from tests.attack.reviews import POD
from tests.attack.target import Attack, Target
from tests.attack.wire import RECORD, Wire
from tests.reliability.client import call

GET = b"GET /mutate HTTP/1.1\r\n\r\n"
#: A megabyte of whole requests.
_GETS = GET * (1024**2 // len(GET))
_REVIEW = call("/mutate", review(POD))
_REVIEWS = _REVIEW * (1024**2 // len(_REVIEW))
#: How many of many reviews that are sent at once are answered: one directly, and one that four others wait for.
_ANSWERED = 6


async def _unread(target: Target, count: int, data: bytes) -> None:
    async def send() -> None:
        async with target.wire() as wire:
            while True:
                await wire.send(data)

    await target.swarm(count, send)


async def one(target: Target) -> None:
    await _unread(target, 1, _GETS)


async def fifty(target: Target) -> None:
    await _unread(target, 50, _GETS)


async def bodies(target: Target) -> None:
    await _unread(target, 50, _REVIEWS)


async def records_of_one_request(target: Target) -> None:
    async def send() -> None:
        async with target.wire() as wire:
            while True:
                await wire.send(_GETS, len(GET))

    await target.swarm(50, send)


async def in_order(target: Target) -> None:
    """A few reviews are answered, and in order. Of many the first ones are, and then the connection is closed."""
    for number in (2, _ANSWERED, 500):
        uids = [f"{target.chance.randrange(10**9)}-{index}" for index in range(number)]
        found: list[str] = []
        async with target.wire() as wire:
            with contextlib.suppress(ConnectionError):
                sending = asyncio.create_task(
                    wire.send(b"".join(call("/mutate", review(POD, uid=uid)) for uid in uids))
                )
                found += [json.loads((await wire.answer()).body)["response"]["uid"] for _ in uids[:_ANSWERED]]
                if number > _ANSWERED:
                    await wire.answer()
                    found.append("more")
            sending.cancel()
        if found != uids[:_ANSWERED]:
            target.faults[f"{len(found)} of {number} pipelined reviews are answered, or not in order"] += 1


async def inside_a_head(target: Target) -> None:
    """Requests whose last one ends inside its head. None of them is refused, and the connection is closed."""
    for record in (RECORD, 24):
        async with target.wire() as wire:
            sending = asyncio.create_task(wire.send(GET * 10_000 + GET[:12], record))
            found = await _statuses(wire, 10_000)
            sending.cancel()
        if found.keys() != {405}:
            target.faults[f"10,000 pipelined GETs: {dict(found)}"] += 1


async def _statuses(wire: Wire, count: int) -> Counter[int]:
    found: Counter[int] = Counter()
    with contextlib.suppress(ConnectionError):
        for _ in range(count):
            found[(await wire.answer()).status] += 1
    return found


async def half_closed(target: Target) -> None:
    async def send() -> None:
        async with target.wire() as wire:
            await wire.send(_GETS[: 300 * 1024])
            await wire.half_close()
            await target.hold()

    await target.swarm(50, send)


async def dropped(target: Target) -> None:
    """What a dropped connection asked for is not answered any more."""

    async def send() -> None:
        async with target.wire() as wire:
            await wire.send(target.chance.choice((_GETS, _REVIEWS))[: 200 * 1024])
            if target.chance.random() < 0.5:
                wire.drop()

    await target.swarm(50, send)
    if target.alone:
        await asyncio.sleep(1)
        series = 'rejected_calls_total{reason="method"}'
        # On a busy machine the service may need longer to see the ends of all connections.
        for _ in range(5):
            before = await target.metric(series)
            await asyncio.sleep(0.5)
            if not (grown := await target.metric(series) - before):
                break
        else:
            target.faults[f"{grown:.0f} requests of dropped connections were answered a second later"] += 1
        for name, most in (("in_flight", 20), ("body_bytes", 500_000)):
            if (found := await target.metric(f"admission_{name}")) > most:
                target.faults[f"{name} is {found:.0f} a second after the connections were dropped"] += 1


ATTACKS = {
    "GETs on 1 connection": Attack(one),
    "GETs on 50 connections": Attack(fifty),
    "reviews on 50 connections": Attack(bodies),
    "a record for each request": Attack(records_of_one_request),
    "in order": Attack(in_order, check=True),
    "ends inside a head": Attack(inside_a_head, check=True),
    "half-closed": Attack(half_closed),
    "dropped": Attack(dropped),
}
