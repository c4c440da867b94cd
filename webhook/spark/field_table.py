"""The fields that the Spark Operator's resources have, by release.

`make fields` writes the table from the operator's CustomResourceDefinitions.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from webhook.spark.versions import OperatorVersion

FILE: Final = Path(__file__).with_name("crd_fields.json")


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One field of an object, or one kind."""

    type: str = ""
    """The name of the object that is its value, with `[]` behind it for a list, and `{}` for a map with free keys.

    Empty if the value has no fields, or free ones.
    """
    since: str = ""
    """The first release that has it; empty if every release that has the object has it."""
    until: str = ""
    """The last release that has it; empty if the newest one has it."""

    @property
    def first(self) -> OperatorVersion | None:
        """The release in `since`."""
        return release(self.since) if self.since else None

    @property
    def last(self) -> OperatorVersion | None:
        """The release in `until`."""
        return release(self.until) if self.until else None

    def is_in(self, version: OperatorVersion) -> bool:
        """Whether a release has it, if the release has the object."""
        first, last = self.first, self.last
        return (first is None or first <= version) and (last is None or version <= last)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every field of every kind in every release. An object that occurs in several places is held once."""

    releases: list[str]
    kinds: dict[str, Entry]
    objects: dict[str, dict[str, Entry]]
    """By the shortest path on which an object occurs, such as `SparkApplication.spec.driver.affinity`."""


class Value(NamedTuple):
    """The value of a known field, if it is an object, a list of objects, or a map of them."""

    object: str
    """The name of the object in the table."""
    many: str
    """`[]` for a list, `{}` for a map with free keys, and empty for one object."""


#: For each object of a release: its fields, each with its value, or with None if its value is not looked into.
Known = Mapping[str, Mapping[str, Value | None]]


def release(text: str) -> OperatorVersion:
    """The release that `text` names in full, for example `2.4.0`."""
    return OperatorVersion(*map(int, text.split(".")))


def value_of(type_: str) -> Value | None:
    """What the `type` of an entry says."""
    many = type_[-2:] if type_.endswith(("[]", "{}")) else ""
    return Value(type_.removesuffix(many), many) if type_ else None


@cache
def table() -> Table:
    """The table, read once."""
    return msgspec.json.decode(FILE.read_bytes(), type=Table)


@cache
def known(version: OperatorVersion) -> Known:
    """The objects of a release. A release that is not in the table has what the last one before it has."""
    return {
        name: {field: value_of(entry.type) for field, entry in fields.items() if entry.is_in(version)}
        for name, fields in table().objects.items()
    }
