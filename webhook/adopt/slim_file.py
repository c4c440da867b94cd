"""A file without what the webhook adds anyway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webhook.adopt.cuts import Cut, Left
from webhook.explain.explanation import WorkloadExplanation


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
