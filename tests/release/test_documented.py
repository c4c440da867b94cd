"""The commands of docs/releases.md, in a clone of the commit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.commands import claimed
from tests.release.clone import checkout_of_now
from webhook import __version__

pytestmark = pytest.mark.needs("git")
BUILD, VERIFY = claimed("docs/releases.md", "make packages", "sha256sum")
CHART = f"spark-eci-webhook-{__version__}.tgz"


def test_a_build_verifies(tmp_path: Path) -> None:
    checkout = checkout_of_now(tmp_path / "checkout")
    # The lock of the clone is newer than the environment, which is not installed again.
    environment = [f"VENV={Path(sys.executable).parents[1]}", "--assume-old=requirements-dev.lock", "ARGS="]
    # If make runs these tests, it leaves its own variables to every make below it.
    variables = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    subprocess.run([*BUILD.split(), *environment], cwd=checkout, env=variables, check=True, capture_output=True)
    dist = checkout / "dist"
    done = subprocess.run(VERIFY.split(), cwd=dist, check=True, capture_output=True, text=True)
    assert f"{CHART}: OK" in done.stdout.splitlines()
    (dist / CHART).write_bytes(b"")
    assert subprocess.run(VERIFY.split(), cwd=dist, check=False, capture_output=True).returncode == 1
