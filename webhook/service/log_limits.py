"""Limits of the log: how many lines of a kind are written in one second, and identical lines only once."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import structlog
from msgspec import json
from structlog.processors import format_exc_info
from structlog.typing import EventDict, FilteringBoundLogger

from webhook.service.log_fields import bounded_fields

#: How many lines of a kind are compared with later ones in one second.
REMEMBERED: Final = 128

#: A field that says which kind a line is; it is not written. Lines of no kind have no limit.
KIND: Final = "_kind"
RECORD: Final = "record"
#: The event of the line of an admission, and the kind of the lines of those without warnings.
ADMISSION: Final = "admission"

#: The kind of a line by its event. All others are of no kind: each is written once, at start or stop.
_KINDS: Final = {ADMISSION: "warning", "rejected": "rejection", "certificate": "certificate", "failed": "failure"}

_encode: Final = json.Encoder(enc_hook=str).encode


class LineKind:
    """One kind of line, and its lines of this second."""

    def __init__(
        self, name: str, rate: int, dropped: Callable[[], None], logger: FilteringBoundLogger | None = None
    ) -> None:
        """Allows `rate` lines a second (0: no limit), and calls `dropped` for each line that is left out."""
        self.logger = logger
        """Writes how many lines were left out or repeated."""
        self._name = name
        self._rate = rate
        self._dropped = dropped
        self._second = 0
        self._written = 0
        self._left_out = 0
        self._seen: dict[bytes, _Seen] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def over(self) -> bool:
        """Whether this second has had all its lines. If so, counts one that is left out."""
        if not self._rate:
            return False
        second = int(monotonic())
        if second != self._second:
            self._begin(second)
        if self._written < self._rate:
            self._written += 1
            return False
        self._left_out += 1
        self._dropped()
        self._wake_up()
        return True

    def admits(self, event: EventDict) -> bool:
        """Whether `event` is to be written: it is not a repetition, and this second has not had all its lines."""
        second = int(monotonic())
        if second != self._second:
            self._begin(second)
        same = {key: value for key, value in event.items() if key != "duration_us"}
        key = _encode(same)
        seen = self._seen.get(key)
        if seen is not None:
            seen.repeated += 1
            self._wake_up()
            return False
        if self.over():
            return False
        if len(self._seen) < REMEMBERED:
            self._seen[key] = _Seen(same)
        return True

    def settle(self) -> None:
        """Writes how many lines were left out or repeated so far."""
        self._begin(int(monotonic()))

    def _begin(self, second: int) -> None:
        """Begins `second`. Lines that were repeated are remembered, so that each is written once a second."""
        self._second = second
        self._written = 0
        left_out, self._left_out = self._left_out, 0
        repeated = {key: seen for key, seen in list(self._seen.items()) if seen.repeated}
        self._seen = repeated
        if self.logger is None:
            return
        for seen in repeated.values():
            self._written += 1
            times, seen.repeated = seen.repeated, 0
            getattr(self.logger, seen.event["level"])(**seen.event, repeated=times, **{KIND: None})
        if left_out:
            write = self.logger.info if self._name == ADMISSION else self.logger.warning
            write("lines left out", kind=self._name, count=left_out)

    def _wake_up(self) -> None:
        """Begins the next second in time, also if no more lines come."""
        if self._loop is not None and not self._loop.is_closed():
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._loop.call_later(self._second + 1 - monotonic(), self._woken)

    def _woken(self) -> None:
        self._loop = None
        second = int(monotonic())
        if second == self._second:
            # The clock of the event loop may be a millisecond ahead.
            self._wake_up()
        else:
            self._begin(second)


class _Seen:
    """A line that was written, and how often it came again."""

    __slots__ = ("event", "repeated")

    def __init__(self, event: EventDict) -> None:
        self.event = event
        self.repeated = 0


class LineLimits:
    """A processor of structlog that bounds every line but those of ordinary admissions, which AdmissionLog bounds."""

    def __init__(self, rate: int, dropped: Callable[[], None]) -> None:
        """Allows `rate` lines a second of each kind (0: no limit), and calls `dropped` for each line left out."""
        self._kinds = {name: LineKind(name, rate, dropped) for name in (*_KINDS.values(), RECORD)}

    def attach(self, logger: FilteringBoundLogger) -> None:
        """Writes with `logger` how many lines were left out or repeated."""
        for kind in self._kinds.values():
            kind.logger = logger

    def settle(self) -> None:
        """Writes how many lines were left out or repeated so far."""
        for kind in self._kinds.values():
            kind.settle()

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        """Renders the error of `event` and bounds its fields. Raises structlog.DropEvent if it is not to be written."""
        name = event["event"]
        if name == ADMISSION and method == "info" and KIND not in event:
            return event
        kind = self._kinds.get(event.pop(KIND, _KINDS.get(name)))
        event = format_exc_info(logger, method, event)
        bounded_fields(event)
        if kind is not None and not kind.admits(event):
            raise structlog.DropEvent
        return event
