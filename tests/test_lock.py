"""The versions in requirements.lock can be installed in the image, on both architectures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_service import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ARCHITECTURES = ("x86_64", "aarch64")


def _resolve(architecture: str, lock: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Asks the registry that this machine uses for wheels alone, for Python in the base image. Downloads no package."""
    (python,) = re.findall(r"^ARG BASE_IMAGE=python:([0-9.]+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    platform = ("--python-platform", f"{architecture}-manylinux_2_28", "--python-version", python)
    wheels = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "--target", str(target), "-r", str(lock))
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "install", "--dry-run", *platform, *wheels]
    return subprocess.run(command, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_version_has_a_wheel(architecture: str, tmp_path: Path) -> None:
    done = _resolve(architecture, ROOT / "requirements.lock", tmp_path / "target")
    assert done.returncode == 0, done.stderr
    elsewhere = ("sys_platform == 'win32'",)
    wanted = {
        line.split(" ")[0] for line in LOCK.splitlines() if "==" in line[:60] and not any(one in line for one in elsewhere)
    }
    assert set(re.findall(r"^ \+ (\S+)$", done.stderr, re.MULTILINE)) == wanted


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_version_without_a_wheel_is_noticed(architecture: str, tmp_path: Path) -> None:
    """pyspark is published as source alone."""
    done = _resolve(architecture, ROOT / "requirements-spark-4.lock", tmp_path / "target")
    assert done.returncode != 0
    assert "pyspark" in done.stderr
