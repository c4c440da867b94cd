"""Turns of the event loop: what takes long is spread over several, so that the loop serves all others in between."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from itertools import islice
from time import perf_counter
from typing import Final, Protocol

#: Seconds of one turn for one kind of work. To read a request, or to answer it, takes some tens of microseconds.
SECONDS: Final = 0.005
#: How many connections, of those that wait longest, decrypt in one turn. Most need some 10 µs, and 2 ms at most.
_LONGEST: Final = 32
#: Bytes of the connections that go before them, because they have the fewest.
_FEWEST_BYTES: Final = 32 * 1024
#: What may lie between two beats that are a tenth of a second apart, because other turns are long.
_BEAT_SECONDS: Final = 0.15


class Clock:
    """The time of this process. On a machine that is too busy, a process may stand still for seconds."""

    def __init__(self) -> None:
        """Goes as perf_counter does."""
        self._lost = 0.0
        self._until = math.inf

    def now(self) -> float:
        """Seconds as by perf_counter, without those in which the process stood still."""
        return min(perf_counter(), self._until) - self._lost

    def beat(self) -> None:
        """The event loop turns. From now on, this is expected to be called every tenth of a second."""
        now = perf_counter()
        self._lost += max(0, now - self._until)
        self._until = now + _BEAT_SECONDS

    def end(self) -> None:
        """The calls of `beat` end."""
        self.beat()
        self._until = math.inf


class Backlog:
    """Calls that wait for later turns, the first one first."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: deque[Callable[[], None]] = deque()

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def add(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        """Calls `call` in a later turn of `loop`."""
        if not self._waiting:
            loop.call_soon(self._work, loop)
        self._waiting.append(call)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Makes at least one call, and more as long as there is time."""
        until = perf_counter() + SECONDS
        try:
            while self._waiting:
                try:
                    self._waiting[0]()
                finally:
                    # Not before, because a call that adds another one must not begin a second series.
                    self._waiting.popleft()
                if perf_counter() > until:
                    break
        finally:
            if self._waiting:
                loop.call_soon(self._work, loop)


class Ration:
    """Lets a number of tasks go on in each turn of the event loop, the first one first."""

    def __init__(self, number: int) -> None:
        """Lets `number` tasks go on in a turn."""
        self._number = self._left = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Returns in this turn, or in a later one."""
        loop = asyncio.get_running_loop()
        if self._left == self._number:
            loop.call_soon(self._renew, loop)
        if self._left:
            self._left -= 1
            return
        later = loop.create_future()
        self._waiting.append(later)
        await later

    def _renew(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = self._number
        while self._waiting and self._left:
            later = self._waiting.popleft()
            if not later.done():
                later.set_result(None)
                self._left -= 1
        if self._left < self._number:
            loop.call_soon(self._renew, loop)


class Reader(Protocol):
    """A connection over TLS whose reading can wait."""

    @property
    def undecrypted_bytes(self) -> int:
        """What has arrived and waits; 0 if the connection may not go on anyway."""

    def go_on(self) -> None:
        """Decrypts what waits, in the next turn, and reads again."""


class Reading:
    """The reading of all connections of one server in the current turn."""

    def __init__(self) -> None:
        """Nothing was read yet, and nothing waits."""
        self.backlog = Backlog()
        self.began = 0.0
        """When the first socket of this turn was read, by perf_counter; 0 if none was. The others waited since then."""
        self.crowded = False
        """Whether all connections wait for the next turn already."""
        self.long = False
        """Whether this turn was long already when `late` was last asked."""
        self._ends = self._goes_on = False
        self._waiting: dict[Reader, None] = {}
        self._going: dict[Reader, None] = {}

    def late(self) -> bool:
        """Whether reading must wait for a later turn, because this one is long or others wait already."""
        now = perf_counter()
        if not self.began:
            self.began = now
        self.long = now - self.began > SECONDS
        return self.long or bool(self.backlog)

    def over(self) -> None:
        """The sockets of this turn are read: a request is answered in a task of its own."""
        self.began = 0.0

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Calls `over` at the end of the turn of `loop`, because perhaps no task answers a request in it."""
        if not self._ends:
            self._ends = True
            loop.call_soon(self._end)

    def _end(self) -> None:
        self._ends = self.crowded = False
        self.over()

    def wait(self, loop: asyncio.AbstractEventLoop, reader: Reader) -> None:
        """Lets `reader`, which has stopped reading, go on in a later turn of `loop`.

        In each turn these go on, until it is long: the one that waits longest, those with the fewest bytes, so that a
        review does not wait for what is larger, and others that wait long. Those for which nothing has arrived wait
        until nobody else does. Else all that comes for them is decrypted at once.
        """
        self._waiting.setdefault(reader)
        if not self._goes_on:
            self._goes_on = True
            loop.call_soon(self._go_on, loop)

    def has_read(self, reader: Reader) -> None:
        """It has gone on, if it waited."""
        if self._going:
            self._going.pop(reader, None)

    def back(self) -> None:
        """The turn is long: those that were to go on in it, and have not read yet, get their places back."""
        if self._going:
            self._waiting = dict.fromkeys((*self._going, *self._waiting))
            self._going.clear()

    def forget(self, reader: Reader) -> None:
        """The connection is closed. Does nothing if it does not wait."""
        self._waiting.pop(reader, None)
        self._going.pop(reader, None)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._goes_on = False
        self._going.clear()
        sizes = {reader: size for reader in self._waiting if (size := reader.undecrypted_bytes)}
        if not sizes:
            while self._waiting:
                self._waiting.popitem()[0].go_on()
            return
        longest = list(islice(sizes, _LONGEST))
        self._going, rest = {longest[0]: None}, _FEWEST_BYTES
        for reader in sorted(sizes, key=sizes.__getitem__):
            rest -= sizes[reader]
            if rest < 0:
                break
            self._going[reader] = None
        self._going |= dict.fromkeys(longest)
        for reader in self._going:
            del self._waiting[reader]
            reader.go_on()
        if self._waiting:
            self._goes_on = True
            loop.call_soon(self._go_on, loop)


class Answering:
    """The answers of one application in the current turn."""

    def __init__(self) -> None:
        """Nothing was answered yet, and nothing waits."""
        self.backlog = Backlog()
        self._began = 0.0

    def late(self, arrived: float) -> bool:
        """Whether the answer to a request must wait for a later turn. It was read at `arrived`, by perf_counter."""
        now = perf_counter()
        if arrived > self._began:
            # It was read after the answers of the last turn began. So this is a new turn.
            self._began = now
        return bool(self.backlog) or now - self._began > SECONDS
