"""The fixture of version 0.1.0 is that version."""

import gzip
import hashlib
import subprocess
from typing import Final

import pytest

from tests.e2e.upgrades.former import ARCHIVE, COMMIT, FOLDERS
from tests.live_service import ROOT

SHA256: Final = "bdbcbacc206e6505e36b462d05194feff87fb7369a25faf68a702a176a53a9d9"


def test_the_fixture_is_as_it_was_made() -> None:
    assert hashlib.sha256(_tar()).hexdigest() == SHA256


@pytest.mark.needs("git")
def test_the_fixture_is_the_commit_of_the_version() -> None:
    """A shallow clone may lack the commit. Then only its name, which git writes into an archive, is compared."""
    named = subprocess.run(["git", "get-tar-commit-id"], input=_tar(), capture_output=True, check=True)
    assert named.stdout.decode().strip() == COMMIT
    command = ["git", "archive", "--format=tar", COMMIT, *FOLDERS]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    shallow = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, check=False
    )
    assert made.stdout == _tar() or (made.returncode and shallow.stdout != b"false\n")


def _tar() -> bytes:
    return gzip.decompress(ARCHIVE.read_bytes())
