"""When a connection reads."""

import asyncio
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

from webhook.service.turn import Reading

#: A connection over TLS reads no more from its socket while this many bytes wait. A TLS record has at most 16 KiB.
_READ_BUFFER: Final = 20 * 1024


class Flow(FlowControl):
    """uvicorn's flow control, which resumes reading for each answer, but not while requests are pipelined or wait.

    uvloop decrypts all that has come for a connection before it passes anything on. So connections over TLS wait for a
    turn that has time for it.
    """

    held = False

    def __init__(self, transport: asyncio.Transport, reading: Reading, loop: asyncio.AbstractEventLoop) -> None:
        """The turns of `reading` are those of `loop`."""
        super().__init__(transport)
        self._reading = reading
        self._loop = loop
        self._encrypted = transport.get_extra_info("ssl_object") is not None
        if self._encrypted:
            transport.set_read_buffer_limits(high=_READ_BUFFER)  # type: ignore[attr-defined]

    def resume_reading(self) -> None:
        """Reads again, if it is not held; over TLS in a later turn."""
        if self.held or not self.read_paused:
            return
        if self._encrypted:
            self._reading.wait(self._loop, self)
        else:
            super().resume_reading()

    def wait(self) -> None:
        """Decrypts nothing more in this turn."""
        if self._encrypted and not self.read_paused:
            self.pause_reading()
            self._reading.wait(self._loop, self)

    @property
    def undecrypted_bytes(self) -> int:
        """What has arrived and waits; 0 if the connection may not go on anyway."""
        if self.held or self._transport.is_closing():
            return 0
        size: int = self._transport.get_read_buffer_size()  # type: ignore[attr-defined]
        return size

    def go_on(self) -> None:
        """Decrypts what waits, in the next turn, and reads again."""
        if not self.held and not self._transport.is_closing():
            super().resume_reading()

    def lost(self) -> None:
        """The connection is closed."""
        self._reading.forget(self)
