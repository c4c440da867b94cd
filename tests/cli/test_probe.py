"""`probe`: one review for each profile, sent to a service that runs, starts late, does not run or answers wrongly."""

import contextlib
import itertools
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.process import free_port
from tests.cli.conftest import Run
from tests.live_service import issue, service
from webhook.cli import probe
from webhook.core.policy import Policy

LABEL = "sparkoperator.k8s.io/launched-by-spark-operator=true"


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    return issue(tmp_path / "tls")


def arguments(port: int, tls: Path, profiles: str = "default,eci-only") -> list[str]:
    url = f"https://127.0.0.1:{port}"
    return ["probe", "--url", url, "--profile", profiles, "--label", LABEL, "--ca-file", str(tls / "ca.crt")]


def test_it_waits_for_a_service_that_is_still_starting(
    run: Run, tls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    with contextlib.ExitStack() as started:

        def start(_: float) -> None:
            started.enter_context(service(tls, tmp_path / "log", ["--port", str(port)]))

        monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=start))
        ran = run(*arguments(port, tls))
    policy = Policy().digest
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"profile default: mode=ecs-first,profile=default,policy={policy}",
        f"profile eci-only: mode=eci-only,profile=eci-only,policy={policy}",
    ]


def test_it_waits_until_the_deadline_and_then_says_why(run: Run, tls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, port = itertools.count(step=10), free_port()
    pauses: list[float] = []
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=pauses.append))
    sentence = f"profile default: https://127.0.0.1:{port}/mutate/default?timeout=10s did not answer a review: [Errno 111] Connection refused\n"
    assert run(*arguments(port, tls)) == (1, "", sentence)
    assert pauses == [0.5, 0.5]


def test_without_labels_the_pod_is_left_as_it_is_and_a_refusal_is_final(run: Run, tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log") as running:
        trusting = ["--ca", (tls / "ca.crt").read_text()]
        plain = run("probe", "--url", running.url, *trusting)
        refused = run(*arguments(running.port, tls, "missing"))
    assert plain == (0, "profile default: left as it is\n", "")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(
        f"profile missing: {running.url}/mutate/missing?timeout=10s did not answer a review: "
    )
    assert '"missing"' in refused.err


@contextlib.contextmanager
def answering(tls: Path, status: int, body: bytes) -> Iterator[int]:
    """An HTTPS server that answers every call with `body`; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"<html>", "did not answer a review: the answer is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (503, b"<html>", "did not answer a review: 503 Service Unavailable"),
        (200, b"{}", "the pod should have been allowed, but the service answered {}"),
        (200, b"[]", "the pod should have been allowed, but the service answered []"),
        (
            200,
            json.dumps({"response": {"uid": "another", "allowed": True}}).encode(),
            "the pod should have been allowed, but the service answered "
            "{'response': {'uid': 'another', 'allowed': True}}",
        ),
    ],
    ids=["no JSON", "an error without a sentence", "no response", "a list", "another uid"],
)
def test_a_wrong_answer(status: int, body: bytes, reason: str, run: Run, tls: Path) -> None:
    with answering(tls, status, body) as port:
        where = f"https://127.0.0.1:{port}/mutate/default?timeout=10s " if "did not" in reason else ""
        assert run(*arguments(port, tls)) == (1, "", f"profile default: {where}{reason}\n")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--url", "http://a"], '--url: found "http://a"; accepted: https://HOST:PORT'),
        (["--url", "https://a", "--label", "team"], '--label: found "team"; accepted: KEY=VALUE'),
        (
            ["--url", "https://a", "--ca-file", "none.crt"],
            "--ca-file none.crt: No such file or directory; accepted: CA certificates in PEM",
        ),
    ],
)
def test_bad_input(given: list[str], sentence: str, run: Run) -> None:
    assert run("probe", *given) == (2, "", f"{sentence}\n")


def test_a_ca_that_is_not_a_certificate(run: Run) -> None:
    ran = run("probe", "--url", "https://a", "--ca", "rubbish")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("--ca: ")
    assert ran.err.endswith("; accepted: CA certificates in PEM\n")
