"""One connection: uvicorn's HTTP/1.1 protocol with limits that it lacks."""

import asyncio
from asyncio.events import TimerHandle
from time import perf_counter
from typing import Any, Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from webhook.service import framing
from webhook.service.connections import GRACE_SECONDS
from webhook.service.direct_reviews import SMALL_BYTES, DirectReview
from webhook.service.flow import Flow
from webhook.service.load import Load
from webhook.service.requests import Requests
from webhook.service.state import (
    ANSWERED,
    ANSWERING,
    BODY,
    CLOSING,
    DISCARDING,
    FIRST_BYTE,
    HEAD,
    HEAD_END,
    IDLE,
    LAST_BYTE,
)

#: Key of the ASGI scope: when the request's last byte was read, by perf_counter.
ARRIVED: Final = "webhook.arrived"
#: Key of the ASGI scope: the request was a review, and was answered.
REVIEWED: Final = "webhook.reviewed"
#: Key of the ASGI scope: the protocol rejected the request and answered it.
REJECTED: Final = "webhook.rejected"
#: Key of the ASGI scope, which the application sets before it answers: the answer is a stream without an end that is
#: known. Then the client has `read_seconds` for each piece, not for the whole answer.
STREAM: Final = "webhook.stream"

#: The most headers of a request. Each takes more memory than its bytes.
_HEADERS: Final = 100
#: How many requests may wait for the answer to the one before. HTTP clients of today send one at a time.
_PIPELINED: Final = 4
#: What the transport holds of an answer that is not taken, at most: the bytes at which uvloop says so, and one piece.
_WRITE_BUFFER: Final = 96 * 1024
#: Bytes. httptools refuses longer URLs, but only when the application is called.
_URL_BYTES: Final = 65_535
#: Bytes. The bodies of most reviews are smaller.
_SMALL_BODY: Final = 64 * 1024
#: How long a new connection may take to begin its request while the server stops.
_FRESH_SECONDS: Final = 1.0


class _StopError(Exception):
    """Ends the parser in the middle of what it reads, because the call was rejected."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. It answers one request after another, and bounds what its client can make it hold."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: Load,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """The arguments are those of uvicorn's protocol."""
        super().__init__(config, server_state, app_state, _loop)
        self.idle_since = perf_counter()
        #: The task that accepts the connection, while its handshake is not complete.
        self.handshake: asyncio.Task[None] | None = None
        self._load = server_state
        self._limits = server_state.limits
        self._requests = Requests(server_state, self.pipeline)
        self._state = IDLE
        self._deadline: TimerHandle | None = None
        self._write_deadline: TimerHandle | None = None
        self._untaken_bytes = 0
        self._watches_writing = False
        #: When the newest data was read, and when the last answer was sent, both by perf_counter.
        self._arrived = self._rested = 0.0
        #: When the newest request began, by the clock of all connections.
        self._begun = 0.0
        #: The review that is read or waits, if it needs no call of the application.
        self._review: DirectReview | None = None
        #: Whether no review in the data that is being parsed was answered directly. Of many, only the first one is.
        self._first = True
        #: What was read too late in a turn.
        self._unread = b""
        self._unparsed_bytes = 0
        self._allowed = True
        #: Whether the newest request is the first one, or follows a review.
        self._trusted = True
        self._reviewed = False

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or began to arrive a moment ago: the first one or one after a review."""
        current = self._requests.current
        if self._state is HEAD or self._state is BODY:
            return self._trusted and self._load.clock.now() - self._begun < GRACE_SECONDS
        answering = self._review is not None or (current is not None and not current.response_complete)
        return answering and self._untaken_bytes == 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the deadline of the first request."""
        super().connection_made(transport)
        self.idle_since = perf_counter()
        self.flow: Flow = Flow(transport, self._load.reading, self.loop)
        self._allowed = not self._limits.subjects or not self._limits.subjects.isdisjoint(_subjects(transport))
        self._arm()

    def wait(self) -> None:
        """Reads nothing more in this turn."""
        if self.flow is not None:
            self.flow.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees what the connection held, at once: no reference cycle keeps its memory until a garbage collection."""
        if self._review is not None:
            self._end_review()
            if self._load.metrics is not None:
                self._load.metrics.rejected("disconnected")
        self._disarm()
        self._taken()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._load.bodies.waiting.pop(self, None)
        self._requests.lost()
        self._unread = b""
        self.flow.lost()
        self.cycle = self.flow = self.transport = None  # type: ignore[assignment]

    def abandon(self) -> None:
        """Frees a connection whose handshake failed, so that `connection_lost` is not called."""
        self.parser = None  # type: ignore[assignment]

    def abort(self) -> None:
        """Closes the connection at once."""
        if self.transport is not None:
            self.transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()

    def shutdown(self) -> None:
        """Closes an idle connection, and lets others finish. A new connection has a moment to begin its request."""
        if self.transport is None:
            self.loop.call_later(_FRESH_SECONDS, self._abort_handshake)
        elif self._state is IDLE and self._requests.current is None and not self._reviewed:
            self._disarm()
            self._deadline = self.loop.call_later(_FRESH_SECONDS, self._expired)
        elif self._state is not HEAD:
            if self._review is not None:
                self.call()
            super().shutdown()

    def _abort_handshake(self) -> None:
        if self.transport is None:
            self.abort()

    def pause_writing(self) -> None:
        """The client does not take its answer: bounds it, together with those of others, and starts its deadline."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self._limits.read_seconds, self.release_answer)
            current = self._requests.current
            self._untaken_bytes = _WRITE_BUFFER + (0 if current is None else current.expected_content_length)
            answers = self._load.answers
            answers.bytes += self._untaken_bytes
            answers.waiting[self] = None
            answers.bound()

    def resume_writing(self) -> None:
        """Ends that deadline if the whole answer is taken, or all that a stream has sent so far."""
        super().resume_writing()
        current = self._requests.current
        if current is None or current.response_complete or STREAM in current.scope:
            self._taken()

    def release_answer(self) -> None:
        """Closes a connection whose client does not take its answer."""
        self._taken()
        if self._load.metrics is not None:
            self._load.metrics.rejected("untaken")
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parses `data`, or keeps it for the next turn of the event loop if this one has read enough."""
        reading = self._load.reading
        reading.has_read(self.flow)
        # Perhaps no request is answered in this turn.
        reading.end(self.loop)
        if not reading.late():
            self._arrived = reading.began
            self._parse(data)
            return
        self._load.crowd()
        self._hold()
        if not self._unread:
            self._arrived = reading.began
            reading.backlog.add(self.loop, self._read)
        self._unread += data

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if self._deadline is not None:
            self._disarm()
        if self._review is not None:
            # It waits. It is answered before its connection goes on.
            self._review.answer()
        if len(self.pipeline) >= _PIPELINED:
            self._close_behind()
            raise _StopError
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._begun = self._load.clock.now()
        self._state = FIRST_BYTE[self._state]

    def on_headers_complete(self) -> None:
        """The end of the head: calls the application, or rejects the call."""
        self._unparsed_bytes = 0
        if not self._allowed:
            self._reject(403, "forbidden", "client certificate not allowed")
        elif (
            len(self.headers) > _HEADERS
            or len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > self._limits.head_bytes
        ):
            self._reject_head()
        elif self.parser.should_upgrade():
            self._reject(400, "invalid", "found Upgrade or CONNECT; accepted: plain HTTP/1.1")
        elif fault := framing.fault(self.headers):
            self._reject(400, "invalid", fault)
        else:
            if not self._watches_writing:
                self._watches_writing = True
                # In this moment the end of the handshake may wait to be sent, which is no answer.
                self.loop.call_soon(self._watch_writing)
            self._state = HEAD_END[self._state]
            self._review = self._direct_review()
            if self._review is None:
                self._begin_call(self.headers, expects=self.expect_100_continue)
            self.headers = framing.TRAILERS
            return
        raise _StopError

    def _direct_review(self) -> DirectReview | None:
        """The request, if it is a review that needs no call of the application."""
        direct, current = self._load.direct, self._requests.current
        if direct is None:
            return None
        # The API server adds `?timeout=10s`.
        respond = direct.responders.get(self.url.partition(b"?")[0])
        if (
            respond is None
            or not self._first
            or self._load.draining
            or self.expect_100_continue
            or (current is not None and not current.response_complete)
            or self.parser.get_method() != b"POST"
            or not self.parser.should_keep_alive()
            # The parser forgets whether the client of another version asks to keep its connection.
            or self.parser.get_http_version() != "1.1"
            or len(self.url) > _URL_BYTES
            or not 0 < framing.length(self.headers) <= direct.most_bytes
        ):
            return None
        return DirectReview(direct, self, respond, self.headers)

    def _begin_call(self, headers: list[tuple[bytes, bytes]], *, expects: bool) -> None:
        """Calls the application for the request with `headers`; `expects` is whether the client waits for 100."""
        url, state = self.url, self._state
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        # uvicorn raises errors for some URLs, for instance without a path. Then there is no call that has a body.
        self._state = HEAD
        super().on_headers_complete()
        self._state = state
        if self._load.draining or expects:
            # A client that waits for 100 sends no body if it gets another status first.
            self.cycle.keep_alive = False
        if self.pipeline:
            self._hold()
        self._requests.begun(self.cycle)

    def call(self) -> None:
        """Calls the application for a review that is not answered directly after all."""
        if self._review is None:
            return
        headers, body = self._review.headers, self._review.body
        self._end_review()
        self._begin_call(headers, expects=False)
        self.headers = framing.TRAILERS
        super().on_body(bytes(body))
        self._requests.grown(len(body) - self._requests.body_bytes)
        if self._state is ANSWERING:
            self._complete()

    def _end_review(self) -> None:
        if self._review is not None:
            self._review.end()
            self._review = None

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unparsed_bytes = 0
        if self._review is not None:
            self._review.grow(body)
            return
        super().on_body(body)
        if not self.cycle.response_started:
            self._requests.grown(len(body))

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._unparsed_bytes = 0
        self._state = LAST_BYTE[self._state]
        if self._review is None:
            self._complete()
        elif self.flow.write_paused or self._load.all_in_flight >= self._limits.in_flight:
            self.call()
        else:
            self._review.wait(self.loop, self._arrived)

    def _complete(self) -> None:
        """The request of which the application was told is complete."""
        # A request that was answered before its last byte, for instance with 404, needs no slot.
        if self._state is ANSWERING:
            self.scope[ARRIVED] = perf_counter()  # type: ignore[typeddict-unknown-key]
            self._requests.complete()
        super().on_message_complete()

    @property
    def answer_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of all answers."""
        return self._load.default_headers

    def send(self, answer: bytes) -> None:
        """Sends the answer to a review that needed no call of the application."""
        if not self.transport.is_closing():
            self.transport.write(answer)
        self._end_review()
        self._first = False
        self._state = IDLE
        self._trusted = self._reviewed = True
        if self._requests.body_bytes:
            self._requests.answered()
        self._load.connections.used(self, self._arrived)
        self._rest()

    def on_response_complete(self) -> None:
        """The end of an answer: begins the next one, or waits for a request."""
        self._load.reading.over()
        current = self._requests.current
        if current is None:
            return
        self._trusted = self._reviewed = self._reviewed or REVIEWED in current.scope
        if REVIEWED in current.scope:
            self._load.connections.used(self, current.scope[ARRIVED])  # type: ignore[typeddict-item]
        if self._write_deadline is not None and not self.flow.write_paused:
            self._taken()
        if current is self.cycle and self._state is not CLOSING:
            self._state = ANSWERED[self._state]
        app = self._requests.answered()
        if self._load.bodies.waiting:
            self._load.bodies.waiting.pop(self, None)
        if self.transport.is_closing():
            return
        if app is not None:
            self._start_asgi_task(self._requests.current, app)  # type: ignore[arg-type]
        else:
            self._rest()
        self._let_go()

    def timeout_keep_alive_handler(self) -> None:
        """Closes the connection if its last answer is long ago. The timer is not moved for each request."""
        self.timeout_keep_alive_task = None
        if self._state is IDLE:
            rest = self._rested + self.timeout_keep_alive - perf_counter()
            if rest > 0:
                self.timeout_keep_alive_task = self.loop.call_later(rest, self.timeout_keep_alive_handler)
            else:
                super().timeout_keep_alive_handler()

    def release_body(self) -> None:
        """Rejects the request that is being read, because its body and others take too much memory.

        A small one that began a moment ago is not rejected: it is complete soon, while others wait for their turn. The
        moment is of the time of this process, because while it stands still, no request can become complete.
        """
        if self._requests.body_bytes <= _SMALL_BODY and self._load.clock.now() - self._begun < GRACE_SECONDS:
            return
        del self._load.bodies.waiting[self]
        self._reject(503, "memory", "no memory left for request bodies", b"retry-after: 1\r\n")

    def _rest(self) -> None:
        """Waits for the next request, but not for ever."""
        self._rested = perf_counter()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _watch_writing(self) -> None:
        """From now on the transport tells as soon as bytes wait to be sent."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=1)

    def _hold(self) -> None:
        """Reads nothing until `_let_go`."""
        self.flow.held = True
        self.flow.pause_reading()

    def _let_go(self) -> None:
        """Reads again, unless requests are pipelined, bytes wait for the next turn, or the connection closes."""
        if not (self.pipeline or self._unread or self._state is CLOSING):
            self.flow.held = False
            self.flow.resume_reading()

    def _read(self) -> None:
        """Parses what was kept for this turn."""
        data, self._unread = self._unread, b""
        if self.transport is not None:
            self._parse(data)
            self._let_go()

    def _parse(self, data: bytes) -> None:
        """Parses `data`, unless the connection closes."""
        if self._state is CLOSING or self.transport.is_closing():
            return
        # The parser keeps an unfinished header. So bytes count until a callback shows that it has passed them on.
        self._unparsed_bytes += len(data)
        self._first = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            # After a rejection this is its _StopError.
            if self._state is not CLOSING:
                self._reject(400, "invalid", "not an HTTP/1.1 request")
        else:
            self._bound()

    def _bound(self) -> None:
        """Limits the bytes that the parser holds, the time until the request is complete, and all bodies together."""
        state, bodies = self._state, self._load.bodies
        if self._review is not None and (state is BODY or len(self._review.body) > SMALL_BYTES):
            self._requests.grown(len(self._review.body) - self._requests.body_bytes)
        if state is BODY and self._requests.body_bytes:
            bodies.waiting.setdefault(self)
        elif bodies.waiting:
            bodies.waiting.pop(self, None)
        if state is ANSWERING:
            self._disarm()
        elif state is IDLE:
            # Bytes that begin no request must not keep a connection open.
            if self._deadline is None and self.timeout_keep_alive_task is None:
                self._arm()
        elif self._unparsed_bytes > self._limits.head_bytes or (state is HEAD and len(self.headers) > _HEADERS):
            self._reject_head()
        elif self._deadline is None:
            self._arm()
        if bodies.bytes > bodies.limit:
            bodies.bound()

    def _taken(self) -> None:
        """Ends the deadline and the count of an answer."""
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
            self._load.answers.bytes -= self._untaken_bytes
            self._untaken_bytes = 0
            del self._load.answers.waiting[self]

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self._limits.read_seconds, self._expired)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        self._deadline = None
        if self._state is HEAD or (
            self._state is BODY and (self._review is not None or not self.cycle.response_started)
        ):
            self._reject(408, "timeout", f"request not complete after {self._limits.read_seconds:g} seconds")
        else:
            self.transport.close()

    def _reject_head(self) -> None:
        accepted = f"at most {self._limits.head_bytes} bytes and {_HEADERS} headers"
        self._reject(431, "too-large-head", f"the request's head is too large; accepted: {accepted}")

    def _reject(self, status: int, reason: str, sentence: str, header: bytes = b"") -> None:
        """Counts and logs the call, answers it without the application, and closes the connection.

        If requests before it are not answered yet, they are, but the call itself is not.
        """
        if self._state is CLOSING or self.transport.is_closing():
            return
        if self._review is not None and self._state is ANSWERING:
            self._review.answer()
        body = self._load.rejections.record(status, reason, sentence)
        current, silent = self._requests.current, self._state is DISCARDING
        if self._state is BODY and self._review is not None:
            self._end_review()
            self._requests.drop_newest()
            current = None
        elif self._state is BODY:
            self.scope[REJECTED] = True  # type: ignore[typeddict-unknown-key]
            if self._requests.drop_newest():
                current, silent = None, self.cycle.response_started
                self.cycle.disconnected = True
                self.cycle.message_event.set()
        if current is not None and not current.response_complete:
            self._close_behind()
            return
        # If its request is answered already, the client would take this for the answer to its next one.
        if not silent:
            head = b"".join([b"%b: %b\r\n" % field for field in self.answer_headers])
            head += b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + header + b"\r\n" + body)
        self._disarm()
        self._state = CLOSING
        self.scope = self.headers = None  # type: ignore[assignment]
        self.transport.close()

    def _close_behind(self) -> None:
        """Reads no more, and closes the connection behind the answers to the requests that are complete."""
        self._disarm()
        self._state = CLOSING
        self._hold()
        last = self._requests.newest
        if last is not None:
            last.keep_alive = False


def _subjects(transport: asyncio.Transport) -> set[str]:
    """The common names and DNS names of the client's certificate."""
    certificate = transport.get_extra_info("peercert") or {}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return common | {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
