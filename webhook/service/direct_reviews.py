"""Reviews that are answered without an ASGI call, all those of one turn of the event loop together.

A task, a scope, an event and three messages take as long as to decide. And a processor does one thing many times faster
than many things once, because the code stays in its caches. So all sockets of a turn are read first; then all reviews
are decided, then all answers sent, then all are recorded. Figures: docs/architecture.md.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from webhook.core.review import Admission
from webhook.service.turn import SECONDS

#: What answers the body of a review: returns the answer's body, and the facts of it.
Respond = Callable[[bytes | bytearray], tuple[bytes, Admission]]

#: Bytes. Larger reviews are the application's: what is wrong with one would be found twice, here and there.
MOST_BYTES: Final = 256 * 1024
#: Bytes. Larger reviews wait in a line of their own, so that small ones do not wait for them.
SMALL_BYTES: Final = 16 * 1024
#: Bytes. Longer answers are sent in such pieces, so that the transport can tell when the client does not take them.
PIECE_BYTES: Final = 16 * 1024
#: The type of every answer.
CONTENT_TYPE: Final = (b"content-type", b"application/json")


class Caller(Protocol):
    """A connection that a review came from."""

    @property
    def answer_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of all answers. uvicorn builds a new list each second, with the date."""

    def send(self, answer: bytes) -> None:
        """Sends the answer to its review, head and body, and ends the review."""

    def call(self) -> None:
        """Ends its review, and calls the application in place of a direct answer."""


class DirectReview:
    """A review that is read, or waits for its answer, and of which the application knows nothing."""

    __slots__ = ("_direct", "_waits", "arrived", "body", "connection", "headers", "respond")

    def __init__(
        self, direct: "DirectReviews", connection: Caller, respond: Respond, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """A review from `connection`, with the `headers` of its request, that `respond` answers."""
        self.connection: Caller | None = connection
        """None once the review is over."""
        self.respond = respond
        self.headers = headers
        self.body: bytes | bytearray = b""
        """What was read of its body."""
        self.arrived = 0.0
        """When its last byte was read, by perf_counter."""
        self._direct = direct
        self._waits = False

    def grow(self, body: bytes) -> None:
        """Adds a part of the body."""
        if not self.body:
            # Most come in one part, which is not copied.
            self.body = body
            return
        if not isinstance(self.body, bytearray):
            self.body = bytearray(self.body)
        self.body += body

    def wait(self, loop: asyncio.AbstractEventLoop, arrived: float) -> None:
        """Waits to be answered, at the end of this turn of `loop` or in a later one. It was read at `arrived`."""
        self.arrived = arrived
        self._waits = True
        self._direct.add(self, loop)

    def answer(self) -> None:
        """Answers the review now, in place of later."""
        self._direct.answer(self)

    def end(self) -> None:
        """The review is answered, given up, or the application's business."""
        self.connection = None
        self.body = b""
        if self._waits:
            self._waits = False
            self._direct.waiting -= 1


class DirectReviews:
    """Answers reviews without an ASGI call. An answer is the application's, byte for byte."""

    def __init__(
        self, paths: Mapping[str, Respond], record: Callable[[Admission, float], None], max_body_bytes: int
    ) -> None:
        """Answers each of `paths` by its function, and calls `record` with the facts and the seconds that it took.

        The application refuses reviews of more than `max_body_bytes`.
        """
        self.most_bytes: Final = min(MOST_BYTES, max_body_bytes)
        """The largest review that is answered."""
        self.responders: Final = {path.encode(): respond for path, respond in paths.items()}
        """The function of each path."""
        self.waiting = 0
        """How many reviews wait."""
        self._record = record
        self._small: deque[DirectReview] = deque()
        self._large: deque[DirectReview] = deque()
        self._headers: list[tuple[bytes, bytes]] = []
        self._start = b""

    def add(self, review: DirectReview, loop: asyncio.AbstractEventLoop) -> None:
        """Answers `review` at the end of this turn of `loop`, or in a later one."""
        line = self._large if len(review.body) > SMALL_BYTES else self._small
        if not line:
            loop.call_soon(self._work, loop, line)
        line.append(review)
        self.waiting += 1

    def answer(self, review: DirectReview) -> None:
        """Answers `review` now."""
        decided = _decide(review)
        if decided is not None:
            self._send([decided])

    def _whole(self, answer: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The answer with its head."""
        if headers is not self._headers:
            self._headers = headers
            lines = [b"%b: %b\r\n" % header for header in (*headers, CONTENT_TYPE)]
            self._start = STATUS_LINE[200] + b"".join(lines) + b"content-length: "
        return b"%b%d\r\n\r\n%b" % (self._start, len(answer), answer)

    def _work(self, loop: asyncio.AbstractEventLoop, line: deque[DirectReview]) -> None:
        """Answers at least one review in `line`, and more as long as there is time."""
        until = perf_counter() + SECONDS
        decided: list[_Decided] = []
        try:
            while line:
                one = _decide(line.popleft())
                if one is not None:
                    decided.append(one)
                if perf_counter() > until:
                    break
        finally:
            # An error in one must not keep the others waiting.
            if line:
                loop.call_soon(self._work, loop, line)
            self._send(decided)

    def _send(self, decided: list["_Decided"]) -> None:
        for review, answer, _ in decided:
            if review.connection is not None:
                review.connection.send(self._whole(answer, review.connection.answer_headers))
        sent = perf_counter()
        for review, _, admission in decided:
            self._record(admission, sent - review.arrived)


_Decided = tuple[DirectReview, bytes, Admission]


def _decide(review: DirectReview) -> _Decided | None:
    """The answer; None if there is none: the review is over, or invalid, or its answer is long."""
    connection = review.connection
    if connection is None:
        return None
    try:
        answer, admission = review.respond(review.body)
    except Exception:  # noqa: BLE001, the application meets it again, and handles it
        connection.call()
        return None
    if len(answer) > PIECE_BYTES:
        connection.call()
        return None
    return review, answer, admission
