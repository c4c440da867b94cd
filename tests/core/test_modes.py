"""Each mode against the pod of a SparkApplication that was written by hand for it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.admission_reviews import answer, patched
from tests.pods import EVERY_MODE
from tests.virtual_node import TOLERATION
from webhook.core import names
from webhook.core.modes import SchedulingMode

REVIEWS = Path(__file__).parents[1] / "reviews"


def _expression(operator: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "type", "operator": operator, "values": ["virtual-kubelet"]}]}


def _required(operator: str) -> dict[str, Any]:
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_expression(operator)]}
        }
    }


def _preferred(operator: str) -> dict[str, Any]:
    term = {"weight": 1, "preference": _expression(operator)}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}


#: What a person writes for each mode: tolerations, affinity, annotations.
BY_HAND: dict[str, tuple[list[dict[str, Any]], dict[str, Any] | None, dict[str, str]]] = {
    # Nothing by hand opens the pod later. So this is what the pod has until then, without the controller's label.
    "ecs-then-eci": ([], _preferred("NotIn"), {"k8s.aliyun.com/eci-image-cache": "true"}),
    "ecs-only": ([], None, {}),
    "eci-only": ([TOLERATION], _required("In"), {"k8s.aliyun.com/eci-image-cache": "true"}),
    "ecs-first": ([TOLERATION], _preferred("NotIn"), {"k8s.aliyun.com/eci-image-cache": "true"}),
    "eci-first": ([TOLERATION], _preferred("In"), {"k8s.aliyun.com/eci-image-cache": "true"}),
    "resource-policy": ([TOLERATION], None, {"k8s.aliyun.com/eci-image-cache": "true"}),
}


def _by_hand(pod: Any, mode: str) -> Any:
    pod = copy.deepcopy(pod)
    tolerations, affinity, annotations = BY_HAND[mode]
    pod["spec"]["tolerations"] += tolerations
    if affinity:
        pod["spec"]["affinity"] = affinity
    if annotations:
        pod["metadata"]["annotations"] = annotations
    return pod


def _without_record(pod: Any) -> Any:
    pod = copy.deepcopy(pod)
    del pod["metadata"]["annotations"][names.PLACEMENT_ANNOTATION]
    pod["metadata"]["labels"].pop(names.OVERFLOW_LABEL, None)
    if not pod["metadata"]["annotations"]:
        del pod["metadata"]["annotations"]
    return pod


def test_every_mode_was_written_by_hand() -> None:
    missing = [mode.value for mode in SchedulingMode if mode not in BY_HAND]
    assert not missing, f"add {', '.join(missing)} to BY_HAND in tests/core/test_modes.py"


@pytest.mark.parametrize("mode", BY_HAND)
@pytest.mark.parametrize("capture", ["spark-3.5.2-driver", "spark-3.5.2-executor-1", "spark-3.5.2-executor-2"])
def test_a_plain_pod_becomes_the_one_written_by_hand(mode: str, capture: str) -> None:
    pod = json.loads((REVIEWS / f"{capture}.json").read_bytes())["request"]["object"]
    placed = patched(pod, answer(pod, EVERY_MODE, mode))
    assert _without_record(placed) == _by_hand(pod, mode)


@pytest.mark.parametrize("mode", BY_HAND)
def test_a_pod_written_by_hand_gets_the_record_and_nothing_else(mode: str) -> None:
    pod = json.loads((REVIEWS / "spark-3.5.2-executor-1.json").read_bytes())["request"]["object"]
    by_hand = _by_hand(pod, mode)
    if mode == "ecs-only":
        by_hand["spec"]["affinity"] = _required("NotIn")
    assert _without_record(patched(by_hand, answer(by_hand, EVERY_MODE, mode))) == by_hand
