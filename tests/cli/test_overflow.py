"""`overflow`: what it says if it cannot start. That it opens pods is tried on a real API server, in tests/e2e/overflow."""

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SWITCHED_ON = "overflow: {}\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(SWITCHED_ON)
    return file


def test_a_policy_without_the_key_overflow_is_refused(run: Run, policy: Path) -> None:
    policy.write_text("profiles: {etl: {}}\n")
    ran = run("overflow", "--policy", policy, "--namespace", "webhook")
    sentence = f"{policy}: has no key overflow, so no pod waits; accepted: a policy with overflow: {{}}\n"
    assert ran == (2, "", sentence)


def test_a_default_profile_that_the_policy_lacks_is_refused(run: Run, policy: Path) -> None:
    policy.write_text("overflow: {}\nprofiles: {etl: {}, ads: {}}\n")
    ran = run("overflow", "--policy", policy, "--namespace", "webhook", "--default-profile", "elt")
    assert ran == (2, "", '--default-profile: unknown profile "elt"; accepted: etl, ads\n')


def test_a_policy_with_a_fault_is_refused_in_its_own_words(run: Run, policy: Path) -> None:
    policy.write_text("overflow: {after: 60s}\n")
    ran = run("overflow", "--policy", policy, "--namespace", "webhook")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{policy}: overflow.after: ")


def test_without_a_cluster_it_ends_with_a_sentence(run: Run, policy: Path, tmp_path: Path) -> None:
    ran = run(
        *("overflow", "--policy", policy, "--namespace", "webhook", "--port", "0"),
        *("--kubeconfig", tmp_path / "missing"),
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("no cluster: ")
    assert ran.err.endswith("; accepted: a kubeconfig\n")


def test_a_port_that_is_taken_is_named(run: Run, policy: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], "
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {}}]}"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run(
            *("overflow", "--policy", policy, "--namespace", "webhook", "--kubeconfig", kubeconfig),
            *("--host", "127.0.0.1", "--port", str(port)),
        )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"--port: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.parametrize("missing", ["--policy", "--namespace"])
def test_a_flag_that_is_left_out_is_named(missing: str, run: Run, policy: Path) -> None:
    given = {"--policy": str(policy), "--namespace": "webhook"}
    del given[missing]
    ran = run("overflow", *(word for pair in given.items() for word in pair))
    assert (ran.code, ran.out) == (2, "")
    assert missing in ran.err


@pytest.mark.parametrize("rate", ["0", "-1", "many"])
def test_a_rate_that_opens_nothing_is_refused(rate: str, run: Run, policy: Path) -> None:
    ran = run("overflow", "--policy", policy, "--namespace", "webhook", "--qps", rate)
    assert (ran.code, ran.out) == (2, "")
    assert "--qps" in ran.err
