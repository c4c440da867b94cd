"""What the page process is told: totals, and the newest decisions. No admission ever waits for it."""

import socket
from collections import deque
from time import time
from typing import Final

from msgspec import json

from webhook.core.review import Admission
from webhook.service.feed_messages import MOST_BYTES, Row, Tick
from webhook.service.log_fields import bounded
from webhook.service.metrics import Metrics

#: The most decisions that are kept, and that a message has.
MOST: Final = 200
_MICROSECONDS: Final = 1e6


class Feed:
    """Keeps the newest decisions, and tells one page process after another of them."""

    def __init__(self, metrics: Metrics) -> None:
        """Starts with no decisions. All totals are those of `metrics`."""
        self._metrics = metrics
        self._recent: deque[tuple[float, str, str, str, str, str, str, int]] = deque(maxlen=MOST)
        self._seq = 0
        self._told = 0

    def record(self, admission: Admission, seconds: float) -> None:
        """Keeps one decision, which took `seconds`."""
        self._seq += 1
        # Not the admission itself: its texts can be megabytes long, because they are checked only after the review.
        self._recent.append(
            (
                time(),
                bounded(admission.namespace),
                bounded(admission.application),
                admission.role,
                admission.mode,
                admission.outcome,
                admission.reason,
                round(seconds * _MICROSECONDS),
            )
        )

    def start_over(self) -> None:
        """From now on another page process is told. It knows nothing, so its first message has all that is kept."""
        self._told = 0

    def tell(self, to: socket.socket) -> None:
        """Sends what is new to a non-blocking socket; if it is full, the next message has it instead.

        Raises OSError if nobody is there to read.
        """
        tick = self._tick()
        message = json.encode(tick)
        while len(message) > MOST_BYTES and tick.decisions:
            del tick.decisions[: (len(tick.decisions) + 1) // 2]
            message = json.encode(tick)
        try:
            to.send(message)
        except BlockingIOError:
            return
        self._told = self._seq

    def _tick(self) -> Tick:
        numbered = enumerate(self._recent, self._seq - len(self._recent) + 1)
        rows: list[Row] = [(number, *facts) for number, facts in numbered if number > self._told]
        metrics = self._metrics
        totals = metrics.admitted_totals(), metrics.warning_totals()
        return Tick(time(), metrics.certificate_not_after, *totals, self._seq, rows)
