"""A folder of certificate files: read in one go, replaced all at once.

The folder is laid out as kubelet lays out a mounted Secret: each file is a link through `..data` into a folder that
holds one version of all of them. Renaming `..data` replaces them together, and a reader that resolves `..data` first
never mixes two versions.
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
    """The certificate files in `folder`, as name → content, without those that do not exist. Raises OSError."""
    while True:
        version = _version(folder)
        content = {}
        for name in FILES:
            with suppress(FileNotFoundError):
                content[name] = (version / name).read_bytes()
        if _version(folder) == version:  # otherwise a writer replaced it meanwhile
            return content


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replaces the certificate files of `folder` by `files`, all at once; only the owner can read the private key.

    Makes the folder if it does not exist. Raises OSError; the old files then stay as they were.
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
    """The folder that really holds the files: that of one version, or `folder` itself."""
    return (folder / _CURRENT).resolve() if (folder / _CURRENT).is_symlink() else folder


def _write_version(folder: Path, files: Mapping[str, bytes]) -> Path:
    version = Path(tempfile.mkdtemp(prefix=_VERSION, dir=folder))
    version.chmod(0o755)
    for name, content in files.items():
        mode = 0o600 if name == KEY else 0o644
        with open(os.open(version / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return version


def _link(folder: Path, name: str, target: str) -> None:
    """Makes or replaces a symbolic link in one step."""
    fresh = Path(tempfile.mkdtemp(prefix=_LINK, dir=folder)) / "link"
    fresh.symlink_to(target)
    fresh.replace(folder / name)


def _sweep(folder: Path) -> None:
    """Removes the previous version and what an interrupted writer left."""
    current = (folder / _CURRENT).readlink().name if (folder / _CURRENT).is_symlink() else None
    for path in folder.iterdir():
        if path.name.startswith((_VERSION, _LINK)) and path.name != current:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lets one writer at a time into a folder; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
