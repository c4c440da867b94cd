"""The Dockerfile passes its linter."""

import re
import subprocess
import sys
from pathlib import Path

from webhook import __version__

ROOT = Path(__file__).parents[2]


def test_the_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_version_is_the_applications() -> None:
    assert re.findall(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == [__version__]


def test_the_base_image_is_public_unless_told_otherwise() -> None:
    assert re.findall(r"^ARG BASE_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["python:3.13-slim"]
