"""What the real command says of the texts that the page explains."""

import contextlib
import io
import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from tests.browser.playground import Texts
from webhook.cli.process import run_command


class Told(NamedTuple):
    """What `explain -o json` printed: its document, or None if it printed none, and its sentences about faults."""

    explanation: Any
    sentences: list[str]


def explained(texts: Texts, folder: Path) -> Told:
    """Runs `explain` on the texts, which it writes to files in `folder`."""
    (folder / "application.yaml").write_bytes(texts.application.encode())
    (folder / "policy.yaml").write_bytes(texts.policy.encode())
    command = ["explain", "-f", "application.yaml"]
    command += ["--policy", "policy.yaml"] if texts.policy else []
    command += ["--profile", texts.profile] if texts.profile else []
    return _run([*command, "-o", "json"], folder)


def shown(line: str, folder: Path) -> Told:
    """Runs the line that the page shows, but for its format, in `folder`."""
    python, *module, command = shlex.split(line)[:4]
    assert (python, module, command) == ("python", ["-m", "webhook"], "explain")
    return _run([*shlex.split(line)[3:], "-o", "json"], folder)


def _run(command: list[str], folder: Path) -> Told:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run_command(command)
    printed = out.getvalue()
    return Told(json.loads(printed) if printed else None, err.getvalue().splitlines())
