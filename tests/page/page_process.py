"""The page process on real sockets, with a test in the place of the serving process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from webhook.core.policy import Policy
from webhook.service.feed_messages import MOST_BYTES
from webhook.service.page import bind

ROOT = Path(__file__).parents[2]
#: A page process whose explanations come from the stand-in, which starts sooner.
STAND_IN = "tests.page.stand_in_page"
STARTED = 1_700_000_000.5


def greeting(**changes: Any) -> dict[str, Any]:
    """The first message of a serving process with the built-in policy."""
    policy = {"digest": Policy().digest, "document": {}}
    service = {"url": "https://127.0.0.1:8443", "ca": ".local/tls/ca.crt", "inCluster": False}
    return {"version": "0.0.0", "policy": policy, "service": service, "started": STARTED} | changes


def tick(now: float, **changes: Any) -> dict[str, Any]:
    """A further message, `now` seconds after the start of the serving process."""
    nothing: dict[str, Any] = {"certificateNotAfter": None, "admitted": [], "warnings": {}, "seq": 0, "decisions": []}
    return {"now": STARTED + now} | nothing | changes


@dataclass
class Page:
    """A page process that was started."""

    process: subprocess.Popen[bytes]
    addresses: list[Any]
    """Where it listens, as sockets tell it."""
    feed: socket.socket

    @property
    def port(self) -> int:
        port: int = self.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": self.url}

    def tell(self, message: dict[str, Any]) -> None:
        """Sends a message of the serving process."""
        content = json.dumps(message).encode()
        assert len(content) <= MOST_BYTES
        self.feed.send(content)

    def explain(self, documents: str, policy: str = "", profile: str = "") -> httpx.Response:
        content = {"documents": documents, "policy": policy, "profile": profile}
        return httpx.post(f"{self.url}/explain", json=content, headers=self.origin, timeout=60)

    @property
    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(one) for one in found.split()]


@contextlib.contextmanager
def page(first: dict[str, Any] | None = None, module: str = STAND_IN) -> Iterator[Page]:
    """Runs the page process while the block lasts; yields it once it answers."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bound = bind(0)
    numbers = [one.fileno() for one in bound]
    command = [sys.executable, "-m", module, "--feed", str(theirs.fileno()), "--sockets", ",".join(map(str, numbers))]
    process = subprocess.Popen(
        command, cwd=ROOT, pass_fds=(theirs.fileno(), *numbers), stdin=subprocess.PIPE, env=dict(os.environ)
    )
    theirs.close()
    assert process.stdin is not None
    with process.stdin as said:
        said.write(json.dumps(first or greeting()).encode())
    try:
        started = Page(process, [one.getsockname() for one in bound], ours)
        for one in bound:
            one.listen()
        # Until the process accepts, the connection waits in the kernel.
        assert httpx.get(started.url, timeout=60).status_code == httpx.codes.OK
        yield started
    finally:
        for one in bound:
            one.close()
        ours.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            raise AssertionError("the page process did not end with its feed")


def wait_until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
