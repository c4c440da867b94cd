"""Rollout, mix, observe and unplaceable: whole answers, and the order in which they apply."""

from collections import Counter
from typing import Any

import pytest

from tests.admission_reviews import UID, answer, patched, review
from tests.pods import BUILT_IN_MODES
from webhook.core.distribution import in_rollout
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.review import respond
from webhook.core.text import listed
from webhook.service.policy_file import PolicyError, parse_policy

LABELS = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "sparkoperator.k8s.io/app-name": "etl"}
INSIDE = next(f"job-{index}" for index in range(100) if in_rollout("default", f"job-{index}", 25))
OUTSIDE = next(f"job-{index}" for index in range(100) if not in_rollout("default", f"job-{index}", 25))

FOR_VIRTUAL_NODES = {
    "weight": 100,
    "preference": {"matchExpressions": [{"key": "type", "operator": "In", "values": ["virtual-kubelet"]}]},
}


def _pod(role: str = "executor", annotations: dict[str, str] | None = None, spec: Any = None, **labels: str) -> Any:
    found = {key.replace("__", "-"): value for key, value in labels.items()}
    metadata = {"name": "p", "namespace": "default", "labels": LABELS | {"spark-role": role} | found}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"containers": []} | (spec or {})}


def _named(name: str, role: str, **more: Any) -> Any:
    pod = _pod(role, **more)
    pod["metadata"]["labels"]["sparkoperator.k8s.io/app-name"] = name
    return pod


def _policy(executor: str, driver: str = "{}") -> Policy:
    return parse_policy(f"profiles: {{default: {{executor: {executor}, driver: {driver}}}}}".encode(), "p.yaml")


def _record(response: dict[str, Any]) -> str:
    record: str = response["auditAnnotations"]["placement"]
    return record


def test_outside_the_rollout_a_pod_is_left_alone_without_a_record() -> None:
    policy = _policy("{mode: eci-only, rollout: 25}", "{mode: eci-only, rollout: 25}")
    for role in ("driver", "executor"):
        assert answer(_named(OUTSIDE, role), policy) == {
            "uid": UID,
            "allowed": True,
            "auditAnnotations": {
                "placement": f"mode=none,profile=default,policy={policy.digest},reason=outside-rollout"
            },
        }


def test_inside_the_rollout_driver_and_executors_are_placed() -> None:
    policy = _policy("{mode: eci-only, rollout: 25}", "{mode: eci-only, rollout: 25}")
    for role in ("driver", "executor"):
        response = answer(_named(INSIDE, role), policy)
        assert _record(response) == f"mode=eci-only,profile=default,policy={policy.digest}"
        assert len(patched(_named(INSIDE, role), response)["spec"]["tolerations"]) == 1


def test_the_rollout_depends_on_the_namespace_of_the_request() -> None:
    profile = compile_profile(_policy("{mode: eci-only, rollout: 50}"), "default")
    for namespace in (f"team-{number}" for number in range(20)):
        _, facts = respond(review(_named("etl", "executor"), namespace=namespace), profile)
        assert facts.outcome == ("patched" if in_rollout(namespace, "etl", 50) else "skipped")


def test_a_pod_that_asks_for_a_mode_takes_part_whatever_the_rollout() -> None:
    policy = _policy("{mode: eci-only, rollout: 0}")
    response = answer(_named(OUTSIDE, "executor", annotations={"spark-eci-webhook/mode": "ecs-first"}), policy)
    assert _record(response) == f"mode=ecs-first,profile=default,policy={policy.digest},reason=override"


def test_a_refused_override_is_told_outside_the_rollout_too() -> None:
    policy = _policy("{mode: eci-only, rollout: 0}")
    response = answer(_named(OUTSIDE, "executor", annotations={"spark-eci-webhook/mode": "eci"}), policy)
    assert response["warnings"] == [
        listed('spark-eci-webhook/mode: found "eci"; accepted: ', [*BUILT_IN_MODES, "none"])
    ]
    assert "patch" not in response


MIX = (
    "{mode: eci-first, annotations: {k8s.aliyun.com/eci-use-specs: 2-4Gi}, mix: [{percent: 30, mode: ecs-only}, "
    "{percent: 50, mode: eci-only, annotations: {k8s.aliyun.com/eci-spot-strategy: SpotAsPriceGo}}, "
    "{percent: 20, mode: ecs-first, annotations: {k8s.aliyun.com/eci-use-specs: 4-8Gi}}]}"
)


def test_a_mix_gives_each_executor_the_mode_of_its_share() -> None:
    profile = compile_profile(_policy(MIX), "default")
    modes = Counter[str]()
    for number in range(1, 1001):
        _, facts = respond(review(_pod(spark__exec__id=str(number))), profile)
        modes[facts.mode] += 1
        for mode, percent in (("ecs-only", 30), ("eci-only", 50), ("ecs-first", 20)):
            assert abs(modes[mode] - percent * number / 100) < 1
    assert modes == {"ecs-only": 300, "eci-only": 500, "ecs-first": 200}


def test_a_share_adds_its_own_annotations_to_the_rules() -> None:
    policy = _policy(MIX)
    found = {}
    for number in range(1, 11):
        pod = _pod(spark__exec__id=str(number))
        annotations = patched(pod, answer(pod, policy))["metadata"]["annotations"]
        mode = annotations.pop("spark-eci-webhook/placement").split(",")[0]
        found[mode] = annotations
    cache = {"k8s.aliyun.com/eci-image-cache": "true"}
    assert found == {
        "mode=ecs-only": {},
        "mode=eci-only": cache
        | {"k8s.aliyun.com/eci-use-specs": "2-4Gi", "k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo"},
        "mode=ecs-first": cache | {"k8s.aliyun.com/eci-use-specs": "4-8Gi"},
    }


@pytest.mark.parametrize("number", [None, "", "x", "-1", "1.5", "9" * 19, "²"])
def test_an_executor_without_a_number_takes_the_rules_mode(number: str | None) -> None:
    pod = _pod() if number is None else _pod(spark__exec__id=number)
    assert _record(answer(pod, _policy(MIX))).startswith("mode=eci-first,")


def test_an_override_wins_over_a_mix() -> None:
    pod = _pod(annotations={"spark-eci-webhook/mode": "ecs-only"}, spark__exec__id="2")
    assert _record(answer(pod, _policy(MIX))).startswith("mode=ecs-only,")


def test_guards_apply_to_what_the_mix_chose() -> None:
    policy = _policy(MIX)
    reasons = {
        _record(answer(_pod(spark__exec__id=str(number), spec={"hostNetwork": True}), policy))
        for number in range(1, 11)
    }
    base = f"mode=ecs-only,profile=default,policy={policy.digest}"
    assert reasons == {base, f"{base},reason=unsupported"}


def test_observed_pods_are_decided_and_not_touched() -> None:
    policy = _policy("{mode: eci-only, observe: true}")
    assert answer(_pod(spec={"hostNetwork": True}), policy) == {
        "uid": UID,
        "allowed": True,
        "warnings": ["ECI cannot run hostNetwork: placed as ecs-only instead of eci-only"],
        "auditAnnotations": {
            "placement": f"mode=ecs-only,profile=default,policy={policy.digest},reason=unsupported,observed"
        },
    }


@pytest.mark.parametrize(
    ("mode", "spec", "reason", "message"),
    [
        (
            "eci-only",
            {"nodeSelector": {"type": "ecs"}},
            "excludes-virtual-nodes",
            "eci-only cannot place the pod: its own affinity or nodeSelector excludes virtual nodes",
        ),
        (
            "ecs-only",
            {"nodeSelector": {"type": "virtual-kubelet"}},
            "demands-virtual-nodes",
            "ecs-only cannot place the pod: its own affinity or nodeSelector demands virtual nodes",
        ),
        ("ecs-first", {"nodeName": "n"}, "node-name-set", 'nodeName is "n" already, so ecs-first cannot place the pod'),
    ],
)
def test_what_cannot_be_placed_is_denied_where_the_rule_says_so(
    mode: str, spec: dict[str, Any], reason: str, message: str
) -> None:
    policy = _policy(f"{{mode: {mode}, unplaceable: deny}}")
    assert answer(_pod(spec=spec), policy) == {
        "uid": UID,
        "allowed": False,
        "status": {"message": message, "code": 403, "reason": "Forbidden"},
        "warnings": [message],
        "auditAnnotations": {"placement": f"mode={mode},profile=default,policy={policy.digest},reason={reason}"},
    }
    assert answer(_pod(spec=spec), _policy(f"{{mode: {mode}}}"))["allowed"] is True


def test_a_mere_warning_never_denies() -> None:
    policy = _policy("{mode: eci-only, unplaceable: deny}")
    pod = _pod(spec={"hostNetwork": True}, annotations={"spark-eci-webhook/mode": "eci"})
    pod["metadata"]["labels"]["alibabacloud.com/eci"] = "true"
    response = answer(pod, policy)
    assert len(response["warnings"]) == 3
    assert _record(response).endswith("reason=unsupported")
    assert "spec" in patched(pod, response)


@pytest.mark.parametrize(
    ("mode", "spec", "reason", "sentence"),
    [
        (
            "eci-first",
            {"nodeSelector": {"type": "ecs"}},
            "own-requirement",
            "eci-first does not decide: the pod's own affinity or nodeSelector leaves only other nodes",
        ),
        (
            "ecs-first",
            {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [FOR_VIRTUAL_NODES]}}},
            "own-preference",
            "ecs-first does not decide: with the pod's own preferred terms, virtual nodes weigh 100 and other nodes 1",
        ),
    ],
)
def test_a_pod_that_decides_itself_is_placed_all_the_same(
    mode: str, spec: dict[str, Any], reason: str, sentence: str
) -> None:
    policy = _policy(f"{{mode: {mode}, unplaceable: deny}}")
    response = answer(_pod(spec=spec), policy)
    after = patched(_pod(spec=spec), response)
    record = f"mode={mode},profile=default,policy={policy.digest},reason={reason}"
    assert (response["allowed"], response["warnings"], _record(response)) == (True, [sentence], record)
    assert after["metadata"]["annotations"]["spark-eci-webhook/placement"] == record
    assert len(after["spec"]["tolerations"]) == 1
    again = answer(after, policy)
    assert ("patch" in again, again["warnings"], _record(again)) == (False, [sentence], record)


def test_an_observed_rule_adds_nothing_that_is_always_added() -> None:
    policy = _policy("{mode: ecs-only, observe: true, always: {labels: {a: b}, annotations: {c: d}}}")
    assert "patch" not in answer(_pod(), policy)


def test_an_observed_rule_denies_nothing() -> None:
    policy = _policy("{mode: eci-only, unplaceable: deny, observe: true}")
    response = answer(_pod(spec={"nodeName": "n"}), policy)
    assert (response["allowed"], "patch" in response) == (True, False)
    assert _record(response).endswith("reason=node-name-set,observed")


@pytest.mark.parametrize(
    ("executor", "fault"),
    [
        ("{rollout: 101}", "rollout: found 101; accepted: 100 or less"),
        ("{rollout: -1}", "rollout: found -1; accepted: 0 or more"),
        ("{rollout: 2.5}", "rollout: found 2.5; accepted: a whole number"),
        ("{observe: 1}", "observe: found 1; accepted: true or false"),
        ("{unplaceable: refuse}", 'unplaceable: found "refuse"; accepted: allow, deny'),
        ("{mix: [{percent: 30, mode: ecs-only}]}", "mix: found 30 percent in all; accepted: 100"),
        ("{mix: [{percent: 0, mode: ecs-only}]}", "mix[0].percent: found 0; accepted: 1 or more"),
        ("{mix: [{mode: ecs-only}]}", "mix[0].percent: required, but missing"),
        (
            "{mix: [{percent: 100, mode: ecs}]}",
            f'mix[0].mode: found "ecs"; accepted: {", ".join(SchedulingMode)}',
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(executor: str, fault: str) -> None:
    with pytest.raises(PolicyError) as error:
        _policy(executor)
    assert error.value.faults == [f"p.yaml: profiles.default.executor.{fault}"]


def test_a_driver_has_no_mix() -> None:
    with pytest.raises(PolicyError) as error:
        _policy("{}", "{mix: []}")
    assert error.value.faults == [
        "p.yaml: profiles.default.driver.mix: unknown key; accepted: mode, after, weight, imageCache, labels, annotations, always, rollout, observe, unplaceable"
    ]


def test_a_share_may_state_the_price_limit_of_its_rules_strategy() -> None:
    strategy = "{k8s.aliyun.com/eci-spot-strategy: SpotWithPriceLimit, k8s.aliyun.com/eci-spot-price-limit: '2'}"
    share = "{percent: 100, mode: eci-only, annotations: {k8s.aliyun.com/eci-spot-price-limit: '1'}}"
    policy = _policy(f"{{annotations: {strategy}, mix: [{share}]}}")
    (mixed,) = policy.profiles["default"].executor.mix
    assert mixed.annotations == {"k8s.aliyun.com/eci-spot-price-limit": "1"}


def test_what_a_share_changes_has_to_go_with_what_stays_of_its_rule() -> None:
    rule = "{k8s.aliyun.com/eci-spot-strategy: SpotWithPriceLimit, k8s.aliyun.com/eci-spot-price-limit: '2'}"
    share = "{percent: 100, mode: eci-only, annotations: {k8s.aliyun.com/eci-spot-strategy: SpotAsPriceGo}}"
    with pytest.raises(PolicyError) as error:
        _policy(f"{{annotations: {rule}, mix: [{share}]}}")
    assert error.value.faults == [
        "p.yaml: profiles.default.executor.mix[0].annotations: k8s.aliyun.com/eci-spot-price-limit: needs "
        'k8s.aliyun.com/eci-spot-strategy: "SpotWithPriceLimit"'
    ]


def test_a_price_limit_may_stand_in_the_rule_and_its_strategy_in_the_share_only_together() -> None:
    with pytest.raises(PolicyError) as error:
        _policy("{mix: [{percent: 100, mode: eci-only, annotations: {k8s.aliyun.com/eci-spot-price-limit: '1'}}]}")
    assert error.value.faults == [
        "p.yaml: profiles.default.executor.mix[0].annotations: k8s.aliyun.com/eci-spot-price-limit: needs "
        'k8s.aliyun.com/eci-spot-strategy: "SpotWithPriceLimit"'
    ]
