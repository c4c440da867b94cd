"""Limits for callers: heads, slow and idle clients, handshakes, load. Times are short settings, never assertions."""

import contextlib
import json
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import Service, service, trusting
from tests.open_files import allowed
from tests.reliability.process import Process
from tests.service.test_admission import POD, _receive, _send
from webhook.service.direct_reviews import SMALL_BYTES

BODY = review(POD)
#: It waits for its turn.
LARGE_BODY = BODY + b" " * SMALL_BYTES
HEAD = b"POST /mutate HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits two seconds for anything."""
    arguments = ["--read-seconds", "2", "--handshake-seconds", "2", "--keep-alive-seconds", "2"]
    with service(tls, tmp_path_factory.mktemp("log") / "log", arguments) as running:
        yield running


def _rest(connection: ssl.SSLSocket) -> bytes:
    """Everything that arrives until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while chunk := connection.recv(65536):
            data += chunk
    return data


def _rejections(running: Service, reason: str) -> float:
    return running.metric(f'rejected_calls_total{{reason="{reason}"}}')


def test_a_head_within_the_limit_is_read(built_in: Service) -> None:
    with built_in.connect() as connection:
        _send(connection, BODY, HEAD + b"X: " + b"x" * 15_000 + b"\r\n")
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")


def test_a_head_too_large_is_refused(built_in: Service) -> None:
    before = _rejections(built_in, "too-large-head")
    with built_in.connect() as connection:
        _send(connection, BODY, HEAD + b"X: " + b"x" * 17_000 + b"\r\n")
        head, body = _receive(connection)
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in head
    assert json.loads(body)["error"].startswith("the request's head is")
    assert _rejections(built_in, "too-large-head") == before + 1


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"POST /", b"x" * 60_000),
        (HEAD, b"X: " + b"x" * 60_000),
        (HEAD, b"X" * 60_000),
        (HEAD + CHUNKED + b"0\r\na: ", b"a: b\r\n" * 10_000),
        (HEAD + CHUNKED + b"0\r\na: ", b"x" * 60_000),
    ],
    ids=["a URL", "a value", "a name", "many trailers", "one trailer"],
)
def test_a_head_without_end_is_refused_before_it_is_kept(built_in: Service, start: bytes, piece: bytes) -> None:
    before = built_in.peak_mib
    with built_in.connect() as connection:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            connection.sendall(start)
            for _ in range(400):
                connection.sendall(piece)
        answer = _rest(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert built_in.peak_mib < before + 20


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["incomplete", "complete"])
def test_a_head_with_too_many_headers_is_refused(built_in: Service, end: bytes) -> None:
    """Each header takes far more memory than its bytes."""
    with built_in.connect() as connection:
        connection.sendall(HEAD + b"a:b\r\n" * 110 + end)
        head, _, body = _rest(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"].endswith("; accepted: at most 16384 bytes and 100 headers")


def test_a_head_in_pieces_counts_once(built_in: Service) -> None:
    with built_in.connect() as connection:
        connection.sendall(HEAD)
        for number in range(12):
            time.sleep(0.01)
            connection.sendall(b"X%d: %s\r\n" % (number, b"x" * 1_000))
        connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")


def test_a_request_line_counts_as_well(built_in: Service) -> None:
    with built_in.connect() as connection:
        connection.sendall(b"POST /mutate?" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert _receive(connection)[0].startswith(b"HTTP/1.1 431 ")


def test_a_body_in_many_small_chunks_with_a_trailer_is_read(built_in: Service) -> None:
    """The framing of chunks does not count as a head, whatever its size."""
    with built_in.connect() as connection:
        connection.sendall(HEAD + CHUNKED)
        for byte in BODY:
            connection.sendall(b"1;" + b"x" * 100 + b"\r\n%c\r\n" % byte)
        connection.sendall(b"0\r\nX: y\r\n\r\n")
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "start",
    [
        b"P",
        HEAD + b"Content-",
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + CHUNKED + b"5\r\nab",
    ],
    ids=repr,
)
def test_a_request_that_does_not_come_whole_in_time_is_answered_with_408(hasty: Service, start: bytes) -> None:
    before = _rejections(hasty, "timeout")
    with hasty.connect() as connection:
        connection.sendall(start)
        head, _, body = _rest(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body) == {"error": "request not complete after 2 seconds"}
    assert _rejections(hasty, "timeout") == before + 1


def test_a_client_that_trickles_is_not_waited_for(hasty: Service) -> None:
    with hasty.connect() as connection, contextlib.suppress(ConnectionError, ssl.SSLError):
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.05)
        pytest.fail("the connection outlived its deadline")


def test_a_connection_that_asks_for_nothing_is_closed(hasty: Service) -> None:
    with hasty.connect() as connection:
        assert _rest(connection) == b""


def test_an_idle_connection_is_closed_after_its_answer(hasty: Service) -> None:
    with hasty.connect() as connection:
        _send(connection, BODY)
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")
        assert _rest(connection) == b""


@pytest.mark.parametrize("after", [b"", b"\r\n"], ids=["late body", "late body and more"])
def test_a_body_behind_its_answer_keeps_no_connection_open(hasty: Service, after: bytes) -> None:
    with hasty.connect() as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        assert _receive(connection)[0].startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"{}" + after)
        assert _rest(connection) == b""


def test_bytes_that_begin_no_request_keep_no_connection_open(hasty: Service) -> None:
    with hasty.connect() as connection, contextlib.suppress(ConnectionError, ssl.SSLError):
        _send(connection, BODY)
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")
        for _ in range(200):
            connection.sendall(b"\r\n")
            time.sleep(0.05)
        pytest.fail("the connection outlived its deadline")


def test_a_body_behind_its_answer_takes_no_slot(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--max-in-flight", "1"]) as running, running.connect() as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        assert _receive(connection)[0].startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"{}")
        time.sleep(0.2)
        with running.client() as client:
            assert client.post("/mutate", content=BODY).status_code == 200


def test_answers_that_are_not_taken_hold_no_slot_for_long(tls: Path, tmp_path: Path) -> None:
    arguments = ["--max-in-flight", "1", "--read-seconds", "2"]
    with service(tls, tmp_path / "log", arguments) as running:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", running.port))
        # Answers larger than the buffers of both sides: a requirement for each of many terms.
        terms = [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}] * 40_000
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        large = review(POD | {"spec": POD["spec"] | {"affinity": {"nodeAffinity": required}}})
        with trusting(tls).wrap_socket(plain, server_hostname="localhost") as deaf, running.client() as client:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                for _ in range(4):
                    _send(deaf, large, b"POST /mutate/eci-only HTTP/1.1\r\nHost: a\r\n")
            time.sleep(1)
            wait_for(lambda: client.post("/mutate", content=BODY).status_code == 200)


def test_half_read_bodies_have_a_common_bound(tls: Path, tmp_path: Path) -> None:
    """Beyond it the request that is incomplete for the longest time is rejected. A closed connection frees its bytes."""
    size = 32 * 1024
    arguments = ["--max-body-bytes", str(2 * size), "--read-seconds", "60"]
    with service(tls, tmp_path / "log", arguments) as running, running.client() as client:
        with contextlib.ExitStack() as ends:
            half = HEAD + b"Content-Length: %d\r\n\r\n" % (2 * size) + b" " * size
            held = [ends.enter_context(running.connect()) for _ in range(7)]
            for number, connection in enumerate(held):
                # A small body that began a moment ago is not rejected.
                time.sleep(0.3 if number == 6 else 0)
                connection.sendall(half)
                wait_for(lambda: running.metric("admission_body_bytes") == size * min(number + 1, 6))  # noqa: B023
            head, _, body = _rest(held[0]).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in head
            assert json.loads(body) == {"error": "no memory left for request bodies"}
            assert (_rejections(running, "memory"), _rejections(running, "overloaded")) == (1, 0)
            assert _rejections(running, "disconnected") == 0
            # A small review that arrives whole is not kept.
            assert client.post("/mutate", content=BODY).status_code == 200
            assert _rejections(running, "memory") == 1
            assert client.post("/mutate", content=LARGE_BODY).status_code == 200
            assert _rejections(running, "memory") == 2
            held[6].sendall(b" " * (size - len(BODY)) + BODY)
            assert _receive(held[6])[0].startswith(b"HTTP/1.1 200 ")
        wait_for(lambda: running.metric("admission_body_bytes") == 0)
        assert client.post("/mutate", content=b" " * size + BODY).status_code == 200


def test_beyond_the_bound_the_connection_idle_longest_is_closed(tls: Path, tmp_path: Path) -> None:
    with (
        service(tls, tmp_path / "log", ["--max-connections", "16", "--read-seconds", "60"]) as running,
        contextlib.ExitStack() as ends,
    ):
        held = [ends.enter_context(running.connect()) for _ in range(16)]
        # The first one finishes a review, the second one another call.
        _send(held[0], BODY)
        assert _receive(held[0])[0].startswith(b"HTTP/1.1 200 ")
        _send(held[1], b"", b"GET /readyz HTTP/1.1\r\n")
        assert _receive(held[1])[0].startswith(b"HTTP/1.1 200 ")
        assert running.metric("connections") == 16
        more = [ends.enter_context(running.connect()) for _ in range(2)]
        assert [_rest(one) for one in held[1:3]] == [b"", b""]
        assert running.metric("connections") == 16
        for one in (held[0], *held[3:], *more):
            _send(one, BODY)
            assert _receive(one)[0].startswith(b"HTTP/1.1 200 ")


def test_handshakes_that_do_not_come_keep_nobody_out(tls: Path, tmp_path: Path) -> None:
    arguments = ["--max-connections", "16", "--handshake-seconds", "60"]
    with service(tls, tmp_path / "log", arguments) as running, contextlib.ExitStack() as ends:
        silent = [ends.enter_context(socket.create_connection(("127.0.0.1", running.port), 30)) for _ in range(40)]
        with running.client() as client:
            assert client.post("/mutate", content=BODY).status_code == 200
        assert silent[0].recv(1) == b""
        assert running.metric("connections") <= 16


@pytest.mark.parametrize(
    "first",
    [
        b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + b"x" * 16_380,
        b"\x16\x03\x01\x00\x30\x01\x01\x00\x00" + b"x" * 44,
        b"\x16\x03\x01\x00\x00\x01\x00\x00\x00",
        b"\x16\x03\x01\x00\x30\x02\x00\x00\x2c" + b"x" * 44,
        b"\x17\x03\x01\x00\x30\x01\x00\x00\x2c" + b"x" * 44,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["large", "in several records", "empty", "another message", "no handshake", "no TLS"],
)
def test_a_first_message_that_is_no_small_client_hello_is_not_answered(built_in: Service, first: bytes) -> None:
    with socket.create_connection(("127.0.0.1", built_in.port), 30) as plain, contextlib.suppress(ConnectionError):
        plain.sendall(first)
        assert plain.recv(1) == b""


def test_a_client_hello_in_pieces_is_answered(built_in: Service) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(built_in.tls).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with socket.create_connection(("127.0.0.1", built_in.port), 30) as plain:
        for start in range(0, len(hello), 100):
            plain.sendall(hello[start : start + 100])
            time.sleep(0.05)
        incoming.write(plain.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
    assert client.version() == "TLSv1.3"


def test_the_end_of_a_handshake_is_no_answer_that_waits(built_in: Service) -> None:
    """A client sends its request with the last message of the handshake, and the server then sends its tickets."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(built_in.tls).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", built_in.port), 30) as plain:
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        plain.sendall(outgoing.read())
        incoming.write(plain.recv(65536))
        client.do_handshake()
        client.write(HEAD + b"Content-Length: 9000\r\n\r\n" + b" " * 100)
        plain.sendall(outgoing.read())
        wait_for(lambda: built_in.metric("admission_body_bytes") == 100)
        assert built_in.metric("admission_answer_bytes") == 0
    wait_for(lambda: built_in.metric("admission_body_bytes") == 0)


def test_a_request_that_arrives_keeps_its_connection_while_others_come(tls: Path, tmp_path: Path) -> None:
    """Connections that never finished a review give way first."""
    with service(tls, tmp_path / "log", ["--max-connections", "16"]) as running, running.connect() as kept:
        _send(kept, BODY)
        assert _receive(kept)[0].startswith(b"HTTP/1.1 200 ")
        with contextlib.ExitStack() as ends:
            for _ in range(40):
                ends.enter_context(socket.create_connection(("127.0.0.1", running.port), 30))
            time.sleep(0.5)
            assert running.metric("connections") == 16
            _send(kept, BODY)
            assert _receive(kept)[0].startswith(b"HTTP/1.1 200 ")


def test_a_client_that_waits_for_100_and_gets_another_status_is_told_to_close(built_in: Service) -> None:
    """It sends no body then, so its next request would be taken for the body."""
    with built_in.connect() as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        head, _ = _receive(connection)
        assert head.startswith(b"HTTP/1.1 404 ")
        assert b"connection: close" in head


def test_a_body_behind_an_early_answer_counts_no_more(tls: Path, tmp_path: Path) -> None:
    """Otherwise its connection would be rejected for it later, in place of an answer."""
    size = 32 * 1024
    with (
        service(tls, tmp_path / "log", ["--max-body-bytes", str(2 * size)]) as running,
        running.connect() as early,
        contextlib.ExitStack() as ends,
    ):
        early.sendall(b"POST /nowhere HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + b" " * 1000)
        assert _receive(early)[0].startswith(b"HTTP/1.1 404 ")
        early.sendall(b" " * 1000)
        for _ in range(10):
            other = ends.enter_context(running.connect())
            other.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (2 * size) + b" " * size)
            time.sleep(0.1)
        wait_for(lambda: _rejections(running, "memory") >= 1)
        _send(early, BODY)
        assert _receive(early)[0].startswith(b"HTTP/1.1 200 ")


def test_handshakes_that_fail_leave_no_memory_behind(tls: Path, tmp_path: Path) -> None:
    # What the clients send is too little to be judged, so each is waited for.
    with service(tls, tmp_path / "log", ["--handshake-seconds", "5"]) as running:
        process = Process(running.process.pid)

        def fail(number: int) -> float:
            for _ in range(number):
                with socket.create_connection(("127.0.0.1", running.port), 30) as plain:
                    plain.sendall(b"no TLS")
            wait_for(lambda: running.metric("connections") == 0)
            return process.resident_mib

        before = fail(500)
        assert fail(3000) < before + 4


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (b"Content-Length: " + b"0" * 5000, "Content-Length: found 5000 characters; accepted: at most 18"),
        (
            b"Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: found another coding than chunked; accepted: chunked",
        ),
        (
            b"Transfer-Encoding: foo\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: found another coding than chunked; accepted: chunked",
        ),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "not an HTTP/1.1 request"),
        (b"Transfer-Encoding: foo", "Transfer-Encoding: found another coding than chunked; accepted: chunked"),
        (
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 40",
            "found Upgrade or CONNECT; accepted: plain HTTP/1.1",
        ),
    ],
    ids=["zeros", "coding", "two codings", "twice", "unknown coding", "upgrade"],
)
def test_framing_that_others_might_understand_differently_is_refused(
    built_in: Service, fields: bytes, sentence: str
) -> None:
    """Nothing behind the head is taken for a request."""
    before = _rejections(built_in, "invalid")
    with built_in.connect() as connection:
        connection.sendall(HEAD + fields + b"\r\n\r\n" + b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        head, _, body = _rest(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"error": sentence}
    assert _rejections(built_in, "invalid") == before + 1


def test_a_call_that_is_refused_early_is_logged(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log") as running:
        with running.connect() as connection:
            connection.sendall(b"GARBAGE\r\n\r\n")
            head, _, body = _rest(connection).partition(b"\r\n\r\n")
        with running.connect() as connection:
            connection.sendall(b"POST /mutate HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n")
            _rest(connection)

        def told() -> list[tuple[int, str]]:
            return [(line["status"], line["error"]) for line in running.lines() if line["event"] == "rejected"]

        # A line is written after its answer.
        wait_for(lambda: len(told()) == 2)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"error": "not an HTTP/1.1 request"}
    assert told() == [
        (400, "not an HTTP/1.1 request"),
        (431, "the request's head is too large; accepted: at most 16384 bytes and 100 headers"),
    ]


def test_a_handshake_that_does_not_come_is_not_waited_for(hasty: Service) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), 30) as plain:
        assert plain.recv(1) == b""


def test_a_thousand_slow_clients_do_not_delay_others(tls: Path, tmp_path: Path) -> None:
    """They take no slot: even with one slot, other reviews are answered."""
    arguments = ["--max-in-flight", "1", "--read-seconds", "60"]
    with service(tls, tmp_path / "log", arguments) as running, contextlib.ExitStack() as stack:
        context = trusting(tls)
        for index in range(allowed(1000)):
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), 30))
            slow = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            half = b"Content-Length: 1000\r\n\r\n{" if index % 2 else b"X-Slow: "
            slow.sendall(HEAD + half)
        with running.client() as client:
            for _ in range(100):
                assert client.post("/mutate", content=BODY).status_code == 200


def test_beyond_the_slots_calls_are_refused_at_once(tls: Path, tmp_path: Path) -> None:
    """With one slot, large bodies that become complete in the same turn of the loop cannot all be answered."""
    with service(tls, tmp_path / "log", ["--max-in-flight", "1"]) as running, contextlib.ExitStack() as stack:
        head = HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE_BODY)
        statuses: list[bytes] = []
        for _ in range(20):
            connections = [stack.enter_context(running.connect()) for _ in range(20)]
            for one in connections:
                one.sendall(head + LARGE_BODY[:-1])
            # While the process is held, all last bytes arrive; then it reads them in one turn.
            running.process.send_signal(signal.SIGSTOP)
            try:
                for one in connections:
                    one.sendall(LARGE_BODY[-1:])
            finally:
                running.process.send_signal(signal.SIGCONT)
            for one in connections:
                answer, body = _receive(one)
                statuses.append(answer.split(b" ")[1])
                if statuses[-1] == b"503":
                    assert b"retry-after: 1" in answer
                    assert json.loads(body) == {"error": "too many reviews are waiting"}
            if b"503" in statuses:
                break
        assert set(statuses) == {b"200", b"503"}
        assert _rejections(running, "overloaded") == statuses.count(b"503")
        with running.client() as client:
            assert client.post("/mutate", content=LARGE_BODY).status_code == 200
        assert running.readiness().status_code == 200
        assert running.metric("admission_in_flight") == 0


def test_broken_connections_free_their_slots(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--max-in-flight", "2"]) as running:

        def hang_up() -> None:
            for _ in range(25):
                connection = running.connect()
                _send(connection, BODY)
                connection.close()

        threads = [threading.Thread(target=hang_up) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with running.client() as client:
            for _ in range(10):
                assert client.post("/mutate", content=BODY).status_code == 200
