"""No task of the process ends in silence: the fault is logged and counted, and the process drains and ends with 1."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import ROOT, Service, _ready
from tests.service.test_admission import POD

#: Serves with one part broken: it fails once the service is ready.
SCRIPT = """
import asyncio, sys
from webhook.service import server

ready = asyncio.Event()

class Broken(server.Service):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        {fault}

    def _announce(self):
        super()._announce()
        ready.set()

def check():
    if ready.is_set():
        raise {error}

async def fail(*_, **__):
    await ready.wait()
    check()

server.Service = Broken
sys.exit(server.run(sys.argv[1:]))
"""
ERROR = "RuntimeError('forced')"
FAULTS = {
    "operations": "self._operations.on_tick = fail",
    "reload": "self._attempt = lambda *of: check() or server.Service._attempt(self, *of)",
    "admissions": "self._admission.on_tick = fail",
}


@contextlib.contextmanager
def _broken(tls: Path, log: Path, fault: str, error: str = ERROR) -> Iterator[subprocess.Popen[bytes]]:
    script = SCRIPT.format(fault=fault, error=error)
    arguments = ["--tls-dir", str(tls), "--port", "0", "--operations-port", "0", "--drain-seconds", "3600"]
    arguments += ["--reload-seconds", "0.1"]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait(30)


def _failures(log: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["event"] == "task failed"]


@pytest.mark.parametrize("error", [ERROR, "asyncio.CancelledError"])
@pytest.mark.parametrize("task", FAULTS)
def test_a_task_that_fails_is_told_and_the_process_drains_and_ends(
    tls: Path, tmp_path: Path, task: str, error: str
) -> None:
    log = tmp_path / "log"
    with _broken(tls, log, FAULTS[task], error) as process:
        running: Service = _ready(process, tls, log)
        wait_for(lambda: running.operations("/readyz").text == "draining\n")
        with running.client() as client:
            assert client.post("/mutate", content=review(POD)).status_code == 200
        counts = {name: running.metric(f'failed_tasks_total{{task="{name}"}}') for name in FAULTS}
        assert counts == {name: float(name == task) for name in FAULTS}
        process.terminate()
        assert process.wait(30) == 1
        (line,) = _failures(log)
        assert (line["level"], line["task"]) == ("error", task)
        assert ("RuntimeError: forced" in line.get("exception", "")) == (error == ERROR)
        assert running.lines()[-1]["event"] == "stopped"


def test_a_listener_that_cannot_be_opened_ends_the_process(tls: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fault = "self._admission.startup = fail; ready.set()"
    with _broken(tls, log, fault) as process:
        assert process.wait(60) == 1
        (line,) = _failures(log)
        assert (line["level"], line["task"]) == ("error", "admissions")
        assert "RuntimeError: forced" in line["exception"]


def test_an_error_in_a_callback_of_the_event_loop_is_logged_with_its_trace(tls: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fault = "self._metrics.reloaded = lambda *_: asyncio.get_running_loop().call_soon(lambda: 1 / 0)"
    with _broken(tls, log, fault) as process:
        running = _ready(process, tls, log)
        wait_for(lambda: "ZeroDivisionError" in log.read_text(encoding="utf-8"))
        (line,) = [line for line in running.lines() if "ZeroDivisionError" in line.get("exception", "")]
        assert line["level"] == "error"
        assert line["event"].startswith("Exception in callback ")
        assert running.readiness().status_code == 200
