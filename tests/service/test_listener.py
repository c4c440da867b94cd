"""Accepting connections: only if there is room, and at the end those that the kernel has accepted."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import uvloop

from webhook.service import connections, listener
from webhook.service.listener import Listener, listen, server
from webhook.service.protocol import LimitedProtocol
from webhook.service.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def _empty(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Scene:
    """A listener without TLS, and clients that the kernel connects while the event loop does nothing else."""

    def __init__(self, stack: contextlib.ExitStack, most: int) -> None:
        self.stack = stack
        self.bound = listen("127.0.0.1", 0, "--port")
        self.address = self.bound.getsockname()
        self.server = server(_empty, Settings(max_connections=most))
        connect = partial(LimitedProtocol, self.server.config, self.server.load, {}, asyncio.get_running_loop())
        self.listener = Listener(self.bound, self.server.load, connect, None, 5)

    def connect(self, number: int) -> list[socket.socket]:
        return [self.stack.enter_context(socket.create_connection(self.address, 10)) for _ in range(number)]

    @property
    def accepted(self) -> int:
        return len(self.server.load.connections)


def _statuses(clients: list[socket.socket]) -> Iterator[bytes]:
    for client in clients:
        client.sendall(REQUEST)
        yield client.recv(65536)[:12]


def _run(most: int, scenario: Any) -> None:
    async def scene() -> None:
        with contextlib.ExitStack() as stack:
            await scenario(Scene(stack, most))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


def test_the_end_accepts_what_the_kernel_has_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_FINISH_SECONDS", 60)

    async def scenario(scene: Scene) -> None:
        clients = scene.connect(50)
        assert scene.accepted == 0
        await scene.listener.finish()
        assert scene.accepted == 50
        found = await asyncio.to_thread(lambda: list(_statuses(clients)))
        assert found == [b"HTTP/1.1 204"] * 50
        with pytest.raises(ConnectionRefusedError):
            scene.connect(1)

    _run(100, scenario)


def test_the_end_accepts_no_more_than_there_is_room_for() -> None:
    async def scenario(scene: Scene) -> None:
        clients = scene.connect(200)
        largest = 0

        async def watch() -> None:
            nonlocal largest
            while True:
                largest = max(largest, scene.accepted)
                await asyncio.sleep(0)

        watcher = asyncio.get_running_loop().create_task(watch())
        await scene.listener.finish()
        watcher.cancel()
        assert largest == 16
        assert scene.bound.fileno() == -1
        del clients

    _run(16, scenario)


def test_at_the_end_the_clock_goes_on_without_ticks() -> None:
    async def scenario(scene: Scene) -> None:
        asyncio.get_running_loop().call_later(0.05, partial(setattr, scene.server, "should_exit", True))  # noqa: FBT003, the name says it
        await scene.server.serve()
        before = scene.server.load.clock.now()
        time.sleep(0.3)  # noqa: ASYNC251, the loop must not turn
        assert scene.server.load.clock.now() - before >= 0.3
        scene.listener.close()

    _run(16, scenario)


def test_while_all_connections_are_new_others_wait_in_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GRACE_SECONDS", 2)

    async def scenario(scene: Scene) -> None:
        first, later = scene.connect(16), scene.connect(4)
        assert await asyncio.to_thread(lambda: list(_statuses(first))) == [b"HTTP/1.1 204"] * 16
        assert await asyncio.to_thread(lambda: list(_statuses(later))) == [b"HTTP/1.1 204"] * 4
        assert scene.accepted == 16
        await scene.listener.finish()

    _run(16, scenario)
