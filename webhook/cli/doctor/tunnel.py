"""A port-forward to a pod, as a port on loopback (Kubernetes: WebSocket streaming, v4.channel.k8s.io).

The API client's own port-forward leaves its WebSocket open if the pod ends a connection first, so it is not used here.
Channel 0 carries data, channel 1 errors, and each begins with a frame that holds the port's number.
"""

import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from websocket import ABNF, WebSocketException

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError
from certs.server import Address

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 16384
_SECONDS: Final = 10
_SECONDS_TO_END: Final = 0.05
_DATA: Final = b"\0"


@contextmanager
def port_forward(cluster: Cluster, namespace: str, pod: str, port: int) -> Iterator[Address]:
    """An address at which each connection leads to `port` of `pod`, until the block ends.

    Raises ClusterError if the pod cannot be reached.
    """

    def connect() -> Any:
        forward = cluster.websocket(f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}")
        forward.settimeout(_SECONDS)
        return forward

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ClusterError):
                _carry(self.request, connect())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True  # Ctrl-C must not wait for them

    connect().shutdown()
    with Server((_LOOPBACK, 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, args=[_SECONDS_TO_END], daemon=True)
        thread.start()
        try:
            yield Address(_LOOPBACK, server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def _carry(near: socket.socket, forward: Any) -> None:
    """Forwards data in both directions until one side ends, then ends the forward.

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
