"""templates/NOTES.txt: what to do next, and what needs attention."""

from typing import Any

import pytest

from tests.chart.rendered import NAMESPACE, RELEASE, render
from tests.pods import MODES


def test_the_next_three_commands_are_there() -> None:
    commands = [line.strip() for line in render().notes.splitlines() if line.startswith("     ")]
    assert commands == [
        f"helm test {RELEASE} --namespace {NAMESPACE}",
        "kubectl label namespace NAMESPACE spark-eci-webhook/profile=default",
        "kubectl get pods --namespace NAMESPACE -l spark-role -o custom-columns="
        "'NAME:.metadata.name,NODE:.spec.nodeName,PLACEMENT:.metadata.annotations.spark-eci-webhook/placement'",
    ]


def test_the_profiles_are_listed() -> None:
    notes = render({"policy": {"profiles": {"default": None}}}).notes
    assert f"({', '.join(sorted(MODES))})" in notes
    assert f"spark-eci-webhook/profile={min(MODES)}\n" in notes


def test_the_profile_default_is_shown_whatever_else_there_is() -> None:
    assert "spark-eci-webhook/profile=default\n" in render({"policy": {"profiles": {"all": {}}}}).notes


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"kubeVersion": "1.20"},
            f"kubectl label namespace {NAMESPACE} kubernetes.io/metadata.name={NAMESPACE}",
        ),
        (
            {"webhook": {"failurePolicy": "Fail"}},
            "are refused, and so are those of a profile that is new until the certificate controller has filled in "
            "its caBundle.",
        ),
        (
            {"webhook": {"configurationName": "placement"}},
            "webhook.configurationName placement does not sort between spark-operator-webhook and vk-webhook",
        ),
    ],
)
def test_what_needs_attention_is_said_only_where_it_does(values: dict[str, Any], sentence: str) -> None:
    assert sentence in render(values).notes.replace("\n", " ").replace("  ", " ") + render(values).notes
    assert sentence not in render().notes
