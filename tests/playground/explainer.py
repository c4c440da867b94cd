"""The explaining process as its parent sees it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.live_service import ROOT

SERVICE = {"url": "https://127.0.0.1:8443", "ca": ".local/tls/ca.crt", "inCluster": False}


class Explainer:
    """A process, and calls of it."""

    def __init__(self, *program: str, **environment: str) -> None:
        """Starts `program`, or the process itself, with variables beside those of this process."""
        command = [sys.executable, *(program or ("-m", "webhook.playground"))]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | environment
        )

    def bytes_of(self, request: dict[str, Any]) -> bytes:
        """The answer to `request`; no byte if the process ends instead."""
        self.send(request)
        return self.answer()

    def send(self, request: dict[str, Any]) -> None:
        """Sends `request`."""
        body = json.dumps(request).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(len(body).to_bytes(4) + body)
        self.process.stdin.flush()

    def answer(self) -> bytes:
        """Reads an answer; no byte if the process ends instead."""
        assert self.process.stdout is not None
        head = self.process.stdout.read(4)
        return self.process.stdout.read(int.from_bytes(head)) if head else b""

    def explain(self, documents: str, policy: str = "", profile: str = "", **service: Any) -> bytes:
        self.ask(documents, policy, profile, **service)
        return self.answer()

    def ask(self, documents: str, policy: str = "", profile: str = "", **service: Any) -> None:
        """Sends a question."""
        asked = {"op": "explain", "documents": documents, "policy": policy, "profile": profile}
        self.send({**asked, "service": SERVICE | service})

    def explained(self, documents: str, policy: str = "", profile: str = "", **service: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.explain(documents, policy, profile, **service))
        return found

    def started(self, policy: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bytes_of({"op": "start", "policy": policy}))
        return found

    def ended(self) -> int:
        """The exit code, after the end of its input."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=30)


@contextmanager
def explaining(*program: str, **environment: str) -> Iterator[Explainer]:
    """Yields a process, which ends with the context."""
    one = Explainer(*program, **environment)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout):
            if pipe is not None:
                pipe.close()
