"""Which values a field of the operator's resources accepts: its type, its numbers and its words for people.

The rules are those of the operator's CustomResourceDefinitions. Formats other than int32 and int64 are not checked.
"""

import re
from functools import cache
from typing import Any, Final, NamedTuple

from webhook.core.text import cut, one_line
from webhook.spark.field_table import Entry, split, value_of

#: The most characters of a value that are shown.
_MOST_CHARACTERS: Final = 64
#: Larger integers are not shown. Python refuses to print some thousand digits.
_UNSHOWN: Final = 2**64
#: The numbers that a type can hold.
_RANGES: Final = {
    "int32": (-(2**31), 2**31 - 1),
    **dict.fromkeys(("int64", "integer", "int-or-string", "quantity"), (-(2**63), 2**63 - 1)),
}
#: What a person writes for a value of each type.
_TYPES: Final = {
    "": "any value",
    "object": "a map",
    "string": "a string",
    "boolean": "true or false",
    "number": "a number",
    **dict.fromkeys(("int32", "int64", "integer"), "an integer"),
    "int-or-string": "an integer or a string",
    "quantity": "a quantity, such as 2, 500m or 4Gi",
}
#: Kubernetes: resource.Quantity. A definition repeats this pattern for each quantity.
_QUANTITY: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
#: The longest string that is compared with a pattern.
_LONGEST_COMPARED: Final = 1_000


class WrongValue(NamedTuple):
    """What is wrong with a value, in words that follow its path, and what is accepted."""

    said: str
    accepted: str


class Field(NamedTuple):
    """A field of an object in one release."""

    entry: Entry
    base: str
    """The type of the value, or of each value in it, if that is not an object of the table."""
    object: str
    """The name of that object, if it is one."""
    many: str
    """`[]` for a list and `{}` for a map, the innermost one first."""


def field_of(entry: Entry) -> Field:
    """The field that an entry of the table describes."""
    base, many = split(entry.type)
    value = value_of(entry.type)
    return Field(entry, "object" if value else base, value.object if value else "", many)


def is_a(value: Any, base: str) -> bool:
    """Whether a value has a type."""
    if isinstance(value, bool):
        return base in ("boolean", "")
    if isinstance(value, str):
        return base in ("string", "int-or-string", "quantity", "")
    if isinstance(value, int | float):
        # A client sends 2.0 as 2.
        return base in ("number", "") or (base in _RANGES and (isinstance(value, int) or value.is_integer()))
    return base == "" or (base == "object" and isinstance(value, dict))


def fault_of(value: Any, field: Field) -> WrongValue | None:
    """What is wrong with a value that should be neither a list nor a map of values."""
    base, entry = field.base, field.entry
    if not is_a(value, base):
        numeric = isinstance(value, int | float) and not isinstance(value, bool) and base in _RANGES
        return WrongValue(f"is {as_json(value)}" if numeric else described(value), _wanted(field, value))
    if isinstance(value, str):
        return _of_string(value, base, entry)
    if base in _RANGES:
        return _of_integer(value, base, entry)
    return None


def _of_integer(value: float, base: str, entry: Entry) -> WrongValue | None:
    least, most = _RANGES[base]
    if not least <= value <= most:
        accepted = f"at most {most}" if value > most else f"at least {least}"
        return WrongValue(f"is {as_json(value)}", accepted)
    if (entry.minimum is not None and value < entry.minimum) or (entry.maximum is not None and value > entry.maximum):
        return WrongValue(f"is {as_json(value)}", _range(entry))
    return None


def _of_string(value: str, base: str, entry: Entry) -> WrongValue | None:
    if entry.enum and value not in entry.enum:
        return WrongValue(f"is {as_json(value)}", _choice(entry.enum))
    if entry.longest is not None and len(value) > entry.longest:
        return WrongValue(f"has {len(value):,} characters", f"at most {entry.longest:,} characters")
    if len(value) < entry.shortest:
        return WrongValue(f"has {len(value):,} characters", f"at least {entry.shortest:,}")
    pattern = _QUANTITY if base == "quantity" else entry.pattern
    if pattern and len(value) <= _LONGEST_COMPARED and not _expression(pattern).search(value):
        return WrongValue(
            f"is {as_json(value)}", _TYPES[base] if base == "quantity" else f"a string that matches {pattern}"
        )
    return None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    # In Go a $ is the end of the text. In Python it is also the place before a last newline.
    return re.compile(f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern)


def accepted_by(field: Field) -> str:
    """What a field accepts, in words."""
    if field.many:
        return "a list" if field.many.endswith("[]") else "a map"
    return _wanted(field, None)


def _wanted(field: Field, value: Any) -> str:
    """What a field, its list or its map accepts in place of `value`, which is of another type."""
    entry = field.entry
    if entry.enum:
        return _choice(entry.enum)
    if entry.minimum is not None or entry.maximum is not None:
        return f"{_TYPES[field.base]}, {_range(entry)}"
    if field.base == "string" and isinstance(value, int | float) and abs(value) < _UNSHOWN:
        return f'{_TYPES[field.base]}, such as "{as_json(value)}"'
    return _TYPES[field.base]


def _range(entry: Entry) -> str:
    if entry.minimum is None:
        return f"{entry.maximum} or less"
    return f"{entry.minimum} or more" if entry.maximum is None else f"{entry.minimum} to {entry.maximum}"


def _choice(values: tuple[str, ...]) -> str:
    *others, last = (as_json(one) for one in values)
    return f"{', '.join(others)} or {last}" if others else last


def described(value: Any) -> str:
    """What a value of a wrong type is."""
    if value is None:
        return "is null"
    if isinstance(value, bool):
        return f"is a boolean, {as_json(value)}"
    if isinstance(value, int | float):
        return f"is a number, {as_json(value)}"
    if isinstance(value, str):
        return f"is a string, {as_json(value)}"
    if isinstance(value, list | dict):
        return "is a list" if isinstance(value, list) else "is a map"
    return f"is of the type {type(value).__name__}"


def as_json(value: Any) -> str:
    """A string, number, boolean or null, as JSON writes it."""
    if isinstance(value, str):
        return f'"{one_line(cut(value, _MOST_CHARACTERS))}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, float) or abs(value) < _UNSHOWN else "of more than 64 bits"
