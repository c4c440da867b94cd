"""The explanation of a pod describes exactly what the patch does, for every case."""

import json
from typing import Any

import pytest

from tests.cases import CASES, Case
from webhook.cli.explain import words
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.patch import Change, Kind
from webhook.core.placement import Origin, Placement
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.reasons import ChangeReason as Why
from webhook.core.selectors import Role
from webhook.explain.outcome import Outcome, outcome
from webhook.service.policy_file import parse_policy
from webhook.spark.workloads import SparkPod, Workload

BY_NAME = {case.name: case for case in CASES}
OURS = [name for name in BY_NAME if not name.startswith("not-ours")]


def explained(pod: Any, policy: Policy) -> Outcome:
    made = SparkPod("pod", pod)
    return outcome(Workload("Pod", "default", "p", (made,)), made, compile_profile(policy, "default"))


def placement(name: str) -> tuple[Pod, Placement]:
    case = BY_NAME[name]
    decision = explained(case.pod, case.policy).decision
    assert decision is not None
    return decision.pod, decision.placement


def count(operations: list[Any]) -> int:
    """How many labels, annotations and tolerations are added, and how many kinds of node affinity are changed."""
    found, required, preferred = 0, False, False
    for operation in operations:
        path, value = operation["path"], operation["value"]
        if path in ("/metadata/annotations", "/spec/tolerations"):
            found += len(value)
        elif path.startswith(("/metadata/labels/", "/metadata/annotations/", "/spec/tolerations/")):
            found += 1
        else:
            text = path + json.dumps(value)
            required |= "requiredDuringScheduling" in text
            preferred |= "preferredDuringScheduling" in text
    return found + required + preferred


@pytest.mark.parametrize("name", OURS)
def test_every_change_is_told_once_and_a_second_review_keeps_them_all(name: str) -> None:
    case: Case = BY_NAME[name]
    first, second = explained(case.pod, case.policy), explained(case.expected, case.policy)
    assert len(first.added) == count(json.loads(first.patch))
    assert len({(one.kind, one.key) for one in first.added}) == len(first.added)
    assert (second.added, second.patch) == ((), b"[]")
    assert first.decision is not None
    assert second.decision is not None
    before, after = first.decision.placement, second.decision.placement
    assert (after.origin, after.asked, after.placed) == (before.origin, before.asked, before.placed)
    kept = {(one.kind, one.key) for one in second.kept}
    caches = compile_profile(case.policy, "default").image_cache_keys
    wanted = {(Kind.IMAGE_CACHE if one.key in caches else one.kind, one.key) for one in first.added}
    assert wanted <= kept


def test_every_reason_has_its_words_and_a_case() -> None:
    """Every reason needs a sentence, and a case that produces it."""
    produced = {
        one.reason
        for case in CASES
        for found in [explained(case.pod, case.policy)]
        for one in [*found.added, *found.kept]
    }
    assert set(words.REASONS) == set(Why)
    #: Reasons that no case produces: they depend on the application's name or on a mode without affinity.
    assert set(Why) - produced <= {Why.OUTSIDE_ROLLOUT, Why.NO_PREFERENCE}


@pytest.mark.parametrize(
    ("name", "what", "why"),
    [
        ("mode-ecs-only-executor", "tolerations", "not needed: the virtual node's taint keeps the pod off"),
        ("mode-ecs-only-executor", "node affinity", "not needed: the virtual node's taint keeps the pod off"),
        ("mode-resource-policy-driver", "node affinity", "the namespace's ResourcePolicy chooses between ECS and ECI"),
        (
            "ecs-only-holds-against-the-pods-own-toleration",
            "tolerations",
            "the pod's own tolerations stay: the webhook removes nothing",
        ),
        (
            "ecs-only-already-kept-off",
            "required node affinity type NotIn [virtual-kubelet]",
            "the pod has it already",
        ),
        (
            "toleration-of-everything-suffices",
            "toleration virtual-kubelet.io/provider=alibabacloud:NoSchedule",
            "the pod tolerates the taint already: any taint",
        ),
        (
            "preferred-there-with-another-weight",
            "preferred node affinity type NotIn [virtual-kubelet]",
            "the pod has it already",
        ),
        (
            "required-never-enters-an-empty-term",
            "2 empty terms of the required node affinity",
            "an empty term matches no node",
        ),
        (
            "annotations-of-the-policy",
            "annotation k8s.aliyun.com/eci-use-specs",
            'the pod has its own value "4-8Gi"',
        ),
        (
            "image-cache-of-the-pod-stays-eci-imc-id",
            "image cache",
            "the pod has its own: k8s.aliyun.com/eci-imc-id: imc-2zeaaaaaaaaaaaaaaaaa",
        ),
        ("override-to-none", "everything else", "the pod asks to be left alone"),
        ("node-name-set", "everything else", "the pod keeps its own placement"),
    ],
)
def test_what_is_left_alone_has_its_reason(name: str, what: str, why: str) -> None:
    found = explained(BY_NAME[name].pod, BY_NAME[name].policy)
    assert f"{what} ({why})" in words.remarks(found.kept, 0)


@pytest.mark.parametrize("mode", SchedulingMode)
@pytest.mark.parametrize("role", Role)
def test_what_is_said_of_each_mode_agrees_with_the_pod(mode: SchedulingMode, role: Role) -> None:
    """Compared with the pod: what is reported as kept was not added, and what is reported as added is there."""
    case = BY_NAME.get(f"mode-{mode}-{role}")
    assert case is not None, "tests/cases/modes.yaml: run make golden"
    found = explained(case.pod, case.policy)
    kept: dict[str, Change] = {one.kind: one for one in found.kept if not one.key}
    spec = found.after["spec"]
    taints = [one for one in spec.get("tolerations", ()) if one.get("key") == "virtual-kubelet.io/provider"]
    assert (Kind.TOLERATION in kept) is (not taints)
    assert bool(taints) is (mode.opens_eci and not mode.waits)
    assert (found.after["metadata"]["labels"].get(names.OVERFLOW_LABEL) == names.WAITING) is mode.waits
    assert (Kind.NODE_AFFINITY in kept) is ("affinity" not in spec)
    if Kind.NODE_AFFINITY in kept:
        closed = kept[Kind.NODE_AFFINITY].reason is Why.CLOSED_BY_TAINT
        chosen = kept[Kind.NODE_AFFINITY].reason is Why.RESOURCE_POLICY_CHOOSES
        assert closed is (not taints)
        assert chosen is mode.needs_ack_scheduler


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
            "the pod's annotation spark-eci-webhook/mode asks for eci-only; the pod cannot be placed in this mode",
            False,
        ),
    ],
)
def test_the_mode_says_where_it_came_from(name: str, origin: Origin, source: str, placed: bool) -> None:  # noqa: FBT001
    pod, found = placement(name)
    said = words.source(pod, compile_profile(BY_NAME[name].policy, "default"), found)
    assert (found.origin, said, found.placed) == (origin, source, placed)


def test_an_executor_says_which_share_it_takes() -> None:
    policy = parse_policy(
        b"profiles: {default: {executor: {mix: [{percent: 30, mode: ecs-only}, {percent: 70, mode: eci-only}]}}}", "p"
    )
    labels = {
        "sparkoperator.k8s.io/launched-by-spark-operator": "true",
        "spark-role": "executor",
        "spark-exec-id": "1",
    }
    found = explained({"metadata": {"name": "e", "labels": labels}, "spec": {}}, policy).decision
    assert found is not None
    taken = found.placement
    assert (taken.origin, taken.asked, taken.share) == (Origin.MIX, "eci-only", 70)
    assert words.source(found.pod, compile_profile(policy, "default"), taken) == (
        "profile default has a mix for the executors: number 1 is in the share of 70 % with eci-only"
    )


@pytest.mark.parametrize(
    ("labels", "source"),
    [
        (
            {"spark-exec-id": "2"},
            "profile default has eci-only for the executor; number 2 is among the first 2, which have ecs-only; "
            "an executor in its place will have a later number; the rule applies to 99 % of all applications, and to "
            "this one",
        ),
        (
            {"apps.kubernetes.io/pod-index": "1", "spark-exec-id": "EXECID"},
            "profile default has eci-only for the executor; number 2 is among the first 2, which have ecs-only; "
            "the rule applies to 99 % of all applications, and to this one",
        ),
        (
            {"apps.kubernetes.io/pod-index": "2"},
            "profile default has eci-only for the executor; number 3 comes after the first 2, which have ecs-only; "
            "the rule applies to 99 % of all applications, and to this one",
        ),
        (
            {"spark-exec-id": "EXECID"},
            "profile default has eci-only for the executor; the pod has no executor number, so first does not apply; "
            "the rule applies to 99 % of all applications, and to this one",
        ),
    ],
)
def test_an_executor_says_whether_it_is_among_the_first(labels: dict[str, str], source: str) -> None:
    policy = parse_policy(
        b"profiles: {default: {executor: {mode: eci-only, rollout: 99, first: {count: 2, mode: ecs-only}}}}", "p"
    )
    given = {OPERATOR: "true", "sparkoperator.k8s.io/app-name": "pi", "spark-role": "executor"} | labels
    found = explained({"metadata": {"name": "e", "labels": given}, "spec": {}}, policy).decision
    assert found is not None
    assert words.source(found.pod, compile_profile(policy, "default"), found.placement) == source


OPERATOR = "sparkoperator.k8s.io/launched-by-spark-operator"


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (None, f"the label {OPERATOR} is missing"),
        ({OPERATOR: "no\n"}, f'the label {OPERATOR} is "no?", not "true"'),
        ({OPERATOR: "true"}, "the label spark-role is missing"),
        (
            {OPERATOR: "true", "spark-role": "history"},
            'the label spark-role is "history", not driver, connect-server or executor',
        ),
        ({OPERATOR: "true", "spark-role": "driver"}, ""),
    ],
)
def test_a_pod_that_is_not_selected_has_the_reason(labels: dict[str, str] | None, why: str) -> None:
    assert words.skipped(explained({"metadata": {"labels": labels}, "spec": {}}, Policy())) == why


def test_a_pod_that_no_alternative_selects_has_the_reason_of_each_once() -> None:
    policy = parse_policy(b"selector: {anyOf: [kubeflow, apache, spark, {matchLabels: {spark-role: driver}}]}", "p")
    labels = {OPERATOR: "true", "spark-app-selector": "spark-1", "spark-role": "operator"}
    assert words.skipped(explained({"metadata": {"labels": labels}, "spec": {}}, policy)) == (
        'the label spark-role is "operator", not driver, connect-server or executor, '
        "and the label spark.operator/spark-app-name is missing, "
        'and the label spark-role is "operator", not driver or executor, '
        'and the label spark-role is "operator", not "driver"'
    )


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ({"spark.operator/spark-app-name": "pi", "spark-app-selector": "spark-1"}, "apache or spark"),
        ({"spark-app-selector": "spark-1"}, "spark"),
    ],
)
def test_a_pod_that_another_alternative_would_select_says_so(labels: dict[str, str], hint: str) -> None:
    found = explained({"metadata": {"labels": {"spark-role": "driver"} | labels}, "spec": {}}, Policy())
    assert words.hinted(found) == (f"the label {OPERATOR} is missing; it would be selected by {hint} in selector.anyOf")
