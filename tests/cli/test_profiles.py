"""Under which profile the pods of a namespace are explained and taken over, with and without a default profile."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run, in_namespaces
from webhook.cli.adopt import print_adoption
from webhook.cli.inputs import read_inputs
from webhook.cli.profiles import select
from webhook.cli.sources import Source, Sources
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile
from webhook.explain.outcome import NoProfile
from webhook.spark.workloads import Namespace

PROFILES = ", ".join(Policy().profiles)
OUT = "the namespace a opted out by its label spark-eci-webhook/profile"
NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {%s}}}\n---\n"


def found(name: str, label: str | None, default: str | None, chosen: str | None = None) -> str:
    """The profile of a namespace that a file describes, or why it has none; ! in front if it is mistaken."""
    labels = {} if label is None else {names.PROFILE_LABEL: label}
    profile = select(Policy(), chosen, {name: Namespace(name, labels)}, default).of(name)
    if isinstance(profile, NoProfile):
        return f"{'!' if profile.mistaken else ''}{profile.why}"
    return profile.name


@pytest.mark.parametrize(
    ("name", "label", "default", "expected"),
    [
        ("a", None, None, "the namespace a has no label spark-eci-webhook/profile"),
        ("a", None, "eci-only", "eci-only"),
        ("a", "ecs-only", "eci-only", "ecs-only"),
        ("a", "none", "eci-only", OUT),
        ("a", "none", None, OUT),
        ("kube-public", None, "eci-only", "the namespace kube-public has no label spark-eci-webhook/profile"),
        ("kube-public", "ecs-only", "eci-only", "ecs-only"),
        ("a", None, "gone", f'!default profile for the namespace a: unknown profile "gone"; accepted: {PROFILES}'),
        (
            "a",
            "typo",
            "eci-only",
            f'!label spark-eci-webhook/profile of the namespace a: unknown profile "typo"; accepted: {PROFILES}',
        ),
    ],
)
def test_the_profile_of_a_namespace(name: str, label: str | None, default: str | None, expected: str) -> None:
    assert found(name, label, default) == expected
    assert found(name, label, default, "ecs-first") == "ecs-first"


def test_a_namespace_that_no_file_describes_is_assumed_to_have_no_label() -> None:
    for namespace, default, expected in (
        ("a", None, "default"),
        ("a", "eci-only", "eci-only"),
        # The default profile never applies there.
        ("kube-system", "eci-only", "default"),
    ):
        selection = select(Policy(), None, {}, default)
        profile = selection.of(namespace)
        assert isinstance(profile, CompiledProfile)
        assert (profile.name, selection.assumes(namespace)) == (expected, True)


#: Namespaces with their labels, and for each the profile with the default profile `eci-only`, and without one.
BY_VALUES = {
    "plain": (None, "eci-only", ""),
    "out": ("none", "", ""),
    "named": ("ecs-first", "ecs-first", "ecs-first"),
    "kube-public": (None, "", ""),
}


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """An application in each of these namespaces, and in two that the file does not describe."""
    described = ((name, label) for name, (label, *_) in BY_VALUES.items())
    (file := tmp_path / "apps.yaml").write_text(in_namespaces(*described, others=["loose", "kube-system"]))
    return file


@pytest.fixture
def values(tmp_path: Path) -> list[str]:
    """Two files of values: the last one names the default profile."""
    (tmp_path / "base.yaml").write_text("webhook: {defaultProfile: ecs-only}")
    (tmp_path / "production.yaml").write_text("webhook: {defaultProfile: eci-only}")
    return ["--values", str(tmp_path / "base.yaml"), "--values", str(tmp_path / "production.yaml")]


@pytest.mark.parametrize("off", ["", "''", "null"])
def test_explain_takes_the_default_profile_of_values(
    run: Run, apps: Path, values: list[str], tmp_path: Path, off: str
) -> None:
    def profiles(*arguments: str | Path) -> dict[str, tuple[str, bool]]:
        ran = run("explain", "-f", apps, *arguments, "-o", "json")
        assert (ran.code, ran.err) == (0, "")
        found = json.loads(ran.out)["workloads"]
        return {one["namespace"]: (one["profile"], one["profileAssumed"]) for one in found}

    system = {"kube-system": ("default", True)}
    by_default = {name: (profile, False) for name, (_, profile, _) in BY_VALUES.items()}
    assert profiles(*values) == by_default | {"loose": ("eci-only", True)} | system
    assert profiles(*values, "--profile", "eci-first") == dict.fromkeys(
        [*by_default, "loose", *system], ("eci-first", False)
    )
    (tmp_path / "off.yaml").write_text(off and f"webhook: {{defaultProfile: {off}}}")
    without = {name: (profile, False) for name, (*_, profile) in BY_VALUES.items()}
    expected = without | {"loose": ("default", True)} | system
    assert profiles("--values", tmp_path / "off.yaml") == profiles() == expected


def test_adopt_takes_the_default_profile_of_values(run: Run, apps: Path, values: list[str]) -> None:
    ran = run("adopt", "-f", apps, *values)
    bare = "no placement of its own: the webhook places it"
    assert ran == (
        0,
        "".join(
            f"same       SparkApplication {namespace}/app in {apps}, profile {profile}; {bare}\n"
            for namespace, profile in (
                ("plain", "eci-only"),
                ("named", "ecs-first"),
                ("kube-public", "default (assumed)"),
                ("loose", "eci-only (assumed)"),
                ("kube-system", "default (assumed)"),
            )
        )
        + "\nnote: left out, because their namespaces opted out: applications in out\n"
        "note: without the label spark-eci-webhook/profile, so that the profile default is assumed: kube-public\n"
        "5 applications: 5 same, 0 changes, 0 conflicts, 5 without placement of their own\n",
        "",
    )
    found = json.loads(run("adopt", "-f", apps, *values, "--profile", "ecs-first", "-o", "json").out)
    assert {(one["profile"], one["profileAssumed"]) for one in found["applications"]} == {("ecs-first", False)}


@pytest.mark.parametrize("command", ["explain", "adopt"])
def test_a_default_profile_of_values_must_exist(run: Run, apps: Path, tmp_path: Path, command: str) -> None:
    (file := tmp_path / "values.yaml").write_text("webhook: {defaultProfile: gone}")
    told = f'{file}: webhook.defaultProfile: found "gone"; accepted: a profile, one of '
    assert run(command, "-f", apps, "--values", file) == (2, "", f"{told}{', '.join(sorted(Policy().profiles))}\n")


def adopted(folder: Path, labels: str, default: str | None) -> tuple[int, str]:
    """What `adopt` says of an application in a namespace with these labels, and its exit code."""
    file = folder / "apps.yaml"
    file.write_text(NAMESPACE % labels + (ROOT / "examples/ecs-first/before.yaml").read_text())
    source = Source(read_inputs([str(file)], "default"), Policy(), default=default)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = print_adoption(Sources((source,)), None, "markdown", write=False, strict=True)
    return code, out.getvalue()


def test_applications_are_taken_over_by_the_default_profile(tmp_path: Path) -> None:
    _, assumed = adopted(tmp_path, "", None)
    assert "so that the profile default is assumed" in assumed
    _, by_default = adopted(tmp_path, "", "eci-only")
    assert "assumed" not in by_default
    assert "eci-only" in by_default


def test_applications_of_namespaces_that_opted_out_are_left_out_and_said_so(tmp_path: Path, run: Run) -> None:
    for default in (None, "eci-only"):
        code, text = adopted(tmp_path, "spark-eci-webhook/profile: none", default)
        assert code == 0
        assert "left out, because their namespaces opted out: applications in default" in text
    ran = run("adopt", "-f", tmp_path / "apps.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert "note: left out, because their namespaces opted out: applications in default" in ran.out
