"""`make run` as a reader calls it, on free ports."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live_service import ROOT


@contextmanager
def local_run(command: str, folder: Path) -> Iterator[str]:
    """Runs `command` until the block ends, with its log in `folder`; yields what it has printed once it serves."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(shlex.split(command), cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while "Serving until Ctrl-C." not in (text := log.read_text(encoding="utf-8")):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        yield text
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
