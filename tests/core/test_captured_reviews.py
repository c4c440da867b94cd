"""The pods that real Spark makes in every way, under each alternative of the selector."""

import json
from pathlib import Path

import pytest

from tests.admission_reviews import answer
from tests.captured_reviews import REVIEWS, alternatives
from webhook.core.policy import Policy
from webhook.core.selectors import Alternative


@pytest.mark.parametrize("capture", REVIEWS, ids=lambda path: path.stem)
def test_a_pod_is_placed_by_the_alternatives_of_how_it_was_made(capture: Path) -> None:
    pod = json.loads(capture.read_bytes())["request"]["object"]
    policies = {one: Policy.model_validate({"selector": {"anyOf": (one,)}}) for one in Alternative}
    placed = {one for one, policy in policies.items() if "patch" in answer(pod, policy, "ecs-first")}
    assert placed == alternatives(capture)


@pytest.mark.parametrize("kind", Alternative)
def test_pods_of_a_kind_have_the_labels_that_its_entry_says(kind: Alternative) -> None:
    pods = {path: json.loads(path.read_bytes())["request"]["object"]["metadata"]["labels"] for path in REVIEWS}
    of_kind = [labels for path, labels in pods.items() if kind in alternatives(path)]
    # No pod of a SparkConnect was captured, so its label is left out.
    captured = {key for labels in pods.values() for key in labels}
    for key in {key for one in Alternative for key in one.own if key in captured}:
        assert kind.may_have(key) == any(key in labels for labels in of_kind), key
        assert kind.always_has(key) == all(key in labels for labels in of_kind), key
    assert kind.may_have("team")
    assert kind.always_has("team")


def test_every_alternative_was_captured() -> None:
    assert set.union(*map(alternatives, REVIEWS)) == set(Alternative)
