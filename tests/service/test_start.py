"""Starting the process: what stops it is one sentence and exit code 2, and a clean start is a clean stop."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_service import ROOT, service
from webhook.core.modes import SchedulingMode


def _serve(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code and both outputs of a service that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "webhook", "serve", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_port_in_use_is_one_sentence(tls: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _serve("--tls-dir", str(tls), "--port", str(port)) == (
            2,
            "",
            f"--port: cannot listen on 127.0.0.1:{port}: Address already in use; choose another host or port\n",
        )
        assert _serve("--tls-dir", str(tls), "--port", "0", "--operations-port", str(port)) == (
            2,
            "",
            f"--operations-port: cannot listen on 127.0.0.1:{port}: Address already in use; choose another host "
            "or port\n",
        )


def test_an_invalid_host_is_one_sentence(tls: Path) -> None:
    code, output, error = _serve("--tls-dir", str(tls), "--host", "no.such.host.invalid")
    assert (code, output) == (2, "")
    assert error.startswith("--port: cannot listen on no.such.host.invalid:8443: ")
    assert error.count("\n") == 1


def test_a_bad_policy_is_a_sentence_for_each_fault(tls: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("profiles: {default: {driver: {mode: eci}, x: 1}}", encoding="utf-8")
    assert _serve("--tls-dir", str(tls), "--policy", str(policy)) == (
        2,
        "",
        f'{policy}: profiles.default.driver.mode: found "eci"; accepted: {", ".join(SchedulingMode)}\n'
        f"{policy}: profiles.default.x: unknown key; accepted: allowOverride, overflow, driver, executor\n",
    )


def test_a_bad_setting_names_its_flag_and_its_variable(tls: Path) -> None:
    arguments = ("--tls-dir", str(tls), "--log-level", "loud")
    assert _serve(*arguments, ECI_WEBHOOK_PORT="tcp://10.0.0.1:443") == (
        2,
        "",
        '--port (or ECI_WEBHOOK_PORT): found "tcp://10.0.0.1:443"; accepted: a valid integer\n'
        "--log-level (or ECI_WEBHOOK_LOG_LEVEL): found \"loud\"; accepted: 'debug', 'info', 'warning' or 'error'\n",
    )


@pytest.mark.parametrize("found", ["", " , "])
def test_subjects_without_a_name_are_refused(tls: Path, found: str) -> None:
    """They do not mean all clients, because a list may be empty by mistake."""
    arguments = ("--tls-dir", str(tls), "--client-ca", str(tls / "ca.crt"))
    sentence = (
        f'--client-subjects (or ECI_WEBHOOK_CLIENT_SUBJECTS): found "{found}"; accepted: names separated by commas, or '
        "leave it out to allow every client of the CA\n"
    )
    assert _serve(*arguments, "--client-subjects", found) == (2, "", sentence)
    assert _serve(*arguments, f"--client-subjects={found}") == (2, "", sentence)
    assert _serve(*arguments, ECI_WEBHOOK_CLIENT_SUBJECTS=found) == (2, "", sentence)


@pytest.mark.parametrize("variable", ["ECI_WEBHOOK_LOG_LEVEL", "ECI_WEBHOOK_OPERATIONS_PORT"])
def test_a_flag_wins_over_a_variable(tls: Path, tmp_path: Path, variable: str) -> None:
    arguments = ["--log-level", "info"] if "LEVEL" in variable else []
    with service(tls, tmp_path / "log", arguments, {variable: "tcp://10.0.0.1:443"}, anew=True) as running:
        assert running.operations("/livez").status_code == 200


def test_an_empty_policy_and_a_misspelt_variable_are_logged(tls: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("# nothing yet\n", encoding="utf-8")
    of_services = {
        "ECI_WEBHOOK_SERVICE_HOST": "10.0.0.1",
        "ECI_WEBHOOK_OPERATIONS_SERVICE_PORT": "443",
        "ECI_WEBHOOK_PORT_8443_TCP_PORT": "8443",
        "ECI_WEBHOOK_OVERFLOW": "1",
        "OTHER_WEBHOOK_POLCY": "x",
    }
    variables = {"ECI_WEBHOOK_LOG_LEVL": "debug", "ECI_WEBHOOK_MAX_CONECTIONS": "20"} | of_services
    with service(tls, tmp_path / "log", ["--policy", str(policy)], variables, anew=True) as running:
        warnings = [
            {key: value for key, value in line.items() if key != "timestamp"}
            for line in running.lines()
            if line["level"] == "warning"
        ]
    assert sorted(warnings, key=str) == [
        {
            "caution": f"{policy}: sets nothing, so the built-in policy is in force",
            "event": "policy",
            "level": "warning",
        },
        {
            "caution": "ECI_WEBHOOK_LOG_LEVL is no setting; did you mean ECI_WEBHOOK_LOG_LEVEL?",
            "event": "settings",
            "level": "warning",
        },
        {
            "caution": "ECI_WEBHOOK_MAX_CONECTIONS is no setting; did you mean ECI_WEBHOOK_MAX_CONNECTIONS?",
            "event": "settings",
            "level": "warning",
        },
    ]


def test_without_a_policy_file_nothing_is_warned_of(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", anew=True) as running:
        assert [line for line in running.lines() if line["level"] != "info"] == []


def test_a_terminated_service_ends_with_exit_code_0(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", anew=True) as running:
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert running.lines()[-1]["event"] == "stopped"


def test_sighup_changes_nothing(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", anew=True) as running:
        before = len(running.lines())
        running.process.send_signal(signal.SIGHUP)
        assert running.readiness().status_code == 200
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert [line["event"] for line in running.lines()[before:]] == ["draining", "stopped"]


def test_the_serving_process_imports_no_client_no_key_tools_and_no_terminal() -> None:
    """Each of these would make it slower to start, larger, or a better target for attacks."""
    script = (
        "import sys; sys.argv[1:] = ['serve', '--help']\n"
        "import runpy\n"
        "try: runpy.run_module('webhook', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(*sorted({'kubernetes', 'cryptography', 'typer', 'certs', 'jsonpatch', 'webhook.overflow'} & sys.modules.keys()), sys.modules.get('rich'))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "None"


def test_garbage_is_collected_while_the_service_runs(tls: Path) -> None:
    """It is not while the process starts. At exit the process tells."""
    code = (
        "import atexit, gc, sys\n"
        "from webhook.__main__ import main\n"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 0, file=sys.stderr))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    flags = ["serve", "--tls-dir", str(tls), "--port", "0", "--operations-port", "0", "--drain-seconds", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *flags], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert any('"event":"serving"' in line for line in process.stdout)
            process.terminate()
            _, told = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, told) == (0, "True True\n")
