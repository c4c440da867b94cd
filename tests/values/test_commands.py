"""`--values` in place of `--policy`, in every command that has it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from benchmarks.process import free_port
from tests.cli.conftest import Run
from tests.cli.conftest import run as run  # noqa: PLC0414, a fixture
from tests.cli.programs import WEBHOOK, call
from tests.live_service import ROOT, issue, service
from tests.values.helm import policy_text
from webhook.service.policy_file import parse_policy

BASE = "policy: {profiles: {default: {executor: {mode: eci-only}}, mine: {driver: {weight: 2}}}}\n"
PRODUCTION = "policy: {profiles: {default: {executor: {weight: 7}}, eci-first: null}}\noverflow: {enabled: on}\n"
APPLICATIONS = ("-f", "tests/cli/apps")
REVIEW = ROOT / "tests/reviews/spark-3.5.2-executor-1.json"
KUBECONFIG = (
    "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], "
    "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {}}]}"
)


@pytest.fixture
def values(tmp_path: Path) -> list[str]:
    """The options for two files of values."""
    options = []
    for name, text in (("base.yaml", BASE), ("production.yaml", PRODUCTION)):
        (tmp_path / name).write_text(text)
        options += ["--values", str(tmp_path / name)]
    return options


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The policy file that Helm deploys with these values."""
    file = tmp_path / "policy.yaml"
    file.write_text(policy_text(BASE, PRODUCTION))
    return file


def digest(file: Path) -> str:
    return parse_policy(file.read_bytes(), "policy.yaml").digest


@pytest.mark.parametrize("output", ["text", "json", "patch"])
def test_explain_says_the_same_as_with_the_deployed_policy(
    run: Run, values: list[str], policy: Path, output: str
) -> None:
    ran = run("explain", *APPLICATIONS, *values, "-o", output)
    assert ran == run("explain", *APPLICATIONS, "--policy", policy, "-o", output)
    assert digest(policy) in ran.out or output == "patch"


def test_validate_says_the_same_as_with_the_deployed_policy(run: Run, values: list[str], policy: Path) -> None:
    ran = run("validate", *values)
    assert ran == run("validate", policy)
    assert ran.out.startswith(f"policy {digest(policy)}\n")


def test_warnings_have_the_place_in_the_values(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("policy: {profiles: {mine: {overflow: {maxPerApplication: 1}}}}")
    assert run("validate", "--values", file).err == (
        f"warning: {file}: policy.profiles.mine.overflow: limits nothing without the policy's key overflow\n"
    )


def test_diff_compares_values(run: Run, values: list[str], policy: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.yaml"
    before.write_text("")
    built_in = tmp_path / "built-in.yaml"
    built_in.write_text(policy_text(""))
    new = [one.replace("--values", "--values-new") for one in values]
    ran = run("diff", "--values", before, *new, *APPLICATIONS, "-o", "markdown")
    assert ran == run("diff", built_in, policy, *APPLICATIONS, "-o", "markdown")
    assert ran.code == 1
    assert run("diff", *values, *new, *APPLICATIONS).code == 0


def test_values_may_come_by_pipes(run: Run, values: list[str], policy: Path) -> None:
    base, production = values[1::2]
    command = (
        f"{sys.executable} -m webhook diff --values <(cat {base}) --values-new <(cat {base}) "
        f"--values-new <(cat {production}) -f tests/cli/apps -o json"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    files = ("--values", base, "--values-new", base, "--values-new", production)
    ran = run("diff", *files, *APPLICATIONS, "-o", "json")
    assert (done.returncode, done.stdout, done.stderr) == ran
    command = f"cat {base} | {sys.executable} -m webhook validate --values - --values <(cat {production})"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"policy {digest(policy)}\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "-f", "x", "--policy", "p", "--values", "v"), "--policy and --values exclude each other: leave out one"),
        (("validate", "p", "--values", "v"), "POLICY and --values exclude each other: leave out one"),
        (("serve", "--policy", "p", "--values", "v"), "--policy and --values exclude each other: leave out one"),
        (("try", "--review", "x", "--policy", "p", "--values", "v"), "--policy and --values exclude each other: leave out one"),
        (("overflow", "-n", "a", "--policy", "p", "--values", "v"), "--policy and --values exclude each other: leave out one"),
        (("overflow", "-n", "a"), "missing option '--policy' or '--values' (see spark-eci-webhook overflow --help)"),
        (("overflow", "-n", "a", "--values", os.devnull), "/dev/null: overflow.enabled is not true, so no pod waits; accepted: overflow.enabled: true"),
        (
            ("diff", "a", "b", "--values", "v", "-f", "x"),
            "policy files and values exclude each other: leave out OLD and NEW, or --values and --values-new",
        ),
        (("diff", "--values", "v", "-f", "x"), "missing option '--values-new': name values for both sides"),
        (("diff", "--values-new", "v", "-f", "x"), "missing option '--values': name values for both sides"),
        (("diff", "a", "-f", "x"), "nothing to compare: name two policy files, or values with --values and --values-new"),
        (("diff", "-f", "x"), "nothing to compare: name two policy files, or values with --values and --values-new"),
        (
            ("diff", "--values", "no-1", "--values-new", "no-2", "-f", "x"),
            "no-1: cannot be read: No such file or directory\nno-2: cannot be read: No such file or directory",
        ),
        (("serve", "--values", " , "), '--values (or ECI_WEBHOOK_VALUES): found " , "; accepted: files separated by commas, or leave it out'),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_one_sentence(arguments: Sequence[str], sentence: str) -> None:
    assert call(WEBHOOK, *arguments) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("given", ["flags", "one flag", "variable"])
def test_the_service_serves_the_policy_of_values(values: list[str], policy: Path, tmp_path: Path, given: str) -> None:
    joined = ",".join(values[1::2])
    arguments = {"flags": values, "one flag": ["--values", joined], "variable": []}[given]
    environment = {"ECI_WEBHOOK_VALUES": joined} if given == "variable" else {}
    with service(issue(tmp_path / "tls"), tmp_path / "log", arguments, environment) as running:
        (line,) = [one for one in running.lines() if one["event"] == "serving"]
        assert line["policy"] == digest(policy)
        assert "eci-first" not in line["profiles"]
        with running.client() as client:
            answer = client.post(
                "/mutate/default", content=REVIEW.read_bytes(), headers={"Content-Type": "application/json"}
            )
        assert answer.json()["response"]["patchType"] == "JSONPatch"


def test_a_service_without_values_loads_nothing_that_reads_them() -> None:
    code = (
        "import sys, webhook.service.server as server\n"
        "server.Service = lambda settings, policy: exit(str([one for one in sys.modules if one in "
        "('jsonschema', 'referencing', 'rpds', 'webhook.chart')]))\n"
        "server.run([])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("piped", [False, True])
def test_try_serves_the_policy_of_values(values: list[str], policy: Path, tmp_path: Path, *, piped: bool) -> None:
    port = free_port()
    files = [f"<(cat {one})" if piped else one for one in values[1::2]]
    command = (
        f"exec {sys.executable} -m webhook try --review {REVIEW} --tls-dir {tmp_path}/tls --port {port} "
        f"--operations-port {free_port()} --page-port {free_port()} " + " ".join(f"--values {one}" for one in files)
    )
    # A shell starts what is in its background with SIGINT ignored, and a process passes that on.
    listening = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "os.execvp('bash', ['bash', '-c', sys.argv[1]])"
    )
    log = tmp_path / "log"
    with log.open("w") as output:
        # Ctrl-C reaches the service, too: it goes to the whole group.
        words = [sys.executable, "-c", listening, command]
        trying = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + 120
            while "Serving until Ctrl-C" not in log.read_text():
                assert trying.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        finally:
            os.killpg(trying.pid, signal.SIGINT)
            trying.wait(60)
    assert f"policy={digest(policy)}" in log.read_text()


def test_the_overflow_controller_takes_the_policy_of_values(values: list[str], policy: Path, tmp_path: Path) -> None:
    kubeconfig, port = tmp_path / "kubeconfig", free_port()
    kubeconfig.write_text(KUBECONFIG)
    command = ["overflow", *values, "--namespace", "webhook", "--kubeconfig", str(kubeconfig)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-format", "json"]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", "webhook", *command], cwd=ROOT, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 60
            while '"answering"' not in log.read_text() or not _answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        finally:
            process.terminate()
            process.wait()
    (line,) = [one for one in map(json.loads, log.read_text().splitlines()) if one["event"] == "answering"]
    assert line["policy"] == digest(policy)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code > 0
    except httpx.HTTPError:
        return False
