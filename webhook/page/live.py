"""The streams of the live view: the state each second, as server-sent events (HTML Standard, section 9.2)."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

from msgspec import DecodeError, json

from webhook.page.state import ReplicaState
from webhook.service.feed_messages import MOST_BYTES, Greeting, read_tick
from webhook.service.responses import RejectedError

#: The most streams at once.
MOST_STREAMS: Final = 32
#: Seconds without a tick after which the state is stale.
_STALE_SECONDS: Final = 3.0
#: Seconds between two events that say so.
_AGAIN_SECONDS: Final = 1.0
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Live:
    """Takes the messages of the serving process, and tells every stream."""

    def __init__(self, greeting: Greeting, feed: socket.socket) -> None:
        """Reads from `feed`, a non-blocking socket of whole messages."""
        self._state = ReplicaState(greeting)
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._ticks = 0
        self._news = asyncio.Event()
        self._encoded: dict[tuple[str, int], bytes] = {}
        self._streams = 0
        self.ended = asyncio.Event()
        """Set once the serving process has ended, or the page process is to end."""
        self._loop.add_reader(feed, self._read)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Holds the place of one stream. Raises RejectedError if all are taken."""
        if self._streams >= MOST_STREAMS:
            raise RejectedError(503, "overloaded", f"{MOST_STREAMS} live views are open; close one of them")
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def end(self) -> None:
        """Ends all streams."""
        self._loop.remove_reader(self._feed)
        self.ended.set()
        self._wake()

    async def events(self, last_event: str) -> AsyncIterator[bytes]:
        """Yields events: a snapshot with the decisions after the one of the id `last_event`, and then ticks."""
        name, seen = "snapshot", self._seen(last_event)
        while not self.ended.is_set():
            told, due = self._ticks, self._heard + _STALE_SECONDS
            event = self._event(name, seen)
            name, seen = "tick", max(seen, self._state.seq)
            yield event
            # A client that took long to read may have missed some.
            while self._ticks == told and not self.ended.is_set():
                try:
                    async with asyncio.timeout_at(due):
                        await self._news.wait()
                except TimeoutError:
                    due = self._loop.time() + _AGAIN_SECONDS
                    yield self._stale()

    def _read(self) -> None:
        try:
            message = self._feed.recv(MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self.end()
            return
        try:
            self._state.take(read_tick(message))
        except DecodeError:
            # Only a defect of the serving process sends such a thing, and it shows as a stale state.
            return
        self._heard = self._loop.time()
        self._ticks += 1
        self._wake()

    def _wake(self) -> None:
        self._encoded.clear()
        self._news.set()
        self._news = asyncio.Event()

    def _seen(self, last_event: str) -> int:
        """The number of the last decision that a client has; 0 if it has none of this serving process.

        It is greater than the state's number if this page process is new, and the serving process is not.
        """
        started, _, number = last_event.rpartition("-")
        return int(number) if started == str(self._state.started) and _NUMBER.fullmatch(number) else 0

    def _event(self, name: str, after: int) -> bytes:
        # Nearly all streams have seen the same decisions.
        encoded = self._encoded.get((name, after))
        if encoded is None:
            data = json.encode(self._state.document(after))
            identity = f"{self._state.started}-{max(after, self._state.seq)}"
            encoded = f"event: {name}\nid: {identity}\ndata: ".encode() + data + b"\n\n"
            self._encoded[name, after] = encoded
        return encoded

    def _stale(self) -> bytes:
        return b"event: stale\ndata: %b\n\n" % json.encode({"seconds": round(self._loop.time() - self._heard)})
