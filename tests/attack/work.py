"""Reviews that make the most work within the limit of a body."""

import asyncio
import contextlib
import ssl

from tests.attack.reviews import LARGE, request, wrong
from tests.attack.target import Attack, Target
from tests.attack.wire import Wire


async def _asked(target: Target, name: str, again: int = 0) -> None:
    """Sends one review; `again` so many times if it did not arrive in time."""
    async with target.wire() as wire:
        sending = asyncio.create_task(_sent(wire, request(name)))
        try:
            answer = await wire.answer()
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
    # If many large reviews arrive together, some may be refused, and some may not arrive in time.
    if not target.alone and (answer.later or answer.status == 408):
        return
    if answer.status == 408 and again:
        await _asked(target, name, again - 1)
    elif fault := wrong(LARGE[name].answer, answer.status, answer.body):
        target.faults[f"{name}: {fault}"] += 1


async def _sent(wire: Wire, data: bytes) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        await wire.send(data)


async def each(target: Target) -> None:
    """Every review once, one after another."""
    for name in LARGE:
        try:
            await _asked(target, name, again=3)
        except (OSError, ssl.SSLError) as error:
            target.faults[f"{name}: {type(error).__name__}"] += 1


def _many(count: int) -> Attack:
    async def run(target: Target) -> None:
        target.alone = False
        names = list(LARGE)
        await target.swarm(count, lambda: _asked(target, target.chance.choice(names)))

    return Attack(run, 4)


ATTACKS = {"each": Attack(each, check=True), "12 clients": _many(12), "50 clients": _many(50)}
