"""What a check found: a sentence, how bad it is, and the command that mends it."""

from dataclasses import dataclass
from enum import StrEnum

from webhook.core.text import cut

#: The longest reason that is repeated from the API server.
_REASON = 300


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    DOUBT = "doubt"
    """Something that may be meant, or that could not be looked at."""
    FAULT = "fault"

    @property
    def sign(self) -> str:
        """✓, ! or ✗."""
        return {Level.OK: "✓", Level.DOUBT: "!", Level.FAULT: "✗"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing."""

    check: str
    """What was looked at, in a word or two."""
    level: Level
    sentence: str
    mend: str = ""
    """The command that mends it; empty where all is well."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be looked at."""

    what: str
    why: str
    """The API server's reason, or another one."""

    def finding(self, check: str, mend: str = "") -> Finding:
        """This, as a finding of `check`."""
        return Finding(check, Level.DOUBT, f"{self.what} could not be looked at: {cut(self.why, _REASON)}", mend)
