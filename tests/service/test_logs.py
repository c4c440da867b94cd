"""The log: under load, as text for a person, and with hostile names."""

import asyncio
import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from benchmarks.process import free_port
from tests.admission_reviews import review
from tests.live_service import ROOT, service
from tests.service.test_admission import POD
from webhook.service.logs import Lines, configure


def test_ordinary_lines_are_bounded_and_what_is_dropped_is_counted(tls: Path, tmp_path: Path) -> None:
    odd = {"metadata": POD["metadata"] | {"name": "odd"}, "spec": {"nodeName": "n"}}
    with service(tls, tmp_path / "log", ["--log-rate", "5"]) as running, running.client() as client:
        for _ in range(300):
            client.post("/mutate", content=review(POD))
        for _ in range(20):
            client.post("/mutate", content=review(odd))
        running.admissions(20, pod="odd")
        lines = running.admissions(21)
        dropped = running.metric("log_lines_dropped_total")
    ordinary = [line for line in lines if line["pod"] != "odd"]
    assert len(ordinary) + dropped == 300
    assert len(ordinary) < 300
    assert len(lines) - len(ordinary) == 20, "a line with a warning is never dropped"


def test_a_rate_of_0_means_no_limit(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--log-rate", "0"]) as running, running.client() as client:
        for _ in range(100):
            client.post("/mutate", content=review(POD))
        assert len(running.admissions(100)) == 100


def test_a_level_leaves_out_what_is_less_severe(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log") as running, running.client() as client:
        client.post("/mutate", content=b"{}")
        client.post("/mutate", content=review(POD))
        running.admissions(1)
        assert {line["level"] for line in running.lines()} == {"info", "warning"}
    lines = _printed(tls, "--log-level", "warning", "--log-format", "json")
    assert lines == []


def test_names_of_a_caller_are_cut_and_kept_on_one_line(tls: Path, tmp_path: Path) -> None:
    name = "x" * 300 + "\n\x1b[31m"
    pod = {"metadata": POD["metadata"] | {"name": name}, "spec": {}}
    with service(tls, tmp_path / "log") as running, running.client() as client:
        client.post("/mutate", content=review(pod, namespace="a\nb\x1b"))
        (line,) = running.admissions(1)
    assert line["pod"] == "x" * 252 + "…"
    assert line["namespace"] == "a?b?"


def test_a_person_reads_text(tls: Path) -> None:
    lines = _printed(tls, "--log-format", "text")
    serving = r"\S+Z \[info +\] serving +operations=http://127.0.0.1:\d+ .*reviews=https://127.0.0.1:\d+"
    assert re.fullmatch(serving, lines[1])
    assert re.fullmatch(r"\S+Z \[info +\] stopped", lines[-1])


def _printed(tls: Path, *arguments: str) -> list[str]:
    """The lines of a service that is ended as soon as it is ready."""
    operations_port = free_port()
    command = [sys.executable, "-m", "webhook", "serve", "--tls-dir", str(tls), "--port", "0", "--drain-seconds", "0"]
    command += ["--operations-port", str(operations_port), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{operations_port}/readyz").status_code == 200:
                    break
            time.sleep(0.02)
        process.terminate()
        return process.communicate(timeout=30)[0].splitlines()


def test_records_of_other_libraries_are_lines_of_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    configure("error", "json")
    logging.getLogger("asyncio").error("task %s failed", 7, exc_info=ZeroDivisionError())
    logging.getLogger("asyncio").warning("below the level")
    (line,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["level"], line["event"]) == ("error", "task 7 failed")
    assert line["exception"] == "ZeroDivisionError"
    assert line.keys() == {"level", "event", "exception", "timestamp"}


def test_lines_wait_for_the_end_of_a_turn_and_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        lines = Lines(file)
        lines.write(b"outside a loop\n")
        assert path.read_bytes() == b"outside a loop\n"

        async def turn() -> bytes:
            lines.write(b"one\n")
            lines.write(b"two\n")
            before = path.read_bytes()
            await asyncio.sleep(0)
            return before

        assert asyncio.run(turn()) == b"outside a loop\n"
    assert path.read_bytes() == b"outside a loop\none\ntwo\n"


def test_lines_that_nobody_reads_are_dropped() -> None:
    """Otherwise the event loop would log an error, and that line would fail too, without end."""
    reader, writer = os.pipe()
    os.close(reader)
    faults: list[object] = []

    async def turns() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        for _ in range(2):
            lines.write(b"one\n")
            await asyncio.sleep(0)

    file = os.fdopen(writer, "wb")
    lines = Lines(file)
    asyncio.run(turns())
    lines.write(b"outside a loop\n")
    with contextlib.suppress(BrokenPipeError):
        file.close()
    assert faults == []
