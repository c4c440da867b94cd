"""The fields that an operator's resources have, and the values that they accept, by release.

`make fields` writes the table of the Spark Operator from its CustomResourceDefinitions. Other tables have other files.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from webhook.spark.versions import OperatorVersion

FILE: Final = Path(__file__).with_name("crd_fields.json")
#: The types that are no objects of the table. A quantity is an integer, or a string with the pattern of a quantity. An
#: object of the type `object` is not looked into.
SCALARS: Final = frozenset(
    {"string", "boolean", "number", "integer", "int32", "int64", "int-or-string", "quantity", "object"}
)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One field of an object, or one kind, in some of the releases."""

    type: str = ""
    """One of the scalars, or the name of an object, with `[]` behind it for a list, and `{}` for a map with free keys.

    Empty if every value is accepted. All other rules but `keys` and `default` hold for each value of a list or map.
    """
    required: bool = False
    default: str | int | float | bool | None = None
    """What the API server sets if the field is missing."""
    enum: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    shortest: int = 0
    """The fewest characters of a string."""
    longest: int | None = None
    """The most characters of a string."""
    pattern: str = ""
    """What a string must contain a match of."""
    keys: tuple[str, ...] = ()
    """The fields of a list's items by which no two items may be equal."""
    since: str = ""
    """The first release for which this holds; empty if that is the first one that has the object."""
    until: str = ""
    """The last release for which this holds; empty if that is the newest one that has the object."""

    @property
    def first(self) -> OperatorVersion | None:
        """The release in `since`."""
        return release(self.since) if self.since else None

    @property
    def last(self) -> OperatorVersion | None:
        """The release in `until`."""
        return release(self.until) if self.until else None

    def holds(self, version: OperatorVersion) -> bool:
        """Whether this holds for a release of the table that has the object."""
        first, last = self.first, self.last
        return (first is None or first <= version) and (last is None or version <= last)


#: Fields or kinds by name, each with one entry, or with several in the order of the releases.
Entries = Mapping[str, Entry | tuple[Entry, ...]]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every field of every kind in every release. An object that occurs in several places is held once."""

    releases: list[str]
    kinds: dict[str, Entry | tuple[Entry, ...]]
    objects: dict[str, dict[str, Entry | tuple[Entry, ...]]]
    """By the shortest path on which an object occurs, such as `SparkApplication.spec.driver.affinity`."""


class Value(NamedTuple):
    """The value of a known field, if it is an object, a list of objects, or a map of them."""

    object: str
    """The name of the object in the table."""
    many: str
    """`[]` for a list, `{}` for a map with free keys, and empty for one object; the innermost one first."""


#: For each object of a release: its fields, each with the entry that holds.
Known = Mapping[str, Mapping[str, Entry]]


def release(text: str) -> OperatorVersion:
    """The release that `text` names in full, for example `2.4.0`."""
    return OperatorVersion(*map(int, text.split(".")))


def split(type_: str) -> tuple[str, str]:
    """The `type` of an entry without its `[]` and `{}`, and those."""
    base = type_.rstrip("[]{}")
    return base, type_[len(base) :]


def value_of(type_: str) -> Value | None:
    """The objects that the `type` of an entry names; None if it names none."""
    base, many = split(type_)
    return None if not base or base in SCALARS else Value(base, many)


def entries_of(fields: Entries, name: str) -> tuple[Entry, ...]:
    """The entries of a field or kind, in the order of the releases; none if it is not known."""
    found = fields.get(name, ())
    return (found,) if isinstance(found, Entry) else found


def entry_in(fields: Entries, name: str, version: OperatorVersion) -> Entry | None:
    """The entry of a field or kind in a release; None if the release does not have it.

    A release that is not in the table has what the last one before it has.
    """
    known_release = _known_release(version)
    return next((one for one in entries_of(fields, name) if one.holds(known_release)), None)


def has_kind(kind: str, version: OperatorVersion) -> bool:
    """Whether the operator has a kind in a release."""
    return entry_in(table().kinds, kind, version) is not None


@cache
def table(file: Path = FILE) -> Table:
    """The table in a file, read once."""
    return msgspec.json.decode(file.read_bytes(), type=Table)


@cache
def _known_release(version: OperatorVersion) -> OperatorVersion:
    every = [release(one) for one in table().releases]
    return max((one for one in every if one <= version), default=every[0])


@cache
def known(version: OperatorVersion, file: Path = FILE) -> Known:
    """The objects of a release, by the table in a file.

    A release that is not in the table has what the last one before it has.
    """
    return {
        name: {field: entry for field in fields if (entry := entry_in(fields, field, version)) is not None}
        for name, fields in table(file).objects.items()
    }
