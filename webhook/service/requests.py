"""The requests of one connection that are not answered: their order, their bodies, and their slot.

They are answered one after another. A request takes a slot when it is complete and first in line, so slow clients hold
none.
"""

from collections import deque
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from webhook.service.load import Load

#: Key of the ASGI scope: no slot was free for the request.
OVERLOADED: Final = "webhook.overloaded"
#: Key of the ASGI scope: a list with the body of a request that waits for its turn.
HELD: Final = "webhook.held"


class Requests:
    """The requests of one connection that are not answered."""

    def __init__(self, load: Load, waiting: deque[tuple[RequestResponseCycle, Any]]) -> None:
        """Starts with none. uvicorn keeps those that are not first in line in `waiting`, the newest first."""
        self.current: RequestResponseCycle | None = None
        """The request that is first in line, or the one answered last."""
        self.body_bytes = 0
        """The bytes of all their bodies."""
        self._load = load
        self._waiting = waiting
        self._waiting_bytes: list[int] = []
        self._holds_slot = False

    def begun(self, cycle: RequestResponseCycle) -> None:
        """The head of `cycle` is complete."""
        if self._waiting:
            self._waiting_bytes.append(0)
        else:
            self.current = cycle

    def grown(self, size: int) -> None:
        """`size` more bytes of the newest request's body were read."""
        self.body_bytes += size
        self._load.bodies.bytes += size
        if self._waiting:
            self._waiting_bytes[-1] += size

    def complete(self) -> None:
        """The newest request was read to its last byte."""
        if not self._waiting:
            self._take_slot()

    def answered(self) -> Any:
        """Frees what the first one held, and returns the next one's application, if there is one."""
        if not self._waiting:
            self._free(self.body_bytes)
            return None
        self._free(self.body_bytes - sum(self._waiting_bytes))
        self.current, app = self._waiting.pop()
        self._waiting_bytes.pop(0)
        if not self.current.more_body:
            self._take_slot()
        return app

    def drop_newest(self) -> bool:
        """Forgets the newest request, whose body is not complete; returns whether it was first in line."""
        if self._waiting:
            self._waiting.popleft()
            self._forget(self._waiting_bytes.pop())
            return False
        self._forget(self.body_bytes)
        return True

    def lost(self) -> None:
        """Forgets all of them: the connection is lost."""
        self._free(self.body_bytes)
        self._waiting.clear()
        self._waiting_bytes.clear()
        if self.current is not None:
            self.current.disconnected = True
            self.current.message_event.set()
            self.current.body = bytearray()
            # The body would wait for its turn, but counts no more.
            self.current.scope.get(HELD, []).clear()  # type: ignore[attr-defined]
            # Otherwise it refers to the connection, and the memory of both waits for a garbage collection.
            self.current.on_response = _nothing
            self.current = None

    @property
    def newest(self) -> RequestResponseCycle | None:
        """The newest request whose head is complete, if one is not answered."""
        return self._waiting[0][0] if self._waiting else self.current

    def _take_slot(self) -> None:
        cycle = self.current
        if cycle is None or cycle.scope["method"] != "POST":
            return
        if self._load.all_in_flight >= self._load.limits.in_flight:
            # The application answers: the connection stays, because a new handshake would add to the load.
            cycle.scope[OVERLOADED] = True  # type: ignore[typeddict-unknown-key]
        else:
            self._holds_slot = True
            self._load.in_flight += 1

    def _free(self, size: int) -> None:
        self._forget(size)
        if self._holds_slot:
            self._holds_slot = False
            self._load.in_flight -= 1

    def _forget(self, size: int) -> None:
        self.body_bytes -= size
        self._load.bodies.bytes -= size


def _nothing() -> None:
    """Stands in for a callback of a connection that is lost."""
