"""What a version answers to reviews, by a process of its own as its users start it."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.live_service import issue, trusting


@dataclass(frozen=True)
class Running:
    """A service that is ready."""

    reviews: httpx.Client
    operations: str

    def answer(self, profile: str, review: dict[str, Any]) -> dict[str, Any]:
        """The response to a review, with its patch as a list in place of base64."""
        answered = self.reviews.post(f"/mutate/{profile}", json=review)
        assert answered.status_code == httpx.codes.OK, answered.text
        response: dict[str, Any] = answered.json()["response"]
        if "patch" in response:
            response["patch"] = json.loads(base64.b64decode(response["patch"]))
        return response

    def metrics(self) -> str:
        return httpx.get(f"{self.operations}/metrics", timeout=30).text


@contextlib.contextmanager
def running(packages: Path, policy: Path, folder: Path) -> Iterator[Running]:
    """Runs `python -m webhook serve` of the packages in a folder while the block lasts; `folder` is new."""
    tls, log = folder / "tls", folder / "log"
    issue(tls)
    flags = ["--policy", str(policy), "--tls-dir", str(tls), "--port", "0", "--operations-port", "0"]
    command = [sys.executable, "-m", "webhook", "serve", *flags, "--drain-seconds", "0"]
    variables = os.environ | {"PYTHONPATH": str(packages), "PYTHONSAFEPATH": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=variables)
    try:
        serving = _serving(process, log)
        reviews, operations = (serving[key].rpartition(":")[2] for key in ("reviews", "operations"))
        with httpx.Client(base_url=f"https://127.0.0.1:{reviews}", verify=trusting(tls), timeout=30) as client:
            yield Running(client, f"http://127.0.0.1:{operations}")
    finally:
        process.terminate()
        process.wait(30)


def _serving(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """The line that says where the service answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        for line in log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{") and (found := json.loads(line))["event"] == "serving":
                return dict(found)
        time.sleep(0.02)
    raise AssertionError(log.read_text(encoding="utf-8"))
