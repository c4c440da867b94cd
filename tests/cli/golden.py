"""What the commands print, kept in files and shown in the documentation; `make golden` rewrites both."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.modes_table import MARKERS, replaced
from webhook.cli.commands import run_command
from webhook.core.modes import SchedulingMode

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent / "golden"
#: Pages whose blocks that begin with `$ spark-eci-webhook …` show what the command prints.
PAGES: Final = (ROOT / "docs" / "explain.md",)

_PLAIN: Final = "explain -f examples/ecs-first/before.yaml"
_APPS: Final = "explain -f tests/cli/apps"
#: Name of the file → the command whose output it contains.
COMMANDS: Final = {
    **{f"{mode}.txt": f"{_PLAIN} --profile {mode}" for mode in SchedulingMode},
    **{f"{mode}.diff": f"{_PLAIN} --profile {mode} -o diff" for mode in SchedulingMode},
    "by-hand.txt": "explain -f examples/eci-only/after.yaml --profile eci-only",
    "scratch-disk.txt": f"{_APPS}/scratch-disk.yaml --profile eci-first",
    "own-affinity.txt": f"{_APPS}/own-affinity.yaml",
    "own-affinity.diff": f"{_APPS}/own-affinity.yaml -o diff",
    "connect.txt": f"{_APPS}/connect.yaml",
    "mix.txt": f"{_PLAIN} --policy tests/cli/shares.yaml",
    "outside-rollout.txt": f"{_APPS}/own-affinity.yaml --policy tests/cli/shares.yaml --profile none-yet",
    "observe.txt": f"{_PLAIN} --policy tests/cli/shares.yaml --profile observed",
    "denied.txt": "explain -f tests/cli/pods/node-name-set.yaml --policy tests/cli/shares.yaml --profile strict",
    "validate.txt": "validate tests/cli/shares.yaml",
    "validate-built-in.txt": "validate",
    "diff.txt": "diff tests/cli/built-in.yaml tests/cli/shares.yaml -f tests/cli/apps",
    "resource-policy.yaml": "resource-policy --ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64",
    "beside.txt": f"{_APPS}/own-affinity.yaml --profile eci-only --beside spark-operator",
    "beside-scratch-disk.txt": f"{_APPS}/scratch-disk.yaml --profile eci-only --beside spark-operator",
}

_BLOCK: Final = re.compile(
    r"^```console\n\$ spark-eci-webhook (?P<command>.*)\n(?P<shown>(?:.*\n)*?)```$", re.MULTILINE
)


def printed(command: str) -> str:
    """What the command prints, from the project's folder."""
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(io.StringIO()) as output,
        contextlib.redirect_stderr(io.StringIO()),
    ):
        run_command(shlex.split(command))
    return output.getvalue()


def rewritten(page: str) -> str:
    """A page with a section for each mode, and with what its commands print now."""
    page = replaced(page, *MARKERS, "".join(map(_section, SchedulingMode)))
    return _BLOCK.sub(lambda found: f"```console\n$ spark-eci-webhook {found['command']}\n{_shown(found)}```", page)


def _section(mode: SchedulingMode) -> str:
    blocks = "".join(
        f"```console\n$ spark-eci-webhook {_PLAIN} --profile {mode}{output}\n```\n" for output in ("", " -o diff")
    )
    return f"### {mode}\n\n{mode.sentence}\n\n{blocks}\n"


def _shown(found: re.Match[str]) -> str:
    return printed(found["command"]).rstrip("\n") + "\n"


def rewrite_outputs() -> None:
    """Makes the present outputs the expected ones. Runs in a separate process, which is not on a terminal."""
    variables = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    subprocess.run([sys.executable, "-m", "tests.cli.golden"], cwd=ROOT, env=variables, check=True, capture_output=True)


def _rewrite() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, command in COMMANDS.items():
        (FOLDER / name).write_text(printed(command), encoding="utf-8")
    for page in PAGES:
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
