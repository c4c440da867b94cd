"""A file is replaced whole or not at all, and nothing is left beside it."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from webhook.adopt.file_replacement import ChangedFileError, replace_file

OLD, NEW = b"old\r\n", b"new\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ("\u3042" * 80 + ".yaml")
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


def others(path: Path) -> set[str]:
    return {one.name for one in path.parent.iterdir()} - {path.name}


def test_the_content_is_replaced_and_the_mode_and_owner_stay(file: Path) -> None:
    owner = 12345 if os.geteuid() == 0 else os.getuid()
    os.chown(file, owner, -1)
    with file.open("rb") as opened:
        replace_file(file, OLD, NEW)
        # Whoever reads the old file reads it to its end.
        assert opened.read() == OLD
    status = file.stat()
    assert (file.read_bytes(), status.st_mode & 0o7777, status.st_uid) == (NEW, 0o640, owner)
    assert others(file) == set()


def test_a_link_stays_and_its_file_is_replaced(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "first").symlink_to(file)
    (folder / "second").symlink_to("first")
    replace_file(folder / "second", OLD, NEW)
    assert file.read_bytes() == NEW
    assert [one.is_symlink() for one in sorted(folder.iterdir())] == [True, True]


def test_a_file_that_has_changed_stays(file: Path) -> None:
    file.write_bytes(b"other\n")
    with pytest.raises(ChangedFileError, match="it has changed since it was read"):
        replace_file(file, OLD, NEW)
    assert (file.read_bytes(), others(file)) == (b"other\n", set())


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Lets no file grow beyond `size`, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_be_written_whole_stays(file: Path) -> None:
    with limited_files(2**20), pytest.raises(OSError, match="File too large"):
        replace_file(file, OLD, b"a" * 2**21)
    assert (file.read_bytes(), others(file)) == (OLD, set())


def test_what_is_no_file_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, error in (
        ("folder", "not a regular file"),
        ("pipe", "not a regular file"),
        ("missing", "No such file or directory"),
    ):
        with pytest.raises(OSError, match=error):
            replace_file(tmp_path / name, OLD, NEW)
    with pytest.raises((OSError, RuntimeError)):
        replace_file(tmp_path / "loop", OLD, NEW)
    assert {one.name for one in tmp_path.iterdir()} == {"folder", "pipe", "loop"}
