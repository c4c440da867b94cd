"""Parts of sentences: what could not be read, lengths of time, and texts of others."""

from datetime import datetime
from typing import Final

from webhook.cli.doctor.finding import Unknown
from webhook.core.text import cut, one_line

#: The most characters of a text that others wrote.
LIMIT: Final = 160
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def missing(unknown: Unknown) -> str:
    """That something could not be read."""
    return f"{unknown.what} {unread(unknown)}"


def unread(unknown: Unknown | None) -> str:
    """The end of a clause that something could not be read, and why if that is known."""
    return "could not be read" + (f" ({text(unknown.why)})" if unknown else "")


def text(text: str) -> str:
    """A text of others on one line, shortened."""
    return cut(one_line(" ".join(text.split())), LIMIT)


def since(moment: datetime | None, now: datetime) -> str:
    """For how long something has been so; empty if that is not known."""
    return "" if moment is None else f" for {span((now - moment).total_seconds())}"


def span(seconds: float) -> str:
    """A length of time."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0, seconds):.0f} s"
