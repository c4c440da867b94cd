"""The log: under load, with hostile names, for a person, and if nobody reads it."""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json as encoded

from benchmarks.process import free_port
from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import ROOT, readiness, service, trusting
from tests.service.test_admission import POD
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.reasons import Caution, Reason
from webhook.core.review import Admission
from webhook.core.selectors import Role
from webhook.service import log_fields, log_limits, log_output
from webhook.service.log_fields import bounded, bounded_list, bounded_trace
from webhook.service.log_limits import LineLimits
from webhook.service.log_output import WAITING_BYTES, Output
from webhook.service.logs import AdmissionLog, Logger, configure

ODD = {"metadata": POD["metadata"] | {"name": "odd"}, "spec": {"nodeName": "n"}}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An output in this process waits for a thread that reads it, even if the machine is busy."""
    monkeypatch.setattr(log_output, "LAST_SECONDS", 60)


def test_ordinary_lines_are_bounded_and_what_is_dropped_is_counted(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--log-rate", "5"]) as running, running.client() as client:
        for _ in range(300):
            client.post("/mutate", content=review(POD))
        client.post("/mutate", content=review(ODD))
        running.admissions(1, pod="odd")
        lines = running.admissions(2)
        dropped = running.metric("log_lines_dropped_total")
        client.close()
        running.process.terminate()
        running.process.wait(30)
        left_out = [line for line in running.lines() if line["event"] == "lines left out"]
    ordinary = [line for line in lines if line["pod"] != "odd"]
    assert len(ordinary) + dropped == 300
    assert len(ordinary) < 300
    assert {line["kind"] for line in left_out} == {"admission"}
    assert sum(line["count"] for line in left_out) == dropped


def test_lines_with_warnings_are_bounded_too(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--log-rate", "5"]) as running, running.client() as client:
        for number in range(300):
            client.post("/unknown-profile", content=review(POD, uid=f"u{number}"))
        client.post("/mutate", content=review(POD))
        running.admissions(1, outcome="patched")
        found = running.admissions(5, outcome="skipped")
        dropped = running.metric("log_lines_dropped_total")
    assert len(found) + dropped == 300
    assert len(found) < 300


def test_rejected_calls_do_not_crowd_out_admissions(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--log-rate", "1"]) as running, running.client() as client:
        for number in range(100):
            client.post(f"/mutate/p{number}")
        client.post("/mutate", content=review(POD))
        client.post("/mutate", content=review(ODD))
        running.admissions(2)
        rejected = [line for line in running.lines() if line["event"] == "rejected"]
        assert len(rejected) + running.metric("log_lines_dropped_total") == 100


def test_identical_lines_are_counted(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log") as running, running.client() as client:
        for _ in range(300):
            client.post("/unknown-profile", content=review(POD))
            client.post("/nothing")
        client.close()
        running.process.terminate()
        running.process.wait(30)
        lines = running.lines()
    assert lines[-1]["event"] == "stopped"
    for event in ("admission", "rejected"):
        first, *later = (line for line in lines if line["event"] == event)
        assert "repeated" not in first
        # A line after a second without one is the first of its kind again.
        assert 1 + sum(line.get("repeated", 1) for line in later) == 300
        assert len(later) < 150
        varying = {"timestamp", "duration_us", "repeated"}
        assert {key: value for key, value in first.items() if key not in varying} == {
            key: value for key, value in later[0].items() if key not in varying
        }


@pytest.mark.parametrize(
    "admission",
    [
        Admission("u", "skipped", "default", "spark", "p"),
        Admission("u", "patched", "p", "n", "x" * 100, "app", Role.DRIVER, SchedulingMode.ECI_ONLY, "", 3),
        Admission("u", "unchanged", "p", "n", '"\\\n' * 300, "é" * 70, Role.EXECUTOR, NONE, Reason.OVERRIDE),
        Admission("u", "observed", "p", mode=SchedulingMode.ECS_FIRST),
    ],
    ids=["no mode", "all", "odd names", "empty names"],
)
def test_a_line_encoded_in_one_step_is_that_of_structlog(admission: Admission) -> None:
    def line(*, direct: bool) -> str:
        reading, writing = os.pipe()
        output = Output(lambda _: None, writing)
        log = AdmissionLog(configure("info", "json", output), 0, lambda: None, output if direct else None)
        log.write(admission, 0.000123)
        output.close()
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as found:
            return re.sub(r'"timestamp":"[-0-9]{10}T[:0-9]{8}(\.[0-9]{6})?Z"', "TIME", found.read())

    expected = line(direct=False)
    assert line(direct=True) == expected
    assert expected.endswith('"event":"admission","level":"info",TIME}\n')


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


def test_lines_that_the_level_leaves_out_are_not_counted() -> None:
    dropped: list[int] = []
    log = AdmissionLog(configure("warning", "json"), 1, lambda: dropped.append(1))
    for _ in range(3):
        log.write(Admission("u", "unchanged", "default"), 0.001)
    assert dropped == []


def test_names_of_a_caller_are_cut_and_kept_on_one_line(tls: Path, tmp_path: Path) -> None:
    name = "x" * 300 + "\n\x1b[31m"
    pod = {"metadata": POD["metadata"] | {"name": name}, "spec": {}}
    with service(tls, tmp_path / "log") as running, running.client() as client:
        client.post("/mutate", content=review(pod, namespace="a\nb\x1b"))
        (line,) = running.admissions(1)
    assert line["pod"] == "x" * 250 + "…"
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
        try:
            wait_for(lambda: _status(operations_port, "readyz") == 200, 120)
        finally:
            process.terminate()
        return process.communicate(timeout=30)[0].splitlines()


@contextlib.contextmanager
def _pipe(*, blocking: bool = True) -> Iterator[tuple[int, int]]:
    """Both ends of a pipe, the reading one first. If not `blocking`, a read of the empty pipe fails."""
    reader, writer = os.pipe()
    os.set_blocking(reader, blocking)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def _written(
    use: Callable[[Logger], object], rate: int = 0, form: Any = "json", limits: LineLimits | None = None
) -> tuple[bytes, int]:
    """What is written while `use` uses a logger, in an event loop if it is a coroutine function; and how many are lost."""
    lost: list[int] = []

    def dropped(count: int = 1) -> None:
        lost.append(count)

    with _pipe() as (reader, writer):
        os.set_blocking(reader, False)
        output = Output(dropped, writer)
        limits = limits or LineLimits(rate, dropped)
        found = io.BytesIO()
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set() or select.select([reader], [], [], 0)[0]:
                if select.select([reader], [], [], 0.01)[0]:
                    found.write(os.read(reader, 65536))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            logger = configure("info", form, output, limits)
            result = use(logger)
            if asyncio.iscoroutine(result):
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(result)
            limits.settle()
        finally:
            output.close()
            stop.set()
            thread.join()
            logging.getLogger().handlers.clear()
    return found.getvalue(), sum(lost)


def _json(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_records_of_other_libraries_are_lines_of_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    configure("error", "json")
    logging.getLogger("asyncio").error("task %s failed", 7, exc_info=ZeroDivisionError())
    logging.getLogger("asyncio").warning("below the level")
    (line,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["level"], line["event"]) == ("error", "task 7 failed")
    assert line["exception"] == "ZeroDivisionError"
    assert line.keys() == {"level", "event", "exception", "timestamp"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"])


@pytest.mark.parametrize(
    ("level", "expected"),
    [(20, "info"), (25, "info"), (35, "warning"), (41, "error"), (50, "critical"), (99, "critical")],
)
def test_a_record_of_any_level_is_a_line(level: int, expected: str) -> None:
    output, _ = _written(lambda _: logging.getLogger("other").log(level, "it happened"))
    (line,) = _json(output)
    assert (line["level"], line["event"]) == (expected, "it happened")


def test_a_record_with_wrong_arguments_is_a_line() -> None:
    output, _ = _written(lambda _: logging.getLogger("other").error("it took %d seconds", "many"))
    (line,) = _json(output)
    assert line["event"] == "'it took %d seconds' with arguments that do not fit"


def _fail(message: str) -> None:
    """Logs an error with `message` in its record and in its exception."""
    try:
        raise ValueError(message)  # noqa: TRY301
    except ValueError:
        logging.getLogger("other").exception(message)


def test_records_are_bounded() -> None:
    output, _ = _written(lambda _: _fail("\n" + "é" * 100_000))
    (line,) = _json(output)
    assert line["event"] == " " + "é" * 510 + "…"
    start, end = line["exception"].split("\n…\n")
    assert start.startswith("Traceback (most recent call last):\n")
    assert end.strip("é") == ""
    assert 8150 < len(f"{start}{end}".encode()) <= log_fields.TRACE_BYTES


def test_a_flood_of_records_is_bounded() -> None:
    def use(_: Logger) -> None:
        for number in range(100):
            logging.getLogger("other").error("fault %d", number)

    output, dropped = _written(use, 5)
    lines = _json(output)
    written = [line for line in lines if line["event"].startswith("fault")]
    left_out = [line for line in lines if line["event"] == "lines left out"]
    assert len(written) + dropped == 100
    assert dropped >= 80
    assert sum(line["count"] for line in left_out) == dropped
    assert {line["kind"] for line in left_out} == {"record"}


def test_each_kind_has_its_own_rate() -> None:
    """A record of another library does not count as the service's own line of the same words."""

    def use(logger: Logger) -> None:
        for number in range(3):
            logger.warning("admission", number=number)
            logger.warning("rejected", number=number)
            logger.info("certificate", number=number)
            logger.error("failed", number=number)
            logging.getLogger("other").warning("rejected %d", number)
            logging.getLogger("other").warning("admission")

    output, dropped = _written(use, 1)
    events = [line["event"] for line in _json(output)]
    assert {"admission", "rejected", "certificate", "failed", "rejected 0", "lines left out"} <= set(events)
    assert dropped >= 5


def test_a_repetition_is_written_if_nothing_more_comes() -> None:
    async def use(logger: Logger) -> None:
        for _ in range(4):
            logger.warning("rejected", status=404, error="not found")
        await asyncio.sleep(2.1)
        logger.info("end")

    output, dropped = _written(use)
    first, *repeated, end = _json(output)
    assert (first["status"], first["error"], first["level"], "repeated" in first) == (
        404,
        "not found",
        "warning",
        False,
    )
    assert end["event"] == "end"
    # A line after a second without one is the first of its kind again.
    assert sum(line.get("repeated", 1) for line in repeated) == 3
    assert any("repeated" in line for line in repeated)
    assert dropped == 0


def test_a_flood_is_one_line_a_second_and_ends_after_a_second_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    limits = LineLimits(0, lambda: None)
    monkeypatch.setattr(log_limits, "monotonic", lambda: moment)

    def use(logger: Logger) -> None:
        nonlocal moment
        for now in (10.0, 10.1, 10.2, 11.0, 12.0, 12.9):
            moment = now
            logger.warning("rejected", status=404)
        # Nothing comes in second 13, so the line is new in second 14.
        moment = 13.0
        limits.settle()
        moment = 14.0
        logger.warning("rejected", status=404)

    output, _ = _written(use, limits=limits)
    assert [line.get("repeated") for line in _json(output)] == [None, 2, 1, 2, None]


def test_the_duration_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_limits, "monotonic", lambda: 10.0)

    def use(logger: Logger) -> None:
        log = AdmissionLog(logger, 0, lambda: None)
        for seconds in (0.001, 0.002, 0.003):
            log.write(Admission("u", "skipped", "", cautions=(Caution("r", "s"),)), seconds)

    output, _ = _written(use)
    first, *repeated = _json(output)
    assert first["duration_us"] == 1000
    assert sum(line["repeated"] for line in repeated) == 2
    assert all("duration_us" not in line for line in repeated)


def test_a_bounded_number_of_lines_is_remembered() -> None:
    count = 3 * log_limits.REMEMBERED

    def use(logger: Logger) -> None:
        for _ in range(2):
            for number in range(count):
                logger.warning("rejected", number=number)

    output, dropped = _written(use)
    lines = _json(output)
    assert dropped == 0
    assert sum(line.get("repeated", 1) for line in lines) == 2 * count
    # Lines that are not remembered are written as often as they come.
    assert len(lines) >= count + 2 * log_limits.REMEMBERED


_TEXTS = st.text(st.sampled_from("a\"'\\é漢😀\n\t\x1b\ud800\u2028 ="), max_size=600) | st.text(max_size=600)


@given(_TEXTS)
def test_a_text_is_bounded_by_its_bytes_in_a_line(text: str) -> None:
    shown = bounded(text)
    assert len(encoded.encode(shown)) - 2 <= log_fields.FIELD_BYTES
    assert len(repr(shown).encode()) - 2 <= log_fields.FIELD_BYTES
    assert shown.isprintable()
    assert bounded(shown) == shown
    assert len(shown) == len(text) or shown.endswith("…")


@given(st.lists(_TEXTS, max_size=30))
def test_a_list_is_bounded_by_its_bytes_in_a_line(texts: list[str]) -> None:
    shown = bounded_list(texts)
    assert len(encoded.encode(shown)) <= log_fields.LIST_BYTES
    assert len(repr(shown).encode()) <= log_fields.LIST_BYTES
    if len(shown) < len(texts):
        assert shown[-1] == f"and {len(texts) - len(shown) + 1} more"


@given(_TEXTS, st.integers(1, 60))
def test_a_traceback_is_bounded_by_its_bytes_in_a_line(text: str, times: int) -> None:
    shown = bounded_trace(text * times)
    assert len(encoded.encode(shown)) - 2 <= log_fields.TRACE_BYTES
    assert shown.replace("\n", "").isprintable()


def test_what_a_caller_sent_is_cut_and_what_is_wrong_with_a_file_is_not() -> None:
    text = "é" * 500

    def use(logger: Logger) -> None:
        AdmissionLog(logger, 0, lambda: None).write_rejection(400, text)
        logger.warning("certificate", outcome="failed", error=text)

    output, _ = _written(use)
    assert [line["error"] for line in _json(output)] == ["é" * 125 + "…", text]


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("char", ["x", '"', "'\"", "\\", "é", "漢", "😀", "\x1b", "\ud800", "\n"])
def test_a_whole_line_is_bounded(form: str, char: str) -> None:
    text = char * 20_000
    cautions = tuple(Caution("reason", text[:120]) for _ in range(20))

    def use(logger: Logger) -> None:
        log = AdmissionLog(logger, 0, lambda: None)
        # The uid, profile, role, mode and reason are not free text: the service checks or defines them.
        fields: Any = {
            "namespace": text,
            "name": text,
            "application": text,
            "role": "executor",
            "mode": "resource-policy",
        }
        log.write(Admission(text[:253], "patched", "p" * 63, reason="r" * 30, **fields), 1)
        log.write(Admission(text[:253], "denied", "p" * 63, reason="r" * 30, cautions=cautions, **fields), 1)
        log.write_rejection(400, text)
        logger.info("certificate", outcome="loaded", names=[text] * 100, not_after=2**31)
        logger.warning("certificate", outcome="failed", error=text)
        logger.warning("policy", caution=text)

    output, _ = _written(use, form=form)
    lines = output.splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 4096

    output, _ = _written(lambda _: _fail(text), form=form)
    assert len(output) <= log_fields.LINE_BYTES
    if form == "json":
        assert output.count(b"\n") == 1


def test_lines_wait_for_the_end_of_a_turn_and_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        output = Output(_none, file.fileno())
        output.write(b"outside a loop\n")
        assert path.read_bytes() == b"outside a loop\n"

        async def turn() -> bytes:
            output.write(b"one\n")
            output.write(b"two\n")
            before = path.read_bytes()
            await asyncio.sleep(0)
            return before

        assert asyncio.run(turn()) == b"outside a loop\n"
        output.write(b"after a loop\n")
        output.close()
    assert path.read_bytes() == b"outside a loop\none\ntwo\nafter a loop\n"


def _none(count: int) -> None:
    raise AssertionError(f"{count} lines were lost")


def test_lines_of_another_thread_are_written() -> None:
    def use(logger: Logger) -> Any:
        async def turns() -> None:
            def write() -> None:
                for number in range(500):
                    logger.info("thread", number=number)

            thread = threading.Thread(target=write)
            thread.start()
            for number in range(500):
                logger.info("loop", number=number)
                await asyncio.sleep(0)
            while thread.is_alive():  # noqa: ASYNC110, the loop must turn
                await asyncio.sleep(0.001)

        return turns()

    output, lost = _written(use)
    lines = _json(output)
    for event in ("thread", "loop"):
        assert [line["number"] for line in lines if line["event"] == event] == list(range(500))
    assert lost == 0


def test_a_pipe_without_a_reader_loses_lines_and_no_error_is_logged() -> None:
    """Otherwise the event loop would log an error, and that line would fail too, without end."""
    reader, writer = os.pipe()
    os.close(reader)
    faults: list[object] = []
    lost: list[int] = []
    output = Output(lost.append, writer)

    async def turns() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        for _ in range(2):
            output.write(b"one\n")
            await asyncio.sleep(0)

    asyncio.run(turns())
    output.write(b"outside a loop\n")
    output.close()
    output.write(b"after the end\n")
    assert faults == []
    assert sum(lost) == 4
    assert os.get_blocking(writer)
    os.close(writer)


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """A limit on the size of files acts like a full disk, and is raised again later."""
    path = tmp_path / "log"
    script = (
        "import resource, sys\n"
        "from webhook.service.log_output import Output\n"
        "lost = []\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "output = Output(lost.append, 1)\n"
        "output.report = lambda count: output.write(b'lost %d\\n' % count)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))\n"
        "for number in range(5): output.write(b'line %04d\\n' % number)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "output.write(b'last\\n')\n"
        "output.close()\n"
        "sys.exit(sum(lost))"
    )
    with path.open("wb") as file:
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=file, check=False)
    assert done.returncode == 2
    assert path.read_bytes() == b"line 0000\nline 0001\nline 0002\nlost 2\nlast\n"


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_after_a_pause_of_the_reader_whole_lines_go_on(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    line = b"%06d" + b"x" * 993 + b"\n"
    lost: list[int] = []
    found = bytearray()

    async def turns(reader: int, output: Output) -> None:
        for number in range(1000):
            output.write(line % number)
            if number % 10 == 9:
                await asyncio.sleep(0)
        for number in range(1000, 2000):
            for _ in range(4):
                with contextlib.suppress(BlockingIOError):
                    found.extend(os.read(reader, 4000))
            output.write(line % number)
            await asyncio.sleep(0)

    with _pipe(blocking=False) as (reader, writer):
        output = Output(lost.append, writer)
        output.report = lambda count: output.write(b"lost %d\n" % count)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(turns(reader, output))
        os.set_blocking(reader, True)
        thread = threading.Thread(target=lambda: found.extend(_read_to_end(reader)))
        thread.start()
        output.close()
        assert os.get_blocking(writer)
        os.write(writer, b"end")
        thread.join()
    *lines, end = found.split(b"\n")
    assert end == b"end"
    position, lost_lines = 0, 0
    for one in lines:
        if one.startswith(b"lost "):
            lost_lines += int(one.removeprefix(b"lost "))
            position += int(one.removeprefix(b"lost "))
        else:
            assert one + b"\n" == line % position
            position += 1
    assert position == 2000
    assert lost_lines == sum(lost)
    assert 400 < lost_lines < 1000 - WAITING_BYTES // 1000


def _read_to_end(descriptor: int) -> bytes:
    found = b""
    while not found.endswith(b"end"):
        found += os.read(descriptor, 65536)
    return found


def test_without_a_loop_a_full_pipe_blocks_nothing_and_goes_on() -> None:
    lost: list[int] = []
    found = b""
    with _pipe(blocking=False) as (reader, writer):
        output = Output(lost.append, writer)
        output.report = lambda count: output.write(b"%d\n" % -count)
        for number in range(500):
            output.write(b"%999d\n" % number)
        kept = 500 - sum(lost)
        for number in range(500, 520):
            found += os.read(reader, 2**20)
            output.write(b"%d\n" % number)
        found += os.read(reader, 2**20)
        output.close()
    numbers = [int(line) for line in found.split()]
    assert kept < 400
    assert sum(number >= 0 for number in numbers) + sum(lost) == 520
    assert sum(number for number in numbers if number < 0) == -sum(lost)
    assert numbers[:kept] == list(range(kept))
    assert numbers[-1] == 519


class Unread:
    """Standard output of a process, which nobody reads until `read` is called."""

    def __init__(self, kind: str) -> None:
        if kind == "terminal":
            self._ours, self.theirs = os.openpty()
        elif kind == "socket":
            self._sockets = socket.socketpair()
            self._ours, self.theirs = (one.detach() for one in self._sockets)
        else:
            self._ours, self.theirs = os.pipe()

    def read(self) -> bytes:
        """What waits, and what comes until the writers are closed."""
        found = b""
        with contextlib.suppress(OSError):
            while data := os.read(self._ours, 2**20):
                found += data
        return found

    def read_until(self, said: bytes) -> bytes:
        """What waits and what comes, up to the end of a line with `said`."""
        found = b""
        while said not in found or not found.endswith(b"\n"):
            assert select.select([self._ours], [], [], 60)[0], found[-1000:]
            found += os.read(self._ours, 2**20)
        return found

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@contextlib.contextmanager
def _serving(
    tls: Path, redirection: str, **streams: Any
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client, int]]:
    """A service with the `redirection` of a shell, a client of it, and its operations port."""
    port, operations_port = free_port(), free_port()
    command = [sys.executable, "-m", "webhook", "serve", "--tls-dir", str(tls), "--port", str(port)]
    command += ["--operations-port", str(operations_port), "--drain-seconds", "0"]
    command += ["--log-rate", "0", "--log-format", "json"]
    process = subprocess.Popen(["sh", "-c", f'exec "$@" {redirection}', "sh", *command], cwd=ROOT, **streams)
    try:
        wait_for(lambda: _status(operations_port, "readyz") == 200)
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting(tls), timeout=30) as client:
            yield process, client, operations_port
    finally:
        process.kill()
        process.wait()


def _status(port: int, path: str) -> int:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=5).status_code
    return 0


def _dropped(port: int) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    (line,) = re.findall(r"^spark_eci_webhook_log_lines_dropped_total (.*)$", text, re.MULTILINE)
    return float(line)


@pytest.mark.parametrize("kind", ["pipe", "terminal", "socket"])
def test_an_output_that_nobody_reads_stops_nothing(tls: Path, kind: str) -> None:
    unread = Unread(kind)
    try:
        with _serving(tls, "", stdout=unread.theirs, stderr=unread.theirs) as (process, client, port):
            body = review(POD)
            sent = 0
            while not _dropped(port):
                for _ in range(500):
                    assert client.post("/mutate", content=body).status_code == 200
                sent += 500
                assert sent < 20_000
            assert readiness(port).status_code == 200
            if kind != "socket":
                assert os.get_blocking(unread.theirs), "other writers are not affected"
            lost = _dropped(port)
            output = unread.read_until(b'"log lines lost"')
            client.post("/mutate", content=review(POD, uid="the last"))
            sent += 1
            output += unread.read_until(b'"the last"')
            lines = _json(output.replace(b"\r\n", b"\n"))
            counts = [line["count"] for line in lines if line["event"] == "log lines lost"]
            assert sum(counts) == lost
            assert len([line for line in lines if line["event"] == "admission"]) + lost == sent
            while _dropped(port) == lost:
                for _ in range(500):
                    client.post("/mutate", content=body)
            client.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert os.get_blocking(unread.theirs)
    finally:
        unread.close()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_stops_nothing(tls: Path, closed: str) -> None:
    with _serving(tls, closed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as (process, client, port):
        for _ in range(3):
            assert client.post("/mutate", content=review(POD)).status_code == 200
        for descriptor in range(3):
            assert str(Path(f"/proc/{process.pid}/fd/{descriptor}").readlink()) == "/dev/null"
        # The lines "certificate" and "serving" are lost too.
        wait_for(lambda: _dropped(port) == (5 if closed != "2>&-" else 0))
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_warnings_and_unhandled_errors_are_lines() -> None:
    """Python prints them on standard error, and that can wait for ever."""
    script = (
        "import atexit, sys, threading, warnings\n"
        "from webhook.service.log_output import Output\n"
        "from webhook.service.logs import capture_faults, configure\n"
        "output = Output(lambda count: None, 1)\n"
        "atexit.register(output.close)\n"
        "configure('info', 'json', output)\n"
        "capture_faults()\n"
        "class Broken:\n"
        "    def __del__(self): raise ValueError('in __del__')\n"
        "warnings.warn('old')\n"
        "Broken()\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start()\n"
        "thread.join()\n"
        "raise KeyError('the last')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False)
    lines = _json(done.stdout)
    assert (done.returncode, done.stderr) == (1, b"")
    assert [line["level"] for line in lines] == ["warning", "error", "error", "error"]
    assert "UserWarning: old" in lines[0]["event"]
    assert lines[1]["event"].startswith("Exception ignored in: <function Broken.__del__ at ")
    assert [line["event"] for line in lines[2:]] == ["unhandled error in a thread", "unhandled error"]
    last = [line["exception"].splitlines()[-1] for line in lines[1:]]
    assert last == ["ValueError: in __del__", "ZeroDivisionError: division by zero", "KeyError: 'the last'"]
