"""All connections of one server, in the order in which they give way to new ones."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from time import perf_counter
from typing import Final, Protocol

#: How long after each step of a client its connection is not closed for the sake of another one. The steps are: to
#: connect, to begin and to finish the handshake, to begin a request, and to finish a review.
GRACE_SECONDS: Final = 0.25


class Connection(Protocol):
    """What is known of a connection."""

    idle_since: float
    """When it was accepted, made the last step of its handshake, or finished its last review, by perf_counter."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or began to arrive a moment ago."""

    def wait(self) -> None:
        """Reads nothing more in this turn of the event loop."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Connections:
    """The connections of one server, at most `bound`.

    If there are too many, one gives way that has never finished a review. If there is none, it is the one whose last
    review is longest ago.
    """

    def __init__(self, bound: int) -> None:
        """Starts with none."""
        self._bound = bound
        self._fresh: dict[Connection, None] = {}
        self._used: OrderedDict[Connection, None] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._fresh) + len(self._used)

    def __iter__(self) -> Iterator[Connection]:
        """Those that never finished a review come first."""
        return chain(self._fresh, self._used)

    def add(self, connection: Connection) -> None:
        """Adds a connection that was just accepted; does nothing if it is known."""
        if connection not in self._used:
            self._fresh.setdefault(connection)

    def discard(self, connection: Connection) -> None:
        """Forgets a connection that was closed; does nothing if it is not known."""
        self._fresh.pop(connection, None)
        self._used.pop(connection, None)

    def used(self, connection: Connection, moment: float) -> None:
        """The connection finished a review whose last byte came at `moment`, by perf_counter."""
        connection.idle_since = moment
        if connection in self._used:
            self._used.move_to_end(connection)
        elif connection in self._fresh:
            del self._fresh[connection]
            self._used[connection] = None

    @property
    def full(self) -> bool:
        """Whether no more connection fits."""
        return len(self) >= self._bound

    def room(self) -> float:
        """0 if one more connection fits, if need be in place of another one; else the seconds to wait."""
        return self.displace() if self.full else 0

    def displace(self) -> float:
        """Closes the connection that gives way and returns 0, or returns the seconds until this may be done."""
        now = perf_counter()
        for order in (self._fresh, self._used):
            waits = []
            for one in order:
                if one.busy:
                    continue
                wait = one.idle_since + GRACE_SECONDS - now
                if wait <= 0:
                    self.discard(one)
                    one.abort()
                    return 0
                waits.append(wait)
            if waits:
                return min(waits)
        return GRACE_SECONDS
