"""Gives freed memory back to the system. glibc's allocator keeps it, or gives it back late."""

import asyncio
import ctypes
import os
from pathlib import Path
from typing import Final

#: Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
#: Larger blocks are mapped one by one, so that each is given back when it is freed. Without a fixed value, glibc raises
#: it to the size of the largest block that was freed. uvloop reads each request into a block of 256 KiB: those are not
#: mapped, which would take a fifth of the time for a review.
_MAPPED_BYTES: Final = 384 * 1024
#: Free memory at the end of the heap that is not given back.
_FREE_BYTES: Final = 2 * 1024**2
#: How much resident memory may grow since the start until freed memory is looked for.
_GROWTH_BYTES: Final = 8 * 1024**2
#: To look for freed memory takes some 0.1 ms, and 3 ms if there is much.
_TRIM_SECONDS: Final = 0.1


class Memory:
    """The memory of this process."""

    def __init__(self) -> None:
        """Fixes the size from which blocks are mapped one by one. Does nothing without glibc."""
        self._libc = _glibc()
        self._bound = resident_bytes() + _GROWTH_BYTES
        if self._libc is not None:
            self._libc.mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)
            self._libc.mallopt(_TRIM_THRESHOLD, _FREE_BYTES)

    async def trim(self) -> None:
        """Gives freed memory back if the process is larger than at the start, again and again until it is cancelled."""
        while True:
            await asyncio.sleep(_TRIM_SECONDS)
            if self._libc is not None and resident_bytes() > self._bound:
                self._libc.malloc_trim(0)


def resident_bytes() -> int:
    """The resident memory of this process; 0 if the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018, raises if it is another library
    except (OSError, AttributeError):
        return None
    return library
