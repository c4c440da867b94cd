"""Whether the Spark Operator can read a schedule: a line of cron with five fields, or a descriptor such as @daily.

Source: kubeflow/spark-operator, internal/controller/scheduledsparkapplication, which uses ParseStandard of robfig/cron.
"""

import re
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: The least and the greatest number of each field, and the names that stand for numbers.
_FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTORS: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY: Final = re.compile(r"@every [+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+")
_ZONE: Final = re.compile(r"(CRON_)?TZ=\S+ ")
_NUMBER: Final = re.compile("[0-9]{1,9}")


def is_schedule(text: str) -> bool:
    """Whether the operator can read `text`. The name of a time zone in front is not checked."""
    line = _ZONE.sub("", text, count=1).strip()
    if line.startswith("@"):
        return line in _DESCRIPTORS or _EVERY.fullmatch(line) is not None
    fields = line.split()
    return len(fields) == len(_FIELDS) and all(
        all(_is_range(one, *limits) for one in field.split(",")) for field, limits in zip(fields, _FIELDS, strict=True)
    )


def _is_range(text: str, least: int, most: int, names: dict[str, int]) -> bool:
    span, slash, step = text.partition("/")
    if slash and not (_NUMBER.fullmatch(step) and int(step)):
        return False
    if span in ("*", "?"):
        return True
    first, dash, last = span.partition("-")
    start = _number(first, names)
    end = _number(last, names) if dash else start
    return start is not None and end is not None and least <= start <= end <= most


def _number(text: str, names: dict[str, int]) -> int | None:
    return names.get(text.lower(), int(text) if _NUMBER.fullmatch(text) else None)
