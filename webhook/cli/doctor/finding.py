"""What a check found: a sentence, how bad it is, and the command that fixes it."""

from dataclasses import dataclass
from enum import StrEnum

from webhook.core.text import cut

#: The longest reason that is repeated from the API server.
_REASON = 300


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Something that may be meant, or that could not be looked at."""
    FAULT = "fault"

    @property
    def sign(self) -> str:
        """✓, ! or ✗."""
        return {Level.OK: "✓", Level.WARNING: "!", Level.FAULT: "✗"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing."""

    check: str
    """What was looked at, in a word or two."""
    level: Level
    sentence: str
    fix: str = ""
    """The command that fixes it; empty if all is well."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be looked at."""

    what: str
    why: str
    """The API server's reason, or another one."""

    def finding(self, check: str, fix: str = "") -> Finding:
        """This, as a finding of `check`."""
        return Finding(check, Level.WARNING, f"{self.what} could not be checked: {cut(self.why, _REASON)}", fix)
