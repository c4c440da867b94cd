"""The limits of this process: what it may open, and how long it may work on one request."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

#: How much memory a request may take, beside what the process has before the first one.
MEMORY_BYTES: Final = 192 * 1024**2
#: Seconds of processor time for one request.
SECONDS: Final = 3.0
#: Seconds for one request on the clock. On a busy machine it gets a small part of the processor.
CLOCK_SECONDS: Final = 10.0
#: The user that owns nothing (Linux Standard Base: nobody).
_NOBODY: Final = 65534


def close_in() -> None:
    """From now on this process opens no file, socket or process, and its memory is bounded.

    Files that are open stay open. Whatever is needed later must have been imported before.
    """
    total, data = _memory_bytes()
    # For root, the system has no limit on the number of processes.
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    for limit, most in (
        (resource.RLIMIT_AS, total + MEMORY_BYTES),
        (resource.RLIMIT_DATA, data + MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        # Only root may raise a limit that is lower already.
        _, hard = resource.getrlimit(limit)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))


@contextmanager
def bounded_time() -> Iterator[None]:
    """Ends the process, by SIGALRM or SIGPROF, if the context takes more than CLOCK_SECONDS, or SECONDS.

    The system does it, so it also ends work that returns to Python late.
    """
    signal.setitimer(signal.ITIMER_REAL, CLOCK_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _memory_bytes() -> tuple[int, int]:
    """The address space of this process, and its data (proc(5): statm)."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    page = os.sysconf("SC_PAGE_SIZE")
    return int(fields[0]) * page, int(fields[5]) * page
