"""Checkouts of what this repository has now, in which releases are built as a publisher builds them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.live_service import ROOT

#: Whoever commits there. A commit with the same author, time and files is the same commit.
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "tests"), ("EMAIL", "tests@example.com"), ("DATE", "2026-11-28T12:00:00+00:00"))
}


def checkout_of_now(folder: Path) -> Path:
    """A repository in `folder` with one commit: all files of this one, also those that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "now"]):
        subprocess.run(["git", *command], cwd=folder, env=os.environ | _AUTHOR, check=True, capture_output=True)
    return folder


def commit_of(checkout: Path) -> str:
    """The commit that is checked out, as 40 hexadecimal digits."""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()


def clone(checkout: Path, folder: Path, mask: int) -> Path:
    """A clone of `checkout` in `folder`, whose files have the modes that the umask `mask` leaves."""
    before = os.umask(mask)
    try:
        subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True, capture_output=True)
    finally:
        os.umask(before)
    return folder


def build(checkout: Path, *arguments: str, buildah: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command of `make release` in a checkout, with the command `buildah` if one is given."""
    command = [sys.executable, "-m", "tools.release", *arguments]
    # Other isolations need rights that a container lacks.
    variables = os.environ | {"BUILDAH_ISOLATION": "chroot"} | ({"BUILDAH": buildah} if buildah else {})
    return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=False)


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their name."""
    return {one.name: one.read_bytes() for one in folder.iterdir()}
