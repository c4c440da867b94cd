"""HTTP/1.1 with limits: uvicorn's protocol on httptools, which by itself has none for heads, slow clients and load."""

import asyncio
from asyncio.events import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from msgspec import json
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from webhook.service.metrics import Metrics

#: Key of the ASGI scope that says that no slot was free for the request.
OVERLOADED: Final = "webhook.overloaded"
#: What a body may take where all bodies together take too much.
_SMALL_BODY: Final = 64 * 1024
_FORBIDDEN: Final = "the client's certificate is for nobody who is served here"
_TOO_LARGE_HEAD: Final = "the request's head is too large"


@dataclass(frozen=True)
class Limits:
    """What one connection, and all of them together, may ask for."""

    head_bytes: int = 16 * 1024
    """The largest request line with headers."""
    read_seconds: float = 10
    """Time from a request's first byte to its last, from a connection to its first request, and for an answer to be
    taken."""
    in_flight: int = 1024
    """Requests that were read and are not answered."""
    body_bytes: int = 64 * 1024**2
    """What the bodies of all requests that are not answered may take together."""
    subjects: frozenset[str] = frozenset()
    """Where not empty: the common names and DNS names of client certificates that are served."""


@dataclass
class Load(ServerState):
    """What all connections of one server share."""

    limits: Limits = field(default_factory=Limits)
    metrics: Metrics | None = None
    log: Callable[[int, str], None] = lambda _status, _sentence: None
    """Told of each call that was refused here: the status and the sentence."""
    in_flight: int = 0
    body_bytes: int = 0
    draining: bool = False

    def __post_init__(self) -> None:
        """Starts with no connections."""
        ServerState.__init__(self)
        if self.metrics is not None:
            self.metrics.in_flight.set_function(lambda: self.in_flight)

    def rejected(self, status: int, reason: str, sentence: str) -> None:
        """Counts and logs a call that was refused here."""
        self.log(status, sentence)
        if self.metrics is not None:
            self.metrics.rejected(reason)


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A request takes a slot when its last byte is in, so that slow clients hold none."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: Load,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As uvicorn makes it."""
        super().__init__(config, server_state, app_state, _loop)
        self._load = server_state
        self._limits = server_state.limits
        self._deadline: TimerHandle | None = None
        self._write_deadline: TimerHandle | None = None
        self._raw_bytes = 0
        self._body_bytes = 0
        self._in_head = False
        self._in_body = False
        self._grew = False
        self._holds_slot = False
        self._forbidden = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for a first request no longer than for the rest of one."""
        super().connection_made(transport)
        self._forbidden = bool(self._limits.subjects) and self._limits.subjects.isdisjoint(_subjects(transport))
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees what the connection held."""
        self._disarm()
        self.resume_writing()
        self._free()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes its answer slowly: no longer than for a request."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self._limits.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken enough of it."""
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def data_received(self, data: bytes) -> None:
        """Bounds what the parser holds of a head or a trailer, and the time until the request is whole."""
        self._grew = False
        within = self._in_body
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if self.transport.is_closing():
            self._disarm()
            return
        if self._in_head or self._in_body:
            # A header that has not ended waits in the parser unseen, so what came in without a body counts whole;
            # but for a head that began behind a body, which counts from the next time on.
            self._raw_bytes += 0 if self._grew or within is not self._in_body else len(data)
            if self._raw_bytes > self._limits.head_bytes:
                sentence = f"the request's head is larger than {self._limits.head_bytes} bytes"
                self._refuse(431, "too-large-head", sentence)
            elif self._deadline is None:
                self._arm()
        elif cycle is not None and not cycle.response_complete:
            self._disarm()
        elif self._deadline is None and self.timeout_keep_alive_task is None:
            # Bytes that begin no request end the keep-alive of uvicorn, but must not keep a connection alive.
            self._arm()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._disarm()
        self._in_head = True
        self._raw_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Some of the body: beyond what all bodies may take together, a large one is refused at once."""
        super().on_body(body)
        self._grew = True
        self._raw_bytes = 0
        if self.cycle.response_started:
            return
        self._body_bytes += len(body)
        self._load.body_bytes += len(body)
        full = self._load.body_bytes > self._limits.body_bytes and self._body_bytes > _SMALL_BODY
        if full and not self.transport.is_closing():
            self.cycle.disconnected = True
            self._refuse(503, "overloaded", "the bodies of other requests take all the room", b"retry-after: 1\r\n")

    def on_headers_complete(self) -> None:
        """The end of the head: what it may not ask for is refused before the application sees it."""
        self._in_head = False
        self._in_body = True
        self._raw_bytes = 0
        app = self.app
        if self._forbidden:
            self._load.rejected(403, "forbidden", _FORBIDDEN)
            self.app = _forbidden
        elif len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > self._limits.head_bytes:
            self._load.rejected(431, "too-large-head", _TOO_LARGE_HEAD)
            self.app = _too_large_head
        try:
            super().on_headers_complete()
        finally:
            self.app = app
        if self._load.draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """A request's last byte: it takes a slot, or is marked for a 503."""
        self._in_body = False
        # What was answered early, as a 404 is, needs none any more.
        if self.scope["method"] == "POST" and not self.cycle.response_complete:
            if self._load.in_flight >= self._limits.in_flight:
                self.cycle.scope[OVERLOADED] = True  # type: ignore[typeddict-unknown-key]
            elif not self._holds_slot:
                self._holds_slot = True
                self._load.in_flight += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out."""
        self._free()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002, uvicorn's sentence says less
        """What came is not HTTP."""
        self._refuse(400, "invalid", "what was sent is not HTTP/1.1")

    def _free(self) -> None:
        self._load.body_bytes -= self._body_bytes
        self._body_bytes = 0
        if self._holds_slot:
            self._holds_slot = False
            self._load.in_flight -= 1

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self._limits.read_seconds, self._expired)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if not (self._in_head or self._in_body):
            self.transport.close()
        elif self._in_head or not self.cycle.response_started:
            self._refuse(408, "timeout", f"the request was not whole after {self._limits.read_seconds:g} seconds")
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: str, sentence: str, header: bytes = b"") -> None:
        """Answers without the application, and closes."""
        self._load.rejected(status, reason, sentence)
        body = json.encode({"error": sentence})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + header + b"\r\n" + body)
        self.transport.close()


def _subjects(transport: asyncio.Transport) -> set[str]:
    """The common names and DNS names of the client's certificate."""
    certificate = transport.get_extra_info("peercert") or {}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return common | {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}


async def _forbidden(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _answer(send, 403, _FORBIDDEN)


async def _too_large_head(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _answer(send, 431, _TOO_LARGE_HEAD)


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.encode({"error": sentence})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
