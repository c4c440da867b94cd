"""What all connections of one server share: their limits, and what they hold together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from uvicorn.server import ServerState

from webhook.service.connections import Connections
from webhook.service.direct_reviews import DirectReviews
from webhook.service.metrics import Metrics
from webhook.service.responses import Rejections
from webhook.service.turn import Clock, Reading


@dataclass(frozen=True)
class Limits:
    """The limits of one connection, and of all of them together."""

    head_bytes: int
    """The largest request line with headers."""
    read_seconds: float
    """Time for a whole request to arrive, for the first one to begin, and for a client to read an answer."""
    in_flight: int
    """Requests that were read and are not answered."""
    connections: int
    """Connections, from the moment in which they are accepted."""
    body_bytes: int
    """Memory for the bodies of all requests that are not answered."""
    answer_bytes: int
    """Memory for all answers that clients do not take."""
    subjects: frozenset[str]
    """If not empty: the common names and DNS names of the client certificates that are allowed."""


class Holder(Protocol):
    """A connection that holds memory."""

    def release_body(self) -> None:
        """Gives up the request whose body is not complete, unless it is small and began a moment ago."""

    def release_answer(self) -> None:
        """Gives up the answer that the client does not take."""


class Pool:
    """Bytes that connections hold together. Beyond a limit, the one that waits longest has to release its bytes.

    So a client that sends its request, or takes its answer, without a pause is not refused because others do not.
    """

    def __init__(self, limit: int, release: Callable[[Holder], None]) -> None:
        """Starts with nothing; `release` makes a connection release its bytes and leave `waiting`, if it may."""
        self.limit = limit
        self.bytes = 0
        self.waiting: dict[Holder, None] = {}
        """The connections that can release bytes, the one that waits longest first."""
        self._release = release

    def bound(self) -> None:
        """Makes connections release their bytes while there are too many."""
        for one in list(self.waiting):
            if self.bytes <= self.limit:
                return
            self._release(one)


@dataclass
class Load(ServerState):
    """What all connections of one server share."""

    limits: Limits
    metrics: Metrics | None = None
    rejections: Rejections = field(default_factory=Rejections)
    direct: DirectReviews | None = None
    """Answers reviews without calling the application, if that is possible."""
    in_flight: int = 0
    """The calls of the application that hold a slot."""
    draining: bool = False

    def __post_init__(self) -> None:
        """Starts with no connections."""
        ServerState.__init__(self)
        self.connections: Connections = Connections(self.limits.connections)  # type: ignore[assignment]
        self.bodies = Pool(self.limits.body_bytes, lambda holder: holder.release_body())
        self.answers = Pool(self.limits.answer_bytes, lambda holder: holder.release_answer())
        self.reading = Reading()
        self.clock = Clock()
        if self.metrics is not None:
            self.metrics.connections.set_function(lambda: len(self.connections))
            self.metrics.in_flight.set_function(lambda: self.all_in_flight)
            self.metrics.body_bytes.set_function(lambda: self.bodies.bytes)
            self.metrics.answer_bytes.set_function(lambda: self.answers.bytes)

    def crowd(self) -> None:
        """Lets all connections wait for the next turn if this one is long, and they do not wait already."""
        if self.reading.long and not self.reading.crowded:
            self.reading.crowded = True
            self.reading.back()
            for one in self.connections:
                one.wait()

    @property
    def all_in_flight(self) -> int:
        """How many requests were read and are not answered, those that wait for a direct answer included."""
        return self.in_flight + (0 if self.direct is None else self.direct.waiting)
