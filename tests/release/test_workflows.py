"""The repository's own workflows: what the linters say, what they may do, and that nothing foreign runs in them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live_service import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
BIN = str(Path(sys.executable).parent)
each = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def _steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(file.read_text())["jobs"].values():
        yield from job["steps"]


@each
def test_the_linters_find_nothing(file: Path) -> None:
    for command in (
        [f"{BIN}/actionlint", str(file)],
        [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@each
def test_bash_reads_every_script(file: Path) -> None:
    for step in _steps(file):
        done = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@each
def test_every_step_is_a_script_of_ours_without_expressions(file: Path) -> None:
    for step in _steps(file):
        assert "uses" not in step
        assert "${{" not in step["run"]


def test_the_jobs_have_few_rights_and_end() -> None:
    assert [file.name for file in WORKFLOWS] == ["ci.yaml", "release.yaml"]
    rights: dict[str, dict[str, str]] = {}
    for file in WORKFLOWS:
        found = yaml.safe_load(file.read_text())
        assert found["permissions"] == {}
        assert found["concurrency"]["group"].endswith("${{ github.ref }}")
        assert all(job["timeout-minutes"] <= 45 for job in found["jobs"].values())
        rights |= {name: job["permissions"] for name, job in found["jobs"].items()}
    assert rights == {
        "check": {"contents": "read"},
        "draft": {"contents": "write"},
        "build": {"contents": "write"},
        "publish": {"contents": "write", "packages": "write"},
    }


@pytest.mark.needs("git")
@pytest.mark.parametrize(("tag", "status"), [("v1.0.0", 0), ("v1.0.1", 1)])
def test_only_the_tag_of_the_version_is_released(tag: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook/__init__.py").write_text('__version__ = "1.0.0"\n')
    (script,) = (step["run"] for step in _steps(WORKFLOWS[1]) if step["name"] == "Compare the tag with the version")
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag},
        capture_output=True,
        text=True,
        check=False,
    )
    said = "" if status == 0 else "::error::the tag: found v1.0.1; accepted: v1.0.0\n"
    assert (done.returncode, done.stdout, done.stderr) == (status, said, "")


@pytest.mark.needs("git")
def test_the_checkout_is_the_commit(tmp_path: Path) -> None:
    """From a repository on this disk in place of GitHub. All jobs have the same script."""
    (script,) = {step["run"] for file in WORKFLOWS for step in _steps(file) if step["name"] == "Check out"}
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        "PATH": "/usr/bin:/bin",
        "GH_TOKEN": "token",
        "GITHUB_SERVER_URL": f"file://{ROOT.parent}",
        "GITHUB_REPOSITORY": ROOT.name,
        "GITHUB_SHA": commit,
    }
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, check=True, capture_output=True)
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == commit
    assert (tmp_path / "pyproject.toml").read_bytes() != b""
