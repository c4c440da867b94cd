"""A client that keeps connections open, accepts any answer, and returns the status and the body of each call."""

import asyncio
import ssl
from dataclasses import dataclass

HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def call(path: str, body: bytes) -> bytes:
    """The bytes of a POST."""
    return HEAD % (path.encode(), len(body)) + body


@dataclass
class Client:
    """One connection to a port of this machine, opened again if the other side closed it."""

    port: int
    context: ssl.SSLContext
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def exchange(self, request: bytes) -> int:
        """Sends `request` and returns the status of the answer; 0 if the connection closed without one."""
        return (await self.answer(request))[0]

    async def answer(self, request: bytes) -> tuple[int, bytes]:
        """Sends `request` and returns status and body of the answer; 0 if the connection closed without one."""
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
            )
        try:
            self.writer.write(request)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
            fields = head.lower()
            length = (
                0 if request.startswith(b"HEAD ") else int(fields.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            )
            body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            self.close()
            return 0, b""
        if b"connection: close" in fields:
            self.close()
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        """Drops the connection."""
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None
