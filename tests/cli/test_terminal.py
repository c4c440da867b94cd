"""Colour, progress, completion, help, imports and output errors, each in a separate process."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
import yaml

from tests.certs.stand_in import StandIn
from tests.cli.conftest import ROOT, Run
from tests.stopped_write import stop_in_write
from webhook.core import names

COMMANDS = (
    "explain",
    "diff",
    "adopt",
    "doctor",
    "why",
    "resource-policy",
    "validate",
    "schema",
    "probe",
    "try",
    "overflow",
    "serve",
)
EXPLAIN = ("explain", "-f", "examples/ecs-first/before.yaml")
WEBHOOK = (sys.executable, "-m", "webhook")


def on_a_terminal(environment: dict[str, str], arguments: tuple[str, ...] = EXPLAIN, code: int = 0) -> str:
    """What a command writes on a terminal."""
    ours, theirs = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*WEBHOOK, *arguments], cwd=ROOT, stdout=theirs, stderr=theirs, env=variables | environment
    )
    os.close(theirs)
    content = b""
    try:
        while chunk := os.read(ours, 65536):
            content += chunk
    except OSError:  # Linux reports the end of a terminal's output this way
        pass
    finally:
        os.close(ours)
    assert process.wait() == code, content
    return content.decode()


def test_a_terminal_gets_colour_and_progress() -> None:
    shown = on_a_terminal({"TERM": "xterm-256color"})
    assert "\x1b[32m    + toleration" in shown
    assert "\x1b[36m    @@" in shown
    assert "reading examples/ecs-first/before.yaml" in shown


def test_many_files_and_applications_show_how_far_it_is(tmp_path: Path) -> None:
    example = (ROOT / "examples/ecs-first/before.yaml").read_text()
    for number in range(400):
        (tmp_path / f"{number}.yaml").write_text(example)
    # rich would read markup in the name of a file.
    (tmp_path / "[").mkdir()
    (tmp_path / "[" / "red].yaml").write_text("a: [1")
    shown = on_a_terminal({"TERM": "xterm-256color"}, ("explain", "-f", str(tmp_path), "--summary"), code=2)
    assert re.search(r"reading \d+ of 401: /", shown)
    assert re.search(r"explaining \d+ of 400", shown)
    assert f"{tmp_path}/[/red].yaml: line 2, column 1" in shown
    assert "400 applications, 800 pods: 800 placed" in shown


def test_no_color_turns_colour_off() -> None:
    shown = on_a_terminal({"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert "spark-pi-ecs-first-driver" in shown
    assert not any(f"\x1b[{code}m" in shown for code in (31, 32, 33, 36))


def test_a_file_gets_neither_colour_nor_progress(run: Run) -> None:
    ran = run(*EXPLAIN)
    assert "\x1b" not in ran.out
    assert ran.err == ""


def test_every_command_has_help_with_an_example(run: Run) -> None:
    overview = run("--help")
    assert run() == overview
    assert re.findall(r"^│ ([a-z]\S*) ", overview.out, re.MULTILINE) == list(COMMANDS)
    for command in COMMANDS[:-1]:  # `serve` has its own parser, for its settings
        ran = run(command, "--help")
        assert ran.code == 0
        usage, line, *prose = (
            " ".join(part.split()) for part in re.split(r"\n +\n|─ (?:Arguments|Options) ─", ran.out.strip())
        )
        assert usage.startswith(f"Usage: spark-eci-webhook {command} ")
        assert line in " ".join(overview.out.replace("│", " ").split())
        assert any(f"spark-eci-webhook {command} " in part for part in prose[:-1])


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
    done = subprocess.run(WEBHOOK, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered


def imported(*commands: tuple[str, ...]) -> set[str]:
    """The modules that a process has imported after `commands`."""
    code = (
        "import json, sys; from webhook.__main__ import main; "
        "print([main(one) for one in json.loads(sys.argv[1])]); print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *_, codes, modules = done.stdout.splitlines()
    assert codes == str([0] * len(commands))
    return set(json.loads(modules))


def test_help_imports_no_command() -> None:
    modules = imported(("--help",), *((command, "--help") for command in COMMANDS[:-1]))
    assert {name for name in modules if name.split(".")[0] in ("webhook", "certs", "kubernetes", "yaml")} == {
        "certs",
        "certs.command_line",
        "certs.encoding",
        "certs.errors",
        "certs.usage",
        "webhook",
        "webhook.__main__",
        "webhook.cli",
        "webhook.cli.adoption_command",
        "webhook.cli.commands",
        "webhook.cli.options",
        "webhook.cli.process",
        "webhook.cli.cluster_commands",
        "webhook.cli.process_commands",
        "webhook.cli.terminal",
    }


def test_offline_commands_import_neither_the_cluster_nor_keys() -> None:
    modules = imported(EXPLAIN, ("adopt", *EXPLAIN[1:]), ("validate",), ("schema",), ("resource-policy",))
    assert modules.isdisjoint({"kubernetes", "cryptography", "fastapi", "uvicorn", "certs.cluster"})


#: Python writes at once if PYTHONUNBUFFERED is set, else it flushes at exit what is left.
BUFFERING = pytest.mark.parametrize(
    "buffering", [{"PYTHONUNBUFFERED": ""}, {"PYTHONUNBUFFERED": "1"}], ids=["on", "off"]
)


def written_to(output: BinaryIO, arguments: tuple[str, ...], buffering: dict[str, str]) -> tuple[int, bytes]:
    """The exit code of a command that writes to `output`, and its standard error."""
    command, variables = [*WEBHOOK, *arguments], os.environ | buffering
    done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, env=variables, check=False)
    return done.returncode, done.stderr


@BUFFERING
@pytest.mark.parametrize("arguments", [EXPLAIN, ("explain", "-f", "tests/cli/apps", "-o", "json"), ("--help",)])
def test_a_closed_pipe_is_not_reported(arguments: tuple[str, ...], buffering: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        assert written_to(closed, arguments, buffering) == (1, b"")


@BUFFERING
@pytest.mark.parametrize("arguments", [EXPLAIN, ("schema",), ("--help",)])
def test_output_that_cannot_be_written_is_one_sentence(arguments: tuple[str, ...], buffering: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        told = b"standard output: No space left on device\n"
        assert written_to(full, arguments, buffering) == (2, told)


@BUFFERING
def test_a_process_that_is_stopped_and_goes_on_loses_no_output(run: Run, buffering: dict[str, str]) -> None:
    """As by Ctrl-Z and fg, while nobody reads."""
    arguments = ("explain", "-f", "tests/cli/apps", "-o", "json")
    command, variables = [*WEBHOOK, *arguments], os.environ | buffering
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, pipesize=4096, env=variables) as process:
        assert process.stdout is not None
        stop_in_write(process)
        assert process.stdout.read().decode() == run(*arguments).out


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("explain -f tests/cli/refused >&-", 4),
        ("explain -f - <&-", 2),
        ("explain -f no-such-file 2>&-", 2),
        ("explain -f no-such-file 2>/dev/full", 2),
        ("explain --no-such-option 2>/dev/full", 2),
        ("diff tests/cli/built-in.yaml tests/cli/built-in.yaml -f no-such-file 2>/dev/full", 2),
    ],
)
def test_streams_that_are_closed_or_full_do_not_change_the_exit_code(command: str, code: int) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m webhook {command}', sys.executable],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stdout + done.stderr


def in_latin_1(*arguments: str | Path, encoding: str = "latin-1") -> tuple[int, str, str]:
    """The exit code, the output and the errors of a command on a terminal without ✓ and ┃."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [*WEBHOOK, *arguments], cwd=ROOT, capture_output=True, encoding=encoding, env=environment, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (EXPLAIN, 0),
        (("explain", "-f", "tests/cli/apps", "--summary"), 3),
        (("explain", "-f", "tests/cli/apps", "-o", "diff"), 3),
        (("adopt", "-f", "tests/cli/adopt"), 3),
        (("validate", "tests/cli/shares.yaml"), 0),
        (("diff", "tests/cli/built-in.yaml", "tests/cli/shares.yaml", "-f", "tests/cli/apps"), 1),
        *((arguments, 0) for arguments in (("--help",), ("explain", "--help"), ("doctor", "--help"))),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_an_encoding_without_signs_and_lines_is_no_fault(arguments: tuple[str, ...], code: int, encoding: str) -> None:
    ended, out, error = in_latin_1(*arguments, encoding=encoding)
    assert ended == code
    assert out
    assert "Traceback" not in out + error
    assert "\\u" not in out


def test_doctor_and_why_say_everything_in_an_encoding_without_signs(tmp_path: Path) -> None:
    with StandIn(tmp_path) as cluster:
        cluster.store("/version", {"metadata": {}, "gitVersion": "v1.31.14"})
        config = ("--kubeconfig", cluster.kubeconfig)
        doctor = in_latin_1("doctor", *config)
        table = in_latin_1("doctor", *config, "--context=a", "--context=ö→b")
        written = "ö→😀" + "x" * 900
        metadata = {"namespace": "etl", "name": "pi", "annotations": {names.PLACEMENT_ANNOTATION: written}}
        cluster.store("/api/v1/namespaces/etl/pods/pi", {"metadata": metadata, "spec": {}, "status": {}})
        text = in_latin_1("why", "pi", "-n", "etl", *config)
        as_json = in_latin_1("why", "pi", "-n", "etl", "-o", "json", *config)
    assert (doctor[0], doctor[2]) == (1, "")
    assert doctor[1].startswith("x configuration  ")
    assert table[0] == 2
    assert "ö\\u2192b" in table[1]
    assert (text[0], text[2]) == (0, "")
    assert '  record  none of this webhook, but the annotation "ö\\u2192\\ud83d\\ude00xxx' in text[1]
    assert 'x..."' in text[1]
    assert (as_json[0], as_json[2]) == (0, "")
    assert json.loads(as_json[1])["record"]["text"] == written


def test_yaml_stays_yaml_in_an_encoding_that_lacks_its_characters(tmp_path: Path) -> None:
    """The name of the file is a value that YAML writes without quotes."""
    (tmp_path / "Ł→b.yaml").write_text((ROOT / EXPLAIN[-1]).read_text(encoding="utf-8"), encoding="utf-8")
    code, out, error = in_latin_1("explain", "-f", tmp_path, "-o", "yaml")
    assert (code, error) == (0, "")
    (workload,) = yaml.safe_load(out)["workloads"]
    assert workload["file"] == f"{tmp_path}/Ł→b.yaml"
