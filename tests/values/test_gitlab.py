"""The workflow for GitLab among the examples: its script, run against a server that keeps the comments."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live_service import ROOT
from tests.values.conftest import commit, git

GITLAB = ROOT / "examples/workflows/gitlab-ci.yaml"
MARK = "<!-- spark-eci-webhook: placement -->"
BIN = str(Path(sys.executable).parent)


class _GitLab(BaseHTTPRequestHandler):
    """The part of GitLab's API that keeps comments, in pages of one."""

    notes: list[dict[str, Any]]
    calls: list[tuple[str, str]]

    def _answer(self, value: Any, **headers: str) -> None:
        assert self.headers["PRIVATE-TOKEN"] == "secret"
        body = json.dumps(value).encode()
        self.send_response(200)
        for name, one in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), one)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/api/v4/user":
            self._answer({"id": 1})
            return
        page = int(self.path.rpartition("page=")[2])
        following = str(page + 1) if page < len(self.notes) else ""
        self._answer(self.notes[page - 1 : page], X_Next_Page=following)

    def _write(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        self.calls.append((f"{self.command} {self.path}", body))
        self._answer({})

    do_POST = do_PUT = _write  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def gitlab() -> Iterator[tuple[type[_GitLab], str]]:
    class Handler(_GitLab):
        notes: list[dict[str, Any]] = []  # noqa: RUF012
        calls: list[tuple[str, str]] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Handler, f"http://127.0.0.1:{server.server_port}/api/v4"
    server.shutdown()
    thread.join()
    server.server_close()


def _gitlab_job(repository: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = yaml.safe_load(GITLAB.read_text())
    (script,) = found[name]["script"]
    # What the image has: the package, and python.
    path = f"{BIN}:{os.environ['PATH']}"
    variables = found[".placement"]["variables"] | found[name]["variables"] | {"PATH": path, "PYTHONPATH": str(ROOT)}
    variables["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = git(repository, "rev-parse", "HEAD^1")
    return subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=repository,
        env=os.environ | variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_gitlab_without_a_token_the_table_is_in_the_log(repository: Path) -> None:
    # Python must not take a module from the project.
    (repository / "yaml.py").write_text("raise SystemExit('taken')")
    assert _gitlab_job(repository, "placement-before").returncode == 0
    done = _gitlab_job(repository, "placement")
    assert (done.returncode, done.stderr) == (0, "")
    assert "| executor | ecs-first | eci-only |" in done.stdout
    assert done.stdout == (repository / "placement.md").read_text()


@pytest.mark.parametrize("changed", [True, False])
def test_gitlab_one_comment_is_kept(repository: Path, gitlab: tuple[type[_GitLab], str], *, changed: bool) -> None:
    server, url = gitlab
    if not changed:
        commit(repository, (repository / "values.yaml").read_text())
    names = {
        "CI_API_V4_URL": url,
        "CI_MERGE_REQUEST_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "9",
        "PLACEMENT_TOKEN": "secret",
    }
    assert _gitlab_job(repository, "placement-before").returncode == 0
    done = _gitlab_job(repository, "placement", **names)
    assert (done.returncode, done.stderr) == (0, "")
    notes = "/api/v4/projects/3/merge_requests/9/notes"
    body = f"{MARK}\n### Placement of Spark pods\n\n{(repository / 'placement.md').read_text()}"
    assert server.calls == ([(f"POST {notes}", body)] if changed else [])
    server.notes += [
        {"id": 5, "author": {"id": 2}, "body": f"{MARK}\nof another user"},
        {"id": 6, "author": {"id": 1}, "body": "of the same user"},
        {"id": 7, "author": {"id": 1}, "body": f"{MARK}\nold"},
    ]
    server.calls.clear()
    assert _gitlab_job(repository, "placement", **names).returncode == 0
    assert server.calls == [(f"PUT {notes}/7", body)]


def test_gitlab_values_that_helm_refuses_fail_the_job(repository: Path) -> None:
    commit(repository, "replicas: -1\n")
    assert _gitlab_job(repository, "placement-before").returncode == 0
    done = _gitlab_job(repository, "placement")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "values.yaml: replicas: found -1; accepted: a whole number, at least 0\n"
