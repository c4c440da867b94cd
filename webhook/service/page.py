"""The page process, from outside: its sockets, its start, what it is told, and a new start if it ends.

Nothing of it ever makes an admission wait or fail. If it does not start, the service serves without a page.
"""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from msgspec import json

from webhook.service.feed import Feed
from webhook.service.feed_messages import Greeting
from webhook.service.listener import ListenError, authority, listen
from webhook.service.logs import Logger
from webhook.service.process_end import end

#: Its arguments are descriptors that it inherits.
COMMAND: Final = (sys.executable, "-m", "webhook.page")
_FLAG: Final = "--page-port"
#: How often a port is sought that is free on both addresses.
_ATTEMPTS: Final = 20
#: Connections that wait in the kernel while the process starts.
_BACKLOG: Final = 64
_TICK_SECONDS: Final = 1.0
#: Seconds before a page process that has ended is started again: at first, and at most.
_AGAIN_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0
#: A process that has run for so many seconds was well.
_WELL_SECONDS: Final = 60.0
#: The most bytes of its standard error that are read at once.
_ERROR_BYTES: Final = 64 * 1024
#: What it needs of the environment. The rest may be secrets.
_KEPT: Final = re.compile(r"(PYTHON|LC_|COVERAGE).*|PATH|LD_LIBRARY_PATH|LANG|TMPDIR|VIRTUAL_ENV|HOME")


def bind(port: int) -> list[socket.socket]:
    """Sockets that listen on `port` of both loopback addresses, or of the one that the machine has.

    0 stands for any port that is free on both. A client that comes while no page process runs waits for the next one.
    Raises ListenError.
    """
    for _ in range(_ATTEMPTS):
        bound = [listen("127.0.0.1", port, _FLAG, "another port")]
        try:
            if _has_ipv6():
                bound.append(listen("::1", bound[0].getsockname()[1], _FLAG, "another port"))
            for one in bound:
                _open(one)
        except ListenError as error:
            fault = error
            for one in bound:
                one.close()
            if port:
                break
        else:
            return bound
    raise fault


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _open(bound: socket.socket) -> None:
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        # Somebody else was bound to the address, too, and listened first.
        where = authority(*bound.getsockname()[:2])
        raise ListenError(f"{_FLAG}: cannot listen on {where}: {error.strerror}; choose another port") from None


class Page:
    """Runs the page process as long as the serving process runs."""

    def __init__(
        self, sockets: Sequence[socket.socket], feed: Feed, logger: Logger, command: Sequence[str] = COMMAND
    ) -> None:
        """The process, of `command`, serves on `sockets`, and is told what `feed` has."""
        self._sockets = sockets
        self._feed = feed
        self._logger = logger
        self._command = command

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{authority(*self._sockets[0].getsockname()[:2])}"

    async def run(self, greeting: Greeting) -> None:
        """Starts the process with `greeting`, and again if it ends, until this is cancelled."""
        loop = asyncio.get_running_loop()
        wait = _AGAIN_SECONDS
        while True:
            began = loop.time()
            try:
                code = await self._run_once(greeting)
            except Exception as error:  # noqa: BLE001, the admissions go on without a page
                self._logger.warning("page", outcome="not started", error=f"{type(error).__name__}: {error}")
            else:
                self._logger.warning("page", outcome="ended", code=code)
            if loop.time() - began > _WELL_SECONDS:
                wait = _AGAIN_SECONDS
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_SECONDS)

    async def _run_once(self, greeting: Greeting) -> int:
        """Runs one process, tells it what happens, and returns its exit code. Raises OSError if it does not start."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)  # noqa: FBT003, the name says it
        with ours:
            with theirs:
                process = self._start(greeting, theirs)
            assert process.stderr is not None  # noqa: S101, it is a pipe
            with process.stderr as errors:
                try:
                    self._feed.start_over()
                    while process.poll() is None:
                        # It may end in this moment.
                        with contextlib.suppress(ConnectionError):
                            self._feed.tell(ours)
                        self._repeat(errors.fileno())
                        await asyncio.sleep(_TICK_SECONDS)
                finally:
                    ours.close()
                    await end(process)
                self._repeat(errors.fileno())
        return process.returncode

    def _start(self, greeting: Greeting, feed: socket.socket) -> subprocess.Popen[bytes]:
        numbers = [one.fileno() for one in self._sockets]
        arguments = ["--feed", str(feed.fileno()), "--sockets", ",".join(map(str, numbers))]
        first = os.memfd_create("greeting")
        try:
            # A pipe would have to be written while the process reads.
            os.write(first, json.encode(greeting))
            os.lseek(first, 0, os.SEEK_SET)
            process = subprocess.Popen(  # noqa: S603, our own command
                [*self._command, *arguments],
                stdin=first,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # All others are closed: it can neither read the TLS key nor write what we tell it.
                pass_fds=(feed.fileno(), *numbers),
                env={name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)},
                # Ctrl-C reaches all processes of a terminal's group, and is for the serving process.
                process_group=0,
            )
        finally:
            os.close(first)
        assert process.stderr is not None  # noqa: S101, it is a pipe
        os.set_blocking(process.stderr.fileno(), False)
        return process

    def _repeat(self, errors: int) -> None:
        """Logs the last line that the process has written to its standard error since the call before."""
        with contextlib.suppress(BlockingIOError):
            lines = os.read(errors, _ERROR_BYTES).decode(errors="replace").splitlines()
            if said := [line for line in lines if line.strip()]:
                self._logger.warning("page", error=said[-1])
