"""The streams of the live view: the state each second, as server-sent events (HTML Standard, section 9.2)."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Final

from msgspec import DecodeError, json

from webhook.page.feed import MOST_BYTES, Hello, read_tick
from webhook.page.state import ReplicaState

#: The most streams at once.
MOST_STREAMS: Final = 32
#: Seconds without a tick after which the state is stale.
_STALE_SECONDS: Final = 3.0
_TICK_SECONDS: Final = 1.0
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Live:
    """Takes the messages of the serving process, and tells every stream."""

    def __init__(self, hello: Hello, feed: socket.socket) -> None:
        """Reads from `feed`, a non-blocking socket of whole messages."""
        self._state = ReplicaState(hello)
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._news = asyncio.Event()
        self._encoded: dict[tuple[str, int], bytes] = {}
        self._streams = 0
        self.ended = asyncio.Event()
        """Set once the serving process has ended, or the page process is to end."""
        self._loop.add_reader(feed, self._read)

    @property
    def full(self) -> bool:
        """Whether no more stream is accepted."""
        return self._streams >= MOST_STREAMS

    def end(self) -> None:
        """Ends all streams."""
        self._loop.remove_reader(self._feed)
        self.ended.set()
        self._wake()

    async def stream(self, last_event: str) -> AsyncIterator[bytes]:
        """Yields events: a snapshot with the decisions after the one of the id `last_event`, and then ticks."""
        self._streams += 1
        try:
            seen = self._seen(last_event)
            yield self._event("snapshot", seen)
            seen, patience = self._state.seq, _STALE_SECONDS
            while not self.ended.is_set():
                news = self._news
                try:
                    async with asyncio.timeout(patience):
                        await news.wait()
                except TimeoutError:
                    patience = _TICK_SECONDS
                    yield self._stale()
                    continue
                if not self.ended.is_set():
                    yield self._event("tick", seen)
                    seen, patience = self._state.seq, _STALE_SECONDS
        finally:
            self._streams -= 1

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
        self._wake()

    def _wake(self) -> None:
        self._encoded.clear()
        self._news.set()
        self._news = asyncio.Event()

    def _seen(self, last_event: str) -> int:
        """The number of the last decision that a client has; 0 if it has none of this process."""
        started, _, number = last_event.rpartition("-")
        known = started == str(self._state.started) and _NUMBER.fullmatch(number)
        return min(int(number), self._state.seq) if known else 0

    def _event(self, name: str, after: int) -> bytes:
        # Nearly all streams have seen the same decisions.
        encoded = self._encoded.get((name, after))
        if encoded is None:
            data = json.encode(self._state.document(after))
            encoded = b"event: %b\nid: %b-%d\ndata: %b\n\n" % (
                name.encode(),
                str(self._state.started).encode(),
                self._state.seq,
                data,
            )
            self._encoded[name, after] = encoded
        return encoded

    def _stale(self) -> bytes:
        return b"event: stale\ndata: %b\n\n" % json.encode({"seconds": round(self._loop.time() - self._heard)})
