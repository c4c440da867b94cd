"""The time that one turn of the event loop spends on reading requests. What comes later waits for the next turn."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

#: Seconds of one turn for reading. A request takes some tens of microseconds.
READ_SECONDS: Final = 0.005


class Turn:
    """The current turn of one event loop: when its reading began, and who waits for the next turn."""

    def __init__(self) -> None:
        """Starts with a turn in which nothing was read."""
        self._began = 0.0
        self._waiting: deque[Callable[[], None]] = deque()

    def late(self) -> bool:
        """Whether reading must wait for the next turn, because this one took long or others wait already."""
        now = perf_counter()
        if not self._began:
            self._began = now
            asyncio.get_running_loop().call_soon(self._end)
        return bool(self._waiting) or now - self._began > READ_SECONDS

    def wait(self, read: Callable[[], None]) -> None:
        """Calls `read` in a later turn, after all that wait already."""
        self._waiting.append(read)

    def _end(self) -> None:
        self._began = 0.0
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._read)

    def _read(self) -> None:
        """Lets those read that wait, at least one of them, as long as this turn has time."""
        began = perf_counter()
        while self._waiting:
            self._waiting.popleft()()
            if perf_counter() - began > READ_SECONDS:
                break
        if not self._began:
            self._end()
