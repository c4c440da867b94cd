"""A Service's ClusterIPs, forwarded to its ready pods as kube-proxy does."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Self

import uvloop

from tests.e2e.networks import IP_FREEBIND
from tests.e2e.node import Pod


class ServiceProxy:
    """Listens on the ClusterIPs and forwards each connection to the next ready pod, for as long as the connection lasts.

    A pod counts as ready from a readiness probe that succeeds until its probes have failed for `patience` seconds, as a kubelet
    needs several failures, or until it has ended. If none is ready, connections are refused.
    """

    def __init__(self, addresses: Sequence[str], port: int, target: str) -> None:
        """Forwards `port` of the ClusterIPs to the port of that name of a pod, at its address of the same family."""
        self._addresses, self._port, self._target = addresses, port, target
        self.period = 0.1
        """The seconds between two probes. For so long, a change of readiness may stay unnoticed."""
        self.patience = 3.0
        """For so many seconds, probes may fail."""
        self._pods: list[Pod] = []
        self._ready: list[Pod] = []
        self._turn = cycle(range(1_000_000))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._forward), threading.Thread(target=self._watch)]

    def __enter__(self) -> Self:
        self._listeners = [_listen(address, self._port) for address in self._addresses]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for listener in self._listeners:
            listener.close()

    def add(self, pod: Pod) -> None:
        """Forwards connections to a pod, once it is ready."""
        self._pods = [*self._pods, pod]

    def remove(self, pod: Pod) -> None:
        """Forwards no new connection to a pod, as when its deletion begins."""
        self._pods = [one for one in self._pods if one is not pod]
        self._ready = [one for one in self._ready if one is not pod]

    @property
    def ready(self) -> int:
        """How many pods are ready."""
        return len(self._ready)

    def _watch(self) -> None:
        succeeded: dict[Pod, float] = {}
        while not self._over.is_set():
            pods, since = self._pods, time.monotonic() - self.patience
            for pod in pods:
                if pod.ready:
                    succeeded[pod] = time.monotonic()
            ready = [pod for pod in pods if pod.running and succeeded.get(pod, 0) > since]
            self._ready = [pod for pod in ready if pod in self._pods]
            self._over.wait(self.period)

    def _forward(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        callers: set[_Caller] = set()
        servers = [
            await loop.create_server(partial(_Caller, partial(self._next, one.family), callers), sock=one)
            for one in self._listeners
        ]
        while not self._over.is_set():  # noqa: ASYNC110, the event is another thread's
            await asyncio.sleep(0.05)
        for server in servers:
            server.close()
        for caller in list(callers):
            caller.transport.abort()
        await asyncio.sleep(0.05)

    def _next(self, family: int) -> tuple[str, int] | None:
        """The address, of a family, of the pod whose turn it is; None if none is ready."""
        ready = self._ready
        if not ready:
            return None
        pod = ready[next(self._turn) % len(ready)]
        address = next(one for one in pod.addresses if (":" in one) == (family == socket.AF_INET6))
        return address, pod.port(self._target)


def _listen(address: str, port: int) -> socket.socket:
    """A socket that listens on `address`; nothing has to have it, if only a route leads to this machine."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    listener.bind((address, port))
    listener.listen(1024)
    return listener


class _End(asyncio.Protocol):
    """One end of a forwarded connection. Its input is the output of the other end."""

    transport: asyncio.Transport
    other: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.write(data)

    def pause_writing(self) -> None:
        if self.other:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        if self.other:
            self.other.close()


class _Caller(_End):
    """The caller's end, which buffers its input until the pod's end is connected."""

    def __init__(self, target: Callable[[], tuple[str, int] | None], callers: set["_Caller"]) -> None:
        self._target, self._callers = target, callers
        self._early = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._callers.add(self)
        self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.write(data)
        else:
            self._early += data

    def connection_lost(self, error: Exception | None) -> None:
        self._callers.discard(self)
        super().connection_lost(error)

    async def _connect(self) -> None:
        target = self._target()
        if target is None:
            self.transport.abort()
            return
        try:
            _, pod = await asyncio.get_running_loop().create_connection(_End, *target)
        except OSError:
            self.transport.abort()
            return
        pod.other, self.other = self.transport, pod.transport
        pod.transport.write(bytes(self._early))
        if self.transport.is_closing():
            pod.transport.close()
