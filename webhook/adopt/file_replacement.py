"""Replaces the content of a file, all of it or nothing."""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


class ChangedFileError(OSError):
    """The file no longer holds what was read from it."""


def replace_file(path: Path, old: bytes, new: bytes) -> None:
    """Replaces `old`, the content of the file at `path`, by `new`. The mode and the owner stay as they are.

    A symbolic link stays, and the file that it leads to is replaced. Whoever reads the file finds either content whole,
    and so does a machine that lost its power.

    Raises ChangedFileError if the content is no longer `old`, and another OSError if the file cannot be replaced. Then
    it is as before, and no other file is left behind.
    """
    target = path.resolve(strict=True)
    status = target.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new)
            file.flush()
            _set_owner(descriptor, status)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.fsync(descriptor)
        _check(target, old)
        written.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            written.unlink()
        raise
    _sync(target.parent)


def _check(path: Path, old: bytes) -> None:
    if path.read_bytes() != old:
        raise ChangedFileError(errno.EBUSY, "it has changed since it was read", str(path))


def _set_owner(descriptor: int, status: os.stat_result) -> None:
    """Gives the new file the owner and group of the old one, as far as this user may."""
    with suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _sync(folder: Path) -> None:
    """Makes the new name last. Some file systems cannot sync a folder, and some folders cannot be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
