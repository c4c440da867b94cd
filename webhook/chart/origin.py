"""Which files of values a place comes from."""

from collections.abc import Sequence
from typing import Any, Final

from webhook.chart.values_file import ValuesFile

_ABSENT: Final = object()


def names_of(place: tuple[str | int, ...], files: Sequence[ValuesFile]) -> str:
    """The names of the files that decide what is at `place`, or else around it."""
    found: list[str] = []
    for file in reversed(files):
        value = _at(place, file.values)
        if value is not _ABSENT:
            found.append(file.name)
            # Of maps all are merged; anything else replaces what was there.
            if not isinstance(value, dict):
                break
    return ", ".join(reversed(found)) or names_of(place[:-1], files)


def is_null(place: tuple[str | int, ...], files: Sequence[ValuesFile]) -> bool:
    """Whether a file has null at `place`."""
    return any(_at(place, file.values) is None for file in files)


def _at(place: tuple[str | int, ...], values: Any) -> Any:
    """The value at `place`, or what is there in place of a map or list on the way; _ABSENT if there is none."""
    for step in place:
        if isinstance(values, dict):
            if step not in values:
                return _ABSENT
            values = values[step]
        elif isinstance(values, list) and isinstance(step, int):
            # Of an entry that a list does not have, the list tells the file.
            if step >= len(values):
                return values
            values = values[step]
        else:
            return values
    return values
