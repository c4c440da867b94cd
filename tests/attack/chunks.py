"""Bodies in very small pieces."""

import asyncio

from tests.admission_reviews import review
from tests.attack.reviews import POD, metadata, wrong
from tests.attack.target import Attack, Target
from tests.captured_reviews import BUILT_IN

_HEAD = b"POST /mutate HTTP/1.1\r\nHost: a\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def _chunks(body: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body)


async def _answered(target: Target, count: int, data: bytes, record: int) -> None:
    """Sends a whole request again and again, and expects its answer."""

    async def ask() -> None:
        async with target.wire() as wire:
            while target.running:
                await wire.send(data, record)
                answer = await wire.answer()
                # Some may be refused, and some may not arrive in time.
                if answer.later or answer.status == 408:
                    continue
                if fault := wrong("patched", answer.status, answer.body):
                    target.faults[fault] += 1

    await target.swarm(count, ask)


async def reviews(target: Target) -> None:
    body = metadata(annotations={"a": "x" * 60_000})
    await _answered(target, 300, _CHUNKED + _chunks(body) + b"0\r\n\r\n", 16 * 1024)


async def captured(target: Target) -> None:
    await _answered(target, 100, _CHUNKED + _chunks(BUILT_IN[0].read_bytes()) + b"0\r\na: b\r\nc: d\r\n\r\n", 6)


async def _without_end(target: Target, count: int, start: bytes, piece: bytes, pause: float | None = None) -> None:
    """Sends `start` and then `piece` again and again, on `count` connections."""

    async def send() -> None:
        async with target.wire() as wire:
            await wire.send(start)
            while True:
                await wire.send(piece)
                if pause is not None:
                    await asyncio.sleep(pause)

    await target.swarm(count, send)


async def endless(target: Target) -> None:
    """Chunks without end, on hundreds of connections."""
    await _without_end(target, 300, _CHUNKED, _chunks(b" " * 40_000))


async def extensions(target: Target) -> None:
    """Chunks with long extensions, of which no body remains."""
    await _without_end(target, 100, _CHUNKED, (b"1;" + b"x" * 4000 + b"\r\n \r\n") * 60)


async def records(target: Target) -> None:
    """A TLS record for each byte."""
    body = review(POD)
    await _answered(target, 200, _HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body), 1)


async def records_endless(target: Target) -> None:
    data = _HEAD + b"Content-Length: 4000000\r\n\r\n" + b" " * 4_000_000

    async def send() -> None:
        async with target.wire() as wire:
            await wire.send(data, 1)

    await target.swarm(200, send)


async def trailers(target: Target) -> None:
    """Trailers without end."""
    await _without_end(target, 100, _CHUNKED + b"0\r\n", b"a: b\r\n" * 10_000)


async def pieces(target: Target) -> None:
    """A large body in pieces, each of which waits."""
    await _without_end(target, 400, _HEAD + b"Content-Length: 4000000\r\n\r\n", b" " * 1000, pause=0.01)


ATTACKS = {
    "reviews in one-byte chunks": Attack(reviews),
    "captured reviews, a record for each chunk": Attack(captured),
    "chunks without end": Attack(endless),
    "extensions": Attack(extensions),
    "reviews in one-byte records": Attack(records),
    "one-byte records without end": Attack(records_endless),
    "trailers": Attack(trailers),
    "pieces": Attack(pieces),
}
