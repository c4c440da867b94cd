"""Both programs as a user calls them: in this process, or each call as a process of its own."""

import gc
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import certs.__main__
import webhook.__main__
from tests.cli.conftest import ROOT, Ran

WEBHOOK, CERTS = "spark-eci-webhook", "spark-eci-certs"
_MAINS = {WEBHOOK: webhook.__main__.main, CERTS: certs.__main__.main}
_MODULES = {WEBHOOK: "webhook", CERTS: "certs"}


def call(program: str, *arguments: str, given: bytes = b"", folder: Path = ROOT) -> Ran:
    """What `program` prints and how it ends, in this process and in `folder`, with `given` as its standard input."""
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for name in ("stdout", "stderr")}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        # `serve` takes away rich for as long as its process lasts, and does not collect garbage while it starts.
        patched.setitem(sys.modules, "rich", sys.modules["rich"])
        for name, stream in streams.items():
            patched.setattr(sys, name, stream)
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        try:
            code: object = _MAINS[program](arguments)
        except SystemExit as end:
            code = end.code
        finally:
            gc.enable()
    assert isinstance(code, int)
    out, error = (_content(stream) for stream in streams.values())
    return Ran(code, out, error)


def in_a_process(program: str, *arguments: str, given: bytes = b"") -> Ran:
    """The same as `call`, of a process."""
    done = subprocess.run(
        [sys.executable, "-m", _MODULES[program], *map(os.fsencode, arguments)],
        cwd=ROOT,
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode()
