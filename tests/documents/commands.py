"""The commands that the documents show, and which of them tests run.

A command stands in a block of the language `console`, on a line that begins with `$ ` and continues behind a backslash.
If the paragraph before its block contains `*read*`, it could not be run here. A test takes every other one from the
document, through `documented` or `script`, and runs it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.live_service import ROOT

PROMPT: Final = "$ "
READ: Final = "*read*"
#: What a block may not be, because its commands would not be found.
OTHER_SHELLS: Final = ("sh", "bash", "shell", "zsh", "shell-session")

#: The commands that tests run: each with its document. Importing the modules of the tests fills it.
CLAIMED: Final[set[tuple[str, str]]] = set()


@dataclass(frozen=True)
class Command:
    """A command of a document, without its prompt. Lines that continue it are joined."""

    page: str
    """The document, relative to the root of the repository."""
    text: str
    output: str
    """What the document shows below it, up to the next command."""
    read: bool
    """Whether the document says that it was read, not run."""


def pages() -> list[str]:
    """Every document of the repository, by its path from the root. The tests have none for readers."""
    found = []
    for folder, inner, files in os.walk(ROOT):
        inner[:] = [one for one in inner if not one.startswith(".") and one not in ("node_modules", "tests", "dist")]
        found += [(Path(folder) / one).relative_to(ROOT).as_posix() for one in files if one.endswith(".md")]
    return sorted(found)


@cache
def commands(page: str) -> tuple[Command, ...]:
    """All commands of a document, in its order."""
    return tuple(commands_of(page, (ROOT / page).read_text(encoding="utf-8")))


def commands_of(page: str, text: str) -> Iterator[Command]:
    """The commands of a document with this text."""
    for block, before in blocks(text):
        if block.info == "console":
            yield from _split(page, block.content, read=READ in before)


def blocks(text: str) -> Iterator[tuple[Token, str]]:
    """Each fenced block of a document, with the paragraph directly before it, or with nothing."""
    before = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            yield token, before
        if token.type == "inline":
            before = token.content
        elif token.type != "paragraph_close":
            before = ""


def _split(page: str, content: str, *, read: bool) -> Iterator[Command]:
    lines = iter(content.splitlines(keepends=True))
    command, output = "", ""
    for line in lines:
        if not line.startswith(PROMPT):
            output += line
            continue
        if command:
            yield Command(page, command, output, read)
        command, output = line.removeprefix(PROMPT).rstrip("\n"), ""
        while command.endswith("\\"):
            command = command.removesuffix("\\").rstrip() + " " + next(lines).strip()
    if command:
        yield Command(page, command, output, read)


def script(page: str) -> tuple[Command, ...]:
    """The commands of a document that are not marked, in its order, for a test that runs all of them."""
    found = tuple(one for one in commands(page) if not one.read)
    CLAIMED.update((page, one.text) for one in found)
    return found


def claimed(page: str, *starts: str) -> tuple[str, ...]:
    """The commands of `page` that begin with one of `starts`, for a test that runs them.

    A start that no command has, or only one that is marked, is a ValueError.
    """
    found: dict[str, None] = {}
    for start in starts:
        begun = [one.text for one in commands(page) if one.text.startswith(start) and not one.read]
        if not begun:
            raise ValueError(f"{page} has no command that begins with {start!r} and is not marked {READ}")
        found |= dict.fromkeys(begun)
    CLAIMED.update((page, one) for one in found)
    return tuple(found)


def documented(page: str, *starts: str) -> pytest.MarkDecorator:
    """Gives a test the parameter `command`: each command that `claimed` returns."""
    return pytest.mark.parametrize("command", claimed(page, *starts))
