"""Under which profile the pods of a namespace are explained and taken over, with and without a default profile."""

import contextlib
import io
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run
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
    for default, expected in ((None, "default"), ("eci-only", "eci-only")):
        selection = select(Policy(), None, {}, default)
        profile = selection.of("a")
        assert isinstance(profile, CompiledProfile)
        assert (profile.name, selection.assumes("a")) == (expected, True)


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
