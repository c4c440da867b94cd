"""The versions in requirements.lock can be installed in the image from wheels, on both architectures."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.live_service import ROOT

LOCK = ROOT / "requirements.lock"
ARCHITECTURES = ("x86_64", "aarch64")
(PYTHON,) = re.findall(r"^ARG BASE_IMAGE=python:([0-9.]+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def _wheels(architecture: str, lock: Path, folder: Path) -> dict[str, list[str]]:
    """The SHA-256 of the wheels for this Linux and the base image's Python, by `NAME==VERSION`.

    Asks the registry that this machine uses, and downloads no package. Raises CalledProcessError if a version has no wheel.
    """
    output = folder / "pylock.toml"
    platform = (
        "--python",
        sys.executable,
        "--python-platform",
        f"{architecture}-manylinux_2_28",
        "--python-version",
        PYTHON,
    )
    # Without a given interpreter, uv looks for one, which takes seconds.
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "compile",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    subprocess.run([*command, *platform, "-o", str(output), str(lock)], capture_output=True, text=True, check=True)
    packages = tomllib.loads(output.read_text())["packages"]
    return {
        f"{one['name']}=={one['version']}": [wheel["hashes"]["sha256"] for wheel in one["wheels"]] for one in packages
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_version_has_a_wheel_that_the_lock_accepts(architecture: str, tmp_path: Path) -> None:
    entries = LOCK.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    accepted = {
        entry.split()[0]: set(re.findall(r"--hash=sha256:(\w+)", entry))
        for entry in entries
        if "==" in entry and "sys_platform == 'win32'" not in entry
    }
    found = _wheels(architecture, LOCK, tmp_path)
    assert found.keys() == accepted.keys()
    assert [name for name, hashes in found.items() if not accepted[name].intersection(hashes)] == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_version_without_a_wheel_is_noticed(architecture: str, tmp_path: Path) -> None:
    """pyspark is published as source alone."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        _wheels(architecture, ROOT / "requirements-spark-4.lock", tmp_path)
    assert "pyspark" in failed.value.stderr


def test_the_wheels_differ_by_architecture(tmp_path: Path) -> None:
    """uvloop is compiled, so each architecture needs its own."""
    lock = tmp_path / "requirements.lock"
    lock.write_text("\n".join(re.findall(r"^uvloop==\S+", LOCK.read_text(), re.MULTILINE)))
    one, other = (_wheels(architecture, lock, tmp_path) for architecture in ARCHITECTURES)
    assert one.keys() == other.keys()
    assert one != other
