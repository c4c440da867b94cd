"""What the API server refuses of an application: fields that are missing, and values that the schema does not accept.

The rules are those of the operator's CustomResourceDefinitions. A null counts as absent, as the API server drops it,
but not in a list. Formats other than int32 and int64 are not checked. Nor is the name, which is no matter of a schema.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

from webhook.core.text import cut, one_line
from webhook.spark import field_paths
from webhook.spark.field_table import Entry, entries_of, entry_in, known, split, table, value_of
from webhook.spark.versions import OperatorVersion

#: The first release, by kind, whose webhook writes each field that is missing, with an empty value, before the API
#: server looks at the schema. An application then lacks nothing that is required, except what Go writes as null, and
#: the program of an application, which a note tells.
_WRITES_FIELDS: Final = {
    "SparkApplication": OperatorVersion(2, 1),
    "ScheduledSparkApplication": OperatorVersion(2, 1),
    "SparkConnect": OperatorVersion(2, 5),
}
#: The required fields that Go writes as null if they are missing: lists, and a pointer.
_NULL: Final = ("nodeSelectorTerms", "cephfs.monitors", "rbd.monitors", "scaleIO.secretRef")
#: Fields that the webhook of a SparkApplication sets if they are empty, by the first release that does.
_DEFAULTS: Final = {
    "spec.mode": OperatorVersion(2, 1),
    "spec.restartPolicy.type": OperatorVersion(2, 1),
    "spec.type": OperatorVersion(2, 4),
}
#: How many violations of an application are named.
_MOST_NAMED: Final = 8
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


class Violation(NamedTuple):
    """One thing that the API server refuses."""

    path: str
    """Such as `spec.executor.instances` or `spec.driver.labels["a"]`."""
    sentence: str
    """What is wrong, with the path in front."""
    accepted: str
    """What is accepted instead."""
    missing: bool = False
    """Whether it is a field that is not there."""


class _Fault(NamedTuple):
    """What is wrong with a value, in words that follow its path, and what is accepted."""

    said: str
    accepted: str


class _Field(NamedTuple):
    """A field of an object in one release."""

    entry: Entry
    base: str
    """The type of the value, or of each value in it, if that is not an object of the table."""
    object: str
    """The name of that object, if it is one."""
    many: str
    """`[]` for a list and `{}` for a map, the innermost one first."""


class _Object(NamedTuple):
    """An object in one release."""

    fields: Mapping[str, _Field]
    required: tuple[str, ...]


def violations(document: Any, kind: str, version: OperatorVersion) -> Iterator[Violation]:
    """Yields each violation of `document` (JSON-like) of a `kind` of the operator, in a release of the operator.

    A path has at most one. A kind that the release does not have is one violation, and nothing else is.
    """
    if (entry := entry_in(table().kinds, kind, version)) is not None:
        yield from _of_object(document, _compiled(version), entry.type, "")
    elif entries := entries_of(table().kinds, kind):
        first, last = entries[0].first, entries[-1].last
        accepted = f"{first} or newer" if first is not None and version < first else f"{last} or older"
        yield Violation("kind", f"Spark Operator {version} has no {kind}", accepted)


def named(document: Any, kind: str, version: OperatorVersion) -> list[Violation]:
    """The first violations of `document` after the operator's webhook, and one with the number of all others."""
    rest = (one for one in violations(document, kind, version) if not _is_mended(one, kind, version))
    found = list(islice(rest, _MOST_NAMED))
    if more := sum(1 for _ in rest):
        values = f"{more:,} more fields are" if more > 1 else "one more field is"
        found.append(Violation("", f"{values} missing or of a wrong value", f"what a {kind} accepts"))
    return found


def _is_mended(one: Violation, kind: str, version: OperatorVersion) -> bool:
    """Whether the operator's webhook fills in what is missing or empty."""
    writes = kind in _WRITES_FIELDS and version >= _WRITES_FIELDS[kind]
    if one.missing:
        # Written empty, the type is still none that the schema accepts.
        sets_type = one.path != "spec.type" or version >= _DEFAULTS["spec.type"]
        return writes and not one.path.endswith(_NULL) and sets_type
    empty = one.sentence == f'{one.path} is ""'
    return empty and kind == "SparkApplication" and one.path in _DEFAULTS and version >= _DEFAULTS[one.path]


@cache
def _compiled(version: OperatorVersion) -> Mapping[str, _Object]:
    return {name: _object(fields) for name, fields in known(version).items()}


def _object(fields: Mapping[str, Entry]) -> _Object:
    required = (name for name, entry in fields.items() if entry.required and entry.default is None)
    return _Object({name: _field(entry) for name, entry in fields.items()}, tuple(required))


def _field(entry: Entry) -> _Field:
    base, many = split(entry.type)
    value = value_of(entry.type)
    return _Field(entry, "object" if value else base, value.object if value else "", many)


def _of_object(document: Any, every: Mapping[str, _Object], name: str, path: str) -> Iterator[Violation]:
    """The violations in an object of the table.

    Here and below, no path is made for a value that is accepted and neither an object, a list nor a map.
    """
    if not isinstance(document, dict):
        return
    fields, required = every[name]
    for key in required:
        if document.get(key) is None:
            place = field_paths.of_field(path, key)
            yield Violation(place, f"{place} is missing", _whole(fields[key]), missing=True)
    for key, value in document.items():
        if value is None or (field := fields.get(key)) is None:
            continue
        if field.many or field.object or _fault(value, field) is not None:
            yield from _of_value(value, every, field, field.many, field_paths.of_field(path, key))


def _of_value(value: Any, every: Mapping[str, _Object], field: _Field, many: str, path: str) -> Iterator[Violation]:
    """The violations in the value of a field, which should be a list or map as `many` says."""
    if many:
        yield from _of_many(value, every, field, many, path)
    elif (fault := _fault(value, field)) is not None:
        yield _violation(path, fault)
    elif field.object:
        yield from _of_object(value, every, field.object, path)


def _of_many(value: Any, every: Mapping[str, _Object], field: _Field, many: str, path: str) -> Iterator[Violation]:
    listed, inner = many.endswith("[]"), many[:-2]
    if listed and isinstance(value, list):
        for index, one in enumerate(value):
            if inner or field.object or _fault(one, field) is not None:
                yield from _of_value(one, every, field, inner, f"{path}[{index}]")
        if field.entry.keys and field.object:
            yield from _repeated(value, every[field.object], field.entry.keys, path)
    elif not listed and isinstance(value, dict):
        for key, one in value.items():
            if one is not None and (inner or field.object or _fault(one, field) is not None):
                yield from _of_value(one, every, field, inner, field_paths.of_key(path, key))
    else:
        yield _violation(path, _Fault(_said(value), _whole(field._replace(many=many))))


def _violation(path: str, fault: _Fault) -> Violation:
    return Violation(path, f"{path} {fault.said}", fault.accepted)


def _repeated(items: list[Any], item: _Object, keys: tuple[str, ...], path: str) -> Iterator[Violation]:
    """The second of several items that have the same `keys`, if each is there and of the right type."""
    if not all(isinstance(one, dict) for one in items):
        return
    seen: dict[tuple[object, ...], int] = {}
    for index, one in enumerate(items):
        values = tuple(_key(one.get(key), item.fields[key]) for key in keys)
        if None in values:
            continue
        seen[values] = seen.get(values, 0) + 1
        if seen[values] == 2:  # noqa: PLR2004
            names, shown = " and ".join(keys), ", ".join(_shown(value) for value in values)
            place = f"{path}[{index}]"
            yield Violation(place, f"{place} has the {names} of an earlier one: {shown}", f"each {names} once")


def _key(value: Any, field: _Field) -> object:
    """The value by which items are compared; None if there is none, or one of a wrong type."""
    found = field.entry.default if value is None else value
    if not _is_a(found, field.base):
        return None
    return int(found) if isinstance(found, float) else found


def _is_a(value: Any, base: str) -> bool:
    """Whether a value has a type."""
    if isinstance(value, bool):
        return base in ("boolean", "")
    if isinstance(value, str):
        return base in ("string", "int-or-string", "quantity", "")
    if isinstance(value, int | float):
        # A client sends 2.0 as 2.
        return base in ("number", "") or (base in _RANGES and (isinstance(value, int) or value.is_integer()))
    return base == "" or (base == "object" and isinstance(value, dict))


def _fault(value: Any, field: _Field) -> _Fault | None:
    """What is wrong with a value that should be neither a list nor a map of values."""
    base, entry = field.base, field.entry
    if not _is_a(value, base):
        numeric = isinstance(value, int | float) and not isinstance(value, bool) and base in _RANGES
        return _Fault(f"is {_shown(value)}" if numeric else _said(value), _wanted(field, value))
    if isinstance(value, str):
        return _fault_of_string(value, base, entry)
    if base in _RANGES:
        return _fault_of_integer(value, base, entry)
    return None


def _fault_of_integer(value: float, base: str, entry: Entry) -> _Fault | None:
    least, most = _RANGES[base]
    if not least <= value <= most:
        accepted = f"at most {most}" if value > most else f"at least {least}"
        return _Fault(f"is {_shown(value)}", accepted)
    if (entry.minimum is not None and value < entry.minimum) or (entry.maximum is not None and value > entry.maximum):
        return _Fault(f"is {_shown(value)}", _range(entry))
    return None


def _fault_of_string(value: str, base: str, entry: Entry) -> _Fault | None:
    if entry.enum and value not in entry.enum:
        return _Fault(f"is {_shown(value)}", _choice(entry.enum))
    if entry.longest is not None and len(value) > entry.longest:
        return _Fault(f"has {len(value):,} characters", f"at most {entry.longest:,} characters")
    if len(value) < entry.shortest:
        return _Fault(f"has {len(value):,} characters", f"at least {entry.shortest:,}")
    pattern = _QUANTITY if base == "quantity" else entry.pattern
    if pattern and len(value) <= _LONGEST_COMPARED and not _expression(pattern).search(value):
        return _Fault(f"is {_shown(value)}", _TYPES[base] if base == "quantity" else f"a string that matches {pattern}")
    return None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    # In Go a $ is the end of the text. In Python it is also the place before a last newline.
    return re.compile(f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern)


def _whole(field: _Field) -> str:
    """What a field accepts, in words."""
    if field.many:
        return "a list" if field.many.endswith("[]") else "a map"
    return _wanted(field, None)


def _wanted(field: _Field, value: Any) -> str:
    """What a field, its list or its map accepts in place of `value`, which is of another type."""
    entry = field.entry
    if entry.enum:
        return _choice(entry.enum)
    if entry.minimum is not None or entry.maximum is not None:
        return f"{_TYPES[field.base]}, {_range(entry)}"
    if field.base == "string" and isinstance(value, int | float) and abs(value) < _UNSHOWN:
        return f'{_TYPES[field.base]}, such as "{_shown(value)}"'
    return _TYPES[field.base]


def _range(entry: Entry) -> str:
    if entry.minimum is None:
        return f"{entry.maximum} or less"
    return f"{entry.minimum} or more" if entry.maximum is None else f"{entry.minimum} to {entry.maximum}"


def _choice(values: tuple[str, ...]) -> str:
    *others, last = (_shown(one) for one in values)
    return f"{', '.join(others)} or {last}" if others else last


def _said(value: Any) -> str:
    """What a value of a wrong type is."""
    if value is None:
        return "is null"
    if isinstance(value, bool):
        return f"is a boolean, {_shown(value)}"
    if isinstance(value, int | float):
        return f"is a number, {_shown(value)}"
    if isinstance(value, str):
        return f"is a string, {_shown(value)}"
    if isinstance(value, list | dict):
        return "is a list" if isinstance(value, list) else "is a map"
    return f"is of the type {type(value).__name__}"


def _shown(value: Any) -> str:
    """A string, number, boolean or null, as JSON writes it."""
    if isinstance(value, str):
        return f'"{one_line(cut(value, _MOST_CHARACTERS))}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, float) or abs(value) < _UNSHOWN else "of more than 64 bits"
