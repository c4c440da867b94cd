"""Drawn policies and pods of every kind, judged by what the documentation says, written a second time.

The oracle reads the policy as a document, and knows nothing of the code's models.
"""

import copy
import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admission_reviews import answer, patched
from tests.pods import BUILT_IN_MODES, MODES
from tests.scheduler import NODES, feasible
from tests.virtual_node import TAINT, TOLERATION
from webhook.core import names
from webhook.core.distribution import in_rollout
from webhook.core.placement import Mismatch, role_of
from webhook.core.pod import ObjectMeta, Pod, PodSpec
from webhook.core.profile import compile_profile
from webhook.core.selectors import Alternative, Role
from webhook.service.policy_file import parse_policy

LAUNCHED = "sparkoperator.k8s.io/launched-by-spark-operator"
VIRTUAL = {node.name for node in NODES if node.virtual}
OUTRANKING = ("alibabacloud.com/acs", "alibabacloud.com/eci")
#: The kinds of pods by hand: labels with their values, or None for any, and the roles.
KINDS: dict[str, tuple[dict[str, str | None], tuple[str, ...]]] = {
    "kubeflow": ({LAUNCHED: "true"}, ("driver", "executor", "connect-server")),
    "apache": ({"spark.operator/spark-app-name": None}, ("driver", "executor")),
    "spark": ({"spark-app-selector": None}, ("driver", "executor")),
    "cluster": ({"spark.operator/spark-cluster-name": None}, ("master", "worker")),
}
ROLES = {
    "driver": "driver",
    "connect-server": "driver",
    "master": "driver",
    "executor": "executor",
    "worker": "executor",
}
VALUES = st.sampled_from(["x", "y", "true", "false"])


@st.composite
def additions(draw: st.DrawFn) -> dict[str, Any]:
    """The labels and annotations of a rule, with no key at both sides."""
    found: dict[str, Any] = {"always": {}}
    for field, keys in (("labels", ["cost", "tier", *OUTRANKING]), ("annotations", ["a", "b", "example.org/c", "d"])):
        # Each key always has the same side, so that a share and its rule fit together.
        sides = {key: index % 2 == 0 for index, key in enumerate(keys)}
        chosen = draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=3))
        found[field] = {key: value for key, value in chosen.items() if sides[key]}
        found["always"][field] = {key: value for key, value in chosen.items() if not sides[key]}
    return found


@st.composite
def rules(draw: st.DrawFn, modes: st.SearchStrategy[str], *, executors: bool) -> dict[str, Any]:
    rule: dict[str, Any] = {"mode": draw(modes), "rollout": draw(st.sampled_from([100, 100, 50])), **draw(additions())}
    if draw(st.integers(0, 9)) == 0:
        rule["observe"] = True
    if draw(st.integers(0, 4)) == 0:
        rule["unplaceable"] = "deny"
    if draw(st.booleans()):
        rule["after"] = draw(st.sampled_from(["0s", "60s", "2m", "1h"]))
    if executors:
        kind = draw(st.sampled_from(["plain", "first", "mix"]))
        if kind == "first":
            rule["first"] = {"count": draw(st.integers(1, 4)), "mode": draw(modes)}
        elif kind == "mix":
            shares = [{"percent": percent, "mode": draw(modes), **draw(additions())} for percent in (50, 50)]
            if draw(st.booleans()):
                shares[1]["after"] = "5m"
            rule["mix"] = shares
    return rule


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    entries = st.sampled_from([*KINDS, "labels"])
    chosen = draw(st.lists(entries, min_size=1, max_size=3, unique=True))
    mine = {"team": "etl"}
    selector: dict[str, Any] = {"anyOf": [{"matchLabels": mine} if one == "labels" else one for one in chosen]}
    overflow: dict[str, Any] = draw(st.sampled_from([{}, {"overflow": {}}]))
    modes = st.sampled_from(MODES if overflow else BUILT_IN_MODES)
    profile = {"driver": draw(rules(modes, executors=False)), "executor": draw(rules(modes, executors=True))}
    profile["allowOverride"] = draw(st.sampled_from([True, True, False]))
    plain = draw(st.sampled_from([None, {}, {"matchLabels": mine}]))
    return {"profiles": {"default": profile}, "selector": selector if plain is None else plain} | overflow


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Any]:
    """Pods of every kind, and pods that are almost of one."""
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=2, unique=True))
    labels: dict[str, str] = {}
    for kind in kinds:
        wanted, roles = KINDS[kind]
        labels |= {key: value or draw(st.sampled_from(["pi", "etl"])) for key, value in wanted.items()}
        labels["spark-role"] = draw(st.sampled_from(roles))
    labels |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "team": st.sampled_from(["etl", "ads"]),
                "sparkoperator.k8s.io/app-name": st.sampled_from(["report", "nightly-12345678"]),
                "spark-app-name": st.sampled_from(["one", "two"]),
                "spark-exec-id": st.sampled_from(["1", "2", "3", "9", "EXECID", ""]),
                "apps.kubernetes.io/pod-index": st.sampled_from(["0", "1", "5"]),
                "cost": VALUES,
                "spark-eci-webhook/overflow": st.sampled_from(["waiting", "opened", "x"]),
                "alibabacloud.com/acs": VALUES,
                "alibabacloud.com/eci": VALUES,
            },
        )
    )
    if draw(st.integers(0, 6)) == 0:
        labels["spark-role"] = draw(st.sampled_from(["operator", "master", "driver", "history-server"]))
    metadata: dict[str, Any] = {"name": f"prod-{draw(st.sampled_from(['0', '1', '7', 'x']))}", "labels": labels}
    if draw(st.booleans()):
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "prod", "uid": "u"}]
    if draw(st.booleans()):
        metadata["annotations"] = draw(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=2))
    if draw(st.integers(0, 4)) == 0:
        asked = {"spark-eci-webhook/mode": draw(st.sampled_from([*MODES, "none"]))}
        metadata["annotations"] = metadata.get("annotations", {}) | asked
    spec: dict[str, Any] = {"containers": [{"name": "spark", "image": "registry/spark:3.5.2"}]}
    selectors = [{"nodeSelector": {"type": value}} for value in ("ecs", "virtual-kubelet")]
    spec |= draw(st.sampled_from([{}, {}, {"hostNetwork": True}, *selectors, {"nodeName": "n"}]))
    own = [TOLERATION, {"operator": "Exists"}, {"key": "kubernetes.io/arch", "operator": "Exists"}]
    if tolerations := draw(st.lists(st.sampled_from(own), max_size=1)):
        spec["tolerations"] = tolerations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _role(policy: dict[str, Any], labels: dict[str, str]) -> str | None:
    """The rule that the policy has for a pod with `labels`; None if it selects no such pod."""
    selector = policy["selector"]
    alternatives: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        KINDS[one] if isinstance(one, str) else (one["matchLabels"], tuple(ROLES))
        for one in selector.get("anyOf", ["kubeflow"])
    ]
    if "matchLabels" in selector:
        alternatives = [(selector["matchLabels"], KINDS["kubeflow"][1])]
    for wanted, roles in alternatives:
        if labels.get("spark-role") in roles and all(
            key in labels and value in (None, labels[key]) for key, value in wanted.items()
        ):
            return ROLES[labels["spark-role"]]
    return None


def _application(policy: dict[str, Any], labels: dict[str, str]) -> str:
    keys = ["sparkoperator.k8s.io/app-name", "sparkoperator.k8s.io/connect-name"]
    if policy["selector"].get("anyOf", ["kubeflow"]) == ["kubeflow"]:
        keys += ["spark-app-name", "spark-app-selector"]
    else:
        keys += ["spark.operator/spark-app-name", "spark-app-selector", "spark.operator/spark-cluster-name"]
        keys += ["spark-app-name"]
    return next((labels[key] for key in keys if labels.get(key)), "")


def _number(metadata: dict[str, Any]) -> int | None:
    labels = metadata["labels"]
    if labels.get("spark-exec-id", "").isdigit():
        return int(labels["spark-exec-id"])
    ordinal = labels.get("apps.kubernetes.io/pod-index", "")
    if not ordinal and metadata.get("ownerReferences"):
        ordinal = metadata["name"].removeprefix("prod-")
    return int(ordinal) + 1 if ordinal.isdigit() else None


def _chosen(rule: dict[str, Any], number: int | None) -> tuple[dict[str, Any], str]:
    """The rule with what an executor with this number takes in its place, and the reason if it has no number."""
    if not rule.get("first") and not rule.get("mix"):
        return rule, ""
    if number is None:
        return rule, "no-executor-number"
    if "first" in rule:
        return (rule | {"mode": rule["first"]["mode"]}, "") if number <= rule["first"]["count"] else (rule, "")
    # Two equal shares take turns, and the second one begins or the first one does.
    share = rule["mix"][(number - 1) % 2]
    both = {field: rule[field] | share[field] for field in ("labels", "annotations")}
    always = {field: rule["always"][field] | share["always"][field] for field in ("labels", "annotations")}
    return {**rule, **both, "mode": share["mode"], "always": always}, ""


OPENS = {"eci-only", "ecs-first", "ecs-then-eci", "eci-first", "resource-policy"}
#: For each mode that requires a kind of node, the other kind and the reason if the pod selects that one.
UNPLACED = {"eci-only": ("ecs", "excludes-virtual-nodes"), "ecs-only": ("virtual-kubelet", "demands-virtual-nodes")}
#: For each mode that prefers a kind of node, what the pod selects if it decides itself.
OUTVOTED = {"eci-first": ["ecs"], "ecs-first": ["virtual-kubelet"], "ecs-then-eci": ["ecs", "virtual-kubelet"]}


def _decided(policy: dict[str, Any], pod: dict[str, Any]) -> tuple[dict[str, Any], str, str] | None:
    """The rule, the mode and the reason of a pod before any guard; None if the pod stays as it is."""
    metadata = pod["metadata"]
    role = _role(policy, metadata["labels"])
    rule = policy["profiles"]["default"].get(role)
    if rule is None or rule.get("observe"):
        return None
    asked, allowed = metadata.get("annotations", {}).get("spark-eci-webhook/mode"), True
    if asked is not None:
        known = "overflow" in policy or asked != "ecs-then-eci"
        allowed = policy["profiles"]["default"]["allowOverride"] and known
    if asked is not None and allowed:
        return rule, asked, "override"
    if not in_rollout("default", _application(policy, metadata["labels"]), rule["rollout"]):
        return None
    taken, reason = _chosen(rule, _number(metadata) if role == "executor" else None)
    return taken, taken["mode"], reason or ("" if allowed else "override-refused")


def _guarded(rule: dict[str, Any], mode: str, reason: str, pod: dict[str, Any]) -> tuple[str, str, bool]:
    """The mode and the reason after all guards, and whether the pod can be placed."""
    labels, spec = pod["metadata"]["labels"], pod["spec"]
    wanted = rule["labels"] | rule["always"]["labels"]
    rivals = {key: labels[key] for key in OUTRANKING if labels.get(key, "false") != "false"}
    if spec.get("hostNetwork") and mode in OPENS:
        mode, reason = "ecs-only", "unsupported"
    elif any(mode != "eci-only" or value != wanted.get(key) for key, value in rivals.items()):
        reason = "outranked"
    if spec.get("nodeName"):
        return mode, "node-name-set", False
    selected = spec.get("nodeSelector", {}).get("type")
    if mode in UNPLACED and selected == UNPLACED[mode][0]:
        return mode, UNPLACED[mode][1], False
    if selected in OUTVOTED.get(mode, ()):
        reason = "own-requirement"
    elif mode == "ecs-then-eci" and _tolerates(spec):
        reason = "own-toleration"
    return mode, reason, True


def _tolerates(spec: dict[str, Any]) -> bool:
    return any(one.get("key") in (None, TAINT["key"]) for one in spec.get("tolerations", ()))


def _is_denied(rule: dict[str, Any], mode: str, reason: str, pod: dict[str, Any]) -> bool:
    return mode != "none" and rule.get("unplaceable") == "deny" and not _guarded(rule, mode, reason, pod)[2]


def _added(rule: dict[str, Any], mode: str, *, placed: bool) -> dict[str, dict[str, str]]:
    """The labels and annotations for pods that have none of their own."""
    wanted = {field: dict(rule["always"][field]) for field in ("labels", "annotations")}
    if placed and mode in OPENS:
        wanted = {field: rule[field] | wanted[field] for field in wanted}
        wanted["annotations"]["k8s.aliyun.com/eci-image-cache"] = "true"
    if not (placed and mode == "eci-only"):
        wanted["labels"] = {
            key: value for key, value in wanted["labels"].items() if key not in OUTRANKING or value == "false"
        }
    return wanted


@given(document=policies(), pod=pods())
def test_the_answer_is_what_the_documentation_says(document: dict[str, Any], pod: dict[str, Any]) -> None:
    policy = parse_policy(json.dumps(document).encode(), "p")
    response, decided = answer(pod, policy), _decided(document, pod)
    denied = decided is not None and _is_denied(*decided, pod)
    assert response["allowed"] is not denied
    if denied:
        return
    after = patched(copy.deepcopy(pod), response)
    if decided is None:
        assert after == pod
        return
    rule, mode, reason = decided
    record, own = f"profile=default,policy={policy.digest}", pod["metadata"].get("annotations", {})
    if mode == "none":
        annotations = own | {names.PLACEMENT_ANNOTATION: f"mode=none,{record},reason=override"}
        assert after == pod | {"metadata": pod["metadata"] | {"annotations": annotations}}
        return
    mode, reason, placed = _guarded(rule, mode, reason, pod)
    added = _added(rule, mode, placed=placed)
    record = f"mode={mode},{record}" + (f",reason={reason}" if reason else "")
    waits = placed and mode == "ecs-then-eci" and not reason.startswith("own-")
    waiting = {"spark-eci-webhook/overflow": "waiting"} if waits else {}
    assert after["metadata"] == pod["metadata"] | {
        "labels": added["labels"] | pod["metadata"]["labels"] | waiting,
        "annotations": added["annotations"] | own | {names.PLACEMENT_ANNOTATION: record},
    }
    if not placed:
        assert after["spec"] == pod["spec"]
        return
    reached, selected = feasible(after), pod["spec"].get("nodeSelector", {}).get("type")
    assert (reached <= VIRTUAL) == (mode == "eci-only" or selected == "virtual-kubelet")
    opened = mode in OPENS and not waits and selected != "ecs"
    assert bool(reached & VIRTUAL) == opened


@given(document=policies(), pod=pods())
def test_a_second_review_changes_nothing(document: dict[str, Any], pod: dict[str, Any]) -> None:
    policy = parse_policy(json.dumps(document).encode(), "p")
    first = answer(pod, policy)
    if not first["allowed"]:
        return
    second = answer(patched(copy.deepcopy(pod), first), policy)
    assert "patch" not in second
    assert (second.get("warnings"), second.get("auditAnnotations")) == (
        first.get("warnings"),
        first.get("auditAnnotations"),
    )


@pytest.mark.parametrize("pair", list(combinations([*KINDS, "{matchLabels: {team: etl}}"], 2)))
def test_the_order_of_alternatives_changes_neither_the_answer_nor_the_digest(pair: tuple[str, str]) -> None:
    one, other = (
        parse_policy(f"selector: {{anyOf: [{', '.join(order)}]}}".encode(), "p") for order in (pair, pair[::-1])
    )
    assert one.digest == other.digest
    for role in ("executor", "worker"):
        labels = {key: value or "x" for wanted, _ in KINDS.values() for key, value in wanted.items()}
        pod = {"metadata": {"name": "p", "labels": labels | {"spark-role": role, "team": "etl"}}, "spec": {}}
        assert answer(pod, one) == answer(pod, other)
        if role == "executor" or pair[1].startswith("{"):
            assert "patch" in answer(pod, one)


def test_every_kind_was_written_by_hand() -> None:
    missing = [str(one) for one in Alternative if one not in KINDS]
    assert not missing, f"add {', '.join(missing)} to KINDS in tests/core/test_policies.py"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", [*ROLES, "operator", "history-server", None])
def test_a_kind_selects_its_pods_and_no_others(kind: str, role: str | None) -> None:
    policy = compile_profile(parse_policy(f"selector: {{anyOf: [{kind}]}}".encode(), "p"), "default")
    wanted, roles = KINDS[kind]
    for other, (labels, _) in KINDS.items():
        given = {key: value or "x" for key, value in labels.items()} | ({} if role is None else {"spark-role": role})
        found = role_of(Pod(ObjectMeta(labels=given), PodSpec()), policy)
        assert (found == ROLES.get(role or "")) == (kind == other and role in roles)
        assert isinstance(found, Role) == (kind == other and role in roles)
    for key, value in wanted.items():
        if value is not None:
            given = {key: "other", "spark-role": roles[0]}
            assert isinstance(role_of(Pod(ObjectMeta(labels=given), PodSpec()), policy), Mismatch)
