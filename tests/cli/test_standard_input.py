"""Policies from standard input, and policies without any key."""

from pathlib import Path

import pytest

from tests.cli.conftest import ROOT
from tests.cli.programs import WEBHOOK, call, in_a_process


def test_a_policy_is_read_from_standard_input() -> None:
    policy = (ROOT / "tests/cli/shares.yaml").read_bytes()
    code, out, error = in_a_process(WEBHOOK, "validate", "-", given=policy)
    assert (code, out) == call(WEBHOOK, "validate", "tests/cli/shares.yaml")[:2]
    assert error == ""
    example = ("explain", "-f", "examples/ecs-first/before.yaml", "--policy")
    assert in_a_process(WEBHOOK, *example, "-", given=policy) == call(WEBHOOK, *example, "tests/cli/shares.yaml")
    changed = ("-f", "examples/ecs-first/before.yaml", "tests/cli/built-in.yaml")
    assert call(WEBHOOK, "diff", *changed, "-", given=policy) == call(
        WEBHOOK, "diff", *changed, "tests/cli/shares.yaml"
    )


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        (b"profiles: {a: {x: 1}}", "profiles.a.x: unknown key; accepted: allowOverride, overflow, driver, executor"),
        (b"#" * (4 * 1024**2 + 1), "too large; accepted: at most 4 MiB"),
        (b"a: [", "line 2, column 1: did not find expected node content"),
    ],
    ids=["key", "size", "YAML"],
)
def test_a_fault_of_standard_input_is_named_so(given: bytes, sentences: str) -> None:
    assert call(WEBHOOK, "validate", "-", given=given) == (2, "", f"standard input: {sentences}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "--policy", "-", "-f", "-"), "-: standard input can be read only once; accepted: - for one file"),
        (("explain", "-f", "-", "-f", "-"), "-: standard input can be read only once; accepted: - for one file"),
        (("adopt", "--policy", "-", "-f", "-"), "-: standard input can be read only once; accepted: - for one file"),
        (("diff", "-", "-", "-f", "apps"), "-: standard input can be read only once; accepted: - for one file"),
        (
            ("diff", "--values", "-", "--values-new", "-", "-f", "apps"),
            "-: standard input can be read only once; accepted: - for one file",
        ),
        (
            ("validate", "--values", "-", "--values", "-"),
            "-: standard input can be read only once; accepted: - for one file",
        ),
        (
            ("try", "--review", "-"),
            "--review: is read twice, so standard input is not accepted; accepted: a file",
        ),
    ],
)
def test_standard_input_is_read_once(arguments: tuple[str, ...], sentence: str) -> None:
    assert call(WEBHOOK, *arguments) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "null", "---\n"])
def test_a_policy_without_any_key_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    warning = f"warning: {file}: sets nothing, so the built-in policy is in force\n"
    built_in = call(WEBHOOK, "validate")
    assert call(WEBHOOK, "validate", str(file)) == (0, built_in[1], warning)
    assert built_in[1].splitlines()[0] == "policy 44136fa3, the built-in one"
    example = ("explain", "-f", "examples/ecs-first/before.yaml")
    assert call(WEBHOOK, *example, "--policy", str(file)) == (*call(WEBHOOK, *example)[:2], warning)


def test_a_policy_with_a_key_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("selector: {anyOf: [kubeflow]}")
    code, out, error = call(WEBHOOK, "validate", str(file))
    assert (code, error) == (0, "")
    assert out == call(WEBHOOK, "validate")[1]
