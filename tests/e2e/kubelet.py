"""A kubelet's part in a port-forward, because the control plane has no kubelet.

The API server forwards the WebSocket unchanged. Its subprotocol v4.channel.k8s.io has the data of the first port on channel 0
and its errors on channel 1. Each channel begins with a frame that has the port's number (Kubernetes: WebSocket streaming).
"""

import base64
import hashlib
import select
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from certs.authority import issue, new_authority
from certs.files import write_folder
from certs.material import pem_files

#: What RFC 6455 1.3 appends to the key of a handshake.
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE = 2, 8


def certified(address: str, folder: Path) -> ssl.SSLContext:
    """A server's context with a new certificate for `address`, which is written to `folder`."""
    authority = new_authority(datetime.now(UTC))
    write_folder(folder, pem_files(issue(authority, [address], datetime.now(UTC)), [authority.certificate]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


@contextmanager
def kubelet(address: str, port: int, target: tuple[str, int], folder: Path) -> Iterator[None]:
    """Listens on `address`:`port`, and forwards every port of every pod to the address and port `target`."""
    context = certified(address, folder)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as secured:
                secured.settimeout(60)
                _forward(secured, target)

    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    class Server(socketserver.ThreadingTCPServer):
        address_family = family
        allow_reuse_address = True
        daemon_threads = False

    with served(Server((address, port), Connection)):
        yield


@contextmanager
def served(listening: socketserver.BaseServer) -> Iterator[None]:
    """Serves in a thread until the block ends."""
    with listening as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _forward(caller: ssl.SSLSocket, target: tuple[str, int]) -> None:
    request, *lines = _head(caller).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert "v4.channel.k8s.io" in headers["sec-websocket-protocol"]
    port = int(parse_qs(urlsplit(request.split(" ")[1]).query)["port"][0])
    digest = hashlib.sha1((headers["sec-websocket-key"] + GUID).encode()).digest()  # noqa: S324, RFC 6455 has it
    answer = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
        "Sec-WebSocket-Protocol: v4.channel.k8s.io",
    ]
    caller.sendall("\r\n".join([*answer, "", ""]).encode())
    for channel in (b"\0", b"\1"):
        caller.sendall(_frame(channel + struct.pack("<H", port)))
    with socket.create_connection(target) as pod:
        _carry(caller, pod)
    caller.sendall(bytes((0x80 | CLOSE, 0)))


def _carry(caller: ssl.SSLSocket, pod: socket.socket) -> None:
    """Forwards data in both directions until one side ends, in one thread, because TLS connections allow only one."""
    while True:
        waiting = caller.pending()
        readable, _, _ = select.select([caller, pod], [], [], 0 if waiting else 60)
        if pod in readable:
            if not (data := pod.recv(16384)):
                return
            caller.sendall(_frame(b"\0" + data))
        if waiting or caller in readable:
            if (sent := _read(caller)) is None:
                return
            pod.sendall(sent)


def _head(caller: ssl.SSLSocket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(caller, 1)
    return head.strip()


def _exactly(caller: ssl.SSLSocket, number: int) -> bytes:
    content = b""
    while len(content) < number:
        more = caller.recv(number - len(content))
        if not more:
            raise OSError("the connection ended")
        content += more
    return content


def _frame(payload: bytes) -> bytes:
    """A frame of a server, which is not masked (RFC 6455 5.2)."""
    length = bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
    return bytes((0x80 | BINARY,)) + length + payload


def _read(caller: ssl.SSLSocket) -> bytes | None:
    """The data of the next frame of a client, which is masked; None at the end."""
    first, second = _exactly(caller, 2)
    length = second & 127
    if length == 126:
        (length,) = struct.unpack(">H", _exactly(caller, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", _exactly(caller, 8))
    mask = _exactly(caller, 4)
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(_exactly(caller, length)))
    return None if first & 15 == CLOSE else payload[1:]
