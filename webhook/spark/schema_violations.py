"""What the API server refuses of an application: fields that are missing, and values that the schema does not accept.

The rules are those of the operator's CustomResourceDefinitions. A null counts as absent, as the API server drops it,
but not in a list. Formats other than int32 and int64 are not checked. Nor is the name, which is no matter of a schema.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from webhook.spark import field_paths
from webhook.spark.field_table import FILE, Entry, entries_of, entry_in, known, table
from webhook.spark.schema_values import Field, WrongValue, accepted_by, as_json, described, fault_of, field_of, is_a
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


class _Object(NamedTuple):
    """An object in one release."""

    fields: Mapping[str, Field]
    required: tuple[str, ...]


def violations(document: Any, kind: str, version: OperatorVersion, file: Path = FILE) -> Iterator[Violation]:
    """Yields each violation of `document` (JSON-like) of a `kind` of the operator, in a release of the operator.

    `file` holds the table of the operator.

    A path has at most one. A kind that the release does not have is one violation, and nothing else is.
    """
    if (entry := entry_in(table(file).kinds, kind, version)) is not None:
        yield from _of_object(document, _compiled(version, file), entry.type, "")
    elif entries := entries_of(table(file).kinds, kind):
        first, last = entries[0].first, entries[-1].last
        accepted = f"{first} or newer" if first is not None and version < first else f"{last} or older"
        yield Violation("kind", f"Spark Operator {version} has no {kind}", accepted)


def named(document: Any, kind: str, version: OperatorVersion, file: Path = FILE) -> list[Violation]:
    """The first violations of `document` after the operator's webhook, and one with the number of all others."""
    rest = (one for one in violations(document, kind, version, file) if not _is_mended(one, kind, version))
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
def _compiled(version: OperatorVersion, file: Path) -> Mapping[str, _Object]:
    return {name: _object(fields) for name, fields in known(version, file).items()}


def _object(fields: Mapping[str, Entry]) -> _Object:
    required = (name for name, entry in fields.items() if entry.required and entry.default is None)
    return _Object({name: field_of(entry) for name, entry in fields.items()}, tuple(required))


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
            yield Violation(place, f"{place} is missing", accepted_by(fields[key]), missing=True)
    for key, value in document.items():
        if value is None or (field := fields.get(key)) is None:
            continue
        if field.many or field.object or fault_of(value, field) is not None:
            yield from _of_value(value, every, field, field.many, field_paths.of_field(path, key))


def _of_value(value: Any, every: Mapping[str, _Object], field: Field, many: str, path: str) -> Iterator[Violation]:
    """The violations in the value of a field, which should be a list or map as `many` says."""
    if many:
        yield from _of_many(value, every, field, many, path)
    elif (fault := fault_of(value, field)) is not None:
        yield _violation(path, fault)
    elif field.object:
        yield from _of_object(value, every, field.object, path)


def _of_many(value: Any, every: Mapping[str, _Object], field: Field, many: str, path: str) -> Iterator[Violation]:
    listed, inner = many.endswith("[]"), many[:-2]
    if listed and isinstance(value, list):
        for index, one in enumerate(value):
            if inner or field.object or fault_of(one, field) is not None:
                yield from _of_value(one, every, field, inner, f"{path}[{index}]")
        if field.entry.keys and field.object:
            yield from _repeated(value, every[field.object], field.entry.keys, path)
    elif not listed and isinstance(value, dict):
        for key, one in value.items():
            if one is not None and (inner or field.object or fault_of(one, field) is not None):
                yield from _of_value(one, every, field, inner, field_paths.of_key(path, key))
    else:
        yield _violation(path, WrongValue(described(value), accepted_by(field._replace(many=many))))


def _violation(path: str, fault: WrongValue) -> Violation:
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
            names, shown = " and ".join(keys), ", ".join(as_json(value) for value in values)
            place = f"{path}[{index}]"
            yield Violation(place, f"{place} has the {names} of an earlier one: {shown}", f"each {names} once")


def _key(value: Any, field: Field) -> object:
    """The value by which items are compared; None if there is none, or one of a wrong type."""
    found = field.entry.default if value is None else value
    if not is_a(found, field.base):
        return None
    return int(found) if isinstance(found, float) else found
