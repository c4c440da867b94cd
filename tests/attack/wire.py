"""A connection below HTTP: what is sent in which TLS record, what is never read, and how it ends, is up to the caller."""

import asyncio
import re
import socket
import ssl
import struct
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

#: The most plain bytes of a TLS record (RFC 8446, section 5.1).
RECORD = 16 * 1024
#: A receive buffer that fills after a few kilobytes. The kernel's own choice grows to megabytes.
SMALL = 4096
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_RESET = struct.pack("ii", 1, 0)


class ClosedError(ConnectionError):
    """The other side has closed the connection."""


@dataclass(frozen=True)
class Answer:
    """One whole answer."""

    status: int
    head: bytes
    body: bytes

    @property
    def later(self) -> bool:
        """Whether the service is too busy, and the client may try again."""
        return self.status == 503 and b"\r\nretry-after: " in self.head.lower()


class Wire:
    """A connection to a port of this machine, over TLS if `context` is given. Every status that is read is counted."""

    def __init__(
        self, port: int, context: ssl.SSLContext | None, statuses: Counter[str], receive_buffer: int | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._statuses = statuses
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self._read = bytearray()
        self.socket = socket.socket()
        self.socket.setblocking(False)  # noqa: FBT003, the name says it
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)

    async def __aenter__(self) -> Self:
        """Connects, and makes the handshake."""
        try:
            await self.connect()
            await self.handshake()
        except BaseException:
            self.abort()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    async def connect(self) -> None:
        await self._loop.sock_connect(self.socket, ("127.0.0.1", self._port))

    async def handshake(self) -> None:
        while self._tls:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    def hello(self) -> bytes:
        """The first message of a handshake."""
        assert self._tls
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return self._outgoing.read()
        raise AssertionError("a handshake without an answer")

    async def send(self, data: bytes, record: int = RECORD) -> None:
        """Sends `data` in TLS records of `record` bytes."""
        if self._tls is None:
            await self.send_raw(data)
            return
        step = max(record, 2048 // record * record) if record < RECORD else RECORD * 4
        for start in range(0, len(data), step):
            part = memoryview(data)[start : start + step]
            for begin in range(0, len(part), record):
                self._tls.write(part[begin : begin + record])
            await self._flush()

    async def send_raw(self, data: bytes) -> None:
        """Sends bytes outside TLS."""
        await self._loop.sock_sendall(self.socket, data)

    async def receive(self) -> bytes:
        """The next plain bytes; raises ClosedError at their end."""
        if self._tls is None:
            return await self._raw()
        while True:
            try:
                data = self._tls.read(256 * 1024)
            except ssl.SSLWantReadError:
                await self._fill()
            except ssl.SSLZeroReturnError:
                raise ClosedError from None
            else:
                if not data:
                    raise ClosedError
                return data

    async def answer(self) -> Answer:
        """The next whole answer; raises ClosedError if there is none."""
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            self._read += await self.receive()
        head = bytes(self._read[: end + 4])
        line = _STATUS.match(head)
        assert line, head
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        while len(self._read) < end + 4 + length:
            self._read += await self.receive()
        body = bytes(self._read[end + 4 : end + 4 + length])
        del self._read[: end + 4 + length]
        status = int(line[1])
        self._statuses[str(status)] += 1
        found = Answer(status, head, body)
        # The operations listener has no TLS. Its 503 means that the service is not ready.
        if status == 503 and self._tls and not found.later:
            self._statuses["503 without Retry-After"] += 1
        return found

    async def answers(self) -> list[Answer]:
        """All answers until the other side closes."""
        found = []
        try:
            while True:
                found.append(await self.answer())
        except (OSError, ssl.SSLError):
            return found

    async def half_close(self) -> None:
        """Tells the other side that nothing more comes, and still reads."""
        if self._tls:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                await self._flush()
        self.socket.shutdown(socket.SHUT_WR)

    def drop(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def abort(self) -> None:
        """Closes the socket with a reset."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.socket.close()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self.send_raw(data)

    async def _fill(self) -> None:
        self._incoming.write(await self._raw())

    async def _raw(self) -> bytes:
        data = await self._loop.sock_recv(self.socket, 256 * 1024)
        if not data:
            raise ClosedError
        return data
