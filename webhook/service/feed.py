"""What the serving process tells the page process: first a hello, and then a message each second.

webhook/page/feed.py reads them. A message is sent as a whole or not at all, so nobody waits for a page that hangs.
"""

import os
import socket
from collections import deque
from time import time
from typing import Any, Final

from msgspec import Struct, json

from webhook import __version__
from webhook.core.policy import Policy
from webhook.core.review import Admission
from webhook.service.log_fields import bounded
from webhook.service.metrics import Metrics

#: The most decisions of a message.
MOST: Final = 200
#: Bytes. A socket holds one message of this size, and the page process reads no larger one.
MOST_BYTES: Final = 96 * 1024
_MICROSECONDS: Final = 1e6


class _Tick(Struct, rename="camel"):
    """One message: what happened since the one before."""

    now: float
    certificate_not_after: float | None
    admitted: list[tuple[str, str, int]]
    warnings: dict[str, int]
    seq: int
    decisions: list[tuple[int, float, str, str, str, str, str, str, int]]


class Feed:
    """Keeps the newest decisions, and tells them to the page process."""

    def __init__(self, metrics: Metrics) -> None:
        """Starts with no decisions. All totals are those of `metrics`."""
        self._metrics = metrics
        self._recent: deque[tuple[float, Admission, float]] = deque(maxlen=MOST)
        self._seq = 0
        self._told = 0
        self.started = time()
        """When the process started, in seconds since 1970."""

    def record(self, admission: Admission, seconds: float) -> None:
        """Keeps one decision, which took `seconds`."""
        self._seq += 1
        self._recent.append((time(), admission, seconds))

    def forget(self) -> None:
        """Makes the next message tell all decisions that are kept, because somebody else reads it."""
        self._told = 0

    def tell(self, to: socket.socket, not_after: float | None) -> None:
        """Sends what is new to a non-blocking socket; if it is full, the next message has it instead.

        `not_after` is when the certificate expires, in seconds since 1970. Raises OSError if nobody is there to read.
        """
        new = min(self._seq - self._told, len(self._recent))
        rows = [self._row(self._seq - age, *self._recent[-1 - age]) for age in reversed(range(new))]
        tick = _Tick(
            time(), not_after, self._metrics.admitted_totals(), self._metrics.warning_totals(), self._seq, rows
        )
        message = json.encode(tick)
        while len(message) > MOST_BYTES and tick.decisions:
            tick.decisions = tick.decisions[(len(tick.decisions) + 1) // 2 :]
            message = json.encode(tick)
        try:
            to.send(message)
        except BlockingIOError:
            return
        self._told = self._seq

    @staticmethod
    def _row(
        seq: int, moment: float, admission: Admission, seconds: float
    ) -> tuple[int, float, str, str, str, str, str, str, int]:
        return (
            seq,
            moment,
            bounded(admission.namespace),
            bounded(admission.application),
            admission.role,
            admission.mode,
            admission.outcome,
            admission.reason,
            round(seconds * _MICROSECONDS),
        )


def hello(policy: Policy, url: str, ca: str, started: float) -> bytes:
    """The first message: the version, the policy, and where reviews are answered."""
    document: Any = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    service = {"url": url, "ca": ca, "inCluster": "KUBERNETES_SERVICE_HOST" in os.environ}
    return json.encode(
        {
            "version": __version__,
            "policy": {"digest": policy.digest, "document": document},
            "service": service,
            "started": started,
        }
    )
