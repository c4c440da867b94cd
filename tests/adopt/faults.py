"""Faults to plant in adopt, so that it is seen that checks notice them."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from webhook.adopt.cuts import Cut
from webhook.adopt.slim_file import SlimFile, slim
from webhook.cli.adopt.edited_files import write

_SLIM: Final = "webhook.cli.adopt.assessment.slim"


def _more(pattern: bytes, *, told: bool = True) -> Callable[[pytest.MonkeyPatch], None]:
    """Cuts what `pattern` matches too, and tells so or not."""

    def faulty(content: bytes, place: Any) -> SlimFile:
        found = slim(content, place)
        match = re.search(pattern, found.content, re.MULTILINE | re.DOTALL)
        if not found.cuts or match is None:
            return found
        text = found.content[: match.start()] + found.content[match.end() :]
        first = content[: content.index(match[0])].count(b"\n") + 1
        cut = Cut(1, "spec", first, first + match[0].count(b"\n") - 1)
        return SlimFile(text, (*found.cuts, cut) if told else found.cuts, found.left)

    return lambda patch: patch.setattr(_SLIM, faulty)


def _respaced(patch: pytest.MonkeyPatch) -> None:
    """Strips spaces at the ends of lines of the files that it cuts."""

    def faulty(content: bytes, place: Any) -> SlimFile:
        found = slim(content, place)
        return replace(found, content=re.sub(rb" +$", b"", found.content, flags=re.MULTILINE)) if found.cuts else found

    patch.setattr(_SLIM, faulty)


def _written_anyway(patch: pytest.MonkeyPatch) -> None:
    """Writes every file, also one that stays as it is."""

    def faulty(files: Any) -> Any:
        every = list(files)
        for file, _ in every:
            path = Path(file.file.path)
            path.write_bytes(path.read_bytes())
        return write(every)

    patch.setattr("webhook.cli.adopt.write_files", faulty)


def _without_conflicts(patch: pytest.MonkeyPatch) -> None:
    """Says nothing of conflicts."""
    patch.setattr("webhook.adopt.verdict.OWN_WINS", frozenset())


FAULTS: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "one toleration more": _more(rb"^ *- key: dedicated$.*?effect: NoSchedule\n"),
    "a requirement more": _more(rb"^ *- key: topology.*?cn-hangzhou-h\n"),
    "a comment, told": _more(rb"^ *# keep me\n"),
    "a comment, not told": _more(rb"^ *# keep me\n", told=False),
    "a line that is no placement": _more(rb"^ *memory: 4g\n"),
    "spaces at the end of a line": _respaced,
    "files without cuts": _written_anyway,
    "no conflicts": _without_conflicts,
}
