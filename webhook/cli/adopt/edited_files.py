"""Writes the files without the lines that can be cut."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from webhook.adopt.file_replacement import ChangedFileError, replace_file
from webhook.adopt.slim_file import SlimFile
from webhook.cli.inputs import FileContent
from webhook.cli.terminal import working
from webhook.core.text import listed

#: The most characters of a list of names.
_LONGEST: Final = 500


def write(files: Iterable[tuple[FileContent, SlimFile]]) -> tuple[list[str], list[str]]:
    """Replaces each of `files` from which lines are cut; returns the names of those written, and what went wrong.

    It stops at the first file that cannot be written, or that is no longer as it was read, and at Ctrl-C. It writes
    nothing if a file is a pipe or the like.
    """
    written: list[str] = []
    done: dict[Path, bytes] = {}
    changed = [(file, slim) for file, slim in files if slim.content != file.content]
    for file, _ in changed:
        if not Path(file.file.path).is_file():
            return [], [f"{file.file.name}: not a regular file, so nothing was written; accepted with --write: files"]
    with working("writing") as tell:
        for number, (file, slim) in enumerate(changed, 1):
            tell(f"writing {number} of {len(changed)}: {file.file.name}")
            # One file may have several names: a link, or a folder that is named beside its file.
            path = Path(file.file.path).resolve()
            try:
                if done.get(path) != slim.content:
                    replace_file(path, file.content, slim.content)
            except OSError as error:
                return written, [f"{file.file.name}: cannot be written: {_why(error)}; {_done(written)}"]
            except KeyboardInterrupt:
                return written, [f"interrupted before {file.file.name}; {_done(written)}"]
            done[path] = slim.content
            written.append(file.file.name)
    return written, []


def _done(written: list[str]) -> str:
    return listed("already written: ", written, _LONGEST) if written else "nothing was written"


def _why(error: OSError) -> str:
    return "it has changed since it was read" if isinstance(error, ChangedFileError) else error.strerror or str(error)
