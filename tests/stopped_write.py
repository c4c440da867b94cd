"""A process that is stopped while it waits for room in the pipe of its standard output."""

import fcntl
import os
import signal
import struct
import subprocess
import termios

from tests.deadline import wait_for


def stop_in_write(process: subprocess.Popen[bytes]) -> None:
    """Waits until a process has filled the pipe of its output, stops it, and lets it go on."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    room = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    wait_for(lambda: _held(pipe) == room)
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    os.kill(process.pid, signal.SIGCONT)


def _held(pipe: int) -> int:
    """How many bytes a pipe holds."""
    found: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return found
