"""How fast pods are opened."""

import threading
from time import monotonic


class TokenBucket:
    """At most `rate` permits a second, and as many at once."""

    def __init__(self, rate: float) -> None:
        """Starts with a second's permits."""
        self._rate = rate
        self._lock = threading.Lock()
        self._permits = self._most = max(1.0, rate)
        self._latest = monotonic()

    def take(self) -> float:
        """Takes a permit; returns the seconds to wait until it is valid."""
        with self._lock:
            now = monotonic()
            self._permits = min(self._most, self._permits + (now - self._latest) * self._rate)
            self._latest = now
            self._permits -= 1
            return max(0.0, -self._permits / self._rate)
