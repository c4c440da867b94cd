"""The wheel of the project, built and installed as a user would."""

import subprocess
import sys
from pathlib import Path

from tests.live_service import ROOT
from webhook import __version__


def build(folder: Path) -> Path:
    """Builds wheel and sdist into `folder`, and returns the wheel."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / f"spark_eci_webhook-{__version__}-py3-none-any.whl"


def install(wheel: Path, folder: Path) -> Path:
    """Installs the wheel without what it depends on into `folder`, for PYTHONPATH; returns the folder of its scripts."""
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return folder / "bin"
