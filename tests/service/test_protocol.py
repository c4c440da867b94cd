"""One connection without a socket: its states, and the order and number of its answers."""

import asyncio
import dataclasses
import gc
import re
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests.quiet_logger import quiet_logger
from webhook.core.review import Admission, ReviewError
from webhook.service.admission import Admissions
from webhook.service.connections import GRACE_SECONDS
from webhook.service.direct_reviews import MOST_BYTES, PIECE_BYTES, SMALL_BYTES
from webhook.service.listener import server
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import PREFIX, Metrics
from webhook.service.protocol import LimitedProtocol
from webhook.service.requests import HELD, Requests
from webhook.service.settings import Settings
from webhook.service.state import ANSWERED, FIRST_BYTE, HEAD_END, LAST_BYTE, State

HEAD = b"POST /mutate HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
#: As the API servers 1.20.2 and 1.36.3 were seen to send it.
API_SERVER = (
    b"POST /mutate?timeout=5s HTTP/1.1\r\nHost: webhook.spark-eci-webhook.svc:443\r\n"
    b"User-Agent: kube-apiserver-admission\r\nContent-Length: 2\r\nAccept: application/json, */*\r\n"
    b"Content-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
)
UNKNOWN = HEAD.replace(b"/mutate", b"/unknown")
LARGE = b"GET / HTTP/1.1\r\nX: " + b"x" * 17_000


class Transport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        assert not self.closing
        self.written.append(data)

    @property
    def statuses(self) -> list[bytes]:
        return re.findall(rb"HTTP/1\.1 (\d{3}) ", b"".join(self.written))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def not_found(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Held(str):  # noqa: SLOT000, slots would allow no weak references
    """A text that weak references can refer to."""


class Connections:
    """Connections to one server whose answers take one second each of a clock that only they move.

    If `direct`, they answer reviews without a call of the application.
    """

    def __init__(self, *, direct: bool) -> None:
        self.now = 100.0
        self.seconds = 1
        self.answer = b"{}"
        self.bodies: list[bytes] = []
        self.before: Callable[[], None] = lambda: None
        self.metrics = Metrics("")
        logger = quiet_logger()
        log = AdmissionLog(logger, 0, lambda: None)
        app = Admissions(not_found, {"/mutate": self._respond}, 100_000, self.metrics, log, logger)
        self.server = server(app, Settings(), self.metrics, None, log, app.direct if direct else None)

    def _respond(self, body: bytes | bytearray) -> tuple[bytes, Admission]:
        self.bodies.append(bytes(body))
        self.now += self.seconds
        self.before()
        return self.answer, Admission("u", "skipped", "")

    def connect(self) -> tuple[LimitedProtocol, Transport]:
        connection, transport = LimitedProtocol(self.server.config, self.server.load, {}), Transport()
        connection.connection_made(transport)
        return connection, transport

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)


@pytest.fixture(params=[False, True], ids=["called", "direct"])
def connections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    """Connections whose reviews the application answers, and such that answer them directly."""
    yield from _connections(monkeypatch, direct=request.param)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    yield from _connections(monkeypatch, direct=False)


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    yield from _connections(monkeypatch, direct=True)


def _connections(monkeypatch: pytest.MonkeyPatch, *, direct: bool) -> Iterator[Connections]:
    found = Connections(direct=direct)
    for module in ("protocol", "admission", "direct_reviews", "turn"):
        monkeypatch.setattr(f"webhook.service.{module}.perf_counter", lambda: found.now)
    yield found
    assert (found.server.load.in_flight, found.server.load.bodies.bytes) == (0, 0)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def scene() -> None:
        await scenario()

    asyncio.run(scene())


async def answered() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_time_in_the_event_loop_counts_as_time_of_an_admission(connections: Connections) -> None:
    """The second and the third wait while the ones before block the loop."""

    async def scenario() -> None:
        pairs = [connections.connect() for _ in range(3)]
        for connection, _ in pairs:
            connection.data_received(HEAD + b"{}")
        await answered()
        assert [transport.statuses for _, transport in pairs] == [[b"200"]] * 3

    run(scenario)
    assert connections.metric("admission_duration_seconds_sum") == 1 + 2 + 3


@pytest.mark.parametrize(
    ("pieces", "states", "statuses"),
    [
        (
            [b"P", HEAD[1:], b"{", b"}", None],
            [State.HEAD, State.BODY, State.BODY, State.ANSWERING, State.IDLE],
            [b"200"],
        ),
        ([UNKNOWN, None, b"{", b"}"], [State.BODY, State.DISCARDING, State.DISCARDING, State.IDLE], [b"404"]),
        (
            [HEAD + b"{}" + HEAD[:9], None, HEAD[9:] + b"{}", None],
            [State.HEAD] * 2 + [State.ANSWERING, State.IDLE],
            [b"200"] * 2,
        ),
        ([(HEAD + b"{}") * 3, None], [State.ANSWERING, State.IDLE], [b"200"] * 3),
        ([b"\r\n", HEAD + b"{}", None], [State.IDLE, State.ANSWERING, State.IDLE], [b"200"]),
        ([b"?", HEAD], [State.CLOSING] * 2, [b"400"]),
        ([LARGE, HEAD], [State.CLOSING] * 2, [b"431"]),
        ([LARGE + b"\r\n\r\n" + HEAD + b"{}", None], [State.CLOSING] * 2, [b"431"]),
    ],
    ids=[
        "in pieces",
        "answered early",
        "a head behind",
        "three at once",
        "an empty line",
        "bad",
        "large",
        "large, whole",
    ],
)
def test_a_connection_goes_through_its_states(
    connections: Connections, pieces: list[bytes | None], states: list[State], statuses: list[bytes]
) -> None:
    """None stands for the answer of the application."""

    async def scenario() -> None:
        connection, transport = connections.connect()
        found = []
        for piece in pieces:
            if piece is None:
                await answered()
            else:
                connection.data_received(piece)
            found.append(connection._state)
        assert found == states
        assert transport.statuses == statuses
        connection.connection_lost(None)

    run(scenario)


@pytest.mark.parametrize(
    ("pieces", "statuses", "calls"),
    [
        ([b"P", HEAD[1:], b"{", b"}"], [b"200"], 0),
        ([HEAD + b"{}", b"\r\n", HEAD + b"{}"], [b"200"] * 2, 0),
        ([HEAD + b"{}" + HEAD[:9], HEAD[9:] + b"{}"], [b"200"] * 2, 0),
        ([(HEAD + b"{}") * 2], [b"200"] * 2, 1),
        ([(HEAD + b"{}") * 6], [b"200"] * 6, 5),
        ([HEAD + b"{}?"], [b"200", b"400"], 0),
        ([HEAD + b"{}" + LARGE, b"x" * 17_000], [b"200", b"431"], 0),
        ([HEAD + b"{}" + UNKNOWN + b"{}"], [b"200", b"404"], 1),
        ([UNKNOWN + b"{}" + HEAD + b"{}", HEAD + b"{}"], [b"404", b"200", b"200"], 2),
    ],
    ids=[
        "in pieces",
        "one after another",
        "a head behind",
        "two at once",
        "six at once",
        "bad behind",
        "large behind",
        "call behind",
        "behind a call",
    ],
)
def test_a_review_is_answered_directly(
    directly: Connections,
    monkeypatch: pytest.MonkeyPatch,
    pieces: list[bytes],
    statuses: list[bytes],
    calls: int,
) -> None:
    """Of those that a client sends without waiting, only the first one is. `calls` counts those of the application."""
    directly.seconds = 0
    called: list[None] = []
    begin = Requests.begun

    def begun(self: Requests, cycle: RequestResponseCycle) -> None:
        called.append(None)
        begin(self, cycle)

    monkeypatch.setattr(Requests, "begun", begun)

    async def scenario() -> None:
        connection, transport = directly.connect()
        for piece in pieces:
            connection.data_received(piece)
            await answered()
        assert (transport.statuses, len(called)) == (statuses, calls)
        assert transport.closing == (b"4" in statuses[-1][:1] and calls == 0)
        connection.connection_lost(None)

    run(scenario)


def _answer_to(found: Connections, data: bytes, prepare: Callable[[LimitedProtocol], object]) -> tuple[bytes, int, int]:
    """All that is sent to a client that sends `data`; how many writes that takes, and how many calls."""
    found.server.load.default_headers = [(b"date", b"Thu, 26 Nov 2026 12:00:00 GMT")]
    answers: list[bytes] = []
    called: list[bool] = []

    async def scenario() -> None:
        connection, transport = found.connect()
        prepare(connection)
        connection.data_received(data)
        connection.resume_writing()
        await answered()
        answers.extend(transport.written)
        called.append(connection.cycle is not None)
        connection.connection_lost(None)

    run(scenario)
    return b"".join(answers), len(answers), called.count(True)


def _nothing(_: LimitedProtocol) -> None:
    pass


def test_a_direct_answer_is_that_of_the_application_in_one_write(called: Connections, directly: Connections) -> None:
    expected, writes, calls = _answer_to(called, HEAD + b"{}", _nothing)
    assert (writes, calls) == (2, 1)
    for head in (HEAD, API_SERVER):
        assert _answer_to(directly, head + b"{}", _nothing) == (expected, 1, 0)


@pytest.mark.parametrize(
    ("data", "prepare"),
    [
        (HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") + b"{}", _nothing),
        (HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"{}", _nothing),
        (HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"{}", _nothing),
        (
            HEAD.replace(b"HTTP/1.1", b"HTTP/2.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n") + b"{}",
            _nothing,
        ),
        (HEAD.replace(b"HTTP/1.1", b"HTTP/1.0\r\nConnection: keep-alive") + b"{}", _nothing),
        (HEAD.replace(b"POST", b"PUT") + b"{}", _nothing),
        (HEAD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", _nothing),
        (HEAD.replace(b": 2", b": %d" % (MOST_BYTES + 1)) + b" " * (MOST_BYTES + 1), _nothing),
        (HEAD.replace(b": 2", b": 100001") + b" " * 100_001, _nothing),
        (HEAD.replace(b": 2", b": 0"), _nothing),
        (HEAD.replace(b"/mutate", b"/mutat%65") + b"{}", _nothing),
        (HEAD.replace(b"/mutate", b"http://localhost/mutate") + b"{}", _nothing),
        (UNKNOWN + b"{}", _nothing),
        (HEAD + b"{}", lambda one: setattr(one._load, "draining", True)),
        (HEAD + b"{}", lambda one: setattr(one._load, "in_flight", one._limits.in_flight)),
        (HEAD + b"{}", LimitedProtocol.pause_writing),
    ],
    ids=[
        "waits for 100",
        "closes",
        "HTTP/1.0",
        "HTTP/2.0",
        "HTTP/1.0 that stays",
        "PUT",
        "chunked",
        "large",
        "larger than the application accepts",
        "empty",
        "escaped path",
        "absolute URL",
        "unknown",
        "draining",
        "overloaded",
        "an answer waits",
    ],
)
def test_the_application_answers_what_is_not_answered_directly(
    called: Connections, directly: Connections, data: bytes, prepare: Callable[[LimitedProtocol], object]
) -> None:
    expected, writes, _ = _answer_to(called, data, prepare)
    assert _answer_to(directly, data, prepare) == (expected, writes, 1)
    for one in (called, directly):
        one.server.load.in_flight = 0


@pytest.mark.parametrize("before", [b"?", b"\r\n"], ids=["a rejected call", "an empty line"])
def test_a_review_takes_no_time_before_it_is_read(connections: Connections, before: bytes) -> None:
    connections.seconds = 0

    async def scenario() -> None:
        other, review = connections.connect()[0], connections.connect()[0]
        other.data_received(before)
        await answered()
        connections.now += 10
        review.data_received(HEAD + b"{}")
        await answered()
        for connection in (other, review):
            connection.connection_lost(None)

    run(scenario)
    assert connections.metric("admission_duration_seconds_count") == 1
    assert connections.metric("admission_duration_seconds_sum") == 0


def test_a_review_is_not_answered_before_its_last_byte(directly: Connections) -> None:
    """The one before it was answered before its turn, which comes while this one is read."""

    async def scenario() -> None:
        (first, _), (second, transport) = pairs = [directly.connect() for _ in range(2)]
        for connection, _ in pairs:
            connection.data_received(HEAD + b"{}")
            # None of them is read late.
            directly.server.load.reading.over()
        # The first one takes the whole turn.
        await asyncio.sleep(0)
        second.data_received(HEAD[:1])
        assert len(transport.statuses) == 1
        directly.server.load.reading.over()
        second.data_received(HEAD[1:] + b"[")
        await answered()
        assert len(transport.statuses) == 1
        second.data_received(b"]")
        await answered()
        assert (transport.statuses, transport.closing) == ([b"200"] * 2, False)
        for connection in (first, second):
            connection.connection_lost(None)

    run(scenario)
    assert directly.bodies == [b"{}", b"{}", b"[]"]


@pytest.mark.parametrize(
    "before", [b"", HEAD + b"{}", UNKNOWN + b"{}"], ids=["first", "after a review", "after a call"]
)
@pytest.mark.parametrize(
    "url",
    [b"http://a", b"http://[a/", b"http://a:99999/", b"/mutate?" + b"x" * 65_528],
    ids=["no path", "no host", "no port", "too long"],
)
def test_a_url_that_cannot_be_parsed_is_rejected(connections: Connections, before: bytes, url: bytes) -> None:
    def refuse() -> None:
        raise ReviewError("no")

    async def scenario() -> None:
        connection, transport = connections.connect()
        connection._limits = dataclasses.replace(connection._limits, head_bytes=100_000)
        if before:
            connection.data_received(before)
            await answered()
            transport.written.clear()
        connections.before = refuse
        connection.data_received(HEAD.replace(b"/mutate", url) + b"{}")
        await answered()
        assert (transport.statuses, transport.closing) == ([b"400"], True)
        assert b"not an HTTP/1.1 request" in b"".join(transport.written)
        connection.connection_lost(None)

    run(scenario)


def test_an_error_in_one_review_keeps_no_other_waiting(directly: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    directly.seconds = 0
    faults: list[BaseException] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
        pairs = [directly.connect() for _ in range(3)]
        for connection, _ in pairs:
            connection.data_received(HEAD + b"{}")
        fault = RuntimeError("no")

        def fail(*_: object) -> Any:
            raise fault

        broken = pairs[1][0]
        assert broken._review is not None
        broken._review.respond = fail
        monkeypatch.setattr(broken, "call", fail)
        await answered()
        assert [transport.statuses for _, transport in pairs] == [[b"200"], [], [b"200"]]
        assert faults == [fault]
        for connection, _ in pairs:
            connection.connection_lost(None)

    run(scenario)


@pytest.mark.parametrize("answer", [b"x" * PIECE_BYTES, b"x" * (PIECE_BYTES + 1)], ids=["short", "long"])
def test_a_long_answer_is_sent_in_pieces(called: Connections, directly: Connections, answer: bytes) -> None:
    called.answer = directly.answer = answer
    expected, writes, _ = _answer_to(called, HEAD + b"{}", _nothing)
    assert expected.endswith(answer)
    long = len(answer) > PIECE_BYTES
    assert _answer_to(directly, HEAD + b"{}", _nothing) == (expected, writes if long else 1, int(long))


@pytest.mark.parametrize(
    ("end", "statuses", "reason"),
    [
        (lambda connection: connection.release_body(), [b"503"], "memory"),
        (lambda connection: connection._expired(), [b"408"], "timeout"),
        (lambda connection: connection.connection_lost(None), [], "disconnected"),
    ],
    ids=["no memory", "late", "lost"],
)
def test_a_review_that_does_not_arrive_whole_is_given_up(
    connections: Connections, end: Callable[[LimitedProtocol], None], statuses: list[bytes], reason: str
) -> None:
    async def scenario() -> None:
        connection, transport = connections.connect()
        connection.data_received(HEAD + b"{")
        assert connections.server.load.bodies.bytes == 1
        assert list(connections.server.load.bodies.waiting) == [connection]
        await answered()
        connections.now += GRACE_SECONDS
        end(connection)
        await answered()
        assert transport.statuses == statuses
        if statuses:
            connection.connection_lost(None)

    run(scenario)
    assert connections.metric("rejected_calls_total", reason=reason) == 1
    assert connections.metric("rejected_calls_total", reason="disconnected") == (0 if statuses else 1)


def test_reviews_without_a_slot_are_refused(connections: Connections) -> None:
    """Those that wait for a direct answer and those of the application share the slots."""
    load = connections.server.load
    load.limits = dataclasses.replace(load.limits, in_flight=2)

    async def scenario() -> None:
        pairs = [connections.connect() for _ in range(5)]
        for connection, _ in pairs:
            connection.data_received(HEAD + b"{}")
            load.reading.over()
        assert connections.metric("admission_in_flight") == 2
        # Its review waits no more.
        pairs.pop(0)[0].connection_lost(None)
        assert connections.metric("admission_in_flight") == 1
        pairs.append(connections.connect())
        pairs[-1][0].data_received(HEAD + b"{}")
        await answered()
        assert [transport.statuses for _, transport in pairs] == [[b"200"], *[[b"503"]] * 3, [b"200"]]
        assert connections.metric("admission_in_flight") == 0
        for connection, _ in pairs:
            connection.connection_lost(None)

    run(scenario)


def test_small_reviews_do_not_wait_for_large_ones(directly: Connections) -> None:
    """Each answer takes longer than a turn may, so there is one of each kind in a turn."""

    async def scenario() -> None:
        pairs = [directly.connect() for _ in range(6)]
        size = SMALL_BYTES + 1
        large = HEAD.replace(b": 2", b": %d" % size) + b" " * size
        for (connection, _), data in zip(pairs, [large, HEAD + b"{}"] * 3, strict=True):
            connection.data_received(data)
            # None of them is read late.
            directly.server.load.reading.over()
        transports = [transport for _, transport in pairs]
        for turn in range(1, 4):
            assert directly.metric("admission_in_flight") == 6 - 2 * (turn - 1)
            await asyncio.sleep(0)
            assert [len(one.statuses) for one in transports] == [1] * 2 * turn + [0] * 2 * (3 - turn)
        assert directly.metric("admission_in_flight") == 0
        for connection, _ in pairs:
            connection.connection_lost(None)

    run(scenario)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_invalid_review_is_answered_in_its_turn(connections: Connections, number: int) -> None:
    """The reviews behind it are answered too, and the connection stays."""
    faults = iter([ReviewError("no")] * (2 if connections.server.load.direct else 1))

    def fail_once() -> None:
        if fault := next(faults, None):
            raise fault

    async def scenario() -> None:
        connections.before = fail_once
        connection, transport = connections.connect()
        connection.data_received((HEAD + b"{}") * number)
        for _ in range(number):
            await answered()
        assert transport.statuses == [b"400"] + [b"200"] * (number - 1)
        connection.data_received(HEAD + b"{}")
        await answered()
        assert transport.statuses == [b"400"] + [b"200"] * number
        assert not transport.closing
        assert b"connection" not in b"".join(transport.written)
        connection.connection_lost(None)

    run(scenario)
    assert connections.metric("rejected_calls_total", reason="invalid") == 1


@pytest.mark.parametrize("number", [0, 1])
def test_the_end_closes_idle_connections_but_leaves_new_ones_a_moment(connections: Connections, number: int) -> None:
    async def scenario() -> None:
        connection, transport = connections.connect()
        connection.data_received((HEAD + b"{}") * number)
        await answered()
        connection.shutdown()
        assert transport.closing == (number == 1)
        connection.connection_lost(None)

    run(scenario)


def test_a_review_that_arrives_while_the_server_stops_is_answered(connections: Connections) -> None:
    async def scenario() -> None:
        connection, transport = connections.connect()
        connection.data_received(HEAD + b"{")
        connection.shutdown()
        connection.data_received(b"}")
        await answered()
        assert (transport.statuses, transport.closing) == ([b"200"], True)
        assert b"connection: close" in b"".join(transport.written)
        connection.connection_lost(None)

    run(scenario)


def test_an_idle_connection_is_closed_a_while_after_its_last_answer(directly: Connections) -> None:
    """The timer of the first answer goes on while others follow."""

    async def scenario() -> None:
        connection, transport = directly.connect()
        connection.data_received(HEAD + b"{}")
        keep_alive = connection.timeout_keep_alive
        for seconds, closes in ((keep_alive - 1, False), (keep_alive - 0.5, False), (keep_alive, True)):
            await answered()
            directly.seconds = 0
            if not closes:
                connection.data_received(HEAD + b"{}")
            directly.now += seconds
            timer = connection.timeout_keep_alive_task
            assert timer is not None
            timer.cancel()
            connection.timeout_keep_alive_handler()
            assert transport.closing is closes
        assert transport.statuses == [b"200"] * 3
        connection.connection_lost(None)

    run(scenario)


@pytest.mark.parametrize("behind", [b"?", LARGE], ids=["bad", "large"])
def test_a_rejection_is_never_sent_in_place_of_an_earlier_answer(called: Connections, behind: bytes) -> None:
    async def scenario() -> None:
        connection, transport = called.connect()
        connection.data_received(HEAD + b"{}" + behind)
        connection.data_received(b"x" * 17_000)
        assert (transport.statuses, transport.closing) == ([], False)
        await answered()
        assert (transport.statuses, transport.closing) == ([b"200"], True)
        connection.connection_lost(None)

    run(scenario)
    reason = "invalid" if behind == b"?" else "too-large-head"
    assert called.metric("rejected_calls_total", reason=reason) == 1


@pytest.mark.parametrize("early", [False, True], ids=["unanswered", "answered"])
def test_a_body_that_is_rejected_counts_once(connections: Connections, *, early: bool) -> None:
    async def scenario() -> None:
        connection, transport = connections.connect()
        connection.data_received(
            (UNKNOWN if early else HEAD).replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")
        )
        await answered()
        connection.data_received(b"zz\r\n")
        connection.connection_lost(None)
        await answered()
        assert (transport.statuses, transport.closing) == ([b"404"] if early else [b"400"], True)

    run(scenario)
    assert connections.metric("rejected_calls_total", reason="invalid") == 1
    assert connections.metric("rejected_calls_total", reason="disconnected") == 0


def test_every_state_can_be_reached_and_left() -> None:
    moves = [move for event in (FIRST_BYTE, HEAD_END, LAST_BYTE, ANSWERED) for move in event.items()]
    # A rejection leads to CLOSING from each of them.
    assert {before for before, _ in moves} == {after for _, after in moves} == set(State) - {State.CLOSING}


@pytest.mark.parametrize("number", [1, 5, 6, 1000])
def test_requests_ahead_of_their_answers_are_bounded(called: Connections, number: int) -> None:
    """Up to four wait. Beyond that they are not read, and the connection closes behind the answers to the others."""

    async def scenario() -> None:
        connection, transport = called.connect()
        connection.data_received((HEAD + b"{}") * number)
        assert called.server.load.bodies.bytes == 2 * min(number, 5)
        assert called.server.load.in_flight == 1
        for _ in range(10):
            await answered()
        assert transport.statuses == [b"200"] * min(number, 5)
        assert transport.closing == (number > 5)
        connection.connection_lost(None)

    run(scenario)


def test_an_answer_frees_only_what_its_own_request_held(called: Connections) -> None:
    async def scenario() -> None:
        connection, transport = called.connect()
        connection.data_received(HEAD + b"{}" + HEAD.replace(b"2", b"9") + b"{}")
        assert (called.server.load.bodies.bytes, called.server.load.in_flight) == (4, 1)
        await answered()
        assert transport.statuses == [b"200"]
        assert (called.server.load.bodies.bytes, called.server.load.in_flight) == (2, 0)
        connection.data_received(b" " * 7)
        assert (called.server.load.bodies.bytes, called.server.load.in_flight) == (9, 1)
        await answered()
        assert transport.statuses == [b"200"] * 2
        connection.connection_lost(None)

    run(scenario)


def test_the_body_of_a_lost_connection_does_not_wait_for_its_turn(connections: Connections) -> None:
    """A large review waits. If its client is gone, it is not answered, and holds no memory meanwhile."""
    called: list[None] = []
    connections.before = lambda: called.append(None)

    async def scenario() -> None:
        connection, _ = connections.connect()
        connection.data_received(HEAD.replace(b": 2", b": 20000") + b" " * 20_000)
        if connections.server.load.direct is None:
            cycle = connection.cycle
            await asyncio.sleep(0)
            held = cycle.scope[HELD]  # type: ignore[typeddict-item]
            assert [len(one) for one in held] == [20_000]
            connection.connection_lost(None)
            assert held == []
        else:
            review = connection._review
            assert review is not None
            assert len(review.body) == connections.server.load.bodies.bytes == 20_000
            connection.connection_lost(None)
            assert (review.connection, review.body) == (None, b"")
        assert connections.server.load.bodies.bytes == 0
        await answered()

    run(scenario)
    assert called == []
    assert connections.metric("rejected_calls_total", reason="disconnected") == 1


def test_a_small_body_that_began_a_moment_ago_stays_while_others_are_given_up(connections: Connections) -> None:
    """Bodies that are complete, and wait for their turn, cannot be given up, so it would have to pay for them."""
    connections.server.load.bodies.limit = 100_000

    def half(size: int) -> bytes:
        return HEAD.replace(b": 2", b": %d" % (2 * size)) + b" " * size

    async def scenario() -> None:
        (small, one), (large, other), (last, another) = (connections.connect() for _ in range(3))
        small.data_received(half(20_000))
        large.data_received(half(90_000))
        assert (one.statuses, other.statuses) == ([], [b"503"])
        assert connections.server.load.bodies.bytes == 20_000
        connections.now += GRACE_SECONDS
        await answered()
        last.data_received(half(50_000))
        last.data_received(b" " * 40_000)
        assert (one.statuses, another.statuses) == ([b"503"], [])
        assert connections.server.load.bodies.bytes == 90_000
        for connection in (small, large, last):
            connection.connection_lost(None)

    run(scenario)
    assert connections.metric("rejected_calls_total", reason="memory") == 2


def test_while_the_process_stands_still_a_small_body_grows_no_older(connections: Connections) -> None:
    """Perhaps its client has sent the rest. A client that pauses while the process runs is not waited for."""
    connections.server.load.bodies.limit = 100_000
    head, half = HEAD.replace(b": 2", b": 40000"), b" " * 20_000
    large = HEAD.replace(b": 2", b": 90001") + b" " * 90_000

    async def scenario() -> None:
        (quick, one), (slow, other), *more = (connections.connect() for _ in range(4))
        await connections.server.on_tick(1)
        for connection in (quick, slow):
            connection.data_received(head + half)
        connections.now += 5
        assert quick.busy
        more[0][0].data_received(large)
        await answered()
        assert (one.statuses, other.statuses, more[0][1].statuses) == ([], [], [b"503"])
        await connections.server.on_tick(2)
        quick.data_received(half)
        await answered()
        assert one.statuses == [b"200"]
        for tick in (3, 4):
            connections.now += 0.1
            await connections.server.on_tick(tick)
        assert not slow.busy
        more[1][0].data_received(large)
        await answered()
        assert (other.statuses, more[1][1].statuses) == ([b"503"], [])
        for connection in (quick, slow, more[0][0], more[1][0]):
            connection.connection_lost(None)

    run(scenario)
    assert connections.metric("rejected_calls_total", reason="memory") == 2


@pytest.mark.parametrize("size", [1000, 20_000])
@pytest.mark.parametrize("error", [ReviewError, ZeroDivisionError])
def test_a_failed_review_leaves_nothing_behind(connections: Connections, size: int, error: type[Exception]) -> None:
    """Its body is free at once, without a garbage collection."""
    left: list[weakref.ref[Held]] = []

    def fail() -> None:
        held = Held("no")
        left.append(weakref.ref(held))
        raise error(held)

    async def scenario() -> None:
        connections.before = fail
        connection, transport = connections.connect()
        connection.data_received(HEAD.replace(b": 2", b": %d" % size) + b" " * size)
        await answered()
        assert transport.statuses == [b"400" if error is ReviewError else b"500"]
        connection.connection_lost(None)

    gc.disable()
    try:
        run(scenario)
        assert {one() for one in left} == {None}
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "data",
    [b"P", HEAD, HEAD + b"{", HEAD + b"{}", UNKNOWN, (HEAD + b"{}") * 3, (HEAD + b"{}") * 9, b"?", HEAD + b"{}?"],
    ids=repr,
)
@pytest.mark.parametrize("later", [False, True])
def test_a_lost_connection_leaves_nothing_behind(connections: Connections, data: bytes, *, later: bool) -> None:
    """Its memory is free at once, without a garbage collection."""

    async def scenario() -> None:
        connection, transport = connections.connect()
        connection.data_received(data)
        if later:
            await answered()
        connection.connection_lost(None)
        await answered()
        left = weakref.ref(connection), weakref.ref(transport)
        del connection, transport
        assert [one() for one in left] == [None, None]

    gc.disable()
    try:
        run(scenario)
    finally:
        gc.enable()
