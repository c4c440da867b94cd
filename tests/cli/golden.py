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

from tests.modes_table import replaced
from webhook.cli.process import run_command
from webhook.core.modes import SchedulingMode
from webhook.spark.versions import NEWEST_SPARK, OPERATORS

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent / "golden"
#: Pages whose blocks that begin with `$ spark-eci-webhook …` show what the command prints.
PAGES: Final = (ROOT / "docs" / "explain.md", ROOT / "docs" / "adopting.md")
#: The line before such a block.
_PRINTED: Final = "<!-- printed by make golden -->\n"
#: The lines before and after the versions that are known.
_VERSIONS: Final = ("<!-- versions -->\n", "<!-- end of versions -->\n")

_PLAIN: Final = "explain -f examples/ecs-first/before.yaml"
_APPS: Final = "explain -f tests/cli/apps"


def _policy(mode: SchedulingMode) -> str:
    """The option for the built-in policy with the overflow controller, if the mode needs it."""
    return " --policy tests/cli/overflow.yaml" if mode.waits else ""


#: Name of the file → the command whose output it contains.
COMMANDS: Final = {
    **{f"{mode}.txt": f"{_PLAIN}{_policy(mode)} --profile {mode}" for mode in SchedulingMode},
    **{f"{mode}.diff": f"{_PLAIN}{_policy(mode)} --profile {mode} -o diff" for mode in SchedulingMode},
    "by-hand.txt": "explain -f examples/eci-only/after.yaml --profile eci-only",
    "scratch-disk.txt": f"{_APPS}/scratch-disk.yaml --profile eci-first",
    "own-affinity.txt": f"{_APPS}/own-affinity.yaml",
    "own-affinity.diff": f"{_APPS}/own-affinity.yaml -o diff",
    "never-runs.txt": "explain -f tests/cli/refused",
    "never-runs.diff": "explain -f tests/cli/refused -o diff",
    "summary.txt": f"{_APPS} -f tests/cli/refused --summary",
    "connect.txt": f"{_APPS}/connect.yaml",
    "mix.txt": f"{_PLAIN} --policy tests/cli/shares.yaml",
    "outside-rollout.txt": f"{_APPS}/own-affinity.yaml --policy tests/cli/shares.yaml --profile none-yet",
    "observe.txt": f"{_PLAIN} --policy tests/cli/shares.yaml --profile observed",
    "denied.txt": "explain -f tests/cli/pods/node-name-set.yaml --policy tests/cli/shares.yaml --profile strict",
    "validate.txt": "validate tests/cli/shares.yaml",
    "validate-built-in.txt": "validate",
    "validate-overflow.txt": "validate tests/cli/overflow-limits.yaml",
    "overflow.txt": f"{_PLAIN} --policy tests/cli/overflow-limits.yaml",
    "overflow-observed.txt": f"{_PLAIN} --policy tests/cli/overflow-limits.yaml --profile observed",
    "overflow-own-toleration.txt": "explain -f examples/ecs-first/after.yaml --policy tests/cli/overflow.yaml --profile ecs-then-eci",
    "diff.txt": "diff tests/cli/built-in.yaml tests/cli/shares.yaml -f tests/cli/apps",
    "adopt.txt": "adopt -f tests/cli/adopt",
    "adopt-strict.txt": "adopt -f tests/cli/adopt -f tests/cli/apps -f tests/cli/refused --strict",
    "adopt.md": "adopt -f tests/cli/adopt -o markdown",
    "adopt.json": "adopt -f tests/cli/adopt -o json",
    "resource-policy.yaml": "resource-policy --ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64",
    "beside.txt": f"{_APPS}/own-affinity.yaml --profile eci-only --beside spark-operator",
    "beside-scratch-disk.txt": f"{_APPS}/scratch-disk.yaml --profile eci-only --beside spark-operator",
}

_BLOCK: Final = re.compile(
    rf"^{_PRINTED}```console\n\$ spark-eci-webhook (?P<command>.*)\n(?P<shown>(?:.*\n)*?)```$",
    re.MULTILINE,
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
    """A page with the versions that are known, and with what its commands print now."""
    if _VERSIONS[0] in page:
        page = replaced(page, *_VERSIONS, _versions())
    return _BLOCK.sub(
        lambda found: f"{_PRINTED}```console\n$ spark-eci-webhook {found['command']}\n{_shown(found)}```", page
    )


def _versions() -> str:
    releases = ", ".join(map(str, OPERATORS))
    return f"Known releases of the Spark Operator: {releases}.\nThe newest Spark that is assumed: {NEWEST_SPARK}.\n"


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
