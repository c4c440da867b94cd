"""Processes of their own: one without standard output, and some that stop while clients keep connecting."""

import asyncio
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import uvloop

from benchmarks.process import free_port
from tests.attack import certificates
from tests.attack.service import STOP_SECONDS, attacked, environment
from tests.captured_reviews import BUILT_IN
from tests.forked_service import ForkedService
from tests.live_service import ROOT, trusting
from tests.reliability.client import Client, call

#: Requests during stops at full size, and connections that make them.
_REQUESTS, _CLIENTS = 12_000, 16


def faults(folder: Path, scale: float) -> list[str]:
    """What is wrong with such processes."""
    return [*closed_output(folder), *stops(folder, round(_REQUESTS * scale))]


def closed_output(folder: Path) -> list[str]:
    """A service whose standard output is closed from the start answers reviews, and ends as any other."""
    tls, port, operations_port = folder / "closed", free_port(), free_port()
    certificates.prepare(tls)
    command = [sys.executable, "-m", "webhook", "serve", "--tls-dir", str(tls), "--drain-seconds", "0"]
    command += ["--port", str(port), "--operations-port", str(operations_port)]
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command], cwd=ROOT, env=environment(), stderr=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 60
        while not _ready(operations_port):
            if process.poll() is not None or time.monotonic() > until:
                return [f"without standard output: not ready, exit code {process.poll()}"]
            time.sleep(0.05)
        with httpx.Client(verify=trusting(tls), timeout=10) as client:
            status = client.post(f"https://localhost:{port}/mutate", content=BUILT_IN[0].read_bytes()).status_code
        process.terminate()
        code = process.wait(STOP_SECONDS)
    except (httpx.HTTPError, subprocess.TimeoutExpired) as error:
        return [f"without standard output: {type(error).__name__}"]
    finally:
        process.kill()
        _, errors = process.communicate()
    found = [] if (status, code) == (200, 0) else [f"without standard output: status {status}, exit code {code}"]
    return found + (["without standard output: a traceback"] if b"Traceback" in errors else [])


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def stops(folder: Path, requests: int) -> list[str]:
    """Clients that connect again and again, until they are refused, lose none of at least `requests` reviews."""
    found: Counter[str] = Counter()
    tls = folder / "stops"
    certificates.prepare(tls)
    while found.total() < requests:
        with (
            # On a busy machine a process may stand still for longer than the moments that a client has at the end.
            attacked(folder, tls, ["--stop-seconds", "30"], patient=True) as running,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            found += runner.run(_until_refused(running.port, trusting(tls), running.process))
            try:
                code = running.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                code = -1
            if code:
                found[f"exit code {code}"] += 1
    return [f"of {found.total()} reviews during stops: {count} {why}" for why, count in found.items() if why != "200"]


async def _until_refused(
    port: int, context: ssl.SSLContext, process: subprocess.Popen[bytes] | ForkedService
) -> Counter[str]:
    request, found, refused = call("/mutate", BUILT_IN[0].read_bytes()), Counter[str](), asyncio.Event()

    async def work(calls: int) -> None:
        while not refused.is_set():
            client = Client(port, context)
            try:
                for _ in range(calls):
                    status, _ = await asyncio.wait_for(client.answer(request), 30)
                    found[str(status)] += 1
                    if client.writer is None:
                        break
            except ConnectionRefusedError:
                refused.set()
            except (OSError, ssl.SSLError, TimeoutError) as error:
                found[type(error).__name__] += 1
            client.close()

    async def stop() -> None:
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)

    await asyncio.gather(stop(), *(work(1 + 4 * (number % 2)) for number in range(_CLIENTS)))
    return found
