"""The longest turn of a process's event loop, in processor time of the loop's thread.

A turn is one iteration of the loop: the callbacks of sockets, and all callbacks that were ready. The watched process and the
one that reads share a few bytes of memory through a file, so reading and resetting cost the loop nothing.
"""

import asyncio
import mmap
from pathlib import Path
from time import monotonic, sleep, thread_time

_BYTES = 3 * 8
#: A timer runs at most once in a turn, and a timer of a millisecond runs in the first turn that begins a millisecond later.
#: So the time between two runs is that of one turn, or of several short ones that take little more than a millisecond.
_SECONDS = 0.001


def _shared(file: Path) -> "memoryview[float]":
    """In `file`: how often a reader has reset the measurement, the longest turn in seconds, and the measured turns."""
    with file.open("r+b") as opened:
        return memoryview(mmap.mmap(opened.fileno(), _BYTES)).cast("d")


def watch(loop: asyncio.AbstractEventLoop, file: Path) -> None:
    """Measures every turn of `loop`, and keeps the longest in `file`, which `Turns` has made."""
    shared = _shared(file)
    resets, before = -1.0, 0.0

    def measure() -> None:
        nonlocal resets, before
        now = thread_time()
        if shared[0] != resets:
            resets, shared[1] = shared[0], 0.0
        elif now - before > shared[1]:
            shared[1] = now - before
        before = now
        shared[2] += 1
        loop.call_later(_SECONDS, measure)

    loop.call_soon_threadsafe(measure)


class Turns:
    """What another process measures with `watch`."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(_BYTES))
        self._shared = _shared(file)

    def reset(self) -> None:
        """Begins anew with the next turn."""
        self._shared[0] += 1

    def settle(self, seconds: float = 10) -> bool:
        """Waits until the turn that goes on now is measured; returns whether that happened within `seconds`."""
        until, count = monotonic() + seconds, self._shared[2]
        while self._shared[2] < count + 2:
            if monotonic() > until:
                return False
            sleep(_SECONDS)
        return True

    @property
    def longest_ms(self) -> float:
        """The longest turn since the last reset, in milliseconds."""
        return self._shared[1] * 1000
