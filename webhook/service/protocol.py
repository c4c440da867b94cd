"""uvicorn's HTTP/1.1 protocol with limits that it lacks: on heads, bodies, slow clients and load."""

import asyncio
from asyncio.events import TimerHandle
from dataclasses import dataclass, field
from enum import IntEnum, auto
from time import perf_counter
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from webhook.service.metrics import Metrics
from webhook.service.responses import Rejections

#: Key of the ASGI scope: when the request's last byte was read, by perf_counter.
ARRIVED: Final = "webhook.arrived"
#: Key of the ASGI scope: no slot was free for the request.
OVERLOADED: Final = "webhook.overloaded"
#: Key of the ASGI scope: the protocol rejected the request and answered it.
REJECTED: Final = "webhook.rejected"
#: The largest body in bytes that is read even if all bodies together take too much memory.
_SMALL_BODY: Final = 64 * 1024


class State(IntEnum):
    """What a connection does."""

    #: Waits for a request.
    IDLE = auto()
    #: Reads a request line and headers.
    HEAD = auto()
    #: Reads a body; the application was called.
    BODY = auto()
    #: Has read a whole request; its answer is not finished.
    ANSWERING = auto()
    #: Reads the rest of a body whose request was answered before.
    DISCARDING = auto()
    #: Has rejected a call; ignores what still comes.
    CLOSING = auto()


#: Python 3.11 finds the members of an enumeration slowly, so the names here are faster.
_IDLE, _HEAD, _BODY, _ANSWERING, _DISCARDING, _CLOSING = State

#: For each event the states in which it may happen, and the next state.
#: HEAD follows ANSWERING if a client sends a request before it has the answer to the one before.
FIRST_BYTE: Final = {_IDLE: _HEAD, _ANSWERING: _HEAD, _CLOSING: _CLOSING}
HEAD_END: Final = {_HEAD: _BODY}
LAST_BYTE: Final = {_BODY: _ANSWERING, _DISCARDING: _IDLE}
ANSWERED: Final = {_HEAD: _HEAD, _BODY: _DISCARDING, _ANSWERING: _IDLE, _CLOSING: _CLOSING}


@dataclass(frozen=True)
class Limits:
    """The limits of one connection, and of all of them together."""

    head_bytes: int = 16 * 1024
    """The largest request line with headers."""
    read_seconds: float = 10
    """Time for a whole request to arrive, for the first one to begin, and for a client to read an answer."""
    in_flight: int = 1024
    """Requests that were read and are not answered."""
    body_bytes: int = 64 * 1024**2
    """Memory for the bodies of all requests that are not answered."""
    subjects: frozenset[str] = frozenset()
    """If not empty: the common names and DNS names of the client certificates that are allowed."""


@dataclass
class Load(ServerState):
    """What all connections of one server share."""

    limits: Limits = field(default_factory=Limits)
    metrics: Metrics | None = None
    rejections: Rejections = field(default_factory=Rejections)
    in_flight: int = 0
    body_bytes: int = 0
    draining: bool = False

    def __post_init__(self) -> None:
        """Starts with no connections."""
        ServerState.__init__(self)
        if self.metrics is not None:
            self.metrics.in_flight.set_function(lambda: self.in_flight)
            self.metrics.body_bytes.set_function(lambda: self.body_bytes)


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A request takes a slot at its last byte, so slow clients hold none."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: Load,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """The arguments are those of uvicorn's protocol."""
        super().__init__(config, server_state, app_state, _loop)
        self._load = server_state
        self._limits = server_state.limits
        self._state = _IDLE
        self._deadline: TimerHandle | None = None
        self._write_deadline: TimerHandle | None = None
        self._unparsed_bytes = 0
        self._body_bytes = 0
        self._holds_slot = False
        self._allowed = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the deadline of the first request."""
        super().connection_made(transport)
        self._allowed = not self._limits.subjects or not self._limits.subjects.isdisjoint(_subjects(transport))
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees what the connection held."""
        self._disarm()
        self.resume_writing()
        self._free()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Starts the deadline of a client that reads its answer slowly."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self._limits.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Ends that deadline."""
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def data_received(self, data: bytes) -> None:
        """Limits the bytes of a head or a trailer that the parser holds, and the time until the request is complete."""
        if self.transport.is_closing():
            return
        # The parser keeps an unfinished header. So bytes count until a callback shows that it has passed them on.
        self._unparsed_bytes += len(data)
        super().data_received(data)
        state = self._state
        if state is _ANSWERING:
            self._disarm()
        elif state is _IDLE:
            # Bytes that begin no request cancel uvicorn's keep-alive timer, but must not keep a connection open.
            if self._deadline is None and self.timeout_keep_alive_task is None:
                self._arm()
        elif state is not _CLOSING:
            if self._unparsed_bytes > self._limits.head_bytes:
                self._reject_head()
            elif self._deadline is None:
                self._arm()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._disarm()
        self._state = FIRST_BYTE[self._state]

    def on_headers_complete(self) -> None:
        """The end of the head: calls the application, or rejects the call."""
        if self._state is _CLOSING:
            return
        self._unparsed_bytes = 0
        if not self._allowed:
            self._reject(403, "forbidden", "client certificate not allowed")
        elif len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > self._limits.head_bytes:
            self._reject_head()
        else:
            super().on_headers_complete()
            self._state = HEAD_END[self._state]
            if self._load.draining:
                self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body: rejects a large one if all bodies together take too much memory."""
        if self._state is _CLOSING:
            return
        super().on_body(body)
        self._unparsed_bytes = 0
        if self.cycle.response_started:
            return
        self._body_bytes += len(body)
        self._load.body_bytes += len(body)
        if self._load.body_bytes > self._limits.body_bytes and self._body_bytes > _SMALL_BODY:
            self._reject(503, "memory", "no memory left for request bodies", b"retry-after: 1\r\n")

    def on_message_complete(self) -> None:
        """The last byte of a request: takes a slot, or marks the request for a 503."""
        if self._state is _CLOSING:
            return
        self._unparsed_bytes = 0
        self._state = LAST_BYTE[self._state]
        # A request that was answered before its last byte, for instance with 404, needs no slot.
        if self._state is _ANSWERING and self.scope["method"] == "POST":
            self.scope[ARRIVED] = perf_counter()  # type: ignore[typeddict-unknown-key]
            if self._load.in_flight >= self._limits.in_flight:
                # The application answers: the connection stays, because a new handshake would add to the load.
                self.scope[OVERLOADED] = True  # type: ignore[typeddict-unknown-key]
            elif not self._holds_slot:
                self._holds_slot = True
                self._load.in_flight += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The end of an answer."""
        # If requests are pipelined, the answer may be that of an earlier one.
        if self.cycle.response_complete:
            self._free()
            self._state = ANSWERED[self._state]
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002, uvicorn's sentence says less
        """The parser found an error."""
        self._reject(400, "invalid", "not an HTTP/1.1 request")

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
        if self._state is _HEAD or (self._state is _BODY and not self.cycle.response_started):
            self._reject(408, "timeout", f"request not complete after {self._limits.read_seconds:g} seconds")
        else:
            self.transport.close()

    def _reject_head(self) -> None:
        self._reject(431, "too-large-head", f"the request's head is larger than {self._limits.head_bytes} bytes")

    def _reject(self, status: int, reason: str, sentence: str, header: bytes = b"") -> None:
        """Counts and logs the call, answers it without the application, and closes the connection."""
        if self.transport.is_closing():
            return
        body = self._load.rejections.record(status, reason, sentence)
        if self._may_answer():
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + header + b"\r\n" + body)
        if self._state is _BODY:
            self.scope[REJECTED] = True  # type: ignore[typeddict-unknown-key]
            self.cycle.disconnected = True
        self._disarm()
        self._state = _CLOSING
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether the client would take the next bytes for the answer to the request that is being read."""
        if self._state is _BODY:
            return not self.cycle.response_started and not self.pipeline
        cycle: RequestResponseCycle | None = self.cycle
        return self._state is not _DISCARDING and (cycle is None or cycle.response_complete)


def _subjects(transport: asyncio.Transport) -> set[str]:
    """The common names and DNS names of the client's certificate."""
    certificate = transport.get_extra_info("peercert") or {}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return common | {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
