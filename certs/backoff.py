"""How long to wait: longer after each fault, and after many actions in a short time."""

import math
import random
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
    """Up to `burst` actions at once, and then one in each `seconds`.

    So clients that undo each other's work do little harm, and none waits for long.
    """

    burst: int = 20
    seconds: float = 3
    _free_at: float = field(default=-math.inf, init=False)
    """When all actions of the burst will be free again."""

    def take(self, now: float) -> float:
        """Counts an action at `now`, by a monotonic clock; returns the seconds to wait before the next."""
        self._free_at = max(self._free_at, now) + self.seconds
        return max(0, self._free_at - now - (self.burst - 1) * self.seconds)
