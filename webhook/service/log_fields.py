"""Fields of log lines: text from outside, bounded by the bytes that it takes in a line."""

from collections.abc import Iterable
from typing import Final

from structlog.typing import EventDict

from webhook.core.text import one_line

#: The most bytes of a text from outside in a line, escapes included.
FIELD_BYTES: Final = 253
#: The same for all texts of a list together.
LIST_BYTES: Final = 2048
#: The same for a message of another library, and for what is wrong with a file.
MESSAGE_BYTES: Final = 1024
#: The same for a traceback.
TRACE_BYTES: Final = 8192
#: The most bytes of a whole line. Without a traceback a line has at most 4 KiB.
LINE_BYTES: Final = 10 * 1024

#: Fields with such messages.
_MESSAGES: Final = {"event", "error", "caution"}

_CUT: Final = "…"
_CUT_BYTES: Final = len(_CUT.encode())
#: The most bytes of one character.
_WIDEST: Final = 4


def bounded(text: str, limit: int = FIELD_BYTES) -> str:
    """`text` on one line, or its beginning and an ellipsis if it takes more than `limit` bytes."""
    # An ASCII character takes two bytes at most, if it is escaped.
    if len(text) * (2 if text.isascii() else _WIDEST) <= limit and text.isprintable():
        return text
    start = one_line(text[:limit])
    if len(text) <= limit and _size(start) <= limit:
        return start
    return _beginning(start, limit - _CUT_BYTES) + _CUT


def bounded_list(texts: Iterable[str]) -> list[str]:
    """The first of `texts` that take at most LIST_BYTES together, and how many more there are."""
    every = list(texts)
    shown: list[str] = []
    rest = LIST_BYTES - FIELD_BYTES
    for text in every:
        one = bounded(text)
        # Each text has quotes, a comma and a space around it.
        rest -= _size(one) + 4
        if rest < 0:
            return [*shown, f"and {len(every) - len(shown)} more"]
        shown.append(one)
    return shown


def bounded_trace(text: str) -> str:
    """`text`, or its beginning and end if it takes more than TRACE_BYTES. Its lines stay lines."""
    start = _clean(text[:TRACE_BYTES])
    if len(text) <= TRACE_BYTES and _size(start) <= TRACE_BYTES:
        return start
    middle = f"\n{_CUT}\n"
    half = (TRACE_BYTES - _size(middle)) // 2
    end = _clean(text[-TRACE_BYTES:])
    return _beginning(start, half) + middle + _beginning(end[::-1], half)[::-1]


def bounded_fields(event: EventDict) -> None:
    """Bounds every value of `event` in place. Values that are no text, number or list become text."""
    for key, value in event.items():
        if isinstance(value, str):
            if key == "exception":
                event[key] = bounded_trace(value)
            elif key in _MESSAGES:
                event[key] = bounded(value.replace("\n", " "), MESSAGE_BYTES)
            else:
                event[key] = bounded(value)
        elif isinstance(value, list | tuple):
            event[key] = bounded_list(map(str, value))
        elif not isinstance(value, int | float | None):
            event[key] = bounded(str(value))


def _size(text: str) -> int:
    """The most bytes of `text` in a line. Both formats escape quotes and backslashes, and text also apostrophes."""
    return len(text.encode()) + sum(map(text.count, "\"\\'\n"))


def _beginning(text: str, limit: int) -> str:
    while (over := _size(text) - limit) > 0:
        text = text[: -max(1, over // _WIDEST)]
    return text


def _clean(text: str) -> str:
    return "\n".join(map(one_line, text.expandtabs(4).split("\n")))
