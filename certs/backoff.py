"""How long to wait: longer after each fault, and after many actions in a short time."""

import random
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Seconds to wait after a fault: up to `first`, and up to twice as long after each further fault, until `limit`.

    Half of that is random, so that controllers do not act at the same moment.
    """

    first: float = 0.4
    limit: float = 10
    _faults: int = field(default=0, init=False)

    def reset(self) -> None:
        """Starts again from `first`."""
        self._faults = 0

    def next(self) -> float:
        """The seconds to wait after one more fault."""
        longest = min(self.limit, self.first * 2.0 ** min(self._faults, 16))
        self._faults += 1
        return longest * random.SystemRandom().uniform(0.5, 1)


@dataclass(slots=True)
class RateLimit:
    """At most `actions` in any `seconds`, so that clients that undo each other's work do little harm."""

    actions: int = 20
    seconds: float = 60
    _taken: deque[float] = field(default_factory=deque, init=False)

    def take(self, now: float) -> float:
        """Counts an action at `now`, by a monotonic clock; returns the seconds to wait before the next."""
        self._taken.append(now)
        while now - self._taken[0] >= self.seconds:
            self._taken.popleft()
        return 0 if len(self._taken) < self.actions else self._taken[0] + self.seconds - now
