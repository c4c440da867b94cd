"""Direct answers against the application's: any requests, in any pieces, get the same bytes either way."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.admission_reviews import review
from tests.quiet_logger import quiet_logger
from tests.service.test_admission import POD
from tests.service.test_protocol import Transport, answered
from webhook.core.policy import Policy
from webhook.service.direct_reviews import SMALL_BYTES
from webhook.service.listener import server
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.protocol import LimitedProtocol
from webhook.service.routes import admission_application
from webhook.service.settings import Settings

VALID = review(POD)
MOST_BODY_BYTES = SMALL_BYTES + 4_000
BODIES = {
    "valid": VALID,
    "padded": VALID + b" " * 200,
    "large": VALID + b" " * SMALL_BYTES,
    "too large": VALID + b" " * MOST_BODY_BYTES,
    "cut off": VALID[:-1],
    "empty": b"",
    "invalid": VALID.replace(b'"uid"', b'"uit"'),
}
TARGETS = [
    *["/mutate?timeout=10s", "/mutate?", "/mutate#a", "/mutate?a#b", "/mutat%65", "http://a/mutate", "http://a"],
    *["/mutate/default", "/mutate/no", "/unknown-profile", "/unknown", "/readyz", "//mutate", "/mutate/", "*"],
]
LENGTHS = ["0%d", "+%d", "%d\r\nContent-Length: 1", "%d\r\nTransfer-Encoding: chunked", "chunked"]
HEADERS = ["Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n"]


def mostly(usual: str, *others: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), st.sampled_from(others))


@dataclass(frozen=True)
class Call:
    """One request, most often a review that is answered directly."""

    method: str
    target: str
    version: str
    header: str
    length: str
    body: str
    empty_line: bool

    def data(self) -> bytes:
        body = BODIES[self.body]
        start = f"{self.method} {self.target} HTTP/{self.version}\r\n{self.header}"
        if self.length == "chunked":
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            data = start.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\nA: b\r\n\r\n"
        else:
            data = f"{start}Content-Length: {self.length.replace('%d', str(len(body)))}\r\n\r\n".encode() + body
        return b"\r\n" * self.empty_line + data


CALLS = st.builds(
    Call,
    mostly("POST", "PUT", "GET", "HEAD"),
    mostly("/mutate", *TARGETS),
    mostly("1.1", "1.0", "2.0"),
    mostly("", *HEADERS),
    mostly("%d", *LENGTHS),
    mostly("valid", *BODIES),
    st.booleans(),
)
#: What a client sends before it reads its answers: calls, and after which shares of them the event loop turns, or not.
SPLITS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=6).map(sorted)
GROUPS = st.tuples(st.lists(CALLS, min_size=1, max_size=3), SPLITS)
Group = tuple[list[Call], list[tuple[float, bool]]]


def pieces(groups: list[Group]) -> Iterator[tuple[bytes, bool]]:
    """The pieces that a client sends, and whether the event loop turns after each."""
    for calls, splits in groups:
        data, begin = b"".join(call.data() for call in calls), 0
        for share, turns in [*splits, (1, True)]:
            end = round(share * len(data))
            if end > begin:
                yield data[begin:end], turns
            begin = end
    yield b"\r\n", True


class Side:
    """A server with direct answers, or one without."""

    def __init__(self, *, direct: bool) -> None:
        self.metrics = Metrics("")
        logger = quiet_logger()
        log = AdmissionLog(logger, 0, lambda: None)
        app = admission_application(Policy(), MOST_BODY_BYTES, self.metrics, log, logger)
        options = Settings(max_body_bytes=MOST_BODY_BYTES)
        self.server = server(app, options, self.metrics, None, log, app.direct if direct else None)
        self.server.load.default_headers = [(b"date", b"Thu, 26 Nov 2026 12:00:00 GMT")]

    def counts(self) -> dict[str, float]:
        """The metrics of calls and reviews."""
        return {
            f"{sample.name} {sample.labels}": sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name.endswith(("requests_total", "rejected_calls_total", "warnings_total", "seconds_count"))
        }

    def held(self) -> Any:
        load = self.server.load
        waiting = 0 if load.direct is None else load.direct.waiting
        return load.in_flight, waiting, load.bodies.bytes, load.answers.bytes, len(load.bodies.waiting)


async def _sent(side: Side, groups: list[Group]) -> tuple[bytes, bool]:
    """What a client gets, and whether the connection closes."""
    connection, transport = LimitedProtocol(side.server.config, side.server.load, {}), Transport()
    connection.connection_made(transport)
    for data, turns in pieces(groups):
        if transport.closing:
            break
        connection.data_received(data)
        if turns:
            await answered()
    await answered()
    connection.connection_lost(None)
    await answered()
    return b"".join(transport.written), transport.closing


@settings(max_examples=150)
@given(st.lists(st.lists(GROUPS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_direct_answer_is_the_application_s(clients: list[list[Group]]) -> None:
    """One difference is meant: behind a review that is answered at once, a call that is refused gets its refusal.

    The application's answer comes later, so the connection closes behind it, and the refusal is not sent.
    """

    async def scenario(side: Side) -> list[tuple[bytes, bool]]:
        return await asyncio.gather(*(_sent(side, groups) for groups in clients))

    called, directly = Side(direct=False), Side(direct=True)
    expected, found = asyncio.run(scenario(called)), asyncio.run(scenario(directly))
    for (sent, closed), (sent_directly, closed_directly) in zip(expected, found, strict=True):
        assert closed_directly == closed
        if sent_directly != sent:
            before, answer, after = sent_directly.rpartition(b"HTTP/1.1 400 ")
            assert answer
            assert b"connection: close\r\n" in after
            assert before == sent.replace(b"connection: close\r\n", b"")
    assert directly.counts() == called.counts()
    assert (called.held(), directly.held()) == ((0,) * 5, (0,) * 5)
