"""Each verdict about a pod: what it has by hand, what the webhook adds, and what wins."""

import json
from typing import Any

import pytest

from tests.cases import CASES
from tests.overlays import overlaid
from webhook.adopt.own_placement import OwnPlacement
from webhook.adopt.verdict import OWN_WINS, Adoption, AdoptionVerdict, PodAdoption, adoption
from webhook.core.patch import Change
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.reasons import Caution, ChangeReason, Reason
from webhook.explain.explanation import explain
from webhook.explain.outcome import NoProfile
from webhook.service.policy_file import parse_policy
from webhook.spark.workloads import Refusal, Refuser, SparkPod, Workload

JSON = dict[str, Any]

EXECUTOR = next(case.pod for case in CASES if case.name == "mode-ecs-only-executor")
OPEN = {"key": "virtual-kubelet.io/provider", "operator": "Equal", "value": "alibabacloud", "effect": "NoSchedule"}
VIRTUAL = {"key": "type", "operator": "In", "values": ["virtual-kubelet"]}
OTHERS = VIRTUAL | {"operator": "NotIn"}
SAME, CHANGES, CONFLICTS = AdoptionVerdict


def required(*requirements: JSON) -> JSON:
    terms = [{"matchExpressions": [one]} for one in requirements]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def preferred(requirement: JSON, weight: int = 1) -> JSON:
    term = {"weight": weight, "preference": {"matchExpressions": [requirement]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}


def judged(pod: JSON, rule: JSON, policy: JSON | None = None, *, strict: bool = False, count: str = "") -> Adoption:
    """The verdict about an application of one executor, which `pod` changes, under `rule`.

    Without anything else in the rule, no image cache is added.
    """
    written = {"imageCache": {"auto": False}} | rule
    document = {"profiles": {"default": {"executor": written}}} | (policy or {})
    compiled = compile_profile(parse_policy(json.dumps(document).encode(), "policy"), "default")
    made = SparkPod("executor", overlaid(EXECUTOR, pod), count=count)
    return adoption(explain("f", Workload("SparkApplication", "etl", "pi", (made,)), compiled), strict=strict)


def of_one(found: Adoption) -> PodAdoption:
    (one,) = found.pods
    assert one.verdict is found.verdict
    return one


def tolerating(*own: JSON) -> list[JSON]:
    return [*EXECUTOR["spec"]["tolerations"], *own]


OWN: dict[str, tuple[JSON, set[OwnPlacement]]] = {
    "toleration": ({"spec": {"tolerations": tolerating(OPEN)}}, {OwnPlacement.TOLERATION}),
    "toleration of every taint": (
        {"spec": {"tolerations": tolerating({"operator": "Exists"})}},
        {OwnPlacement.TOLERATION},
    ),
    "toleration of another taint": ({"spec": {"tolerations": tolerating(OPEN | {"key": "dedicated"})}}, set()),
    "toleration of another effect": ({"spec": {"tolerations": tolerating(OPEN | {"effect": "NoExecute"})}}, set()),
    "required": ({"spec": {"affinity": required(VIRTUAL)}}, {OwnPlacement.REQUIRED}),
    "required in one term": (
        {"spec": {"affinity": required(VIRTUAL | {"key": "zone"}, OTHERS)}},
        {OwnPlacement.REQUIRED},
    ),
    "required of another label": ({"spec": {"affinity": required(VIRTUAL | {"key": "zone"})}}, set()),
    "preferred": ({"spec": {"affinity": preferred(OTHERS)}}, {OwnPlacement.PREFERRED}),
    "preferred of another label": ({"spec": {"affinity": preferred(OTHERS | {"key": "zone"})}}, set()),
    "node selector": ({"spec": {"nodeSelector": {"type": "virtual-kubelet"}}}, {OwnPlacement.NODE_SELECTOR}),
    "node selector of another label": ({"spec": {"nodeSelector": {"disk": "ssd"}}}, set()),
    "annotation of ECI": (
        {"metadata": {"annotations": {"k8s.aliyun.com/eci-use-specs": "2-4Gi"}}},
        {OwnPlacement.ECI_ANNOTATION},
    ),
    "another annotation": ({"metadata": {"annotations": {"k8s.aliyun.com/other": "x"}}}, set()),
    "label that outranks": (
        {"metadata": {"labels": {"alibabacloud.com/eci": "true"}}},
        {OwnPlacement.OUTRANKING_LABEL},
    ),
    "label without effect": ({"metadata": {"labels": {"alibabacloud.com/eci": "false"}}}, set()),
    "label that the rule adds": ({"metadata": {"labels": {"team": "data"}}}, {OwnPlacement.ADDITION}),
    "annotation that the rule adds to pods on ECI alone": (
        {"metadata": {"annotations": {"cost": "spot"}}},
        {OwnPlacement.ADDITION},
    ),
    "the mode it asks for": ({"metadata": {"annotations": {"spark-eci-webhook/mode": "ecs-only"}}}, set()),
    "nothing": ({}, set()),
}


@pytest.mark.parametrize(("pod", "own"), OWN.values(), ids=OWN.keys())
def test_each_kind_of_placement_by_hand_is_seen(pod: JSON, own: set[OwnPlacement]) -> None:
    rule = {"mode": "ecs-only", "always": {"labels": {"team": "data"}}, "annotations": {"cost": "spot"}}
    assert set(of_one(judged(pod, rule)).own) == own


def test_the_kinds_of_placement_are_all_tried() -> None:
    assert {kind for _, own in OWN.values() for kind in own} == set(OwnPlacement)


@pytest.mark.parametrize("name", [name for name, (_, own) in OWN.items() if own])
def test_what_says_where_a_pod_runs_is_told_from_what_only_has_an_effect_on_eci(name: str) -> None:
    """Without the former, nobody can say where the pod runs today, so that only `strict` takes it for changed."""
    pod, own = OWN[name]
    rule = {"mode": "resource-policy", "always": {"labels": {"new": "label"}}}
    kinds = {"annotation of ECI", "label that the rule adds", "annotation that the rule adds to pods on ECI alone"}
    lax, strict = (judged(pod, rule, strict=one) for one in (False, True))
    assert of_one(lax).placed_by_hand is (name not in kinds)
    assert lax.bare is (name in kinds)
    if OwnPlacement.OUTRANKING_LABEL not in own:
        assert (lax.verdict, strict.verdict) == (SAME if name in kinds else CHANGES, CHANGES)


def test_a_toleration_of_the_api_server_is_nobodys_own() -> None:
    """Even if the virtual node had one of the taints for which the API server adds tolerations."""
    node = {"virtualNode": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}}
    assert of_one(judged({}, {"mode": "ecs-only"}, node)).own == ()


def test_keys_of_the_policy_s_own_image_caches_count() -> None:
    node = {"virtualNode": {"imageCache": {"auto": "example.com/cache"}}}
    pod = {"metadata": {"annotations": {"example.com/cache": "true"}}}
    assert of_one(judged(pod, {"mode": "ecs-only"}, node)).own == (OwnPlacement.ECI_ANNOTATION,)


BY_HAND: dict[str, JSON] = {
    "ecs-only": {},
    "eci-only": {"tolerations": tolerating(OPEN), "affinity": required(VIRTUAL)},
    "ecs-first": {"tolerations": tolerating(OPEN), "affinity": preferred(OTHERS)},
    "eci-first": {"tolerations": tolerating(OPEN), "affinity": preferred(VIRTUAL)},
    "resource-policy": {"tolerations": tolerating(OPEN)},
}
#: What becomes of a pod that has the placement of the first mode by hand, under a rule of the second.
UNDER = {
    ("ecs-only", "ecs-only"): SAME,
    ("ecs-only", "eci-only"): SAME,
    ("ecs-only", "ecs-first"): SAME,
    ("ecs-only", "eci-first"): SAME,
    ("ecs-only", "resource-policy"): SAME,
    ("eci-only", "ecs-only"): CONFLICTS,
    ("eci-only", "eci-only"): SAME,
    ("eci-only", "ecs-first"): CONFLICTS,
    ("eci-only", "eci-first"): CHANGES,
    ("eci-only", "resource-policy"): SAME,
    ("ecs-first", "ecs-only"): CHANGES,
    ("ecs-first", "eci-only"): CHANGES,
    ("ecs-first", "ecs-first"): SAME,
    ("ecs-first", "eci-first"): CONFLICTS,
    ("ecs-first", "resource-policy"): SAME,
    ("eci-first", "ecs-only"): CHANGES,
    ("eci-first", "eci-only"): CHANGES,
    ("eci-first", "ecs-first"): CONFLICTS,
    ("eci-first", "eci-first"): SAME,
    ("eci-first", "resource-policy"): SAME,
    ("resource-policy", "ecs-only"): CHANGES,
    ("resource-policy", "eci-only"): CHANGES,
    ("resource-policy", "ecs-first"): CHANGES,
    ("resource-policy", "eci-first"): CHANGES,
    ("resource-policy", "resource-policy"): SAME,
}


@pytest.mark.parametrize(("hand", "mode"), UNDER)
def test_each_placement_by_hand_under_each_mode(hand: str, mode: str) -> None:
    assert judged({"spec": BY_HAND[hand]}, {"mode": mode}).verdict is UNDER[hand, mode]


@pytest.mark.parametrize("mode", ["eci-only", "ecs-first", "eci-first", "resource-policy"])
def test_a_pod_with_nothing_by_hand_changes_only_if_strict(mode: str) -> None:
    lax, strict = (judged({}, {"mode": mode}, strict=one) for one in (False, True))
    assert (lax.verdict, lax.bare, strict.verdict, strict.bare) == (SAME, True, CHANGES, True)
    assert of_one(lax).adds == of_one(strict).adds != ()


def test_a_pod_to_which_nothing_is_added_is_the_same_even_if_strict() -> None:
    found = judged({}, {"mode": "ecs-only"}, strict=True)
    assert (found.verdict, found.bare, of_one(found).adds) == (SAME, True, ())


def test_the_record_is_no_change_but_the_label_of_a_pod_that_waits_is_one() -> None:
    """A pod that only prefers ECS by hand never went to ECI; opened by the overflow controller, it would."""
    found = of_one(judged({"spec": {"affinity": preferred(OTHERS)}}, {"mode": "ecs-then-eci"}, {"overflow": {}}))
    assert [(one.kind, one.key) for one in found.adds] == [("label", "spark-eci-webhook/overflow")]
    assert found.verdict is CHANGES


#: For each guard about the pod's own fields: a pod, the rule, and the rest of the policy.
GUARDS: dict[Reason, tuple[JSON, JSON, JSON]] = {
    Reason.OTHER_SCHEDULER: ({"spec": {"schedulerName": "volcano"}}, {"mode": "resource-policy"}, {}),
    Reason.OUTRANKED: ({"metadata": {"labels": {"alibabacloud.com/eci": "true"}}}, {"mode": "ecs-only"}, {}),
    Reason.OWN_PREFERENCE: ({"spec": {"affinity": preferred(VIRTUAL, 9)}}, {"mode": "ecs-first"}, {}),
    Reason.OWN_TOLERATION: ({"spec": {"tolerations": tolerating(OPEN)}}, {"mode": "ecs-then-eci"}, {"overflow": {}}),
    Reason.OWN_REQUIREMENT: ({"spec": {"affinity": required(OTHERS)}}, {"mode": "eci-first"}, {}),
    Reason.EXCLUDES_VIRTUAL_NODES: ({"spec": {"nodeSelector": {"type": "ecs"}}}, {"mode": "eci-only"}, {}),
    Reason.DEMANDS_VIRTUAL_NODES: ({"spec": {"affinity": required(VIRTUAL)}}, {"mode": "ecs-only"}, {}),
    Reason.NODE_NAME_SET: ({"spec": {"nodeName": "cn-beijing.10.0.0.7"}}, {"mode": "eci-only"}, {}),
}


@pytest.mark.parametrize("reason", GUARDS)
def test_what_a_guard_leaves_to_the_pod_is_a_conflict_and_the_guard_says_what_wins(reason: Reason) -> None:
    pod, rule, policy = GUARDS[reason]
    found = of_one(judged(pod, rule, policy))
    (won,) = found.wins
    assert isinstance(won, Caution)
    assert (found.verdict, won.reason) == (CONFLICTS, reason)


def test_every_reason_is_one_of_the_pod_s_own_fields_or_no_conflict() -> None:
    assert set(GUARDS) == OWN_WINS
    assert set(Reason) - OWN_WINS == set(NO_CONFLICT) | {Reason.OUTSIDE_ROLLOUT}


#: Reasons that leave nothing to the pod's own placement, or leave it whole without comparing it.
NO_CONFLICT: dict[Reason, tuple[JSON, JSON, JSON, AdoptionVerdict]] = {
    Reason.OVERRIDE: (
        {"metadata": {"annotations": {"spark-eci-webhook/mode": "eci-only"}}, "spec": BY_HAND["eci-only"]},
        {"mode": "ecs-only"},
        {},
        SAME,
    ),
    Reason.OVERRIDE_REFUSED: (
        {"metadata": {"annotations": {"spark-eci-webhook/mode": "nowhere"}}, "spec": BY_HAND["eci-only"]},
        {"mode": "eci-only"},
        {},
        SAME,
    ),
    Reason.NO_EXECUTOR_NUMBER: (
        {"metadata": {"labels": {"spark-exec-id": "EXECID"}}, "spec": BY_HAND["eci-only"]},
        {"mode": "eci-only", "first": {"count": 2, "mode": "ecs-only"}},
        {},
        SAME,
    ),
    Reason.UNSUPPORTED: (
        {"spec": BY_HAND["eci-first"] | {"hostNetwork": True}},
        {"mode": "eci-first"},
        {},
        CHANGES,
    ),
    Reason.TOO_LARGE: (
        {"spec": {"tolerations": tolerating(*([OPEN] * 1001))}},
        {"mode": "ecs-first"},
        {},
        SAME,
    ),
}


@pytest.mark.parametrize("reason", NO_CONFLICT)
def test_other_reasons_are_no_conflicts(reason: Reason) -> None:
    pod, rule, policy, verdict = NO_CONFLICT[reason]
    found = of_one(judged(pod, rule, policy))
    assert found.decision
    assert (found.decision.placement.reason, found.verdict, found.wins) == (reason, verdict, ())


def test_a_less_severe_guard_counts_too() -> None:
    """The reason on the pod is the last one, here that ECI cannot run it."""
    pod = {"metadata": {"labels": {"alibabacloud.com/eci": "true"}}, "spec": {"hostNetwork": True}}
    found = of_one(judged(pod, {"mode": "eci-first"}))
    assert found.decision
    assert found.decision.placement.reason is Reason.UNSUPPORTED
    assert [getattr(one, "reason", None) for one in found.wins] == [Reason.OUTRANKED]
    assert found.verdict is CONFLICTS


@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_a_value_of_its_own_is_a_conflict_and_the_same_value_is_none(kind: str) -> None:
    rule = {"mode": "ecs-only", "always": {kind: {"team": "data"}}}
    same, other = (of_one(judged({"metadata": {kind: {"team": value}}}, rule)) for value in ("data", "etl"))
    assert (same.verdict, same.wins, other.verdict) == (SAME, (), CONFLICTS)
    (won,) = other.wins
    assert isinstance(won, Change)
    assert (won.key, won.value, won.found, won.reason) == ("team", "data", "etl", ChangeReason.OWN_VALUE)


AUTO, SNAPSHOT = "k8s.aliyun.com/eci-image-cache", "k8s.aliyun.com/eci-image-snapshot-id"
ID = "imc-2ze5hdcnngenmwc1jmwf"


@pytest.mark.parametrize(
    ("own", "cache", "verdict"),
    [
        ({AUTO: "true"}, {"auto": True}, SAME),
        ({AUTO: "false"}, {"auto": True}, CONFLICTS),
        ({AUTO: "true"}, {"auto": False}, SAME),
        ({SNAPSHOT: ID}, {"auto": True}, CONFLICTS),
        ({SNAPSHOT: ID}, {"auto": False}, SAME),
        ({AUTO: "true"}, {"snapshots": [{"image": "*", "id": ID}]}, CONFLICTS),
        ({SNAPSHOT: ID}, {"snapshots": [{"image": "*", "id": ID}]}, SAME),
        ({"k8s.aliyun.com/eci-auto-imc": "true"}, {"auto": True}, CONFLICTS),
    ],
)
def test_an_image_cache_of_its_own_conflicts_with_another_one_of_the_profile(
    own: JSON, cache: JSON, verdict: AdoptionVerdict
) -> None:
    pod = {"metadata": {"annotations": own}, "spec": BY_HAND["eci-only"]}
    found = of_one(judged(pod, {"mode": "eci-only", "imageCache": cache}))
    assert (found.verdict, [one.reason for one in found.wins]) == (
        verdict,
        [ChangeReason.OWN_IMAGE_CACHE] if verdict is CONFLICTS else [],
    )


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        ({"spec": {"nodeName": "n"}}, Reason.NODE_NAME_SET),
        ({"spec": {"tolerations": tolerating(*([OPEN] * 1001))}}, Reason.TOO_LARGE),
    ],
)
def test_a_denied_pod_is_a_conflict(pod: JSON, reason: Reason) -> None:
    found = of_one(judged(pod, {"mode": "eci-only", "unplaceable": "deny"}))
    assert (found.verdict, [one.reason for one in found.wins]) == (CONFLICTS, [reason])


@pytest.mark.parametrize(
    ("rule", "verdict", "adds"),
    [
        ({"mode": "eci-first", "observe": True}, CHANGES, True),
        ({"mode": "eci-first", "rollout": 0}, SAME, False),
        ({"mode": "eci-first"}, CHANGES, True),
    ],
)
def test_an_observer_is_judged_by_what_it_would_do_and_an_application_outside_the_rollout_is_not(
    rule: JSON, verdict: AdoptionVerdict, *, adds: bool
) -> None:
    found = of_one(judged({"spec": BY_HAND["eci-only"]}, rule))
    assert (found.verdict, bool(found.adds)) == (verdict, adds)


def test_a_pod_that_asks_to_be_left_alone_keeps_what_it_has() -> None:
    pod = {"metadata": {"annotations": {"spark-eci-webhook/mode": "none"}}, "spec": BY_HAND["eci-only"]}
    found = judged(pod, {"mode": "ecs-only"}, strict=True)
    assert (found.verdict, found.bare, of_one(found).adds) == (SAME, False, ())


def test_of_a_mix_the_worst_share_counts() -> None:
    mix = {"mix": [{"percent": 50, "mode": "eci-only"}, {"percent": 50, "mode": "ecs-only"}]}
    found = judged({"spec": BY_HAND["eci-only"]}, mix, count="4")
    assert [(one.explained.pod.count, one.verdict) for one in found.pods] == [("2 of 4", SAME), ("2 of 4", CONFLICTS)]
    assert found.verdict is CONFLICTS


def test_of_the_first_executors_and_the_others_the_worst_counts() -> None:
    first = {"mode": "eci-first", "first": {"count": 1, "mode": "ecs-first"}}
    found = judged({"spec": BY_HAND["ecs-first"]}, first, count="4")
    assert [(one.explained.pod.count, one.verdict) for one in found.pods] == [("1 of 4", SAME), ("3 of 4", CONFLICTS)]
    assert found.verdict is CONFLICTS


def workload(**more: Any) -> Workload:
    return Workload("SparkApplication", "etl", "pi", (SparkPod("executor", EXECUTOR),), **more)


@pytest.mark.parametrize("strict", [False, True])
def test_of_pods_that_never_run_there_is_nothing_to_compare(*, strict: bool) -> None:
    refused = (Refusal(Refuser.SPARK, "executor", "a", "b"),)
    profile = compile_profile(Policy(), "eci-only")
    found = adoption(explain("f", workload(refused=refused), profile), strict=strict)
    one = of_one(found)
    assert (one.verdict, one.own, one.adds, one.wins, one.decision, found.bare) == (SAME, (), (), (), None, False)


def test_a_pod_that_no_profile_places_is_the_same() -> None:
    found = adoption(explain("f", workload(), NoProfile("no label", mistaken=False)), strict=True)
    assert (found.verdict, found.bare, of_one(found).adds) == (SAME, False, ())


def test_a_pod_that_the_policy_does_not_select_is_the_same() -> None:
    pod = {"metadata": {"labels": {"spark-role": "operator"}}, "spec": BY_HAND["eci-only"]}
    found = judged(pod, {"mode": "ecs-only"}, strict=True)
    assert (found.verdict, found.bare, of_one(found).own) == (SAME, False, ())


def test_an_application_without_pods_is_the_same() -> None:
    made = Workload("SparkApplication", "etl", "pi", (), refused=(Refusal(Refuser.OPERATOR, "", "a", "b"),))
    found = adoption(explain("f", made, compile_profile(Policy(), "default")), strict=True)
    assert (found.verdict, found.bare, found.pods) == (SAME, False, ())


@pytest.mark.parametrize("mode", ["eci-only", "ecs-first", "eci-first", "resource-policy"])
def test_a_pod_that_the_webhook_has_changed_is_the_same(mode: str) -> None:
    """What the webhook adds is taken for placement by hand, and nothing is added to it."""
    rule = {"mode": mode, "imageCache": {"auto": True}, "labels": {"team": "data"}}
    before = of_one(judged({}, rule))
    found = of_one(judged(before.explained.outcome.after, rule, strict=True))
    assert (found.verdict, found.adds, found.wins) == (SAME, (), ())
    assert found.own
