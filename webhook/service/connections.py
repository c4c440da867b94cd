"""All connections of one server, in the order of their last finished review, so that the one idle longest is first."""

from collections import OrderedDict
from collections.abc import Iterator
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
    def answering(self) -> bool:
        """Whether a whole request was read and is not answered yet."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Connections:
    """The connections of one server, at most `bound`."""

    def __init__(self, bound: int) -> None:
        """Starts with none."""
        self._bound = bound
        self._order: OrderedDict[Connection, None] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._order)

    def __iter__(self) -> Iterator[Connection]:
        """The one idle longest comes first."""
        return iter(self._order)

    def add(self, connection: Connection) -> None:
        """Adds a connection that was just accepted; does nothing if it is known."""
        self._order.setdefault(connection)

    def discard(self, connection: Connection) -> None:
        """Forgets a connection that was closed; does nothing if it is not known."""
        self._order.pop(connection, None)

    def used(self, connection: Connection, moment: float) -> None:
        """The connection finished a review whose last byte came at `moment`, by perf_counter."""
        if connection in self._order:
            connection.idle_since = moment
            self._order.move_to_end(connection)

    def room(self) -> float:
        """0 if one more connection fits, if need be in place of the one idle longest; else the seconds to wait."""
        return 0 if len(self._order) < self._bound else self.displace()

    def displace(self) -> float:
        """Closes the connection idle longest and returns 0, or returns the seconds until this may be done."""
        oldest = next((one for one in self._order if not one.answering), None)
        if oldest is None:
            return GRACE_SECONDS
        rest = oldest.idle_since + GRACE_SECONDS - perf_counter()
        if rest > 0:
            return rest
        self.discard(oldest)
        oldest.abort()
        return 0
