"""Clients that do the page harm, or would, on real sockets. Meanwhile others are answered, and memory is bounded."""

import contextlib
import itertools
import re
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.open_files import allowed
from tests.page.page_process import STARTED, Page, page, tick, wait_until
from webhook.page.access import HEADERS
from webhook.page.live import MOST_STREAMS

#: The memory of the page process, at most: some 60 MiB at rest, answers that clients do not take, and bodies.
PEAK_MIB = 160.0
POST = b"POST /explain HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json\r\n"
GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: A receive buffer that fills after a few kilobytes.
SMALL = 4096
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@pytest.fixture(scope="module")
def running() -> Iterator[Page]:
    with page() as started:
        started.explain("anything")
        yield started


@pytest.fixture(autouse=True)
def unharmed(running: Page) -> Iterator[None]:
    """After each attack the page has its memory bounded, and answers."""
    yield
    answers(running)
    assert running.explain("after").status_code == httpx.codes.OK
    wait_until(lambda: running.resident_mib < PEAK_MIB)


def answers(running: Page) -> None:
    assert httpx.get(running.url, timeout=60).status_code == httpx.codes.OK
    assert running.resident_mib < PEAK_MIB


def connect(running: Page, receive_buffer: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", running.port))
    return connection


def ask(instruction: str) -> bytes:
    body = b'{"documents": "%b", "policy": ""}' % instruction.encode()
    return POST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def rest(connection: socket.socket) -> bytes:
    """All that still comes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(64 * 1024):
            found += piece
    return found


def statuses(received: bytes) -> list[int]:
    return [int(one) for one in STATUS.findall(received)]


def exchange(running: Page, sent: bytes) -> bytes:
    with connect(running) as connection:
        connection.sendall(sent)
        return rest(connection)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\nConnection: close\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: [::1]x\r\nConnection: close\r\n\r\n", 403),
        (b"GET / HTTP/1.0\r\n\r\n", 403),
        (b"GET http://evil.com/ HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n", 403),
        (b"GET /../../process.py HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /%2e%2e%2fprocess.py HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"x" * 100_000, 431),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    ],
)
def test_a_request_that_is_none_is_refused_with_all_headers(running: Page, request_: bytes, status: int) -> None:
    received = exchange(running, request_)
    assert statuses(received) == [status]
    head, _, body = received.partition(b"\r\n\r\n")
    for name, value in HEADERS:
        assert head.count(f"{name}: {value}".encode()) == 1
    assert body.startswith(b'{"error":"')


#: What a client sends at first, what it goes on with for ever, and the statuses that it gets.
DAWDLES = [
    (b"", b"", []),
    (b"GET / HT", b"", [408]),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n", [408]),
    (POST + b"Content-Length: 1000000\r\n\r\n", b" ", [408]),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", [408]),
    (POST.replace(b"http://localhost", b"http://evil") + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", [403]),
]


def test_clients_that_dawdle_are_let_go(running: Page) -> None:
    with contextlib.ExitStack() as opened:
        received = {opened.enter_context(connect(running)): b"" for _ in DAWDLES}
        further = dict(zip(received, [then for _, then, _ in DAWDLES], strict=True))
        for connection, (begin, _, _) in zip(received, DAWDLES, strict=True):
            connection.sendall(begin)
        while further:
            readable = select.select(further, [], [], 0.2)[0]
            for connection, then in list(further.items()):
                try:
                    if connection not in readable:
                        connection.sendall(then)
                    elif piece := connection.recv(4096):
                        received[connection] += piece
                    else:
                        del further[connection]
                except ConnectionError:
                    del further[connection]
            answers(running)
        assert [statuses(one) for one in received.values()] == [told for _, _, told in DAWDLES]


@pytest.mark.parametrize("origin", [b"http://localhost", b"http://evil.com"])
def test_a_body_without_an_end_is_refused_and_not_kept(running: Page, origin: bytes) -> None:
    piece = b"%x\r\n%b\r\n" % (60_000, b" " * 60_000)
    with connect(running) as connection:
        connection.sendall(POST.replace(b"http://localhost", origin) + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2000 * len(piece):
                connection.sendall(piece)
                sent += len(piece)
                if not sent % (100 * len(piece)):
                    answers(running)
        with contextlib.suppress(ConnectionError):
            received = connection.recv(4096)
            assert statuses(received) == [413 if origin == b"http://localhost" else 403]


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(running: Page) -> None:
    with connect(running) as connection:
        connection.sendall(POST + b"Content-Length: 10000000000\r\n\r\n")
        assert statuses(connection.recv(4096)) == [413]


def test_pipelined_questions_are_answered_in_order_or_not_at_all(running: Page) -> None:
    received = exchange(running, b"".join(ask(f"question {number}") for number in range(50)))
    found = statuses(received)
    assert 1 <= len(found) < 50
    assert set(found) == {200}
    bodies = [one.partition(b"\r\n\r\n")[2] for one in received.split(b"HTTP/1.1 ")[1:]]
    assert all(b'"documents": "question %d"' % number in body for number, body in enumerate(bodies))


def test_a_client_that_closes_one_side_or_both_costs_nothing(running: Page) -> None:
    for number in range(50):
        with connect(running) as connection:
            connection.sendall(ask("half") if number == 25 else ask("anything"))
            if number % 2:
                connection.shutdown(socket.SHUT_WR)
                rest(connection)
    for _ in range(50):
        with connect(running) as connection:
            connection.sendall(GET % b"/live")
            connection.shutdown(socket.SHUT_WR)
            rest(connection)
    # All places are free again.
    with streams(running, MOST_STREAMS) as opened:
        assert opened == [200] * MOST_STREAMS


def test_a_thousand_connections_keep_nobody_out(running: Page) -> None:
    with contextlib.ExitStack() as opened, httpx.Client(base_url=running.url, timeout=60) as kept:
        assert kept.get("/").status_code == httpx.codes.OK
        for number in range(allowed(1000)):
            connection = opened.enter_context(connect(running))
            if number % 3:
                connection.sendall(GET[:20] if number % 3 == 1 else ask("anything")[:-5])
            if not number % 100:
                answers(running)
        answers(running)
        assert kept.get("/").status_code == httpx.codes.OK


@contextlib.contextmanager
def streams(running: Page, number: int) -> Iterator[list[int]]:
    """Opens streams that nobody reads beyond the status."""
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(connect(running, SMALL)) for _ in range(number)]
        for connection in connections:
            connection.sendall(GET % b"/live")
        yield [int(connection.recv(12)[9:]) for connection in connections]


def test_streams_that_are_not_read_hold_little_and_are_dropped(running: Page) -> None:
    reason = "x" * 90
    rows: list[list[Any]] = [
        [seq, STARTED, reason, reason, "executor", "ecs-only", "patched", reason, 9] for seq in range(1, 201)
    ]
    # What comes while this process stands still must find room.
    transport = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024**2)])
    with httpx.Client(transport=transport, timeout=60) as client, client.stream("GET", f"{running.url}/live") as read:
        events = read.iter_lines()
        with streams(running, 40) as opened:
            assert sorted(opened) == [200] * (MOST_STREAMS - 1) + [503] * 9
            told, began = 0, time.monotonic()

            def accepted() -> bool:
                nonlocal told
                told += 1
                running.tell(tick(told, seq=200 * told, decisions=[[200 * told + row[0], *row[1:]] for row in rows]))
                # The stream that is read gets all of it.
                lines = itertools.islice(events, 200)
                assert any(f'"seq":{200 * told},"missed"' in line for line in lines)
                assert running.resident_mib < PEAK_MIB
                with streams(running, 1) as again:
                    return again == [200]

            # Until a stream is dropped, it has five seconds for a piece.
            assert not accepted() or time.monotonic() - began >= 5
            wait_until(accepted, 60)
        read.close()


def test_answers_that_are_not_taken_hold_little(running: Page) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            connection = opened.enter_context(connect(running, SMALL))
            connection.sendall(ask(f"bytes {8 * 1024**2}"))
            # Its answer has begun.
            assert connection.recv(12)[9:] == b"200"
            answers(running)
        wait_until(lambda: running.resident_mib < PEAK_MIB)


def test_the_memory_of_all_that_is_given_back(running: Page) -> None:
    def at_rest() -> bool:
        time.sleep(0.2)
        return running.resident_mib < PEAK_MIB / 2

    wait_until(at_rest)
