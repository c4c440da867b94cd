"""The time that one turn of the event loop spends on reading requests. What comes later waits for the next turn."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final

#: Seconds of one turn for reading. A request takes some tens of microseconds.
READ_SECONDS: Final = 0.005


class Turn:
    """The current turn of an event loop: how long it takes already, and who waits for the next one."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: deque[Callable[[], None]] = deque()

    def late(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether reading must wait for the next turn of `loop`, because this one is long or others wait already."""
        # uvloop's time stands still during a turn. It has milliseconds.
        return bool(self._waiting) or monotonic() - loop.time() > READ_SECONDS

    def wait(self, loop: asyncio.AbstractEventLoop, read: Callable[[], None]) -> None:
        """Calls `read` in a later turn of `loop`, after all that wait already."""
        if not self._waiting:
            loop.call_soon(self._read, loop)
        self._waiting.append(read)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets those read that wait: at least one of them, and more as long as there is time."""
        began = monotonic()
        while self._waiting and monotonic() - began < READ_SECONDS:
            self._waiting.popleft()()
        if self._waiting:
            loop.call_soon(self._read, loop)
