"""Which Events about a pod say why it is where it is."""

from dataclasses import dataclass
from typing import Final

from webhook.cli.doctor.finding import JSON
from webhook.overflow.events import Happening

#: The most Events that are told.
MOST: Final = 5
#: Events that matter although they are no warnings.
_NORMAL: Final = frozenset({"Scheduled", "Preempted", "Evicted", "TriggeredScaleUp", "NotTriggerScaleUp", *Happening})


@dataclass(frozen=True, slots=True)
class PodEvent:
    """An Event about a pod. Who may create Events may write anything into it."""

    time: str
    """When it happened last (RFC 3339 in UTC)."""
    reason: str
    message: str
    count: int = 1


def choose(events: list[JSON]) -> tuple[PodEvent, ...]:
    """The last of the Events that matter, the newest last; of those with the same reason and message, the newest."""
    found: dict[tuple[str, str], PodEvent] = {}
    for one in sorted(map(_event, filter(_matters, events)), key=lambda event: event.time):
        found.pop((one.reason, one.message), None)
        found[one.reason, one.message] = one
    return tuple(list(found.values())[-MOST:])


def _matters(event: JSON) -> bool:
    return event.get("type") != "Normal" or event.get("reason") in _NORMAL


def _event(event: JSON) -> PodEvent:
    series = event.get("series") or {}
    # Newer schedulers fill in `eventTime` and `series`, and leave the other fields empty.
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    time = next(filter(None, times), event["metadata"].get("creationTimestamp"))
    count = series.get("count") or event.get("count") or 1
    return PodEvent(str(time or ""), str(event.get("reason") or ""), str(event.get("message") or ""), int(count))
