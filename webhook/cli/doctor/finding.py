"""What a check found: a sentence, how bad it is, and the command that fixes it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from webhook.core.text import cut

JSON = dict[str, Any]
T = TypeVar("T")

#: The longest reason that is repeated from the API server.
_REASON = 300


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Something that may be intended, or that could not be checked."""
    FAULT = "fault"

    @property
    def sign(self) -> str:
        """✓, ! or ✗."""
        return {Level.OK: "✓", Level.WARNING: "!", Level.FAULT: "✗"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing."""

    check: str
    """What was checked, in a word or two."""
    level: Level
    sentence: str
    fix: str = ""
    """The command that fixes it; empty if all is well."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be checked."""

    what: str
    why: str
    """The API server's reason, or another one."""
    fix: str = ""
    """The command that shows why."""

    def finding(self, check: str) -> Finding:
        """This, as a finding of `check`."""
        sentence = f"{self.what} could not be checked: {cut(self.why, _REASON)}"
        return Finding(check, Level.WARNING, sentence, self.fix)


def known(found: list[T] | Unknown) -> list[T]:
    """The list, empty if it could not be read."""
    return [] if isinstance(found, Unknown) else found


def name_of(stored: JSON) -> str:
    """The name of an object of Kubernetes."""
    return str(stored["metadata"]["name"])


def labels_of(stored: JSON) -> dict[str, str]:
    """The labels of an object of Kubernetes."""
    return stored["metadata"].get("labels") or {}
