"""A finding: what was checked, how bad it is, one sentence, and the command that fixes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from webhook.core.text import cut

JSON = dict[str, Any]
T = TypeVar("T")

#: The longest reason or list of names in a sentence, in characters.
LIMIT: Final = 400


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It may be intended, or could not be checked."""
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    level: Level
    sentence: str
    fix: str = ""
    """A command that fixes it or shows more; empty if the level is OK."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be checked."""

    what: str
    why: str
    fix: str
    """A command that shows why."""

    def finding(self, check: str) -> Finding:
        """A warning of `check` that says so."""
        return Finding(check, Level.WARNING, f"{self.what} could not be checked: {cut(self.why, LIMIT)}", self.fix)


def known(found: list[T] | Unknown) -> list[T]:
    """The list, empty if it could not be read."""
    return [] if isinstance(found, Unknown) else found


def name_of(stored: JSON) -> str:
    """The name of a Kubernetes object."""
    return str(stored["metadata"]["name"])


def labels_of(stored: JSON) -> dict[str, str]:
    """The labels of a Kubernetes object."""
    return stored["metadata"].get("labels") or {}


def writes_to(stored: JSON) -> Iterator[tuple[str, JSON]]:
    """Yields the last write of each manager of a Kubernetes object: its time (RFC 3339 in UTC), and its fields."""
    for entry in stored.get("metadata", {}).get("managedFields") or ():
        yield str(entry.get("time") or ""), entry.get("fieldsV1") or {}
