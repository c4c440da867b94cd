"""What is said of a pod, for every case: exactly what was done, and nothing of what was not."""

import json
from typing import Any

import msgspec
import pytest

from tests.cases import CASES, Case
from webhook.core.explanation import Explanation, Origin, Remark, explain, why_skipped
from webhook.core.mutation import mutate
from webhook.core.placement import decide, role_of
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile

OURS = [case for case in CASES if not case.name.startswith("not-ours")]
BY_NAME = {case.name: case for case in CASES}


def explained(pod: Any, policy: Policy) -> tuple[Explanation, list[Any]]:
    view, profile = msgspec.convert(pod, Pod), compile_profile(policy, "default")
    role = role_of(view, profile)
    assert role is not None
    placement = decide(view, "default", role, profile)
    operations = mutate(view, placement)
    return explain(view, profile, placement, operations), json.loads(msgspec.json.encode(operations))


def added(operations: list[Any]) -> int:
    """How many annotations and tolerations are added, and whether each kind of node affinity is touched."""
    found, required, preferred = 0, False, False
    for operation in operations:
        path, value = operation["path"], operation["value"]
        if path in ("/metadata/annotations", "/spec/tolerations"):
            found += len(value)
        elif path.startswith(("/metadata/annotations/", "/spec/tolerations/")):
            found += 1
        else:
            text = path + json.dumps(value)
            required |= "requiredDuringScheduling" in text
            preferred |= "preferredDuringScheduling" in text
    return found + required + preferred


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_every_change_is_told_once(case: Case) -> None:
    explanation, operations = explained(case.pod, case.policy)
    assert len(explanation.changes) == added(operations)
    assert len({remark.what for remark in explanation.changes}) == len(explanation.changes)


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_a_pod_that_carries_the_result_is_left_alone_with_a_reason_for_each(case: Case) -> None:
    before, _ = explained(case.pod, case.policy)
    after, operations = explained(case.expected, case.policy)
    assert operations == []
    assert after.changes == ()
    assert (after.origin, after.source, after.placed) == (before.origin, before.source, before.placed)
    whats = [remark.what for remark in after.left_alone]
    caches = compile_profile(case.policy, "default").image_cache_keys
    for remark in before.changes:
        cache = any(remark.what.startswith(f"annotation {key}:") for key in caches)
        assert any(("image cache" if cache else remark.what).startswith(what) for what in whats), remark


def left_alone(name: str) -> tuple[Remark, ...]:
    case = BY_NAME[name]
    return explained(case.pod, case.policy)[0].left_alone


@pytest.mark.parametrize(
    ("name", "what", "why"),
    [
        ("mode-ecs-only-executor", "tolerations", "none is needed: virtual nodes stay closed by their taint"),
        ("mode-ecs-only-executor", "node affinity", "none is needed: the pod tolerates no taint of virtual nodes"),
        (
            "mode-resource-policy-driver",
            "node affinity",
            "the ResourcePolicy of the namespace chooses between ECS and ECI",
        ),
        (
            "ecs-only-holds-against-the-pods-own-toleration",
            "tolerations",
            "the pod's own stay, since nothing is taken away from it",
        ),
        (
            "ecs-only-already-kept-off",
            "required node affinity type NotIn [virtual-kubelet]",
            "the pod requires it already",
        ),
        (
            "toleration-of-everything-suffices",
            "toleration virtual-kubelet.io/provider=alibabacloud:NoSchedule",
            "the pod tolerates the taint already: any taint",
        ),
        (
            "preferred-there-with-another-weight",
            "preferred node affinity type NotIn [virtual-kubelet]",
            "the pod has this preference already",
        ),
        (
            "required-never-enters-an-empty-term",
            "2 empty terms of the required node affinity",
            "an empty term matches no node",
        ),
        ("annotations-of-the-policy", "annotation k8s.aliyun.com/eci-use-specs", 'the pod\'s own value "4-8Gi" stays'),
        (
            "image-cache-of-the-pod-stays-eci-imc-id",
            "image cache",
            "the pod has one already: k8s.aliyun.com/eci-imc-id: imc-2zeaaaaaaaaaaaaaaaaa",
        ),
        ("override-to-none", "all else", "the pod asks to be left alone"),
        ("node-name-set", "all else", "the pod keeps its own placement"),
    ],
)
def test_what_is_left_alone_has_its_reason(name: str, what: str, why: str) -> None:
    assert Remark(what, why) in left_alone(name)


@pytest.mark.parametrize(
    ("name", "origin", "source", "placed"),
    [
        ("mode-eci-only-driver", Origin.PROFILE, "profile default has eci-only for the driver", True),
        (
            "override-to-another-mode",
            Origin.OVERRIDE,
            "profile default has ecs-only for the executor; "
            "the pod's annotation spark-eci-webhook/mode asks for eci-only",
            True,
        ),
        ("override-unknown", Origin.PROFILE, "profile default has ecs-first for the executor", True),
        ("override-forbidden", Origin.PROFILE, "profile default has ecs-first for the executor", True),
        (
            "unsupported-host-network",
            Origin.GUARD,
            "profile default has ecs-first for the driver; ECI cannot run the pod, so it takes ecs-only",
            True,
        ),
        (
            "override-cannot-be-placed",
            Origin.GUARD,
            "profile default has ecs-first for the executor; "
            "the pod's annotation spark-eci-webhook/mode asks for eci-only; the pod cannot be placed so",
            False,
        ),
    ],
)
def test_the_mode_says_where_it_came_from(name: str, origin: Origin, source: str, placed: bool) -> None:  # noqa: FBT001
    explanation, _ = explained(BY_NAME[name].pod, BY_NAME[name].policy)
    assert (explanation.origin, explanation.source, explanation.placed) == (origin, source, placed)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (None, "the label sparkoperator.k8s.io/launched-by-spark-operator is missing"),
        (
            {"sparkoperator.k8s.io/launched-by-spark-operator": "no\n"},
            'the label sparkoperator.k8s.io/launched-by-spark-operator is "no?", not "true"',
        ),
        ({"sparkoperator.k8s.io/launched-by-spark-operator": "true"}, "the label spark-role is missing"),
        (
            {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "history"},
            'the label spark-role is "history", not driver, connect-server or executor',
        ),
        ({"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "driver"}, ""),
    ],
)
def test_a_pod_that_is_none_of_ours_has_the_reason(labels: dict[str, str] | None, why: str) -> None:
    pod = msgspec.convert({"metadata": {"labels": labels}, "spec": {}}, Pod)
    assert why_skipped(pod, compile_profile(Policy(), "default")) == why
