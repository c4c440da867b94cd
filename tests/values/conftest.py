"""A repository with values and an application, as the workflows among the examples find it."""

import subprocess
from pathlib import Path

import pytest

from tests.live_service import ROOT

APPLICATION = (ROOT / "examples/ecs-first/after.yaml").read_text()


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose last commit changes the policy for its one application."""
    folder = tmp_path / "repository"
    (folder / "apps").mkdir(parents=True)
    (folder / "apps/pi.yaml").write_text(APPLICATION)
    git(folder, "init", "--quiet")
    commit(folder, "")
    commit(folder, "policy: {profiles: {default: {executor: {mode: eci-only}}}}\n")
    return folder


def commit(folder: Path, values: str | None) -> None:
    if values is None:
        (folder / "values.yaml").unlink()
    else:
        (folder / "values.yaml").write_text(values)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "change")
