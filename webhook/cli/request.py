"""What `explain` and `diff` are asked to read."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """The files, and by what they are read."""

    files: tuple[str, ...]
    """Files and folders; `-` is standard input."""
    policy: Path | None
    """The policy file; None for the built-in policy."""
    profile: str | None
    """The profile for all pods; None for that of their namespace, or else default."""
    namespace: str
    """The namespace of what names none."""
    pass_over: bool
    """Whether documents of other kinds are left out."""
