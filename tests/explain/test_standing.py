"""How pods stand to ECS nodes and to virtual nodes. The real scheduler judges the stances in tests/e2e/test_standings.py."""

from functools import reduce
from typing import Any

import pytest
from hypothesis import given

from tests.cases import CASES, Case, case_of
from tests.pods import EVERY_MODE, pods
from tests.scheduler import NODES, feasible
from tests.virtual_node import TOLERATION
from webhook.core.modes import SchedulingMode, Side
from webhook.core.profile import compile_profile
from webhook.core.virtual_node import Taint, Unsupported
from webhook.explain.outcome import outcome
from webhook.explain.standing import Stance, Standing, standings
from webhook.explain.standing_reason import Because
from webhook.explain.standing_reason import StandingReason as Why
from webhook.spark.workloads import SparkPod, Workload

TAINT = Taint(key="virtual-kubelet.io/provider", value="alibabacloud")
NODE_AFFINITY = ("spec", "affinity", "nodeAffinity")
TERM = (*NODE_AFFINITY, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", 0)
PREFERRED = (*NODE_AFFINITY, "preferredDuringSchedulingIgnoredDuringExecution")
#: The base pod has two tolerations of its own.
TOLERATED = Because(Why.TOLERATED, ("spec", "tolerations", 2), TAINT)
NOT_TOLERATED = Because(Why.NOT_TOLERATED, None, TAINT)
NOTHING = Because(Why.NOTHING_AGAINST)
LABEL = "spark-eci-webhook/overflow"
PROFILE = compile_profile(EVERY_MODE, "default")
VIRTUAL = {one.name for one in NODES if one.virtual}
ORDINARY = {one.name for one in NODES} - VIRTUAL


def standings_of(case: Case) -> tuple[Any, tuple[Standing, Standing]]:
    """The pod after the webhook, and how it stands."""
    made, profile = SparkPod("pod", case.pod), compile_profile(case.policy, "default")
    found = outcome(Workload("Pod", "default", "p", (made,)), made, profile)
    return found.after, standings(found.after, profile, found.decision.placement if found.decision else None)


def both(ecs: Stance, ecs_because: list[Because], virtual: Stance, virtual_because: list[Because]) -> Any:
    return (Standing(Side.OTHERS, ecs, tuple(ecs_because)), Standing(Side.VIRTUAL, virtual, tuple(virtual_because)))


MODES = {
    SchedulingMode.ECS_ONLY: both(Stance.MAY, [NOTHING], Stance.MAY_NOT, [NOT_TOLERATED]),
    SchedulingMode.ECI_ONLY: both(
        Stance.MAY_NOT,
        [Because(Why.EXCLUDED, (*TERM, "matchExpressions", 0))],
        Stance.MAY,
        [TOLERATED, Because(Why.SELECTED, (*TERM, "matchExpressions", 0))],
    ),
    SchedulingMode.ECS_FIRST: both(
        Stance.PREFERS, [Because(Why.PREFERRED, (*PREFERRED, 0), 1)], Stance.MAY, [TOLERATED]
    ),
    SchedulingMode.ECS_THEN_ECI: both(
        Stance.MAY,
        [Because(Why.PREFERRED, (*PREFERRED, 0), 1)],
        Stance.MAY_NOT_YET,
        [NOT_TOLERATED, Because(Why.WAITS, ("metadata", "labels", LABEL), 60)],
    ),
    SchedulingMode.ECI_FIRST: both(
        Stance.MAY, [NOTHING], Stance.PREFERS, [TOLERATED, Because(Why.PREFERRED, (*PREFERRED, 0), 1)]
    ),
    SchedulingMode.RESOURCE_POLICY: both(
        Stance.MAY, [Because(Why.RESOURCE_POLICY)], Stance.MAY, [TOLERATED, Because(Why.RESOURCE_POLICY)]
    ),
}


@pytest.mark.parametrize("mode", SchedulingMode)
def test_the_pods_of_each_mode_stand_as_its_entry_says(mode: SchedulingMode) -> None:
    assert standings_of(case_of(mode, rule=mode.value, policy={"overflow": {}}))[1] == MODES[mode]


def own(**spec: Any) -> tuple[Standing, Standing]:
    """How a pod stands that no rule changes, and that has `spec` beside the base pod's."""
    case = case_of("own", rule="ecs-only", pod={"spec": spec})
    return standings(case.pod, compile_profile(case.policy, "default"))


def requiring(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": required}


def on_type(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "type", "operator": operator, **({"values": list(values)} if values else {})}


SELECTOR = ("spec", "nodeSelector", "type")
TOLERATING = {"tolerations": [TOLERATION]}
TOLERATED_FIRST = Because(Why.TOLERATED, ("spec", "tolerations", 0), TAINT)
OWN_RULES: dict[str, tuple[dict[str, Any], Any]] = {
    "a node selector for virtual nodes without a toleration leaves no node": (
        {"nodeSelector": {"type": "virtual-kubelet"}},
        both(Stance.MAY_NOT, [Because(Why.EXCLUDED, SELECTOR)], Stance.MAY_NOT, [NOT_TOLERATED]),
    ),
    "a node selector for other nodes": (
        {"nodeSelector": {"type": "ecs"}} | TOLERATING,
        both(Stance.MAY, [Because(Why.SELECTED, SELECTOR)], Stance.MAY_NOT, [Because(Why.EXCLUDED, SELECTOR)]),
    ),
    "a node selector and a term that contradict each other": (
        {
            "nodeSelector": {"type": "ecs"},
            "affinity": requiring({"matchExpressions": [on_type("NotIn", "ecs")]}),
        }
        | TOLERATING,
        both(
            Stance.MAY_NOT,
            [Because(Why.CONFLICT, SELECTOR), Because(Why.CONFLICT, TERM)],
            Stance.MAY_NOT,
            [Because(Why.EXCLUDED, SELECTOR)],
        ),
    ),
    "expressions of a term that contradict each other": (
        {"affinity": requiring({"matchExpressions": [on_type("In", "ecs"), on_type("NotIn", "ecs")]})} | TOLERATING,
        both(
            Stance.MAY_NOT,
            [Because(Why.CONFLICT, TERM)],
            Stance.MAY_NOT,
            [Because(Why.EXCLUDED, (*TERM, "matchExpressions", 0))],
        ),
    ),
    "terms of which each excludes one side, and an empty one": (
        {
            "affinity": requiring(
                {}, {"matchExpressions": [on_type("Exists")]}, {"matchExpressions": [on_type("DoesNotExist")]}
            )
        }
        | TOLERATING,
        both(Stance.MAY, [NOTHING], Stance.MAY, [TOLERATED_FIRST]),
    ),
    "an empty term beside one that excludes virtual nodes": (
        {"affinity": requiring({}, {"matchExpressions": [on_type("DoesNotExist")]})} | TOLERATING,
        both(
            Stance.MAY,
            [Because(Why.SELECTED, (*TERM[:-1], 1, "matchExpressions", 0))],
            Stance.MAY_NOT,
            [Because(Why.EMPTY_TERM, TERM), Because(Why.EXCLUDED, (*TERM[:-1], 1, "matchExpressions", 0))],
        ),
    ),
    "a hostPath volume that the scheduler lets pass": (
        {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/mnt"}}]} | TOLERATING,
        both(
            Stance.MAY,
            [NOTHING],
            Stance.MAY_NOT,
            [
                Because(Why.UNSUPPORTED, ("spec", "volumes", 1, "hostPath"), Unsupported.HOST_PATH),
                Because(Why.BOUND_ANYWAY, ("spec", "tolerations", 0)),
            ],
        ),
    ),
    "the host's network": (
        {"hostNetwork": True},
        both(
            Stance.MAY,
            [NOTHING],
            Stance.MAY_NOT,
            [NOT_TOLERATED, Because(Why.UNSUPPORTED, ("spec", "hostNetwork"), Unsupported.HOST_NETWORK)],
        ),
    ),
    "a node by its name": (
        {"nodeName": "node-1"},
        both(
            Stance.MAY,
            [Because(Why.NODE_NAME, ("spec", "nodeName"))],
            Stance.MAY,
            [Because(Why.NODE_NAME, ("spec", "nodeName"))],
        ),
    ),
}


@pytest.mark.parametrize("name", OWN_RULES)
def test_the_rules_of_a_pod_itself_lead_to_their_places(name: str) -> None:
    spec, expected = OWN_RULES[name]
    assert own(**spec) == expected


def test_a_label_sends_a_pod_to_eci_whatever_its_affinity_says() -> None:
    key = "alibabacloud.com/eci"
    pod = {"metadata": {"labels": {key: "true"}}, "spec": {"nodeSelector": {"type": "ecs"}}}
    why = Because(Why.SENT_TO_ECI, ("metadata", "labels", key))
    _, found = standings_of(case_of("sent", rule="ecs-only", pod=pod))
    assert found == both(Stance.MAY_NOT, [why], Stance.MAY, [why])


def test_a_privileged_container_is_found_in_its_place() -> None:
    containers = [{"name": "spark"}, {"name": "proxy", "securityContext": {"privileged": True}}]
    policy = {"virtualNode": {"unsupported": ["privileged"], "taints": [{"key": TAINT.key}]}}
    tolerations = [{"key": TAINT.key, "value": "azure", "effect": "NoSchedule"}]
    case = case_of(
        "privileged",
        rule="ecs-only",
        policy=policy,
        pod={"spec": {"containers": containers, "tolerations": tolerations}},
    )
    place = ("spec", "containers", 1, "securityContext", "privileged")
    assert standings(case.pod, compile_profile(case.policy, "default")) == both(
        Stance.MAY,
        [NOTHING],
        Stance.MAY_NOT,
        [
            Because(Why.UNSUPPORTED, place, Unsupported.PRIVILEGED),
            Because(Why.BOUND_ANYWAY, ("spec", "tolerations", 0)),
        ],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_place_is_in_the_pod(case: Case) -> None:
    pod, found = standings_of(case)
    for because in (one for standing in found for one in standing.because):
        assert because.place is None or reduce(lambda part, key: part[key], because.place, pod) is not None


def test_a_pod_that_is_only_observed_does_not_wait() -> None:
    case = case_of("observed", rule={"mode": "ecs-then-eci", "observe": True}, policy={"overflow": {}})
    _, found = standings_of(case)
    assert found == both(Stance.MAY, [NOTHING], Stance.MAY_NOT, [NOT_TOLERATED])


@given(pods())
def test_a_pod_may_run_wherever_a_node_is_feasible_for_it(pod: dict[str, Any]) -> None:
    """The rules of tests/scheduler.py are written independently of the core."""
    ecs, virtual = standings(pod, PROFILE)
    scheduled = {because.reason for because in virtual.because}.isdisjoint({Why.SENT_TO_ECI, Why.UNSUPPORTED})
    if scheduled and ecs.because[0].reason is not Why.NODE_NAME:
        found = feasible(pod)
        for standing, nodes in (ecs, ORDINARY), (virtual, VIRTUAL):
            assert standing.stance is not Stance.MAY_NOT or not found & nodes
