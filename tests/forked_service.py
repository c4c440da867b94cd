"""Service processes that start in a tenth of the time of a new one: they are forked from a process that has imported all.

`python -m tests.forked_service DESCRIPTOR` is that process. It takes orders from a socket until the other side closes it.
"""

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

_ROOT = Path(__file__).parents[1]
#: The most bytes of an order.
_ORDER = 2**17


class ForkedService:
    """A service process, with the methods of subprocess.Popen that the tests use."""

    def __init__(self, pid: int, ended: IO[bytes]) -> None:
        """`ended` becomes readable once the process `pid` has ended, and says with which code."""
        self.pid, self._ended = pid, ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None as long as the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("serve", timeout or 0)
            with self._ended:
                self.returncode = int(self._ended.readline())
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def forked(arguments: Sequence[str], output: IO[bytes], environment: Mapping[str, str]) -> ForkedService:
    """Starts `python -m webhook` with `arguments` and these variables; both its outputs go to `output`."""
    ours, theirs = os.pipe()
    order = json.dumps([list(arguments), dict(environment)]).encode()
    try:
        socket.send_fds(_template(), [order], [output.fileno(), theirs])
    finally:
        os.close(theirs)
    ended = os.fdopen(ours, "rb", buffering=0)
    return ForkedService(int(ended.readline()), ended)


@cache
def _template() -> socket.socket:
    """The socket of the process that forks; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.forked_service", str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    theirs.close()
    # The last one that is registered is called first.
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _main(orders: socket.socket) -> None:
    # As webhook.__main__ before it imports the service.
    sys.modules["rich"] = None  # type: ignore[assignment]
    gc.disable()
    import webhook.__main__  # noqa: PLC0415
    import webhook.service.server  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, _reap)
    while True:
        order, descriptors, *_ = socket.recv_fds(orders, _ORDER, 2)
        if not order:
            return
        if os.fork():
            for one in descriptors:
                os.close(one)
            continue
        orders.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output, ended = descriptors
        if pid := os.fork():
            _tell(pid, ended)
        os.close(ended)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.close(output)
        arguments, environment = json.loads(order)
        os.environ.clear()
        os.environ.update(environment)
        sys.exit(webhook.__main__.main(arguments))


def _reap(*_: object) -> None:
    """Waits for what has ended. If the kernel did, their processor time would count nowhere."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _tell(pid: int, ended: int) -> NoReturn:
    """Writes the number of a process, and its exit code once it has ended."""
    os.write(ended, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(ended, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
