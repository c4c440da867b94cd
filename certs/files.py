"""A folder of certificate files that are read and replaced together.

The layout is that of a Secret that kubelet mounts: each file is a link through `..data` into a folder with one version
of all files. Renaming `..data` replaces them together, and a reader that resolves `..data` first never mixes versions.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from certs.material import FILES, KEY

_CURRENT = "..data"
_VERSION = "..version-"
_LINK = "..link-"


def read_folder(folder: Path) -> dict[str, bytes]:
    """The certificate files in `folder` that exist, as name → content. Raises OSError."""
    while True:
        version = _version(folder)
        content = {}
        for name in FILES:
            with suppress(FileNotFoundError):
                content[name] = (version / name).read_bytes()
        if _version(folder) == version:  # otherwise a writer replaced it meanwhile
            return content


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replaces the certificate files of `folder` by `files` (name → content), all at once.

    Makes the folder if it does not exist. Only the owner can read the private key. Raises OSError; the old files then
    stay as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        for name in files:
            if (folder / name).is_dir():
                raise IsADirectoryError(f"{folder / name} is a folder, not a file")
        try:
            version = _write_version(folder, files)
            _link(folder, _CURRENT, version.name)
            for name in files:
                if not (folder / name).is_symlink() or (folder / name).readlink() != Path(_CURRENT, name):
                    _link(folder, name, f"{_CURRENT}/{name}")
        finally:
            _sweep(folder)


def _version(folder: Path) -> Path:
    """The folder behind `..data`; `folder` itself if its files are plain files."""
    return (folder / _CURRENT).resolve() if (folder / _CURRENT).is_symlink() else folder


def _write_version(folder: Path, files: Mapping[str, bytes]) -> Path:
    version = Path(tempfile.mkdtemp(prefix=_VERSION, dir=folder))
    for name, content in files.items():
        with (version / name).open("wb") as file:
            os.fchmod(file.fileno(), 0o600 if name == KEY else 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    version.chmod(0o755)  # until now, only the owner could enter it
    return version


def _link(folder: Path, name: str, target: str) -> None:
    """Makes or replaces a symbolic link in one step."""
    fresh = Path(tempfile.mkdtemp(prefix=_LINK, dir=folder)) / "link"
    fresh.symlink_to(target)
    fresh.replace(folder / name)


def _sweep(folder: Path) -> None:
    """Removes the previous version, and what an interrupted writer left."""
    for path in folder.iterdir():
        if path.name.startswith((_VERSION, _LINK)) and path.name != _version(folder).name:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Allows one writer at a time in a folder, and syncs the folder afterwards; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
