"""Calls that are logged, as many as possible."""

from collections.abc import Callable

from tests.admission_reviews import review
from tests.attack.reviews import POD, spec
from tests.attack.target import Attack, Target
from tests.reliability.client import call

_LONG = '\x00\\"' * 80


def _warned() -> bytes:
    """Its answer has warnings, so its line is written even if there are too many lines."""
    return call("/mutate/eci-only", spec(nodeName="n" * 250, schedulerName="s" * 250))


def _unknown_profile() -> bytes:
    return call("/unknown-profile", review(POD, name=_LONG, namespace=_LONG))


def _rejected() -> bytes:
    return call("/mutate/" + "x" * 200, b"{}")


def _invalid() -> bytes:
    return call("/mutate", b'{"kind": "AdmissionReview", "apiVersion": 1}')


def _broken() -> bytes:
    return b"GARBAGE\r\n\r\n"


def _flood(*requests: Callable[[], bytes]) -> Attack:
    async def run(target: Target) -> None:
        made = [request() for request in requests]

        async def send() -> None:
            async with target.wire() as wire:
                while target.running:
                    data = target.chance.choice(made)
                    await wire.send(data * 10)
                    for _ in range(10):
                        await wire.answer()

        await target.swarm(16, send)

    return Attack(run)


ATTACKS = {
    "unknown profiles": _flood(_unknown_profile),
    "warnings": _flood(_warned),
    "rejected calls": _flood(_rejected, _invalid),
    "broken calls": _flood(_broken),
    "all of them": _flood(_warned, _unknown_profile, _rejected, _invalid, _broken),
}
#: Those for a log that nobody reads: it is full after the first second.
UNREAD = {name: ATTACKS[name] for name in ("all of them", "unknown profiles")}
