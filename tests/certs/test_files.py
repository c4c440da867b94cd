import errno
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs.__main__ import main
from certs.authority import issue, new_authority
from certs.files import read_folder, write_folder
from certs.issue import ensure
from certs.material import names, pem_files, read
from certs.pem import read_certificates

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
HOSTS = ["localhost", "127.0.0.1", "::1"]


def fresh(hosts: list[str] = HOSTS, now: datetime = NOW) -> dict[str, bytes]:
    authority = new_authority(now)
    return pem_files(issue(authority, hosts, now), [authority.certificate])


def entries(folder: Path) -> list[str]:
    """What a folder contains, without the random part of a version's name."""
    return sorted(path.name.split("version-")[0] for path in folder.iterdir())


WRITTEN = ["..", "..data", "ca.crt", "tls.crt", "tls.key"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    content = fresh()
    write_folder(tmp_path / "new" / "folder", content)
    assert read_folder(tmp_path / "new" / "folder") == content
    assert {name: (tmp_path / "new" / "folder" / name).read_bytes() for name in content} == content


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_the_key_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_folder(tmp_path, fresh())
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("tls.key", "tls.crt", "ca.crt")}
    assert modes == {"tls.key": 0o600, "tls.crt": 0o644, "ca.crt": 0o644}


def test_a_second_write_leaves_no_trace_of_the_first(tmp_path: Path) -> None:
    write_folder(tmp_path, fresh())
    assert entries(tmp_path) == WRITTEN
    content = fresh()
    write_folder(tmp_path, content)
    assert entries(tmp_path) == WRITTEN
    assert read_folder(tmp_path) == content


def test_plain_files_are_replaced(tmp_path: Path) -> None:
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (tmp_path / name).write_text("mine")
    assert read_folder(tmp_path) == {"ca.crt": b"mine", "tls.crt": b"mine", "tls.key": b"mine"}
    content = fresh()
    write_folder(tmp_path, content)
    assert read_folder(tmp_path) == content
    assert entries(tmp_path) == WRITTEN


@pytest.mark.parametrize("call", ["fsync", "replace", "symlink", "write"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_write_that_fails_at_any_call_leaves_the_old_files_or_the_new_ones_whole(
    tmp_path: Path, call: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at each system call in turn."""
    old, new = fresh(), fresh()
    write_folder(tmp_path, old)
    calls = 0

    def failing(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {
        "fsync": (os, "fsync"),
        "replace": (Path, "replace"),
        "symlink": (Path, "symlink_to"),
        "write": (os, "fchmod"),
    }[call]
    real = getattr(*target)

    def wrapped(*arguments: object, **named: object) -> object:
        failing()
        return real(*arguments, **named)

    monkeypatch.setattr(*target, wrapped)
    try:
        write_folder(tmp_path, new)
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017
        assert read_folder(tmp_path) == old
    else:
        assert calls < nth
        assert read_folder(tmp_path) == new
    monkeypatch.undo()
    assert entries(tmp_path) == WRITTEN


def test_what_an_interrupted_writer_left_is_swept_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "..version-abandoned").mkdir()
    (tmp_path / "..version-abandoned" / "tls.key").write_text("half")
    (tmp_path / "..link-abandoned").mkdir()
    write_folder(tmp_path, fresh())
    assert entries(tmp_path) == WRITTEN


def test_a_reader_never_sees_two_versions_mixed(tmp_path: Path) -> None:
    """A reader finds only complete versions while a writer replaces them as fast as it can."""
    write_folder(tmp_path, fresh())
    done = threading.Event()
    versions = [fresh() for _ in range(3)]

    def write() -> None:
        for turn in range(60):
            write_folder(tmp_path, versions[turn % 3])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        assert not read(read_folder(tmp_path), HOSTS, NOW).problems
        seen += 1
    writer.join()
    assert seen


def test_a_folder_in_a_files_place_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").mkdir()
    with pytest.raises(IsADirectoryError, match=r"tls\.crt is a folder, not a file"):
        write_folder(tmp_path, fresh())
    assert entries(tmp_path) == ["tls.crt"]


def test_a_sound_pair_is_kept_until_thirty_days_before_it_expires(tmp_path: Path) -> None:
    assert ensure(tmp_path, HOSTS, NOW)
    first = read_folder(tmp_path)
    assert ensure(tmp_path, HOSTS, NOW + timedelta(days=59, hours=23)) == ()
    assert read_folder(tmp_path) == first
    assert ensure(tmp_path, HOSTS, NOW + timedelta(days=60)) == ("tls.crt expires on 2027-05-30 12:00 UTC",)
    assert read_certificates(read_folder(tmp_path)["tls.crt"])[0].not_valid_after_utc == NOW + timedelta(days=150)


def test_a_pair_is_kept_for_fewer_hosts_and_issued_anew_for_more(tmp_path: Path) -> None:
    ensure(tmp_path, HOSTS, NOW)
    assert ensure(tmp_path, ["127.0.0.1"], NOW) == ()
    assert ensure(tmp_path, [*HOSTS, "webhook.test"], NOW)
    assert names(read_certificates(read_folder(tmp_path)["tls.crt"])[0]) == (*HOSTS, "webhook.test")


@pytest.mark.parametrize("name", ["ca.crt", "tls.crt", "tls.key"])
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "another's", "truncated"])
def test_any_damaged_file_is_healed(tmp_path: Path, name: str, damage: str) -> None:
    ensure(tmp_path, HOSTS, NOW)
    path = (tmp_path / name).resolve()
    content = {
        "empty": b"",
        "garbage": b"\xff\x00rubbish",
        "another's": fresh()[name],
        "truncated": path.read_bytes()[:90],
    }
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[damage])
    assert ensure(tmp_path, HOSTS, NOW)
    assert not read(read_folder(tmp_path), HOSTS, NOW).problems
    assert ensure(tmp_path, HOSTS, NOW) == ()


def test_the_command_says_in_one_line_that_it_issued_and_then_that_it_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["issue", "--out", str(out), "--host", "localhost", "--host", "::1"]
    assert main(arguments) == 0
    until = f"{read_certificates((out / 'tls.crt').read_bytes())[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    assert capsys.readouterr().out == (
        f"{out}: issued (tls.crt is missing; tls.key is missing; ca.crt is missing):"
        f" a certificate for localhost, ::1, valid until {until}\n"
    )
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{out}: kept: a certificate for localhost, ::1, valid until {until}\n"
    assert not list(out.rglob("ca.key"))


@pytest.mark.parametrize(
    ("out", "host", "sentence"),
    [
        ("file", "localhost", "--out: {}/file/tls.crt cannot be used: Not a directory"),
        (
            "occupied",
            "localhost",
            "--out: {}/occupied/tls.crt cannot be used: Is a directory",
        ),
        (
            "out",
            "a b",
            "host: found 'a b'; accepted: DNS names of letters, digits, hyphens and dots, and IP addresses without a zone",
        ),
    ],
)
def test_the_command_refuses_bad_input_with_one_sentence_and_writes_nothing(
    out: str, host: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "occupied" / "tls.crt").mkdir(parents=True)
    assert main(["issue", "--out", str(tmp_path / out), "--host", host]) == 2
    assert capsys.readouterr() == ("", sentence.format(tmp_path) + "\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "occupied", "tls.crt"]
