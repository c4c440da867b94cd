"""What the live view shows, made from the ticks of the serving process. It knows no HTTP and no clock."""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from webhook.service.feed_messages import Greeting, Row, Tick

#: The most decisions that are kept.
MOST: Final = 200
#: Seconds over which rates and latencies are taken.
WINDOW: Final = 60
_DAY: Final = 86_400
_FIELDS: Final = ("seq", "time", "namespace", "application", "role", "mode", "outcome", "reason", "microseconds")
_PERCENTILES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


@dataclass(frozen=True, slots=True)
class _Moment:
    """The totals of one tick, and the durations of its decisions in microseconds."""

    now: float
    admitted: dict[tuple[str, str], int]
    warnings: dict[str, int]
    durations: list[int]


class ReplicaState:
    """The newest state of the serving process, the moments of the last minute, and the last decisions."""

    def __init__(self, greeting: Greeting) -> None:
        """Nothing is known yet but what `greeting` says."""
        self._greeting = greeting
        self._moments: deque[_Moment] = deque()
        self._rows: deque[Row] = deque(maxlen=MOST)
        self._certificate: float | None = None
        self.seq = 0
        """The number of the newest decision."""
        self._now = greeting.started

    @property
    def started(self) -> float:
        """When the serving process started."""
        return self._greeting.started

    def take(self, tick: Tick) -> None:
        """Takes what happened since the tick before."""
        if tick.now < self._now:
            # The clock was set back. The moments before would count as later ones.
            self._moments.clear()
        admitted = {(mode, outcome): total for mode, outcome, total in tick.admitted}
        # The first message to a new page process also tells older decisions.
        durations = [row[-1] for row in tick.decisions if row[1] > tick.now - WINDOW]
        self._moments.append(_Moment(tick.now, admitted, tick.warnings, durations))
        # The last moment before the window is where its rates begin.
        while len(self._moments) > 1 and self._moments[1].now <= tick.now - WINDOW:
            self._moments.popleft()
        self._rows.extend(tick.decisions)
        self._certificate, self.seq, self._now = tick.certificate_not_after, tick.seq, tick.now

    def document(self, after: int) -> dict[str, Any]:
        """The state as JSON, with the kept decisions whose numbers are greater than `after`, oldest first."""
        rows = [row for row in self._rows if row[0] > after]
        first = rows[0][0] if rows else self.seq + 1
        began, admitted, warnings = self._begin()
        seconds = max(self._now - began, 1.0)
        newest = self._moments[-1] if self._moments else _Moment(self._now, {}, {}, [])
        rates = {key: (total - admitted.get(key, 0)) / seconds for key, total in newest.admitted.items()}
        return {
            "started": self._greeting.started,
            "now": self._now,
            "policy": self._greeting.policy.digest,
            "certificateDaysLeft": None if self._certificate is None else (self._certificate - self._now) / _DAY,
            "rates": {
                "seconds": WINDOW,
                "perSecond": math.fsum(rates.values()),
                "total": sum(newest.admitted.values()),
                "by": [
                    {"mode": key[0], "outcome": key[1], "perSecond": rate, "total": newest.admitted[key]}
                    for key, rate in sorted(rates.items())
                ],
            },
            "latency": _latency(self._durations()),
            "warnings": [
                {"reason": reason, "total": total, "perMinute": (total - warnings.get(reason, 0)) * 60 / seconds}
                for reason, total in sorted(newest.warnings.items())
            ],
            "seq": self.seq,
            "missed": max(0, first - after - 1),
            "decisions": [dict(zip(_FIELDS, row, strict=True)) for row in rows],
        }

    def _begin(self) -> tuple[float, dict[tuple[str, str], int], dict[str, int]]:
        """When the window begins, and the totals then. Before the start of the process all totals were 0."""
        if self._now - self._greeting.started <= WINDOW or not self._moments:
            return self._greeting.started, {}, {}
        first = self._moments[0]
        return first.now, first.admitted, first.warnings

    def _durations(self) -> list[int]:
        return [one for moment in self._moments if moment.now > self._now - WINDOW for one in moment.durations]


def _latency(durations: Iterable[int]) -> dict[str, int] | None:
    """How many `durations` there are, and their percentiles by nearest rank; None if there are none."""
    ordered = sorted(durations)
    if not ordered:
        return None
    return {"count": len(ordered)} | {name: _percentile(ordered, share) for name, share in _PERCENTILES}


def _percentile(ordered: Sequence[int], share: float) -> int:
    return ordered[math.ceil(share * len(ordered)) - 1]
