"""The admission endpoint: request body to answer, as an ASGI application in front of the router.

It stands in front because routing and request objects cost more than deciding (figures: docs/architecture.md).
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from webhook.core.review import Admission, ReviewError
from webhook.core.text import LIMIT, cut, one_line
from webhook.service.direct_reviews import CONTENT_TYPE, PIECE_BYTES, SMALL_BYTES, DirectReviews, Respond
from webhook.service.feed import Feed
from webhook.service.logs import AdmissionLog, Logger
from webhook.service.metrics import Metrics
from webhook.service.protocol import ARRIVED, REJECTED, REVIEWED
from webhook.service.requests import HELD, OVERLOADED
from webhook.service.responses import RejectedError, Rejections
from webhook.service.turn import Answering, Backlog

#: After a 413, at most this much more is read and thrown away: many clients read the answer only after they have sent.
_LINGER_BYTES: Final = 16 * 1024**2
_LINGER_SECONDS: Final = 2.0


class DisconnectedError(Exception):
    """The connection ended before the body was complete."""


class Admissions:
    """An ASGI application that answers POST on its paths and passes everything else to another application."""

    def __init__(
        self,
        app: ASGIApp,
        paths: Mapping[str, Respond],
        max_body_bytes: int,
        metrics: Metrics,
        log: AdmissionLog,
        logger: Logger,
        feed: Feed | None = None,
    ) -> None:
        """Answers each of `paths` by its function, reading at most `max_body_bytes`; `app` answers all other paths.

        If `feed` is given, it gets every admission.
        """
        self._app = app
        self._paths = paths
        self._max_body_bytes = max_body_bytes
        self._metrics = metrics
        self._log = log
        self._logger = logger
        self._feed = feed
        self._rejections = Rejections(metrics, log)
        self._answering = Answering()
        self._large = Backlog()
        self._record = self._note if feed is None else self._note_and_tell
        self.direct = DirectReviews(paths, self._record, max_body_bytes)
        """Answers reviews without a call."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call (ASGI 3.0)."""
        respond = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        if respond is None:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            error = RejectedError(405, "method", "only POST is accepted here", (b"allow", b"POST"))
            await self._reject(send, error)
        else:
            await self._answer(respond, scope, receive, send)

    async def _answer(self, respond: Respond, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            held = [await read_body(scope, receive, self._max_body_bytes)]
            started: float = scope.get(ARRIVED) or perf_counter()
            if len(held[0]) > SMALL_BYTES:
                # It takes longer. Small ones do not wait for it.
                scope[HELD] = held
                answer, admission = await _later(self._large, respond, held)
            elif self._answering.late(started):
                scope[HELD] = held
                answer, admission = await _later(self._answering.backlog, respond, held)
            else:
                answer, admission = respond(held[0])
            # The client may take its time for the answer.
            held.clear()
        except ReviewError as error:
            await self._reject(send, RejectedError(400, "invalid", cut(one_line(str(error)), LIMIT * 2)))
        except RejectedError as error:
            await self._reject(send, error, linger=receive if error.reason == "too-large" else None)
        except DisconnectedError:
            if REJECTED not in scope:
                self._metrics.rejected("disconnected")
        except Exception:
            self._logger.exception("failed")
            await self._reject(send, RejectedError(500, "error", "internal error"))
        else:
            scope[REVIEWED] = True
            await _send(send, 200, answer)
            self._record(admission, perf_counter() - started)

    def _note(self, admission: Admission, seconds: float) -> None:
        self._metrics.admitted(admission, seconds)
        self._log.write(admission, seconds)

    def _note_and_tell(self, admission: Admission, seconds: float) -> None:
        self._note(admission, seconds)
        if self._feed is not None:
            self._feed.record(admission, seconds)

    async def _reject(self, send: Send, error: RejectedError, linger: Receive | None = None) -> None:
        body = self._rejections.record(error.status, error.reason, error.sentence)
        await _send(send, error.status, body, *error.headers, linger=linger)


async def _later(backlog: Backlog, respond: Respond, held: list[bytes | bytearray]) -> tuple[bytes, Admission]:
    """What `respond` returns or raises for the body in `held`, in a later turn of the event loop.

    Raises DisconnectedError if the body is taken out of `held` before.
    """
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[tuple[bytes, Admission]] = loop.create_future()
    backlog.add(loop, partial(_work, turn, respond, held))
    try:
        return await turn
    finally:
        # An error refers to the frames that it passes. If these refer to it, all wait for a garbage collection.
        del turn


def _work(done: asyncio.Future[tuple[bytes, Admission]], respond: Respond, held: list[bytes | bytearray]) -> None:
    if done.cancelled():
        return
    try:
        if held:
            done.set_result(respond(held[0]))
        else:
            done.set_exception(DisconnectedError())
    except Exception as error:  # noqa: BLE001, whoever waits handles it
        done.set_exception(error)
    finally:
        del done


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | bytearray:
    """The whole body of a request, without a copy of it.

    Raises RejectedError if it is, or is announced to be, larger than `limit` bytes, or if no slot was free for it;
    DisconnectedError if the connection ends before.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise _too_large(limit)
    chunks = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        chunk: bytes = message["body"]
        if len(chunks) + len(chunk) > limit:
            raise _too_large(limit)
        if message["more_body"]:
            chunks += chunk
            continue
        if OVERLOADED in scope:
            raise RejectedError(503, "overloaded", "too many reviews are waiting", (b"retry-after", b"1"))
        if not chunks:
            return chunk
        chunks += chunk
        return chunks


def _too_large(limit: int) -> RejectedError:
    return RejectedError(413, "too-large", f"the body is larger than {limit} bytes", (b"connection", b"close"))


async def _send(
    send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes], linger: Receive | None = None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [CONTENT_TYPE, length, *headers]})
    if linger is None:
        last = 0
        if len(body) > PIECE_BYTES:
            last = (len(body) - 1) // PIECE_BYTES * PIECE_BYTES
            for start in range(0, last, PIECE_BYTES):
                await send({"type": "http.response.body", "body": body[start : start + PIECE_BYTES], "more_body": True})
        await send({"type": "http.response.body", "body": body[last:]})
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _discard(linger)
    await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    """Reads and throws away the rest of a body.

    Closing a socket that holds unread bytes resets the connection, and the client loses its answer.
    """
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            rest = _LINGER_BYTES
            while rest > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message["more_body"]:
                    return
                rest -= len(message["body"])
    except TimeoutError:
        return
