"""What the page says: every mode, reason and example has its words, and they are true."""

from typing import Any

import pytest
import yaml

from tests.playground.explainer import Explainer
from tests.playground.inputs import TEXTS
from webhook.core.modes import SchedulingMode, Side
from webhook.core.policy import Policy
from webhook.core.virtual_node import Unsupported
from webhook.explain.standing_reason import Because, StandingReason
from webhook.playground import examples
from webhook.playground.examples import EXAMPLES
from webhook.playground.profile_sentences import profiles
from webhook.playground.standing_sentences import standing_sentence
from webhook.service.policy_file import parse_policy, read_policy_document


@pytest.mark.parametrize("reason", StandingReason)
@pytest.mark.parametrize("side", Side)
def test_every_reason_of_a_standing_has_a_sentence(reason: StandingReason, side: Side) -> None:
    taint = Policy().virtual_node.taints[0]
    for detail in (taint, Unsupported.HOST_PATH, 7):
        sentence = standing_sentence(side, Because(reason, detail=detail))
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "{" not in sentence


def test_every_mode_is_an_example_and_every_file_is_used() -> None:
    assert [one.name for one in EXAMPLES if one.name in list(SchedulingMode)] == list(SchedulingMode)
    assert len({one.name for one in EXAMPLES}) == len({one.title for one in EXAMPLES}) == len(EXAMPLES)
    texts = {path.read_text() for path in examples._FOLDER.iterdir()}
    assert texts <= {text for one in EXAMPLES for text in (one.documents, one.policy)}


def test_each_example_shows_what_its_sentence_says(explainer: Explainer) -> None:
    states = {}
    for one in EXAMPLES:
        found = explainer.explained(one.documents, one.policy, one.profile)
        assert found["cautions"] == []
        (view,) = found["views"]
        (work,) = found["explanation"]["workloads"]
        states[one.name] = [
            (pod["title"], pod["count"], shown["state"]) for pod, shown in zip(work["pods"], view["pods"], strict=True)
        ]
    expected: dict[str, list[tuple[str, str, str]]] = {
        **{str(mode): [("driver", "", str(mode)), ("executor", "4", str(mode))] for mode in SchedulingMode},
        "driver-on-ecs": [("driver", "", "ecs-only"), ("executor", "4", "eci-only")],
        "mix": [("driver", "", "ecs-only"), ("executor", "6 of 10", "eci-only"), ("executor", "4 of 10", "ecs-only")],
        "first": [("driver", "", "ecs-only"), ("executor", "2 of 10", "ecs-only"), ("executor", "8 of 10", "eci-only")],
        "own-affinity": [("driver", "", "eci-only"), ("executor", "4", "eci-only")],
        "unsupported": [("driver", "", "ecs-only"), ("executor", "4", "ecs-only")],
        "never-runs": [("driver", "", "never runs"), ("executor", "4", "never runs")],
        "apache": [("driver", "", "ecs-only"), ("executor", "3", "eci-only")],
    }
    assert states == expected


def test_a_standing_names_the_line_of_the_pod_that_says_so(explainer: Explainer) -> None:
    found = explainer.explained(*TEXTS["example own-affinity"])
    executor = found["views"][0]["pods"][1]
    lines = executor["podText"].splitlines()
    assert [
        (
            one["side"],
            one["standing"],
            [(because["sentence"], lines[because["line"] - 1].strip()) for because in one["because"]],
        )
        for one in executor["standings"]
    ] == [
        (
            "ecs",
            "may not",
            [("The pod's nodeSelector or required node affinity excludes ECS nodes.", "- key: type")] * 2,
        ),
        (
            "virtual",
            "may",
            [
                (
                    "The pod tolerates the taint virtual-kubelet.io/provider=alibabacloud:NoSchedule.",
                    "- key: virtual-kubelet.io/provider",
                ),
                *[("The pod's nodeSelector or required node affinity leaves only virtual nodes.", "- key: type")] * 2,
            ],
        ),
    ]


def test_a_pod_that_is_never_made_stands_nowhere(explainer: Explainer) -> None:
    (view,) = explainer.explained(*TEXTS["example never-runs"])["views"]
    why = [{"sentence": "The pod is never made.", "line": None}]
    assert [pod["standings"] for pod in view["pods"]] == [
        [{"side": side, "standing": "may not", "because": why} for side in ("ecs", "virtual")]
    ] * 2
    (refusal,) = view["refusals"]
    assert refusal["sentence"].startswith("never runs, refused by the operator: spec.nodeSelector is set beside")


def test_the_diff_tells_what_each_line_is(explainer: Explainer) -> None:
    (view,) = explainer.explained(*TEXTS["example eci-only"])["views"]
    starts = {"head": ("---", "+++"), "place": ("@@",), "add": ("+",), "remove": ("-",), "same": (" ",)}
    diff = view["pods"][0]["diff"]
    assert [one["kind"] for one in diff[:3]] == ["head", "head", "place"]
    assert all(one["text"].startswith(starts[one["kind"]]) for one in diff)


def test_a_profile_says_what_it_means() -> None:
    policy = parse_policy(
        b"""
overflow: {}
profiles:
  a:
    allowOverride: false
    overflow: {maxPerNamespace: 5}
    driver: {mode: ecs-then-eci, after: 5m, unplaceable: deny, always: {labels: {team: a}}}
    executor:
      observe: true
      rollout: 20
      annotations: {a: b}
      mix:
      - {percent: 30, mode: ecs-only}
      - {percent: 70, mode: eci-only, labels: {c: d}}
""",
        "policy",
    )
    ecs, eci = SchedulingMode.ECS_ONLY.sentence, SchedulingMode.ECI_ONLY.sentence
    assert profiles(policy) == [
        {
            "name": "a",
            "sentences": [
                "Driver: ecs-then-eci, opened to ECI after 300s, denied if unplaceable. "
                + SchedulingMode.ECS_THEN_ECI.sentence,
                "Driver gets the label team=a.",
                "Executor, without a number: ecs-first, for 20 % of applications, observed, not changed. "
                + SchedulingMode.ECS_FIRST.sentence,
                "Executor, without a number gets the annotation a=b.",
                f"Executor, 30 %: ecs-only, for 20 % of applications, observed, not changed. {ecs}",
                f"Executor, 70 %: eci-only, for 20 % of applications, observed, not changed. {eci}",
                "Executor, 70 % gets the label c=d, the annotation a=b.",
                "Override refused.",
                "Opens 5 per namespace.",
            ],
        }
    ]


@pytest.mark.parametrize(
    "document",
    [{}, {"overflow": {}}, {"virtualNode": {"unsupported": []}}, {"profiles": {"a": {"driver": {"mode": "eci-only"}}}}],
)
def test_the_page_starts_with_the_policy_of_the_service(document: dict[str, Any], explainer: Explainer) -> None:
    found = explainer.started(document)
    policy = read_policy_document(document)
    assert found["policy"]["digest"] == policy.digest == parse_policy(found["policy"]["text"].encode(), "").digest
    assert yaml.safe_load(found["policy"]["text"]).keys() == document.keys() | {"profiles"}
    assert [one["name"] for one in found["profiles"]] == list(policy.profiles)
    assert found["examples"] == [one.told() for one in EXAMPLES]
    assert all(
        one.keys() == {"name", "title", "sentence", "documents", "policy", "profile"} for one in found["examples"]
    )
