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


def test_every_alternative_was_captured() -> None:
    assert set.union(*map(alternatives, REVIEWS)) == set(Alternative)
