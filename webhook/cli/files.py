"""The files that a name of the command line means: itself, or the YAML and JSON files below a folder."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from webhook.cli.terminal import InputError
from webhook.core.text import one_line

SUFFIXES: Final = (".yaml", ".yml", ".json")
STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class File:
    """A file to read."""

    path: str
    """`-` for standard input."""
    in_folder: bool = False
    """Whether it was found in a folder, instead of being named."""

    @property
    def name(self) -> str:
        """The path as it is shown."""
        return one_line(self.path)


def files(names: Iterable[str], ignore: Sequence[str] = ()) -> tuple[list[File], list[str]]:
    """The files that `names` mean, and a sentence for each name, folder and file that cannot be read.

    `-` is standard input. A folder means the files below it that end in SUFFIXES, in the order of their names. Hidden
    files and folders, and links to folders, are left out, and so is what a glob of `ignore` matches.
    """
    found: list[File] = []
    faults: list[str] = []
    for name in names:
        if name == STANDARD_INPUT or not Path(name).is_dir():
            found.append(File(name))
            continue
        before = len(found), len(faults)
        for one in _below(name, [_Glob(glob) for glob in ignore]):
            if isinstance(one, File):
                found.append(one)
            else:
                faults.append(one)
        if before == (len(found), len(faults)):
            others = " that is neither hidden nor ignored" if ignore else ""
            faults.append(f"{one_line(name)}: contains no file{others} that ends in {', '.join(SUFFIXES)}")
    return found, faults


def read_once(*names: str | Path | None) -> None:
    """Raises InputError if more than one of the files `names` is standard input."""
    if sum(str(name) == STANDARD_INPUT for name in names) > 1:
        raise InputError("-: standard input can be read only once; accepted: - for one file")


def _below(folder: str, ignore: Sequence["_Glob"]) -> Iterator[File | str]:
    """Yields the files below `folder`, and a sentence for each entry that cannot be read."""
    # Each with the parts of its path from `folder`. No recursion: folders may nest deeper than Python's stack.
    waiting: list[tuple[str, tuple[str, ...], bool]] = [(folder, (), True)]
    while waiting:
        path, parts, is_folder = waiting.pop()
        if not is_folder:
            yield _file(path)
            continue
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            yield _unreadable(path, error)
            continue
        for entry in listed:
            inner = (*parts, entry.name)
            # A link to a folder is not followed: it may lead to a loop, or out of what the user named.
            inside = entry.is_dir(follow_symlinks=False)
            wanted = inside or (entry.name.lower().endswith(SUFFIXES) and not _is_linked_folder(entry))
            if not wanted or entry.name.startswith(".") or any(glob.matches(inner, inside) for glob in ignore):
                continue
            waiting.append((entry.path, inner, inside))


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def _file(path: str) -> File | str:
    """The file at `path`, or a sentence if it cannot be read. Opening a pipe could wait forever."""
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        return _unreadable(path, error)
    return File(path, in_folder=True) if stat.S_ISREG(mode) else f"{one_line(path)}: not a regular file"


def _unreadable(path: str, error: OSError) -> str:
    return f"{one_line(path)}: cannot be read: {error.strerror or error}"


class _Glob:
    """A glob of --ignore, which follows the rules of a line in a .gitignore without `!`.

    With a `/` at its beginning or in its middle it is compared with the path from the folder, and without one with each
    name. A `/` at its end means folders only. `**` stands for any number of folders. What is in an ignored folder is
    ignored.
    """

    def __init__(self, glob: str) -> None:
        self._only_folders = glob.endswith("/")
        body = glob.rstrip("/")
        self._parts = tuple(part for part in body.split("/") if part not in ("", "."))
        self._by_name = "/" not in body

    def matches(self, parts: tuple[str, ...], is_folder: bool) -> bool:  # noqa: FBT001, a fact of the same entry
        """Whether the glob matches the entry with the path `parts`; its folders do not match."""
        if not self._parts or (self._only_folders and not is_folder):
            return False
        return _match(parts[-1:] if self._by_name else parts, self._parts)


def _match(parts: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    if not globs:
        return not parts
    first, *rest = globs
    others = tuple(rest)
    if first == "**":
        return any(_match(parts[start:], others) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], first) and _match(parts[1:], others)
