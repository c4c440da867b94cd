"""How long to wait: longer after each fault, and never many actions in a short time."""

import random
from collections import deque
from dataclasses import dataclass, field

_random = random.SystemRandom()


@dataclass(slots=True)
class Backoff:
    """Seconds to wait after a fault: up to `first`, doubled with each fault up to `limit`.

    At least half of that, the rest at random, so that controllers do not act at the same moment.
    """

    first: float = 0.4
    limit: float = 10
    _faults: int = field(default=0, init=False)

    def reset(self) -> None:
        """Starts again from `first`: things work."""
        self._faults = 0

    def next(self) -> float:
        """The seconds to wait after one more fault."""
        longest = min(self.limit, self.first * 2.0 ** min(self._faults, 16))
        self._faults += 1
        return longest * _random.uniform(0.5, 1)


@dataclass(slots=True)
class RateLimit:
    """At most `actions` in any `seconds`, so that two controllers that undo each other's work do little harm."""

    actions: int = 20
    seconds: float = 60
    _taken: deque[float] = field(default_factory=deque, init=False)

    def take(self, now: float) -> float:
        """Counts an action at `now`, by a monotonic clock; returns the seconds to wait before the next."""
        self._taken.append(now)
        while now - self._taken[0] >= self.seconds:
            self._taken.popleft()
        return 0 if len(self._taken) < self.actions else self._taken[0] + self.seconds - now
