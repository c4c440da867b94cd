"""Standard output of the serving process, written without waiting for whoever reads it."""

import asyncio
import errno
import os
import select
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final

#: The most bytes that wait for a reader. Further lines are lost.
WAITING_BYTES: Final = 256 * 1024
#: How long the end of the process waits for a reader.
LAST_SECONDS: Final = 0.5


class Output:
    """Writes all lines of one turn of the event loop with one system call, and keeps lines while nobody reads.

    structlog uses it as its innermost logger. structlog's own holds a lock while it writes, so a warning that Python
    issues at that moment would wait for ever.
    """

    def __init__(self, dropped: Callable[[int], None], descriptor: int | None) -> None:
        """Writes to `descriptor`; calls `dropped` with the count of lines that are lost. Without one, all are lost."""
        self.terminal = descriptor is not None and os.isatty(descriptor)
        """Whether the output is a terminal."""
        self.report: Callable[[int], None] = _ignore
        """Called once lines can be written again, with the count of lines that were lost. It should write a line."""
        self._descriptor, self._restore = (None, _ignore) if descriptor is None else _without_waiting(descriptor)
        self._dropped = dropped
        #: Only appended to and cut at the front, because these are safe if another thread writes a line.
        self._lines: list[bytes] = []
        self._bytes = 0
        self._lost = 0
        self._writing = threading.Lock()
        #: Whether the first line is the rest of a line.
        self._torn = False
        #: The event loop that will write the lines.
        self._scheduled: asyncio.AbstractEventLoop | None = None
        #: The event loop that waits until the descriptor can be written to.
        self._watching: asyncio.AbstractEventLoop | None = None
        self._latest: asyncio.AbstractEventLoop | None = None

    def write(self, line: bytes) -> None:
        """Keeps `line` until the end of this turn; writes it at once if no event loop runs."""
        size = self._bytes + len(line)
        if (size > WAITING_BYTES or self._lost or self._descriptor is None) and not self._has_room(len(line)):
            self._lose(1)
            return
        self._bytes += len(line)
        self._lines.append(line)
        if self._scheduled is None or self._scheduled.is_closed():
            self._schedule()

    debug = info = warning = error = critical = write

    def close(self) -> None:
        """Writes what waits, if somebody reads it within half a second. Lines that come later are lost."""
        deadline = monotonic() + LAST_SECONDS
        self._write_out()
        while self._lines and self._descriptor is not None and (rest := deadline - monotonic()) > 0:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            poll.poll(rest * 1000)
            self._write_out()
        self._unwatch()
        if self._descriptor is not None:
            self._lose(len(self._lines))
            self._lines.clear()
            self._restore(self._descriptor)
            self._descriptor = None

    def _has_room(self, size: int) -> bool:
        """Whether a line of `size` bytes can wait. If lines are lost, none can until half of what waits is written."""
        if self._descriptor is None:
            return False
        if self._watching is None or self._watching.is_closed():
            self._write_out()
        return not self._lines or (not self._lost and self._bytes + size <= WAITING_BYTES)

    def _schedule(self) -> None:
        try:
            self._latest = self._scheduled = asyncio.get_running_loop()
            self._scheduled.call_soon(self._write_out)
        except RuntimeError:
            if self._latest is not None and self._latest.is_running():
                # This is another thread than that of the event loop.
                self._latest.call_soon_threadsafe(self._write_out)
            else:
                self._write_out()

    def _write_out(self) -> None:
        """Writes the lines that wait, as far as that is possible now."""
        self._scheduled = None
        # If it is locked, another thread writes now. That one then writes these lines too.
        if self._descriptor is None or not self._lines or not self._writing.acquire(blocking=False):
            return
        try:
            while lines := self._lines.copy():
                self._remove(lines, os.write(self._descriptor, b"".join(lines)))
        except BlockingIOError:
            blocked = True
            self._watch()
        except OSError as error:
            self._discard(error)
            return
        else:
            blocked = False
            self._unwatch()
        finally:
            self._writing.release()
        if self._lost and self._bytes <= WAITING_BYTES // 2:
            lost, self._lost = self._lost, 0
            self.report(lost)
        if self._lines and not blocked and self._scheduled is None:
            # Another thread added a line after the last write.
            self._schedule()

    def _remove(self, lines: list[bytes], written: int) -> None:
        """Removes the `lines` of which `written` bytes in all are written; a rest of a line stays."""
        whole = 0
        for line in lines:
            if written < len(line):
                break
            written -= len(line)
            whole += 1
        self._torn = written > 0
        if written:
            self._lines[whole] = lines[whole][written:]
        del self._lines[:whole]
        self._bytes = sum(map(len, self._lines))

    def _discard(self, error: OSError) -> None:
        """Loses the lines that wait. Reporting the error would fail too."""
        self._unwatch()
        # A full disk may have room later, and then a line that was begun must be finished. After EPIPE the reader that
        # has its beginning is gone.
        begun = 1 if self._torn and error.errno != errno.EPIPE else 0
        self._lose(len(self._lines) - begun)
        del self._lines[begun:]
        self._torn = bool(begun)
        self._bytes = sum(map(len, self._lines))

    def _lose(self, count: int) -> None:
        if count:
            self._lost += count
            self._dropped(count)

    def _watch(self) -> None:
        """Writes on as soon as the descriptor can be written to."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._watching is not loop and self._descriptor is not None:
            loop.add_writer(self._descriptor, self._write_out)
            self._watching = loop
        self._scheduled = loop

    def _unwatch(self) -> None:
        if self._watching is not None and not self._watching.is_closed() and self._descriptor is not None:
            self._watching.remove_writer(self._descriptor)
        self._watching = None


def standard_output() -> int | None:
    """The descriptor of standard output; None if it was closed when the process started."""
    # In that case the descriptor may belong to something else by now, for example to a socket.
    return None if sys.stdout is None else 1


def reserve_standard_descriptors() -> None:
    """Opens /dev/null in place of standard streams that are closed, so that no socket gets their descriptors."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # This is the lowest free descriptor, so it is the one that is opened.
            os.open(os.devnull, os.O_RDWR)


def _without_waiting(descriptor: int) -> tuple[int | None, Callable[[int], object]]:
    """A descriptor of the same output for which a write never waits, and what is to be called with it at the end."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return None, _ignore
    pipe, terminal = stat.S_ISFIFO(mode), os.isatty(descriptor)
    if pipe or terminal:
        # Other processes may share the open file, and expect that their writes wait. So this opens another one.
        with suppress(OSError):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY), os.close
    elif not stat.S_ISSOCK(mode):
        return descriptor, _ignore
    blocking = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    return descriptor, partial(_set_blocking, blocking=blocking)


def _set_blocking(descriptor: int, *, blocking: bool) -> None:
    os.set_blocking(descriptor, blocking)


def _ignore(_: int) -> None:
    """Does nothing."""
