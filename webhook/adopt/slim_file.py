"""A file without what the webhook adds anyway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from webhook.explain.explanation import WorkloadExplanation


class LeftReason(StrEnum):
    """Why something stays."""

    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that go."""

    document: int
    path: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Left:
    """What stays."""

    document: int
    path: str
    line: int
    why: LeftReason


@dataclass(frozen=True, slots=True)
class SlimFile:
    """The file."""

    content: bytes
    cuts: tuple[Cut, ...]
    left: tuple[Left, ...]


def slim(content: bytes, place: Callable[[Any], Sequence[WorkloadExplanation]]) -> SlimFile:  # noqa: ARG001, stub
    """Nothing is cut."""
    return SlimFile(content, (), ())


def replace_file(path: Path, old: bytes, new: bytes) -> None:
    """Writes."""
    assert path.read_bytes() == old  # noqa: S101
    path.write_bytes(new)
