"""The service on real sockets: an application in a thread, or the whole process as a user starts it."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
import uvloop

from certs.issue import ensure
from tests.forked_service import ForkedService, forked
from webhook.service.certificate import ServingCertificate
from webhook.service.listener import listen, server
from webhook.service.settings import Settings

ROOT = Path(__file__).parents[1]
#: What `/readyz` says if the machine was too busy for the service's call of itself.
OVERDUE = "its own listener does not answer: TimeoutError\n"


def issue(folder: Path) -> Path:
    """Writes ca.crt, tls.crt and tls.key for this machine into `folder`, and returns it."""
    ensure(folder, ["localhost", "127.0.0.1"], datetime.now(UTC))
    return folder


def trusting(folder: Path) -> ssl.SSLContext:
    """A client's context that trusts the CA in `folder` and nothing else."""
    return ssl.create_default_context(cafile=str(folder / "ca.crt"))


@contextlib.contextmanager
def serving(app: Any, tls: Path) -> Iterator[httpx.Client]:
    """Serves the ASGI application `app` over TLS while the block lasts; yields a client of it."""
    bound = listen("127.0.0.1", 0, "--port")
    certificate = ServingCertificate(tls)
    certificate.reload()
    # As in `service`.
    settings = Settings(read_seconds=60, handshake_seconds=60)
    running = server(app, settings, context=lambda: certificate.context)

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(running.serve(sockets=[bound]))

    port = bound.getsockname()[1]
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.001)
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting(tls), timeout=30) as client:
            yield client
    finally:
        running.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Service:
    """A service process that is ready."""

    process: subprocess.Popen[bytes] | ForkedService
    port: int
    operations_port: int
    tls: Path
    log: Path
    page: str
    """The address of its page; empty if it has none."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=trusting(self.tls), timeout=30)

    def connect(self) -> ssl.SSLSocket:
        """A TLS connection, to send bytes that no HTTP client would send."""
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        return trusting(self.tls).wrap_socket(plain, server_hostname="localhost")

    def operations(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.operations_port}{path}", timeout=30)

    def readiness(self) -> httpx.Response:
        """What `/readyz` answers, asked again for a minute if the machine was too busy for the service's own call."""
        return readiness(self.operations_port)

    def metric(self, series: str) -> float:
        """The value of one of the service's own series, such as `rejected_calls_total{reason="memory"}`."""
        prefix = f"spark_eci_webhook_{series} "
        (line,) = [one for one in self.operations("/metrics").text.splitlines() if one.startswith(prefix)]
        return float(line.removeprefix(prefix))

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return _lines(self.log)

    def admissions(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        """The lines of admissions with `fields`, once there are `count`: a line is written after its answer is sent."""
        deadline = time.monotonic() + 30
        while True:
            found = [line for line in self.lines() if line["event"] == "admission" and fields.items() <= line.items()]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    @property
    def page_process(self) -> int:
        """The id of the process of its page."""
        (found,) = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        )
        return int(found)

    @property
    def peak_mib(self) -> float:
        """The peak of the resident memory, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def readiness(port: int) -> httpx.Response:
    """`Service.readiness` of the service whose operations port is `port`."""
    deadline = time.monotonic() + 60
    while True:
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
        if answer.text != OVERDUE or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


@contextlib.contextmanager
def service(
    tls: Path,
    log: Path,
    arguments: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    *,
    anew: bool = False,
) -> Iterator[Service]:
    """Runs `python -m webhook serve` on free ports while the block lasts; yields it once it is ready.

    Clients have a minute for what they do, instead of five seconds, unless `arguments` say otherwise.
    The process is forked from one that has imported the service, or started `anew` as a user starts it.
    """
    flags = ["serve", "--tls-dir", str(tls), "--port", "0", "--operations-port", "0"]
    # A test that is not about these limits does not meet them on a busy machine. Of a flag that is given twice, the last wins.
    flags += ["--drain-seconds", "0", "--read-seconds", "60", "--handshake-seconds", "60", *arguments]
    variables = os.environ | (environment or {})
    with log.open("wb") as output:
        process = _started(flags, output, variables) if anew else forked(flags, output, variables)
        try:
            yield _ready(process, tls, log)
        finally:
            process.terminate()
            process.wait(60)


def _started(flags: Sequence[str], output: IO[bytes], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "webhook", *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)


def _lines(log: Path) -> list[dict[str, Any]]:
    """The whole lines in a log, the last one of which may be half written."""
    return [json.loads(line) for line in log.read_bytes().rpartition(b"\n")[0].splitlines()]


def _ready(process: subprocess.Popen[bytes] | ForkedService, tls: Path, log: Path) -> Service:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        for event in _lines(log):
            if event["event"] == "serving":
                port, operations_port = (int(event[key].rsplit(":", 1)[1]) for key in ("reviews", "operations"))
                return Service(process, port, operations_port, tls, log, event.get("page", ""))
        time.sleep(0.02)
    raise AssertionError(log.read_text(encoding="utf-8"))
