"""Pods that wait: what is decided for them again and again, and the patch that opens them."""

import copy
import json
from typing import Any

import jsonpatch
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admission_reviews import answer, patched
from tests.pods import EVERY_MODE, MODES, pods
from tests.scheduler import NODES, feasible
from tests.virtual_node import TOLERATION
from webhook.core.modes import SchedulingMode
from webhook.core.opening import opening
from webhook.core.patch import patch
from webhook.core.placement import Placement, Verdict, decide
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, Limits, Wait, compile_policy
from webhook.core.review import Decision, decide_for
from webhook.core.selectors import Role
from webhook.service.policy_file import parse_policy

LABEL, RECORD = "spark-eci-webhook/overflow", "spark-eci-webhook/placement"
WAITS = next(mode for mode in SchedulingMode if mode.waits)
PROFILES = compile_policy(EVERY_MODE)
VIRTUAL = {node.name for node in NODES if node.virtual}
ARM = {"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64", "effect": "NoSchedule"}
TAINTS = "virtualNode: {taints: [{key: virtual-kubelet.io/provider, value: alibabacloud}, {key: kubernetes.io/arch, value: arm64}]}"


def _policy(profile: str, *more: str) -> Policy:
    return parse_policy("\n".join(("overflow: {}", *more, f"profiles: {{default: {profile}}}")).encode(), "p.yaml")


def _pod(spec: Any = None, **labels: str) -> dict[str, Any]:
    found = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "executor"} | {
        key.replace("__", "-"): value for key, value in labels.items()
    }
    return {"metadata": {"name": "p", "resourceVersion": "41", "labels": found}, "spec": spec or {}}


def _decided(pod: Any, profile: CompiledProfile) -> Decision:
    decision = decide_for(msgspec.convert(pod, Pod), "default", profile)
    assert isinstance(decision, Decision)
    return decision


def _placed(pod: Any, profile: CompiledProfile) -> Any:
    """The pod after the webhook."""
    decision = _decided(pod, profile)
    operations = patch(decision.pod, decision.changes) if decision.placement.verdict is Verdict.PLACE else []
    return jsonpatch.apply_patch(pod, json.loads(msgspec.json.encode(operations)))


def _opened(pod: Any, placement: Placement) -> Any:
    operations = json.loads(msgspec.json.encode(opening(msgspec.convert(pod, Pod), "42", placement)))
    assert operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "42"}
    return jsonpatch.apply_patch(pod, operations)


@pytest.mark.parametrize(
    ("rule", "labels", "after"),
    [
        ("{mode: ecs-then-eci}", {}, 60),
        ("{mode: ecs-then-eci, after: 0s}", {}, 0),
        ("{mode: ecs-then-eci, after: 2m}", {}, 120),
        ("{mode: ecs-then-eci, after: 1h}", {}, 3600),
        ("{mode: ecs-only, after: 5s, first: {count: 1, mode: ecs-then-eci}}", {"spark__exec__id": "1"}, 5),
        ("{mode: ecs-then-eci, after: 5s, first: {count: 1, mode: eci-only}}", {"spark__exec__id": "2"}, 5),
        ("{after: 5s, mix: [{percent: 100, mode: ecs-then-eci}]}", {"spark__exec__id": "1"}, 5),
        ("{after: 5s, mix: [{percent: 100, mode: ecs-then-eci, after: 7m}]}", {"spark__exec__id": "1"}, 420),
        ("{after: 5s, mix: [{percent: 100, mode: ecs-then-eci, after: 0m}]}", {"spark__exec__id": "1"}, 0),
        ("{after: 5s, mode: ecs-then-eci, mix: [{percent: 100, mode: eci-only, after: 7m}]}", {}, 5),
        ("{mode: ecs-only}", {}, None),
        ("{mode: ecs-first}", {}, None),
        ("{mode: ecs-then-eci, rollout: 0}", {}, None),
    ],
)
def test_a_pod_waits_as_long_as_its_rule_or_share_says(rule: str, labels: dict[str, str], after: int | None) -> None:
    profile = compile_policy(_policy(f"{{executor: {rule}}}", TAINTS))["default"]
    wait = _decided(_pod(**labels), profile).placement.wait
    assert (wait and wait.after) == after
    if wait is not None:
        assert msgspec.to_builtins([toleration for _, toleration in wait.tolerations]) == [TOLERATION, ARM]
        assert [taint for taint, _ in wait.tolerations] == list(profile.taints)


def test_an_override_waits_as_long_as_the_rule_says() -> None:
    policy = _policy("{executor: {mode: ecs-only, after: 9s}}")
    profile = compile_policy(policy)["default"]
    pod = _pod()
    pod["metadata"]["annotations"] = {"spark-eci-webhook/mode": "ecs-then-eci"}
    found = _decided(pod, profile).placement
    assert (found.wait, found.tolerations, found.record) == (
        Wait(9, profile.rules[Role.EXECUTOR].directives[WAITS].tolerations),
        (),
        f"mode=ecs-then-eci,profile=default,policy={policy.digest},reason=override",
    )


def test_the_limits_of_a_profile() -> None:
    text = "{overflow: {maxPerApplication: 0, maxPerNamespace: 1000000}}"
    assert compile_policy(_policy(text))["default"].limits == Limits(0, 1_000_000)
    assert compile_policy(Policy())["default"].limits == Limits(None, None)


@pytest.mark.parametrize(
    ("spec", "labels", "annotations", "tolerations"),
    [
        ({}, {}, None, [TOLERATION, ARM]),
        ({"tolerations": []}, {}, {}, [TOLERATION, ARM]),
        ({"tolerations": None}, {LABEL: "waiting"}, {"a": "b"}, [TOLERATION, ARM]),
        ({"tolerations": [ARM]}, {LABEL: "opened"}, {RECORD: "mode=ecs-then-eci,opened"}, [ARM, TOLERATION]),
        (
            {"tolerations": [{"key": "dedicated", "operator": "Exists"}], "nodeSelector": {"zone": "h"}},
            {LABEL: "x", "tier": "y"},
            {"k8s.aliyun.com/eci-use-specs": "2-4Gi"},
            [{"key": "dedicated", "operator": "Exists"}, TOLERATION, ARM],
        ),
    ],
)
def test_to_open_adds_tolerations_and_sets_the_label_and_the_record(
    spec: Any, labels: dict[str, str], annotations: Any, tolerations: list[Any]
) -> None:
    policy = _policy("{executor: {mode: ecs-then-eci, labels: {l: m}, annotations: {n: o}}}", TAINTS)
    pod = _pod(spec, **labels)
    if annotations is not None:
        pod["metadata"]["annotations"] = annotations
    placement = _decided(pod, compile_policy(policy)["default"]).placement
    after = _opened(copy.deepcopy(pod), placement)
    record = f"mode=ecs-then-eci,profile=default,policy={policy.digest},opened"
    assert after == {
        "metadata": {
            "name": "p",
            "resourceVersion": "42",
            "labels": pod["metadata"]["labels"] | {LABEL: "opened"},
            "annotations": (annotations or {}) | {RECORD: record},
        },
        "spec": spec | {"tolerations": tolerations},
    }


def test_the_operations_that_open_a_bare_pod() -> None:
    """No pod that the policy selects has no labels, but the patch would be right for it."""
    profile = PROFILES[WAITS]
    placement = decide(msgspec.convert(_pod(), Pod), "default", Role.EXECUTOR, profile)
    bare = msgspec.convert({"metadata": {}, "spec": {}}, Pod)
    assert msgspec.to_builtins(opening(bare, "7", placement)) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/metadata/labels", "value": {LABEL: "opened"}},
        {"op": "add", "path": "/metadata/annotations", "value": {RECORD: f"{placement.record},opened"}},
        {"op": "add", "path": "/spec/tolerations", "value": [TOLERATION]},
    ]


def test_a_pod_that_does_not_wait_cannot_be_opened() -> None:
    pod = msgspec.convert(_pod(), Pod)
    placement = decide(pod, "default", Role.EXECUTOR, PROFILES["ecs-first"])
    with pytest.raises(ValueError, match="does not wait"):
        opening(pod, "7", placement)


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_a_patched_pod_is_decided_as_before(pod: Any, mode: str) -> None:
    """The controller decides again for the pod that the webhook has changed."""
    profile = PROFILES[mode]
    first = _decided(pod, profile).placement
    again = _decided(_placed(copy.deepcopy(pod), profile), profile).placement
    assert (again.wait, again.record, again.verdict) == (first.wait, first.record, first.verdict)
    if first.wait is None:
        return
    assert (first.mode, first.placed, first.tolerations) == (WAITS, True, ())


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_a_waiting_pod_is_kept_off_virtual_nodes_and_opened_once(pod: Any, mode: str) -> None:
    profile = PROFILES[mode]
    pod["metadata"]["resourceVersion"] = "41"
    placed = _placed(copy.deepcopy(pod), profile)
    placement = _decided(placed, profile).placement
    label = placed["metadata"]["labels"].get(LABEL)
    assert label == ("waiting" if placement.wait else None)
    if placement.wait is None:
        return
    assert not feasible(placed) & VIRTUAL
    opened = _opened(copy.deepcopy(placed), placement)
    for part in ("affinity", "nodeSelector", "containers"):
        assert opened["spec"].get(part) == placed["spec"].get(part)
    before = placed["spec"].get("tolerations") or []
    assert opened["spec"]["tolerations"] == [*before, TOLERATION]
    assert opened["metadata"]["annotations"] == placed["metadata"]["annotations"] | {
        RECORD: f"{placement.record},opened"
    }
    assert opened["metadata"]["labels"] == placed["metadata"]["labels"] | {LABEL: "opened"}
    again = _decided(opened, profile).placement
    assert (again.wait, again.reason) == (None, "own-toleration")
    assert opened["metadata"]["labels"] == _placed(opened, profile)["metadata"]["labels"]


@given(pod=pods(), mode=st.sampled_from(MODES), value=st.sampled_from(["waiting", "opened", "garbage", ""]))
def test_a_label_of_the_users_decides_nothing(pod: Any, mode: str, value: str) -> None:
    labelled = copy.deepcopy(pod)
    labelled["metadata"]["labels"][LABEL] = value
    one, other = (_decided(each, PROFILES[mode]).placement for each in (pod, labelled))
    assert one == other
    plain, after = (patched(each, answer(each, EVERY_MODE, mode)) for each in (pod, labelled))
    if one.wait is None:
        assert after["metadata"]["labels"].pop(LABEL) == value
    assert after == plain


@given(pod=pods())
def test_without_the_overflow_controller_no_pod_waits(pod: Any) -> None:
    for profile in compile_policy(Policy()).values():
        assert _decided(pod, profile).placement.wait is None
