"""A load generator in one process: TLS connections, each with one request after another."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import uvloop

from benchmarks.process import Served, Used

#: New connections that are open at once.
_AT_ONCE = 16


@dataclass(frozen=True)
class Load:
    """The result of one run."""

    seconds: float
    used: Used
    """What the server took for it."""
    latencies: list[float]
    """Seconds, in the order of completion."""
    answer: bytes
    """The body of the last answer."""

    @property
    def processor_us(self) -> float:
        """The server's processor time for each request, in microseconds."""
        return self.used.processor / len(self.latencies) * 1e6

    @property
    def busy(self) -> float:
        """The share of the time (0 to 1) in which the server had work; for the rest it waited for the client."""
        return (self.used.processor + self.used.waited) / self.seconds

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in seconds that `share` (0 to 1) of the requests do not exceed."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@dataclass(frozen=True)
class Client:
    """The client of one server on loopback. Each run asserts that all answers are 200."""

    served: Served
    path: str
    authority: Path
    """The file with the CA that signed the server's certificate."""

    def over_open(self, connections: int, requests: int, body: bytes) -> Load:
        """Sends `requests` over `connections` that were opened before the clock starts."""
        run = _Run(self, body)
        return _ran(run.over_open(connections, requests // connections))

    def at_rate(self, connections: int, requests: int, body: bytes, rate: float) -> Load:
        """Like `over_open`, with `rate` requests a second over all connections together."""
        run = _Run(self, body)
        return _ran(run.over_open(connections, requests // connections, connections / rate))

    def over_new(self, connections: int, requests: int, body: bytes) -> Load:
        """Sends `requests` over `connections`, 16 at once. Their handshakes, which resume no session, count too."""
        run = _Run(self, body)
        return _ran(run.over_new(connections, requests // connections))


def _ran(run: Coroutine[Any, Any, Load]) -> Load:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run)


class _Run:
    def __init__(self, client: Client, body: bytes) -> None:
        head = f"POST {client.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body
        self._served = client.served
        self._context = ssl.create_default_context(cafile=str(client.authority))
        self._latencies: list[float] = []
        self._answer = b""

    async def over_open(self, connections: int, requests: int, pause: float = 0) -> Load:
        opened = [await self._open() for _ in range(connections)]
        before, started = self._served.used, perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(opened):
                group.create_task(connection.make(requests, pause, pause * number / connections))
        load = self._load(before, started, opened[-1].answer)
        for connection in opened:
            await connection.close()
        return load

    async def over_new(self, connections: int, requests: int) -> Load:
        left, answer = iter(range(connections)), b""

        async def work(left: Iterator[int]) -> None:
            nonlocal answer
            for _ in left:
                connection = await self._open()
                await connection.make(requests)
                answer = connection.answer
                await connection.close()

        before, started = self._served.used, perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work(left))
        return self._load(before, started, answer)

    async def _open(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._request, self._latencies),
            "127.0.0.1",
            self._served.port,
            ssl=self._context,
            server_hostname="localhost",
        )
        return connection

    def _load(self, before: Used, started: float, answer: bytes) -> Load:
        seconds = perf_counter() - started
        sleep(0.02)  # the server may not have closed the last connections
        return Load(seconds, self._served.used - before, self._latencies, answer)


class _Connection(asyncio.Protocol):
    """One connection. It is a protocol because streams cost the client as much time as a request costs the server."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        self.answer = b""
        self._request = request
        self._latencies = latencies
        self._received = b""
        self._left = 0
        self._pause = 0.0
        self._started = 0.0
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        self._closed = self._loop.create_future()

    def connection_made(self, transport: Any) -> None:  # uvloop's transports are no asyncio.Transport
        self._transport = transport

    async def make(self, requests: int, pause: float = 0, delay: float = 0) -> None:
        """Makes `requests`, one after another, the first after `delay` seconds, and one in `pause` seconds."""
        self._left = requests
        self._pause = pause
        await asyncio.sleep(delay)
        self._send()
        await self._done

    async def close(self) -> None:
        """Returns when the server has closed its side, too."""
        self._transport.close()
        await self._closed

    def _send(self) -> None:
        self._started = perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._done.set_exception(AssertionError(head))
            return
        if len(body) < int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]):
            return
        self._latencies.append(perf_counter() - self._started)
        self.answer, self._received = body, b""
        self._left -= 1
        if self._left and self._pause:
            self._loop.call_later(max(0.0, self._started + self._pause - perf_counter()), self._send)
        elif self._left:
            self._send()
        else:
            self._done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed.set_result(None)
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))
