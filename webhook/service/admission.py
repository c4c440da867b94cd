"""The admission endpoint: raw request to raw response, as an ASGI callable in front of the router.

In front, because routing and request objects cost more than deciding does (docs/architecture.md has the figures).
"""

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

from msgspec import json
from starlette.types import ASGIApp, Receive, Scope, Send

from webhook.core.review import Admission, ReviewError
from webhook.core.text import LIMIT, cut, one_line
from webhook.service.logs import AdmissionLog, Logger
from webhook.service.metrics import Metrics
from webhook.service.protocol import OVERLOADED

Respond = Callable[[bytes], tuple[bytes, Admission]]

_TYPE: Final = (b"content-type", b"application/json")
#: After a 413 this much more is read and thrown away, so that a client that sends before it reads meets the answer.
_LINGER_BYTES: Final = 16 * 1024**2
_LINGER_SECONDS: Final = 2.0


class TooLargeError(Exception):
    """The body is larger than is read."""


class OverloadedError(Exception):
    """As many reviews as may be are waiting for their answers."""


class DisconnectedError(Exception):
    """The caller is gone before its body was whole."""


class Admissions:
    """An ASGI application that answers POST on the paths it knows and hands everything else to another."""

    def __init__(
        self,
        app: ASGIApp,
        paths: Mapping[str, Respond],
        max_body_bytes: int,
        metrics: Metrics,
        log: AdmissionLog,
        logger: Logger,
    ) -> None:
        """Answers each of `paths` by its function, reading at most `max_body_bytes`; `app` answers all other paths."""
        self._app = app
        self._paths = paths
        self._max_body_bytes = max_body_bytes
        self._metrics = metrics
        self._log = log
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call (ASGI 3.0)."""
        respond = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        if respond is None:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            await self._reject(send, 405, "method", "only POST is accepted here", (b"allow", b"POST"))
        else:
            await self._answer(respond, scope, receive, send)

    async def _answer(self, respond: Respond, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, self._max_body_bytes)
            started = perf_counter()
            answer, admission = respond(body)
        except ReviewError as error:
            await self._reject(send, 400, "invalid", cut(one_line(str(error)), LIMIT * 2))
        except TooLargeError:
            sentence = f"the body is larger than {self._max_body_bytes} bytes"
            await self._reject(send, 413, "too-large", sentence, (b"connection", b"close"), linger=receive)
        except OverloadedError:
            await self._reject(send, 503, "overloaded", "too many reviews are waiting", (b"retry-after", b"1"))
        except DisconnectedError:
            self._metrics.rejected("disconnected")
        except Exception:
            self._logger.exception("failed")
            await self._reject(send, 500, "error", "internal error")
        else:
            await _send(send, 200, answer)
            seconds = perf_counter() - started
            self._metrics.admitted(admission, seconds)
            self._log.write(admission, seconds)

    async def _reject(
        self,
        send: Send,
        status: int,
        reason: str,
        sentence: str,
        *headers: tuple[bytes, bytes],
        linger: Receive | None = None,
    ) -> None:
        self._metrics.rejected(reason)
        self._log.write_rejection(status, sentence)
        await _send(send, status, json.encode({"error": sentence}), *headers, linger=linger)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body of a request, at most `limit` bytes of it.

    Raises TooLargeError as soon as it is, or says it will be, larger; DisconnectedError where the rest never comes;
    OverloadedError where it came whole, but no slot was free.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise TooLargeError
    chunks = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        chunk: bytes = message["body"]
        if len(chunks) + len(chunk) > limit:
            raise TooLargeError
        if message["more_body"]:
            chunks += chunk
            continue
        if OVERLOADED in scope:
            raise OverloadedError
        return bytes(chunks + chunk) if chunks else chunk


async def _send(
    send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes], linger: Receive | None = None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_TYPE, length, *headers]})
    if linger is None:
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _discard(linger)
    await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    """Reads on for a while and throws away: closing on unread bytes resets the connection, and loses the answer."""
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
