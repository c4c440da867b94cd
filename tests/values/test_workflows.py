"""The workflows among the examples: their linters, and their scripts run on a repository with a changed policy.

The tool is the real one. docker is a stand-in that runs it on the folders that it is given, and gh one that records its calls.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.live_service import ROOT
from tests.values.conftest import APPLICATION, commit

GITHUB = ROOT / "examples/workflows/github.yaml"
GITLAB = ROOT / "examples/workflows/gitlab-ci.yaml"
MARK = "<!-- spark-eci-webhook: placement -->"
BIN = str(Path(sys.executable).parent)

DOCKER = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
assert words[:6] == ["run", "--rm", "--network", "none", "--read-only", "--cap-drop"], words
image = words.index("registry.example.com/platform/spark-eci-webhook:1.0.0")
folders = [one.removesuffix(":ro").split(":") for one in words[:image] if one.endswith(":ro")]
def outside(word):
    for here, there in folders:
        if word.startswith(there + "/"):
            return here + word.removeprefix(there)
    return word
os.chdir({str(ROOT)!r})
os.execv(sys.executable, [sys.executable, "-m", "webhook", *map(outside, words[image + 1:])])
"""
GH = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["GH_CALLS"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if "--paginate" in sys.argv:
    print(os.environ["GH_FOUND"])
"""


def _step(name: str) -> str:
    (script,) = (
        one["run"] for one in yaml.safe_load(GITHUB.read_text())["jobs"]["diff"]["steps"] if one.get("name") == name
    )
    return str(script)


class _Runner:
    """Runs the steps of the workflow for GitHub."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository, self._folder = repository, folder
        for name, text in (("docker", DOCKER), ("gh", GH)):
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        self.calls = folder / "calls"
        self.summary = folder / "summary"
        self.output = folder / "output"
        for file in (self.calls, self.output, self.summary):
            file.write_text("")
        self.comment = folder / "comment.md"

    def run(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = yaml.safe_load(GITHUB.read_text())["jobs"]["diff"]["env"] | {
            "RUNNER_TEMP": str(self._folder),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_REPOSITORY": "team/apps",
            "NUMBER": "7",
            "GH_CALLS": str(self.calls),
            "PATH": f"{self._folder}/bin:{os.environ['PATH']}",
        }
        return subprocess.run(
            ["bash", "-e", "-c", _step(name)],
            cwd=self._repository,
            env=os.environ | variables | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def runner(repository: Path, tmp_path: Path) -> _Runner:
    return _Runner(repository, tmp_path)


def test_the_linters_find_nothing() -> None:
    for command in (
        [f"{BIN}/actionlint", str(GITHUB)],
        [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(GITHUB)],
        [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(GITLAB)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_would_find_something(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(GITHUB.read_text().replace("${{ github.token }}", "${{ github.tokens }}"))
    done = subprocess.run([f"{BIN}/actionlint", str(file)], capture_output=True, text=True, check=False)
    assert 'property "tokens" is not defined' in done.stdout
    file.write_text(
        GITHUB.read_text()
        .replace("          GH_TOKEN:", "          TITLE: x\n          GH_TOKEN:")
        .replace("set -euo pipefail\n          comments", "echo ${{ github.head_ref }}\n          comments")
    )
    done = subprocess.run([f"{BIN}/actionlint", str(file)], capture_output=True, text=True, check=False)
    assert "potentially untrusted" in done.stdout
    file.write_text(GITLAB.read_text().replace("needs: [placement-before]", "needs: 3"))
    words = [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 1


def test_the_workflows_have_few_rights_and_fixed_actions() -> None:
    found = yaml.safe_load(GITHUB.read_text())
    (job,) = found["jobs"].values()
    assert (found["permissions"], job["permissions"]) == ({}, {"contents": "read", "pull-requests": "write"})
    assert "${{" not in "".join(step.get("run", "") for step in job["steps"])
    for step in job["steps"]:
        assert "uses" not in step or len(step["uses"].partition("@")[2]) == 40
    assert found[True]["pull_request"]["paths"] == ["values.yaml", "apps/**"]


def test_github_a_difference_is_commented(runner: _Runner) -> None:
    done = runner.run("Compare")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert runner.output.read_text() == "differs=1\n"
    comment = runner.comment.read_text()
    assert comment.startswith(f"{MARK}\n### Placement of Spark pods\n\n| application | profile | pods |")
    assert "| executor | ecs-first | eci-only |" in comment
    assert comment.endswith("1 of 1 would be placed differently.\n")
    assert runner.summary.read_text() == comment
    for found in ("", "11\n12"):
        assert runner.run("Comment", DIFFERS="1", GH_FOUND=found).returncode == 0
    calls = [json.loads(line) for line in runner.calls.read_text().splitlines()]
    body = ["--field", f"body=@{runner.comment}"]
    comments = "repos/team/apps/issues"
    assert calls[0][:4] == ["api", "--paginate", f"{comments}/7/comments", "--jq"]
    assert calls[1] == ["api", "--silent", "--method", "POST", f"{comments}/7/comments", *body]
    assert calls[3] == ["api", "--silent", "--method", "PATCH", f"{comments}/comments/11", *body]


def test_github_without_a_difference_only_an_old_comment_changes(runner: _Runner, repository: Path) -> None:
    commit(repository, "policy: {profiles: {default: {executor: {mode: eci-only}}}}  # the same\n")
    assert runner.run("Compare").returncode == 0
    assert runner.output.read_text() == "differs=0\n"
    assert runner.comment.read_text().endswith("\n0 of 1 would be placed differently.\n")
    for found in ("", "11"):
        assert runner.run("Comment", DIFFERS="0", GH_FOUND=found).returncode == 0
    methods = [line for line in runner.calls.read_text().splitlines() if "--method" in line]
    assert [json.loads(line)[3] for line in methods] == ["PATCH"]


def test_github_values_that_helm_refuses_fail_the_job(runner: _Runner, repository: Path) -> None:
    commit(repository, "policy: {profiles: {default: {executor: {mode: eci}}}}\n")
    done = runner.run("Compare")
    assert done.returncode == 2
    assert 'values.yaml: policy.profiles.default.executor.mode: found "eci"; accepted: ' in done.stderr
    assert (runner.output.read_text(), runner.comment.exists()) == ("", False)


def test_github_new_values_are_compared_with_none(runner: _Runner, repository: Path) -> None:
    commit(repository, None)
    commit(repository, "policy: {profiles: {default: {executor: {mode: eci-only}}}}\n")
    assert runner.run("Compare").returncode == 0
    assert runner.output.read_text() == "differs=1\n"


def test_github_a_long_table_is_cut(runner: _Runner, repository: Path) -> None:
    for number in range(400):
        (repository / f"apps/{number}.yaml").write_text(APPLICATION.replace("spark-pi", f"spark-pi-{number}"))
    assert runner.run("Compare").returncode == 0
    comment = runner.comment.read_text()
    assert len(comment) < 65_000
    assert comment.endswith("|\n\nThe rest is left out.\n")
