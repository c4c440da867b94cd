"""Single calls with a definite answer, on the edge of HTTP (RFC 9112) and of the process."""

import asyncio
import os
import signal
import ssl

from tests.admission_reviews import review
from tests.attack.reviews import POD
from tests.attack.target import Attack, Target
from tests.attack.wire import SMALL, Answer

_HEAD = b"POST /mutate HTTP/1.1\r\nHost: a\r\n"
_BODY = review(POD)
_CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_BODY), _BODY)
#: A request that must not be taken for one, because it is part of a body.
_HIDDEN = b"POST /hidden HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"

#: Calls that are refused with 400, and after which the connection closes.
BAD = {
    "a length of 5,000 zeros": _HEAD + b"Content-Length: " + b"0" * 5000 + b"\r\n\r\n",
    "a length of 5,000 digits": _HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a length of 5,000 zeros and one": _HEAD + b"Content-Length: " + b"0" * 5000 + b"1\r\n\r\n1",
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1" + _HIDDEN,
    "a length and chunks": _HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED + _HIDDEN,
    "an upgrade to websocket": _HEAD
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: %d\r\n\r\n" % len(_HIDDEN)
    + _HIDDEN,
    "an upgrade to h2c": _HEAD
    + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(_HIDDEN)
    + _HIDDEN,
    "an upgrade with chunks": _HEAD
    + b"Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    + _CHUNKED,
    "the coding foo": _HEAD + b"Transfer-Encoding: foo\r\n\r\n" + _HIDDEN,
    "the coding gzip": _HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKED,
    "the coding chunked, gzip": _HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + _CHUNKED,
    "two codings": _HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "chunked twice": _HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
}


async def _all(target: Target, data: bytes, *, plain: bool = False) -> tuple[list[Answer], bool]:
    """All answers to `data`, and whether the service closed the connection."""
    found: list[Answer] = []
    async with target.plain() if plain else target.wire() as wire:
        await wire.send(data)
        try:
            async with asyncio.timeout(30):
                while True:
                    found.append(await wire.answer())
        except TimeoutError:
            return found, False
        except (OSError, ssl.SSLError):
            return found, True


async def bad(target: Target) -> None:
    for name, data in BAD.items():
        answers, closed = await _all(target, data)
        statuses = [answer.status for answer in answers]
        if statuses != [400] or not closed:
            target.faults[f"{name}: {statuses}, {'closed' if closed else 'still open'}; expected [400], closed"] += 1


async def tunnel(target: Target) -> None:
    """What follows a CONNECT belongs to no request."""
    answers, closed = await _all(target, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + _HIDDEN * 3)
    statuses = [answer.status for answer in answers]
    if len(statuses) != 1 or not 400 <= statuses[0] < 500 or not closed:
        target.faults[f"CONNECT: {statuses}, {'closed' if closed else 'still open'}; expected one 4xx, closed"] += 1


async def metrics_aborted(target: Target) -> None:
    """A client that ends while many calls wait. The log tells whether it was noticed."""
    for number in range(40):
        async with target.plain(receive_buffer=SMALL if number % 2 else None) as wire:
            await wire.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
            if target.chance.random() < 0.5:
                await wire.answer()
            match target.chance.randrange(3):
                case 0:
                    wire.drop()
                case 1:
                    await wire.half_close()
                    await asyncio.sleep(0.2)


async def hang_up(target: Target) -> None:
    os.kill(target.pid, signal.SIGHUP)
    await asyncio.sleep(0.5)
    try:
        answers, _ = await _all(target, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", plain=True)
    except OSError:
        answers = []
    if [answer.status for answer in answers] != [200]:
        target.faults["SIGHUP ended the process"] += 1


ATTACKS = {
    "refused": Attack(bad, check=True),
    "CONNECT": Attack(tunnel, check=True),
    "metrics, aborted": Attack(metrics_aborted, check=True),
    "SIGHUP": Attack(hang_up, check=True),
}
