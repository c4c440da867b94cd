"""The Dockerfile passes its linter, and its base is pinned."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from webhook import __version__

ROOT = Path(__file__).parents[2]


def test_the_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_version_is_the_applications() -> None:
    assert re.findall(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == [__version__]


def _base(dockerfile: str) -> str:
    (found,) = re.findall(r"^ARG BASE_IMAGE=(.+)$", dockerfile, re.MULTILINE)
    return str(found)


def test_the_base_image_is_public_and_pinned_unless_told_otherwise() -> None:
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", _base((ROOT / "Dockerfile").read_text()))


@pytest.mark.parametrize("code", [0, 1])
def test_make_base_pins_the_index_that_the_registry_has(code: int, tmp_path: Path) -> None:
    """With a skopeo of our own, which answers as if there were a registry, or fails."""
    for name in ("Makefile", "Dockerfile"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    skopeo = tmp_path / "bin/skopeo"
    skopeo.parent.mkdir()
    skopeo.write_text(f'#!/bin/sh\necho "$@" >asked\nprintf index\nexit {code}\n')
    skopeo.chmod(0o755)
    environment = os.environ | {"PATH": f"{skopeo.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["make", "base"], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (tmp_path / "asked").read_text() == "inspect --raw docker://python:3.13-slim\n"
    before = (ROOT / "Dockerfile").read_text()
    pinned = f"python:3.13-slim@sha256:{hashlib.sha256(b'index').hexdigest()}"
    assert (tmp_path / "Dockerfile").read_text() == (before.replace(_base(before), pinned) if code == 0 else before)
    assert (done.returncode == 0) == (code == 0)
