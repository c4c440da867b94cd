"""All connections of one server, in the order in which they give way to new ones."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from time import perf_counter
from typing import Final, Protocol

#: A connection that is younger, or whose last review is, is not closed for the sake of another one. In this time a
#: client finishes its handshake and sends its review.
GRACE_SECONDS: Final = 0.25


class Connection(Protocol):
    """What is known of a connection."""

    idle_since: float
    """When it was accepted, or finished its last review, by perf_counter."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or begins to arrive after another one was answered."""

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
        self._fresh: OrderedDict[Connection, None] = OrderedDict()
        self._used: OrderedDict[Connection, None] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._fresh) + len(self._used)

    def __iter__(self) -> Iterator[Connection]:
        """The first one gives way first."""
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
        if connection in self._used:
            self._used.move_to_end(connection)
        elif connection in self._fresh:
            del self._fresh[connection]
            self._used[connection] = None
        connection.idle_since = moment

    @property
    def full(self) -> bool:
        """Whether no more connection fits."""
        return len(self) >= self._bound

    def room(self) -> float:
        """0 if one more connection fits, if need be in place of another one; else the seconds to wait."""
        return self.displace() if self.full else 0

    def displace(self) -> float:
        """Closes the connection that gives way and returns 0, or returns the seconds until this may be done."""
        for order in (self._fresh, self._used):
            first = next((one for one in order if not one.busy), None)
            if first is not None:
                rest = first.idle_since + GRACE_SECONDS - perf_counter()
                if rest <= 0:
                    self.discard(first)
                    first.abort()
                return max(rest, 0)
        return GRACE_SECONDS
