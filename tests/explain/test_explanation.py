"""Which pods are never made, what is left of their explanation, and how a mix and `first` divide executors."""

import dataclasses
from typing import Any

import pytest

from tests.cases import CASES
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.explain.explanation import ExplanationError, explain
from webhook.explain.outcome import Fate, NoProfile
from webhook.service.policy_file import parse_policy
from webhook.spark.stateful_set import first_pod
from webhook.spark.workloads import Refusal, Refuser, SparkPod, Workload

DRIVER, EXECUTOR = (
    next(case.pod for case in CASES if case.name == f"mode-eci-only-{role}") for role in ("driver", "executor")
)
PODS = (SparkPod("driver", DRIVER), SparkPod("executor", EXECUTOR, count="5"))
NO_PROFILE = NoProfile("unknown profile", mistaken=True)
ECI_ONLY = compile_profile(Policy(), "eci-only")
MIX = compile_profile(
    parse_policy(
        b"profiles: {default: {executor: {mix: [{percent: 60, mode: eci-only}, {percent: 40, mode: ecs-only}]}}}", "mix"
    ),
    "default",
)


def workload(*roles: str) -> Workload:
    """A workload of which the pods of `roles` are never made."""
    refused = tuple(Refusal(Refuser.SPARK, role, "a", "b") for role in roles)
    return Workload("SparkApplication", "etl", "pi", PODS, refused=refused)


@pytest.mark.parametrize("profile", [ECI_ONLY, NO_PROFILE], ids=["profile", "no profile"])
@pytest.mark.parametrize(
    ("roles", "never"),
    [
        ((), set()),
        (("",), {"driver", "executor"}),
        (("executor",), {"executor"}),
        (("driver", "executor"), {"driver", "executor"}),
        (("connect-server",), set()),
    ],
)
def test_a_refusal_concerns_the_pods_of_its_role(roles: tuple[str, ...], never: set[str], profile: Any) -> None:
    whole = explain("f", workload(), profile)
    found = explain("f", workload(*roles), profile, assumed=True)
    assert (found.assumed, whole.assumed) == (True, False)
    for one, made in zip(found.pods, whole.pods, strict=True):
        assert (one.fate is Fate.NEVER_RUNS) is (one.pod.title in never)
        assert {refusal.role for refusal in one.refused} == {role for role in roles if role in ("", one.pod.title)}
        if one.pod.title in never:
            assert one.outcome == dataclasses.replace(
                made.outcome, after=made.outcome.before, patch=b"[]", warnings=(), denied="", added=(), kept=()
            )
        else:
            assert one == made


def test_each_share_of_executors_that_are_never_made_keeps_its_mode() -> None:
    found = explain("f", workload("executor"), MIX).pods
    modes = [one.outcome.decision and one.outcome.decision.placement.mode for one in found]
    assert [(one.pod.count, one.fate.value) for one in found] == [
        ("", "placed"),
        ("3 of 5", "never runs"),
        ("2 of 5", "never runs"),
    ]
    assert modes == ["ecs-only", "eci-only", "ecs-only"]


def test_a_mix_does_not_divide_executors_that_have_no_numbers() -> None:
    labels = EXECUTOR["metadata"]["labels"] | {"spark-exec-id": "EXECID"}
    pod = EXECUTOR | {"metadata": EXECUTOR["metadata"] | {"labels": labels}}
    made = Workload("SparkApplication", "etl", "pi", (SparkPod("executor", pod, count="5"),))
    (found,) = explain("f", made, MIX).pods
    assert found.pod.count == "5"
    assert found.outcome.decision
    assert (found.outcome.decision.placement.mode, found.outcome.decision.placement.share) == ("ecs-first", None)


FIRST = compile_profile(
    parse_policy(b"profiles: {default: {executor: {mode: eci-only, first: {count: 3, mode: ecs-only}}}}", "first"),
    "default",
)


def parts(pod: Any, count: str, profile: CompiledProfile) -> list[tuple[str, str, str]]:
    """The name, count and mode of each part of the executors that `pod` represents."""
    made = Workload("SparkApplication", "etl", "pi", (SparkPod("executor", pod, count=count),))
    return [
        (one.pod.created["metadata"]["name"], one.pod.count, one.outcome.decision.placement.mode)
        for one in explain("f", made, profile).pods
        if one.outcome.decision
    ]


@pytest.mark.parametrize(
    ("count", "found"),
    [
        ("5", [("pi-1", "3 of 5", "ecs-only"), ("pi-4", "2 of 5", "eci-only")]),
        ("3", [("pi-1", "3", "ecs-only")]),
        ("2", [("pi-1", "2", "ecs-only")]),
        (
            "0 or more, by dynamic allocation",
            [("pi-1", "the first 3", "ecs-only"), ("pi-4", "after the first 3", "eci-only")],
        ),
        ("0", [("pi-1", "0", "ecs-only")]),
    ],
)
def test_the_first_executors_are_told_apart_from_the_others(count: str, found: list[tuple[str, str, str]]) -> None:
    pod = EXECUTOR | {"metadata": EXECUTOR["metadata"] | {"name": "pi-1"}}
    assert parts(pod, count, FIRST) == found


@pytest.mark.parametrize(
    ("start", "count", "found"),
    [
        (0, "4", [("s-0", "3 of 4", "ecs-only"), ("s-3", "1 of 4", "eci-only")]),
        (2, "4", [("s-2", "1 of 4", "ecs-only"), ("s-3", "3 of 4", "eci-only")]),
        (7, "4", [("s-7", "4", "eci-only")]),
        (7, "1 to 9, by autoscaling", [("s-7", "1 to 9, by autoscaling", "eci-only")]),
    ],
)
def test_ordinals_count_from_where_they_begin(start: int, count: str, found: list[tuple[str, str, str]]) -> None:
    labels = EXECUTOR["metadata"]["labels"] | {"spark-exec-id": "EXECID"}
    pod = first_pod(EXECUTOR | {"metadata": EXECUTOR["metadata"] | {"labels": labels}}, "s", start)
    assert parts(pod, count, FIRST) == found


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (0, [("s-0", "3 of 5", "eci-only"), ("s-1", "2 of 5", "ecs-only")]),
        (1, [("s-2", "3 of 5", "eci-only"), ("s-1", "2 of 5", "ecs-only")]),
    ],
)
def test_a_mix_divides_the_pods_of_a_statefulset(start: int, found: list[tuple[str, str, str]]) -> None:
    labels = EXECUTOR["metadata"]["labels"] | {"spark-exec-id": "EXECID"}
    pod = first_pod(EXECUTOR | {"metadata": EXECUTOR["metadata"] | {"labels": labels}}, "s", start)
    assert parts(pod, "5", MIX) == found


def test_a_pod_is_judged_in_the_namespace_in_which_it_is_made() -> None:
    (case,) = [case for case in CASES if case.name == "mode-eci-only-driver"]
    half = parse_policy(b"profiles: {default: {driver: {mode: eci-only, rollout: 50}}}", "half")
    profile = compile_profile(half, "default")
    fates = {
        moved: explain(
            "f", Workload("SparkApplication", "etl", "pi", (SparkPod("driver", case.pod),), moved_to=moved), profile
        )
        .pods[0]
        .fate
        for moved in ("etl", *(f"other-{number}" for number in range(9)))
    }
    here = (
        explain("f", Workload("SparkApplication", "etl", "pi", (SparkPod("driver", case.pod),)), profile).pods[0].fate
    )
    assert here is fates["etl"]
    assert set(fates.values()) == {Fate.PLACED, Fate.LEFT_ALONE}


def test_a_pod_that_keeps_its_own_placement_is_not_placed() -> None:
    (case,) = [case for case in CASES if case.name == "too-large"]
    made = Workload("Pod", "etl", "pi", (SparkPod("pod", case.pod),))
    (one,) = explain("f", made, compile_profile(case.policy, "default")).pods
    assert (one.fate, one.outcome.decision is not None) == (Fate.NOT_PLACED, True)


def test_a_field_of_the_wrong_type_is_named_with_its_key() -> None:
    pod = {"metadata": {"name": "p", "labels": {"a": "b", "team": 1}}, "spec": {}}
    with pytest.raises(ExplanationError) as caught:
        explain("f", Workload("Pod", "etl", "pi", (SparkPod("pod", pod),)), ECI_ONLY)
    assert str(caught.value) == 'Pod pi: pod: metadata.labels["team"]: expected str, got int'
