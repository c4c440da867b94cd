"""The options that name files, clusters and policies, and which of them exclude each other."""

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run

APP = "examples/ecs-first/before.yaml"
ACCEPTED = "accepted: a kubeconfig"
#: A kubeconfig whose exec plugin fails, and says more than one line.
FAILING = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [
        {
            "name": "a",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "interactiveMode": "Never",
                    "command": "sh",
                    "args": ["-c", "echo not allowed >&2; exit 3"],
                }
            },
        }
    ],
    "contexts": [{"name": "a\x1b[31m", "context": {"cluster": "a", "user": "a"}}],
    "current-context": "a\x1b[31m",
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-f", APP, "--context", "a"), "--context needs --cluster"),
        (("-f", APP, "--kubeconfig", "a"), "--kubeconfig needs --cluster"),
        (("--cluster", "-f", APP), "--cluster and -f exclude each other: leave out one"),
        (("--cluster", "--ignore", "a"), "--cluster and --ignore exclude each other: leave out one"),
        (
            ("--cluster", "--policy", "a.yaml", "--values", "b.yaml"),
            "--policy and --values exclude each other: leave out one",
        ),
        (
            ("--cluster", "--kubeconfig", "/nowhere"),
            f"no cluster: Invalid kube-config file. No configuration found; {ACCEPTED}",
        ),
        (
            ("--cluster", "--kubeconfig", "/nowhere", "--context", "a"),
            f"context a: no cluster: Invalid kube-config file. No configuration found; {ACCEPTED}",
        ),
    ],
)
def test_options_that_cannot_be_used(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    assert run("explain", *arguments) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("command", [("explain", "--cluster"), ("doctor",)])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: [", "no cluster: while parsing a flow node"),
        ("[1]", f"no cluster: not a kubeconfig, or one with an auth-provider that is not supported; {ACCEPTED}"),
        (yaml.safe_dump(FAILING | {"current-context": ""}), "no cluster: found no current context; accepted: a?[31m\n"),
        (yaml.safe_dump(FAILING), "no cluster: exec: process returned 3. not allowed; accepted: a kubeconfig"),
    ],
    ids=["no YAML", "a list", "no current context", "an exec plugin that fails"],
)
def test_a_kubeconfig_that_cannot_be_used(
    run: Run, tmp_path: Path, command: tuple[str, ...], content: str, sentence: str
) -> None:
    (tmp_path / "config").write_text(content)
    ran = run(*command, "--kubeconfig", tmp_path / "config")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.removeprefix("context a?[31m: ").startswith(sentence)
    assert "\x1b" not in ran.err
