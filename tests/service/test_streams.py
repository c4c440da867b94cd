"""Answers that are streams, on real sockets: each piece has a deadline, not the whole answer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import pytest
import uvloop

from webhook.service.listener import listen, server
from webhook.service.metrics import PREFIX, Metrics
from webhook.service.protocol import STREAM
from webhook.service.settings import Settings

READ_SECONDS = 2
#: Far more than the kernel holds for the two sockets of a connection.
ENOUGH_BYTES = 8 * 1024**2
PIECE = b"x" * 16 * 1024
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Scene:
    """A server whose application sends PIECE until `enough` says so, and the bytes that it got rid of."""

    def __init__(self, *, stream: bool, enough: Callable[[int], bool]) -> None:
        self.sent = 0
        self.metrics = Metrics("")
        self.over = asyncio.Event()
        self._stream = stream
        self._enough = enough
        self._bound = listen("127.0.0.1", 0, "--port")
        self.server = server(self, Settings(read_seconds=READ_SECONDS), self.metrics)

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answers one call (ASGI 3.0)."""
        if self._stream:
            scope[STREAM] = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        connections = self.server.load.connections
        # A stream ends if its client is gone. `send` then does nothing.
        while not self._enough(self.sent) and len(connections):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.sent += len(PIECE)
            await asyncio.sleep(0)
        self.over.set()
        await send({"type": "http.response.body", "body": b""})

    def connect(self) -> socket.socket:
        """A client that has asked, and whose kernel keeps little that it does not read."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.settimeout(30)
        client.connect(self._bound.getsockname())
        client.sendall(REQUEST)
        return client

    @property
    def untaken(self) -> float | None:
        return self.metrics.registry.get_sample_value(f"{PREFIX}_rejected_calls_total", {"reason": "untaken"})

    async def play(self, scenario: Callable[[], Awaitable[None]]) -> None:
        serving = asyncio.create_task(self.server.serve(sockets=[self._bound]))
        await self.server.listening.wait()
        try:
            await scenario()
        finally:
            self.server.should_exit = True
            await serving
        assert (self.server.load.answers.bytes, self.server.load.answers.waiting) == (0, {})


def _run(scene: Callable[[], Awaitable[None]]) -> None:
    """Plays `scene`, and once more if it fails while this process stands still for half of the time for a piece."""
    for _ in range(5):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            fault, stood_still = runner.run(_watched(scene))
        if fault is None or stood_still < READ_SECONDS / 2:
            break
    if fault is not None:
        raise fault


async def _watched(scene: Callable[[], Awaitable[None]]) -> tuple[Exception | None, float]:
    """Plays `scene`; returns its error, and for how long this process stood still at most."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = perf_counter()
            await asyncio.sleep(0.05)
            longest = max(longest, perf_counter() - before)

    beating = asyncio.create_task(beat())
    try:
        await scene()
    except Exception as error:  # noqa: BLE001, the caller raises it
        return error, longest
    else:
        return None, longest
    finally:
        beating.cancel()


def _read_all(client: socket.socket) -> bytes:
    """What comes until the last chunk, or until the connection is closed."""
    read = bytearray()
    try:
        while part := client.recv(65536):
            read += part
            if read.endswith(b"\r\n0\r\n\r\n"):
                break
    except ConnectionResetError:
        pass
    return bytes(read)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "other"])
def test_a_stream_that_is_read_outlives_the_time_for_an_answer(stream: bool) -> None:  # noqa: FBT001
    """The application sends faster than the client reads, so that bytes wait nearly all the time."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + 2 * READ_SECONDS
        found = Scene(stream=stream, enough=lambda sent: sent >= ENOUGH_BYTES and loop.time() > end)

        async def scenario() -> None:
            with found.connect() as client:
                read = await asyncio.to_thread(_read_all, client)
            assert read.endswith(b"\r\n0\r\n\r\n") is stream
            assert found.untaken == (0 if stream else 1)

        await found.play(scenario)

    _run(scene)


def test_a_stream_that_is_not_read_is_dropped_and_holds_little_memory() -> None:
    async def scene() -> None:
        found = Scene(stream=True, enough=lambda _: False)

        async def scenario() -> None:
            with found.connect() as client:
                await found.over.wait()
                assert found.untaken == 1
                # What was sent is in the buffers of the two sockets, but for one piece or two.
                assert found.sent < 512 * 1024
                # What the kernel holds still comes, then the end, without the last chunk.
                assert not (await asyncio.to_thread(_read_all, client)).endswith(b"\r\n0\r\n\r\n")

        await found.play(scenario)

    _run(scene)


def test_a_stream_has_the_whole_time_for_each_piece() -> None:
    """The client lets pieces wait again and again, each time for less than the time, together for far more."""

    async def scene() -> None:
        found = Scene(stream=True, enough=lambda sent: sent >= ENOUGH_BYTES)

        async def scenario() -> None:
            read = 0
            with found.connect() as client:
                client.setblocking(False)  # noqa: FBT003, the name says it
                loop = asyncio.get_running_loop()
                for _ in range(10):
                    await asyncio.sleep(READ_SECONDS / 5)
                    before = found.sent
                    while found.sent == before:
                        part = await loop.sock_recv(client, 65536)
                        assert part
                        read += len(part)
                client.settimeout(30)
                read += len(await asyncio.to_thread(_read_all, client))
            assert read > ENOUGH_BYTES
            assert found.untaken == 0

        await found.play(scenario)

    _run(scene)
