"""Colour, completion, help, and what is imported, in a process of its own."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run

EXPLAIN = ("explain", "-f", "examples/ecs-first/before.yaml")


def on_a_terminal(arguments: Sequence[str], environment: Mapping[str, str] = {}) -> str:
    """What the command writes on a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "webhook", *arguments]
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=theirs, stderr=theirs, env=variables | {"TERM": "xterm-256color", **environment}
    )
    os.close(theirs)
    content = b""
    try:
        while chunk := os.read(ours, 65536):
            content += chunk
    except OSError:  # Linux tells the end of a terminal so
        pass
    finally:
        os.close(ours)
    assert process.wait() == 0, content
    return content.decode()


def test_on_a_terminal_there_is_colour() -> None:
    shown = on_a_terminal(EXPLAIN)
    assert "\x1b[32m    + toleration" in shown
    assert "\x1b[36m    @@" in shown


def test_no_color_means_none() -> None:
    shown = on_a_terminal(EXPLAIN, {"NO_COLOR": "1"})
    assert "spark-pi-ecs-first-driver" in shown
    assert not any(f"\x1b[{code}m" in shown for code in (31, 32, 33, 36))


def test_elsewhere_there_is_neither_colour_nor_progress(run: Run) -> None:
    ran = run(*EXPLAIN)
    assert "\x1b" not in ran.out
    assert ran.err == ""


def test_progress_is_shown_on_a_terminal_alone() -> None:
    assert "reading examples/ecs-first/before.yaml" in on_a_terminal(EXPLAIN)


@pytest.mark.parametrize(
    "command", ["explain", "diff", "doctor", "resource-policy", "validate", "schema", "probe", "try", "serve"]
)
def test_every_command_has_help_with_an_example(command: str, run: Run) -> None:
    overview = run("--help")
    assert overview.code == 0
    assert f" {command} " in overview.out
    if command != "serve":
        ran = run(command, "--help")
        assert ran.code == 0
        assert f"spark-eci-webhook {command}" in ran.out.split("Options")[0].split("\n", 3)[3]


def test_without_a_command_there_is_the_overview(run: Run) -> None:
    assert run() == run("--help")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("spark-eci-webhook ex", ["explain"]),
        ("spark-eci-webhook explain --pro", ["--profile"]),
        ("spark-eci-webhook explain --output ", ["text", "diff", "yaml", "json", "patch"]),
    ],
)
def test_the_shell_completes_commands_options_and_values(words: str, offered: list[str]) -> None:
    environment = os.environ | {
        "_SPARK_ECI_WEBHOOK_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "webhook"], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == offered


@pytest.mark.parametrize("arguments", [("explain", "--help"), EXPLAIN, ("--help",), ("diff", "--help")])
def test_offline_commands_import_neither_the_cluster_nor_keys(arguments: Sequence[str]) -> None:
    code = (
        "import sys; from webhook.__main__ import main; main(sys.argv[1:]); "
        "print([name for name in ('kubernetes', 'cryptography', 'fastapi', 'uvicorn', 'certs') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_output_that_nobody_reads_to_its_end_is_no_error() -> None:
    command = [sys.executable, "-m", "webhook", "explain", "-f", "tests/cli/apps", "-o", "json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_output_that_cannot_be_written_is_a_sentence() -> None:
    command = [sys.executable, "-m", "webhook", *EXPLAIN]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"standard output: No space left on device\n")
