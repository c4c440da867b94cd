"""Reviews that are answered where they are read.

To call an ASGI application takes a task, a scope, an event and three messages: as long as to decide (figures:
docs/architecture.md). A review that arrives as most do needs none of them. Its answer is the application's, byte for
byte.
"""

from collections.abc import Callable, Mapping
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from webhook.core.review import Admission

#: What answers the body of a review: returns the answer's body, and the facts of it.
Respond = Callable[[bytes | bytearray], tuple[bytes, Admission]]

#: Bytes. A larger review waits for its turn, and a longer answer is sent in pieces. The application does both.
MOST_BYTES: Final = 16 * 1024
#: The type of every answer.
JSON: Final = (b"content-type", b"application/json")


class Direct:
    """Answers reviews without an ASGI call."""

    def __init__(self, paths: Mapping[str, Respond], record: Callable[[Admission, float], None]) -> None:
        """Answers each of `paths` by its function, and calls `record` with the facts and the seconds that it took."""
        self.record = record
        self.responders: Final = {path.encode(): respond for path, respond in paths.items()}
        """The function of each path."""
        self._headers: list[tuple[bytes, bytes]] = []
        self._start = b""

    def answer(
        self, respond: Respond, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> tuple[bytes, Admission] | None:
        """The answer to the review in `body`, head and body in one, and the facts of it.

        `headers` are those of all answers; the date among them makes uvicorn build a new list each second. None if the
        application must answer: the review is invalid, or its answer is long.
        """
        try:
            answer, admission = respond(body)
        except Exception:  # noqa: BLE001, the application meets it again, and handles it
            return None
        if len(answer) > MOST_BYTES:
            return None
        if headers is not self._headers:
            self._headers = headers
            lines = [b"%b: %b\r\n" % header for header in (*headers, JSON)]
            self._start = STATUS_LINE[200] + b"".join(lines) + b"content-length: "
        return b"%b%d\r\n\r\n%b" % (self._start, len(answer), answer), admission
