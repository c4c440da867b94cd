"""The first message of a TLS client, looked at before OpenSSL works on it.

To answer a ClientHello costs far more than to send one, in time and in memory. So a handshake begins once the whole
message is there, and only if it is small. Until then a connection costs little.
"""

import asyncio
import socket
from typing import Final

#: The largest ClientHello, with the header of its record. Those of today's clients have 200 to 2,000 bytes.
MOST_BYTES: Final = 8 * 1024
#: The header of a record: type, version and length (RFC 8446, section 5.1).
_RECORD: Final = 5
#: The header of a message in it: type and length (section 4).
_MESSAGE: Final = 4
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_AGAIN_SECONDS: Final = 0.02


async def arrives(connection: socket.socket) -> bool:
    """Waits until a ClientHello lies in the kernel's buffer of `connection`; returns whether it is one, and accepted.

    It has to be in one record. Raises OSError if the connection is lost.
    """
    head = await _peek(connection, _RECORD + _MESSAGE)
    if not head or (head[0], head[_RECORD]) != (_HANDSHAKE, _CLIENT_HELLO):
        return False
    record, message = (int.from_bytes(part) for part in (head[3:_RECORD], head[_RECORD + 1 :]))
    size = _RECORD + record
    return _MESSAGE + message <= record and size <= MOST_BYTES and bool(await _peek(connection, size))


async def _peek(connection: socket.socket, size: int) -> bytes:
    """The first `size` bytes that wait in `connection`, once there are so many; none if its client has closed it."""
    # The kernel then tells of the bytes only once there are so many.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
    try:
        while True:
            await _readable(connection)
            found = connection.recv(size, socket.MSG_PEEK)
            if not found or len(found) == size:
                return found
            # The client has closed it behind fewer bytes, or the kernel tells of them earlier.
            await asyncio.sleep(_AGAIN_SECONDS)
    finally:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
