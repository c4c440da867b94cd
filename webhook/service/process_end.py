"""The end of a process that leads a process group, and of those that it has started."""

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import Final

#: Seconds for a process to end by itself, and how often this is looked at.
_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.02


async def end(process: subprocess.Popen[bytes]) -> None:
    """Asks `process` to end, and kills its group if it does not. Leaves no zombies of the group."""
    if process.poll() is None:
        process.terminate()
    if not await _has_ended(process):
        os.killpg(process.pid, signal.SIGKILL)
        await _has_ended(process)


async def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    for _ in range(round(_SECONDS / _LOOK_SECONDS)):
        if process.poll() is not None and not _leaves(process.pid):
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False


def _leaves(group: int) -> bool:
    """Whether a process of `group` is a child of this one and still runs. Collects those that have ended.

    If a process ends, the first process of its container becomes the parent of its children.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
        return True
    return False
