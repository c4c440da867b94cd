"""The commit that a release is built from."""

import os
import stat
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

#: Settings of a user that would change what git prints, or the files of an archive.
_PLAIN: Final = [
    word
    for setting in (
        "core.autocrlf=false",
        "core.eol=lf",
        f"core.attributesFile={os.devnull}",
        "log.showSignature=false",
    )
    for word in ("-c", setting)
]


class ReleaseError(Exception):
    """A release cannot be built; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Source:
    """A commit, and the files of it alone in a folder."""

    commit: str
    """40 hexadecimal digits."""
    seconds: int
    """When it was made, in seconds since 1970. All that is built has this time."""
    folder: Path


def export(repository: Path, folder: Path) -> Source:
    """Writes the files of the repository's commit into `folder`, with the same modes on every machine.

    Raises ReleaseError if the repository has none, or has changes that are not in it.
    """
    changed = _git(repository, "status", "--porcelain").decode().splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        raise ReleaseError(f"{changed[0][3:]}{more}: not committed; accepted: a tree without changes")
    commit = _git(repository, "rev-parse", "HEAD").decode().strip()
    seconds = int(_git(repository, "show", "--no-patch", "--format=%ct", commit))
    with tarfile.open(fileobj=BytesIO(_git(repository, "archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
            os.utime(path, (seconds, seconds))
    return Source(commit, seconds, folder)


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *_PLAIN, *arguments], cwd=repository, capture_output=True, check=False)
    except FileNotFoundError:
        raise ReleaseError("git: not found; accepted: a checkout, on a machine with git") from None
    if done.returncode:
        said = done.stderr.decode().strip().splitlines()
        raise ReleaseError(f"{repository}: {said[-1] if said else 'git failed'}; accepted: a checkout with a commit")
    return done.stdout
