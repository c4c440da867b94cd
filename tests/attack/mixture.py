"""Several attacks at once, chosen by chance."""

import asyncio
import dataclasses
from collections.abc import Mapping
from time import monotonic

from tests.attack.target import Attack, Target


def at_once(attacks: Mapping[str, Attack], seconds: float = 3) -> Attack:
    """All `attacks` at the same time, each at a part of its size."""

    async def run(target: Target) -> None:
        part = dataclasses.replace(target, alone=False, scale=target.scale / len(attacks))
        await asyncio.gather(*(attack.run(part) for attack in attacks.values()))

    return Attack(run, seconds)


def by_chance(attacks: Mapping[str, Attack], seconds: float, beside: int = 3) -> Attack:
    """`beside` attacks at a time, each for a few seconds, one after another until the end."""

    async def run(target: Target) -> None:
        async def work() -> None:
            while target.running:
                # No attack runs twice at a time, because some write to the same files.
                name = target.chance.choice([name for name in attacks if name not in busy])
                busy.add(name)
                until = min(target.until, monotonic() + target.chance.uniform(1, 6))
                part = dataclasses.replace(target, alone=False, scale=target.scale / beside, until=until)
                await attacks[name].run(part)
                busy.remove(name)

        busy: set[str] = set()
        await asyncio.gather(*(work() for _ in range(beside)))

    return Attack(run, seconds)
