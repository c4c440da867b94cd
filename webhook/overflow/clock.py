"""The API server's clock: it is read off the answers, so the clock of this machine does not matter."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

#: `Date` headers and the times of conditions are in whole seconds.
_RESOLUTION: Final = 1.0


class ServerClock:
    """The time by the `Date` header of the latest answer, carried on by the monotonic clock.

    It is at most the true time of the API server. It is behind by less than two seconds.
    """

    def __init__(self) -> None:
        """Knows no time yet."""
        self._offset: float | None = None

    def hear(self, date: str | None) -> None:
        """Takes the `Date` header of an answer that arrived just now."""
        try:
            offset = parsedate_to_datetime(date or "").timestamp() - monotonic()
        except (ValueError, OverflowError):
            return
        known = self._offset
        # A header later in its second tells more. If the clock was set back, or another server answers, it starts anew.
        if known is None or offset > known or offset < known - 2 * _RESOLUTION:
            self._offset = offset

    def now(self) -> datetime:
        """The API server's time; this machine's if no answer has come yet."""
        if self._offset is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(monotonic() + self._offset, UTC)

    def age(self, moment: datetime | None) -> float:
        """How many seconds ago `moment`, in whole seconds, was at least; 0 if that is not known or in the future."""
        if moment is None or self._offset is None:
            return 0
        return max(0.0, (self.now() - moment) / timedelta(seconds=1) - _RESOLUTION)
