"""The process that explains, from outside: started, asked one question at a time, and killed if it takes too long."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

#: Questions that wait while one is answered.
_WAITING: Final = 8
#: Seconds for one answer. The process itself stops sooner, if it can.
_SECONDS: Final = 4.0
#: Seconds for a new process to be ready for its first question.
_START_SECONDS: Final = 30.0
#: Bytes of the length in front of each message.
_LENGTH: Final = 4
#: The largest answer, in bytes.
_MOST_BYTES: Final = 9 * 1024**2
_COMMAND: Final = (sys.executable, "-m", "webhook.playground")

_ACCEPTED: Final = "; accepted: fewer or smaller applications, which the command explain reads without this limit"


class UnansweredError(Exception):
    """A question has no answer; the message is one sentence, and `status` the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Explainer:
    """Asks a process, which it starts anew if it has ended."""

    def __init__(self, hello: bytes, command: Sequence[str] = _COMMAND) -> None:
        """Starts `command` at the first question. `hello` is the first message to each process."""
        self._hello = hello
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._started: bytes = b""
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def start(self) -> bytes:
        """What the process answers to `hello`. Raises UnansweredError."""
        async with self._turn:
            await self._running()
            return self._started

    async def ask(self, question: bytes, gone: Callable[[], Awaitable[bool]]) -> bytes:
        """The answer to `question`; nothing if `gone` says that nobody wants it any more. Raises UnansweredError."""
        if self._waiting > _WAITING:
            raise UnansweredError(503, "too many questions wait for an explanation; try again in a second")
        self._waiting += 1
        try:
            async with self._turn:
                if await gone():
                    return b""
                process = await self._running()
                return await self._exchange(process, question, _SECONDS)
        finally:
            self._waiting -= 1

    def end(self) -> None:
        """Kills the process."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
            try:
                self._started = await self._exchange(self._process, self._hello, _START_SECONDS)
            except UnansweredError:
                raise UnansweredError(503, "the process that explains does not start; its log says why") from None
        return self._process

    async def _exchange(self, process: asyncio.subprocess.Process, message: bytes, seconds: float) -> bytes:
        """Sends `message` and reads the answer. The process ends if there is none."""
        assert process.stdin is not None  # noqa: S101, both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(len(message).to_bytes(_LENGTH, "big") + message)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(_LENGTH), "big")
                if size > _MOST_BYTES:
                    raise UnansweredError(507, f"the explanation is too large{_ACCEPTED}")
                return await process.stdout.readexactly(size)
        except TimeoutError:
            raise UnansweredError(504, f"the explanation takes longer than {seconds:g} seconds{_ACCEPTED}") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            if await process.wait() == -signal.SIGXCPU:
                raise UnansweredError(504, f"the explanation takes too much processor time{_ACCEPTED}") from None
            raise UnansweredError(507, f"the explanation takes too much memory{_ACCEPTED}") from None
        finally:
            # Whatever went wrong, an answer that comes later would be taken for that of another question.
            if sys.exc_info()[0] is not None:
                self.end()
                await process.wait()
