"""A port-forward to a pod, as a port on loopback (Kubernetes: WebSocket streaming, v4.channel.k8s.io).

The API client's own port-forward leaves its WebSocket open if the pod ends a connection first, so it is not used here.
Channel 0 carries data, channel 1 errors, and each begins with a frame that holds the port's number.
"""

import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any, Final, Self

from websocket import ABNF, WebSocketException

from certs.cluster import Cluster, ClusterError
from certs.server import Address

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 16384
_SECONDS: Final = 10
_DATA: Final = b"\0"


class Tunnel:
    """While it is open, each connection to `address` leads to one port of one pod."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, port: int) -> None:
        """To `port` of `pod` in `namespace`."""
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Opens it. Raises ClusterError if the pod cannot be reached."""
        self._forward().shutdown()
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.address = Address(_LOOPBACK, self._listener.getsockname()[1])
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes it, and every connection through it."""
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_SECONDS)

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forward(self) -> Any:
        forward = self._cluster.websocket(self._path)
        forward.settimeout(_SECONDS)
        return forward

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    forward = self._forward()
                except ClusterError:
                    near.close()
                    continue
                self._start(_carry, near, forward)


def _carry(near: socket.socket, forward: Any) -> None:
    """Forwards data in both directions until one side ends, then ends both.

    One thread does both: two must not read and write the same TLS connection (Python: ssl, SSLSocket).
    """
    begun: set[bytes] = set()
    with suppress(OSError, WebSocketException, ValueError):
        while True:
            waiting = isinstance(forward.sock, ssl.SSLSocket) and forward.sock.pending()
            readable, _, _ = select.select([near, forward.sock], [], [], 0 if waiting else _SECONDS)
            if not readable and not waiting:
                break
            if near in readable:
                data = near.recv(_CHUNK)
                if not data:
                    break
                forward.send_binary(_DATA + data)
            if (waiting or forward.sock in readable) and not _receive(near, forward, begun):
                break
    with suppress(OSError, WebSocketException):
        forward.send_close()
    forward.shutdown()
    near.close()


def _receive(near: socket.socket, forward: Any, begun: set[bytes]) -> bool:
    """Forwards one frame; returns whether more may come."""
    opcode, frame = forward.recv_data()
    channel, data = frame[:1], frame[1:]
    if opcode != ABNF.OPCODE_BINARY or (channel in begun and channel != _DATA):
        return False
    if channel in begun:
        near.sendall(data)
    begun.add(channel)
    return True
