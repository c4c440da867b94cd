"""`try`: each error is one sentence and exit code 2. tests/test_readme.py checks that it works."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.process import free_port
from tests.e2e.component import Component
from tests.live_service import ROOT
from webhook.core.modes import SchedulingMode

REVIEW = ROOT / "tests" / "reviews" / "spark-3.5.2-executor-1.json"


def _try(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "webhook", "try", "--tls-dir", str(folder / "tls"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("flag", ["--port", "--operations-port", "--page-port"])
def test_a_port_in_use_is_one_sentence(tmp_path: Path, flag: str) -> None:
    """Also if a web server uses the port and would answer instead of the service."""
    others = [
        one
        for other in ("--port", "--operations-port", "--page-port")
        if other != flag
        for one in (other, str(free_port()))
    ]
    accepted = "another port" if flag == "--page-port" else "another host or port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _try(tmp_path, "--review", str(REVIEW), flag, str(port), *others) == (
            2,
            "",
            f"{flag}: cannot listen on 127.0.0.1:{port}: Address already in use; choose {accepted}\n",
        )


def test_a_bad_policy_is_a_sentence_for_each_fault(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("profiles: {default: {driver: {mode: eci}}}", encoding="utf-8")
    assert _try(tmp_path, "--review", str(REVIEW), "--policy", str(policy)) == (
        2,
        "",
        f'{policy}: profiles.default.driver.mode: found "eci"; accepted: {", ".join(SchedulingMode)}\n',
    )


def test_a_missing_review_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    assert _try(tmp_path, "--review", str(missing)) == (
        2,
        "",
        f"{missing}: cannot be read: No such file or directory\n",
    )


def test_sigterm_ends_the_service_too(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    program = Component(
        [
            *(sys.executable, "-m", "webhook", "try", "--tls-dir", str(tmp_path / "tls"), "--review", str(REVIEW)),
            *("--port", str(port), "--operations-port", str(free_port()), "--page-port", str(free_port())),
        ],
        log,
    )
    try:
        program.start(lambda: "Serving until Ctrl-C." in log.read_text())
    finally:
        program.stop(60)
    assert program.code == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
