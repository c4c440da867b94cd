"""Stopping: readiness fails first, requests are still answered, then the listener closes. Nothing is lost."""

import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import service
from tests.service.test_admission import POD, _receive, _send

BODY = review(POD)


def test_while_draining_reviews_are_answered_and_connections_told_to_close(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--drain-seconds", "3600"]) as running, running.connect() as kept:
        _send(kept, BODY)
        assert b"connection: close" not in _receive(kept)[0]
        running.process.send_signal(signal.SIGTERM)
        wait_for(lambda: running.operations("/readyz").text == "draining\n")
        assert running.operations("/readyz").status_code == 503
        assert running.operations("/livez").status_code == 200
        _send(kept, BODY)
        head, _ = _receive(kept)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in head
        assert kept.recv(1) == b""
        with running.client() as fresh:
            answer = fresh.post("/mutate", content=BODY)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0


def test_a_stop_under_load_loses_nothing(tls: Path, tmp_path: Path) -> None:
    """Clients that stop calling when readiness fails, as kube-proxy does, never get an error."""
    with service(tls, tmp_path / "log", ["--drain-seconds", "3600"]) as running:
        ready = threading.Event()
        ready.set()
        outcomes: list[object] = []

        def call() -> None:
            while ready.is_set():
                try:
                    with running.client() as client:
                        for _ in range(20):
                            outcomes.append(client.post("/mutate", content=BODY).status_code)
                            if not ready.is_set():
                                break
                except Exception as error:  # noqa: BLE001, any error is a lost call
                    outcomes.append(error)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(outcomes) >= 200)
        running.process.send_signal(signal.SIGTERM)
        wait_for(lambda: running.operations("/readyz").text == "draining\n")
        time.sleep(0.2)
        ready.clear()
        for thread in threads:
            thread.join()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
    assert len(outcomes) > 200
    assert set(outcomes) == {200}


def test_a_request_in_flight_is_finished(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--stop-seconds", "60"]) as running:
        with running.connect() as connection:
            head = b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY)
            connection.sendall(head + BODY[:10])
            wait_for(lambda: running.metric("admission_body_bytes") == 10)
            running.process.send_signal(signal.SIGTERM)
            wait_for(lambda: any(line["event"] == "draining" for line in running.lines()))
            time.sleep(0.2)
            connection.sendall(BODY[10:])
            assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")
        assert running.process.wait(30) == 0


def test_a_connection_without_a_handshake_does_not_keep_it_from_ending(tls: Path, tmp_path: Path) -> None:
    arguments = ["--stop-seconds", "3600", "--handshake-seconds", "3600"]
    with (
        service(tls, tmp_path / "log", arguments) as running,
        socket.create_connection(("127.0.0.1", running.port), 30),
    ):
        wait_for(lambda: running.metric("connections") == 1)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0


def test_a_connection_without_a_request_does_not_keep_it_from_ending(tls: Path, tmp_path: Path) -> None:
    # Its client does not close its side.
    arguments = ["--stop-seconds", "3600", "--read-seconds", "3600", "--handshake-seconds", "5"]
    with service(tls, tmp_path / "log", arguments) as running, running.connect():
        wait_for(lambda: running.metric("connections") == 1)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it(tls: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["--drain-seconds", "3600", "--stop-seconds", "3600"]
    with service(tls, tmp_path / "log", arguments) as running, running.connect() as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        running.process.send_signal(number)
        wait_for(lambda: any(line["event"] == "draining" for line in running.lines()))
        running.process.send_signal(number)
        assert running.process.wait(30) == 0
