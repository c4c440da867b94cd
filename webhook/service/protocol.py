"""HTTP/1.1 with limits: uvicorn's protocol on httptools, which by itself has none for heads, slow clients and load."""

import asyncio
from asyncio.events import TimerHandle
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from msgspec import json
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from webhook.service.metrics import Metrics

#: Key of the ASGI scope that says that no slot was free for the request.
OVERLOADED: Final = "webhook.overloaded"


@dataclass(frozen=True)
class Limits:
    """What one connection, and all of them together, may ask for."""

    head_bytes: int = 16 * 1024
    """The largest request line with headers."""
    read_seconds: float = 10
    """Time from a request's first byte to its last, and from a connection to its first request."""
    in_flight: int = 1024
    """Requests that were read and are not answered."""
    subjects: frozenset[str] = frozenset()
    """Where not empty: the common names and DNS names of client certificates that are served."""


@dataclass
class Load(ServerState):
    """What all connections of one server share."""

    limits: Limits = field(default_factory=Limits)
    metrics: Metrics | None = None
    in_flight: int = 0
    draining: bool = False

    def __post_init__(self) -> None:
        """Starts with no connections."""
        ServerState.__init__(self)
        if self.metrics is not None:
            self.metrics.in_flight.set_function(lambda: self.in_flight)

    def rejected(self, reason: str) -> None:
        """Counts a call that was refused here."""
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
        self._head_bytes = 0
        self._in_head = False
        self._in_body = False
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
        self._free()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bounds the head while it is incomplete, and the time until the request is whole."""
        super().data_received(data)
        if self.transport.is_closing():
            self._disarm()
        elif self._in_head and self._count_head(len(data)):
            self._refuse(431, "too-large-head", f"the request's head is larger than {self._limits.head_bytes} bytes")
        elif not (self._in_head or self._in_body):
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of the head: what it may not ask for is refused before the application sees it."""
        self._in_head = False
        self._in_body = True
        app = self.app
        if self._forbidden:
            self._load.rejected("forbidden")
            self.app = _forbidden
        elif self._head_bytes > self._limits.head_bytes:
            self._load.rejected("too-large-head")
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
        if self.scope["method"] == "POST":
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

    def _count_head(self, received: int) -> bool:
        # A header that has not ended yet waits in the parser unseen, so what came in counts as well.
        self._head_bytes += received
        return self._head_bytes > self._limits.head_bytes

    def _free(self) -> None:
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

    def _refuse(self, status: int, reason: str, sentence: str) -> None:
        """Answers without the application, and closes."""
        self._load.rejected(reason)
        body = json.encode({"error": sentence})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def _subjects(transport: asyncio.Transport) -> set[str]:
    """The common names and DNS names of the client's certificate."""
    certificate = transport.get_extra_info("peercert") or {}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return common | {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}


async def _forbidden(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _answer(send, 403, "the client's certificate is for nobody who is served here")


async def _too_large_head(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _answer(send, 431, "the request's head is too large")


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.encode({"error": sentence})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
