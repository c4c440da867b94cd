"""How fast to go on: slower after each fault, and never many actions in a short time."""

import random
from collections import deque
from dataclasses import dataclass, field

_random = random.SystemRandom()


@dataclass(slots=True)
class Backoff:
    """Seconds to wait after a fault: twice as long after each, a half of it by chance, so that controllers part.

    Attributes:
        first: The longest wait after the first fault.
        limit: The longest wait of all.
    """

    first: float = 0.4
    limit: float = 10
    _faults: int = field(default=0, init=False)

    def reset(self) -> None:
        """Begin anew: things work again."""
        self._faults = 0

    def next(self) -> float:
        """Return the seconds to wait after one more fault."""
        longest = min(self.limit, self.first * 2.0 ** min(self._faults, 16))
        self._faults += 1
        return longest * _random.uniform(0.5, 1)


@dataclass(slots=True)
class Budget:
    """At most so many actions in any stretch of time, whoever may be undoing them at the same time.

    Attributes:
        actions: How many.
        seconds: In how long a stretch.
    """

    actions: int = 20
    seconds: float = 60
    _spent: deque[float] = field(default_factory=deque, init=False)

    def spend(self, now: float) -> float:
        """Count an action at ``now``, in seconds of a steady clock, and return the seconds to wait before the next."""
        self._spent.append(now)
        while now - self._spent[0] >= self.seconds:
            self._spent.popleft()
        return 0 if len(self._spent) < self.actions else self._spent[0] + self.seconds - now
