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
JSON: Final = (b"content-type", b"application/json")


class Reviewed(Protocol):
    """A connection whose review is to be answered."""

    respond: Respond | None
    """What answers it; None if it is answered, or the application answers it."""
    body: bytes | bytearray
    waits: bool
    """Whether the review was read to its last byte, and is not answered."""
    arrived: float
    """When it was read, by perf_counter."""

    def send(self, answer: bytes) -> None:
        """Sends the whole answer, head and body."""

    def call(self) -> None:
        """Calls the application in place of a direct answer."""


class Direct:
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
        """How many reviews wait. A connection whose review waits no more takes it off."""
        self._record = record
        self._small: deque[Reviewed] = deque()
        self._large: deque[Reviewed] = deque()
        self._headers: list[tuple[bytes, bytes]] = []
        self._start = b""

    def add(self, loop: asyncio.AbstractEventLoop, connection: Reviewed) -> None:
        """Answers the review of `connection` at the end of this turn of `loop`, or in a later one."""
        line = self._large if len(connection.body) > SMALL_BYTES else self._small
        if not line:
            loop.call_soon(self._work, loop, line)
        line.append(connection)
        self.waiting += 1

    def answer(self, connection: Reviewed) -> None:
        """Answers the review of `connection` now."""
        decided = _decide(connection)
        if decided is not None:
            self._send([decided])

    def whole(self, answer: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The answer with its head. `headers` are those of all answers: uvicorn builds a new list each second."""
        if headers is not self._headers:
            self._headers = headers
            lines = [b"%b: %b\r\n" % header for header in (*headers, JSON)]
            self._start = STATUS_LINE[200] + b"".join(lines) + b"content-length: "
        return b"%b%d\r\n\r\n%b" % (self._start, len(answer), answer)

    def _work(self, loop: asyncio.AbstractEventLoop, line: deque[Reviewed]) -> None:
        """Answers at least one review in `line`, and more as long as there is time."""
        until = perf_counter() + SECONDS
        decided: list[tuple[Reviewed, bytes, Admission]] = []
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

    def _send(self, decided: list[tuple[Reviewed, bytes, Admission]]) -> None:
        for connection, answer, _ in decided:
            connection.send(answer)
        sent = perf_counter()
        for connection, _, admission in decided:
            self._record(admission, sent - connection.arrived)


def _decide(connection: Reviewed) -> tuple[Reviewed, bytes, Admission] | None:
    """The answer; None if there is none, because the application answers: the review is invalid, or its answer long."""
    respond = connection.respond
    # It may have been answered before its turn, and read the next one since then.
    if respond is None or not connection.waits:
        return None
    try:
        answer, admission = respond(connection.body)
    except Exception:  # noqa: BLE001, the application meets it again, and handles it
        connection.call()
        return None
    if len(answer) > PIECE_BYTES:
        connection.call()
        return None
    return connection, answer, admission
