"""The page process, from outside: its sockets, its start, and a new start if it ends.

Nothing of it ever makes an admission wait or fail. If it does not start, the service serves without a page.
"""

import asyncio
import contextlib
import errno
import os
import re
import socket
import sys
from time import monotonic
from typing import Final

from webhook.service.feed import Feed
from webhook.service.listener import ListenError, authority, listen
from webhook.service.logs import Logger

_TICK_SECONDS: Final = 1.0
#: Seconds before a page process that has ended is started again: at first, and at most.
_AGAIN_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0
#: A process that has run for so many seconds was well.
_WELL_SECONDS: Final = 60.0
#: Seconds for it to end by itself.
_END_SECONDS: Final = 3.0
#: What it needs of the environment. The rest may be secrets.
_KEPT: Final = re.compile(r"(PYTHON|LC_|COVERAGE|OPENBLAS).*|PATH|LANG|TMPDIR|VIRTUAL_ENV|HOME")
_FLAG: Final = "--page-port"


def bind(port: int) -> list[socket.socket]:
    """Sockets bound to `port` of both loopback addresses, or of the one that the machine has. Raises ListenError."""
    first = listen("127.0.0.1", port, _FLAG)
    try:
        second = _bind_ipv6(first.getsockname()[1])
    except ListenError:
        first.close()
        raise
    return [first, second] if second else [first]


def _bind_ipv6(port: int) -> socket.socket | None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
        try:
            trial.bind(("::1", 0))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                return None
            raise
        return listen("::1", port, _FLAG)
    return None


class Page:
    """Runs the page process as long as the serving process runs."""

    def __init__(self, sockets: list[socket.socket], feed: Feed, logger: Logger) -> None:
        """Serves on `sockets`, and tells the process what `feed` has."""
        self._sockets = sockets
        self._feed = feed
        self._logger = logger
        self.not_after: float | None = None
        """When the certificate in use expires, in seconds since 1970; None if there is none."""

    @property
    def started(self) -> float:
        """When the serving process started, in seconds since 1970."""
        return self._feed.started

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{authority(*self._sockets[0].getsockname()[:2])}"

    async def run(self, hello: bytes) -> None:
        """Starts the process with `hello`, and again if it ends, until this is cancelled."""
        for one in self._sockets:
            # A client that comes while no process runs waits for the next one.
            one.listen()
        wait = _AGAIN_SECONDS
        while True:
            began = monotonic()
            try:
                code = await self._run_once(hello)
            except OSError as error:
                self._logger.warning("page", outcome="not started", error=str(error))
            else:
                self._logger.warning("page", outcome="ended", code=code)
            wait = _AGAIN_SECONDS if monotonic() - began > _WELL_SECONDS else min(2 * wait, _LONGEST_SECONDS)
            await asyncio.sleep(wait)

    async def _run_once(self, hello: bytes) -> int:
        """Runs one process, and returns its exit code. Raises OSError if it cannot be started."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)  # noqa: FBT003, the name says it
        self._feed.forget()
        with ours:
            with theirs:
                process = await self._start(hello, theirs)
            telling = asyncio.create_task(self._tell(ours))
            try:
                return await process.wait()
            finally:
                telling.cancel()
                ours.close()
                if process.returncode is None:
                    await _end(process)

    async def _start(self, hello: bytes, feed: socket.socket) -> asyncio.subprocess.Process:
        numbers = [one.fileno() for one in self._sockets]
        arguments = ["--feed", str(feed.fileno()), "--sockets", ",".join(map(str, numbers))]
        first = os.memfd_create("hello")
        try:
            # A pipe would have to be written while the process reads.
            os.write(first, hello)
            os.lseek(first, 0, os.SEEK_SET)
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "webhook.page",
                *arguments,
                stdin=first,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(feed.fileno(), *numbers),
                env={name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)},
            )
        finally:
            os.close(first)

    async def _tell(self, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(_TICK_SECONDS)
                self._feed.tell(to, self.not_after)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Waits until the process has ended, which its feed has told it to do, or kills it."""
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), _END_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
