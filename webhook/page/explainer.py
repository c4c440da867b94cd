"""The process that explains, from outside: started, asked one question at a time, and killed if it takes too long."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

#: The command that starts the process.
COMMAND: Final = (sys.executable, "-m", "webhook.playground")
#: Questions that wait while one is answered.
MOST_WAITING: Final = 8
#: Seconds for one answer. The process itself stops sooner, if it can.
_SECONDS: Final = 12.0
#: Seconds for a new process to be ready for its first question. It yields the processor to others, so it may take long.
_START_SECONDS: Final = 120.0
#: Bytes of the length in front of each message.
_LENGTH: Final = 4
#: The largest answer, in bytes.
_MOST_BYTES: Final = 9 * 1024**2
#: The exit code of the process if a question takes too much memory.
OUT_OF_MEMORY: Final = 7
#: How it ends if a question takes too long.
_TIME_SIGNALS: Final = (signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU)
#: How it ends for want of memory: by itself, by a library's abort, or because the system must kill something.
_MEMORY_ENDS: Final = (OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL)

_ACCEPTED: Final = "; accepted: fewer or smaller applications, which the command explain reads without this limit"
_ENDS: Final = "the page ends; try again in a second"
_TOO_LONG: Final = f"the explanation takes too long{_ACCEPTED}"


class UnansweredError(Exception):
    """A question has no answer; the message is one sentence, and `status` the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Explainer:
    """Asks a process, which it starts anew if it has ended."""

    def __init__(self, greeting: bytes, command: Sequence[str] = COMMAND) -> None:
        """Starts `command` at the first question. `greeting` is the first message to each process."""
        self._greeting = greeting
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._started: bytes | None = None
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._ended = False

    async def start(self) -> bytes:
        """What the process answers to `greeting`, which is always the same. Raises UnansweredError."""
        if self._started is not None:
            return self._started
        async with self._turn:
            return (await self._running())[1]

    async def ask(self, question: bytes, gone: Callable[[], Coroutine[Any, Any, None]]) -> bytes:
        """The answer to `question`, or nothing if `gone` returns before its turn. Raises UnansweredError."""
        if self._waiting > MOST_WAITING:
            raise UnansweredError(503, "too many questions wait for an explanation; try again in a second")
        self._waiting += 1
        try:
            async with self._in_turn(gone) as wanted:
                if not wanted:
                    return b""
                process, _ = await self._running()
                return await self._exchange(process, question, _SECONDS)
        finally:
            self._waiting -= 1

    @contextlib.asynccontextmanager
    async def _in_turn(self, gone: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[bool]:
        """Waits for a turn, and yields True; or yields False once `gone` returns.

        Whoever types asks again before the answer is there, and what was asked before must take no place.
        """
        turn = asyncio.create_task(self._turn.acquire())
        leaving = asyncio.create_task(gone())
        try:
            await asyncio.wait((turn, leaving), return_when=asyncio.FIRST_COMPLETED)
            yield not leaving.done()
        finally:
            leaving.cancel()
            if turn.done():
                self._turn.release()
            else:
                turn.cancel()

    def end(self) -> None:
        """Kills the process, and starts none any more."""
        self._ended = True
        if self._process is not None:
            _kill(self._process)

    async def _running(self) -> tuple[asyncio.subprocess.Process, bytes]:
        """A process that is ready for a question, and its answer to `greeting`."""
        if self._process is None or self._process.returncode is not None or self._started is None:
            if self._ended:
                raise UnansweredError(503, _ENDS)
            pipe = asyncio.subprocess.PIPE
            try:
                self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
            except OSError:
                raise UnansweredError(
                    503, "the system starts no process that explains; try again in a second"
                ) from None
            try:
                self._started = await self._exchange(self._process, self._greeting, _START_SECONDS)
            except UnansweredError:
                raise UnansweredError(503, "the process that explains does not start; its log says why") from None
        return self._process, self._started

    async def _exchange(self, process: asyncio.subprocess.Process, message: bytes, seconds: float) -> bytes:
        """Sends `message` and reads the answer. The process ends if there is none."""
        assert process.stdin is not None  # noqa: S101, both are pipes
        assert process.stdout is not None  # noqa: S101
        answered = False
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(len(message).to_bytes(_LENGTH, "big") + message)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(_LENGTH), "big")
                if size > _MOST_BYTES:
                    raise UnansweredError(507, f"the explanation is too large{_ACCEPTED}")
                answer = await process.stdout.readexactly(size)
                answered = True
                return answer
        except TimeoutError:
            raise UnansweredError(504, _TOO_LONG) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await process.wait()
            raise (UnansweredError(503, _ENDS) if self._ended else _why(code)) from None
        finally:
            # Whatever went wrong, an answer that comes later would be taken for that of another question.
            if not answered:
                _kill(process)
                await process.wait()


def _why(exit_code: int) -> UnansweredError:
    """Why a process that ended with `exit_code` gave no answer."""
    if -exit_code in _TIME_SIGNALS:
        return UnansweredError(504, _TOO_LONG)
    if exit_code in _MEMORY_ENDS:
        return UnansweredError(507, f"the explanation takes too much memory{_ACCEPTED}")
    return UnansweredError(500, "the process that explains has ended; its log says why")


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
