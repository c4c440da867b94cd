"""What holds for every pod, whatever stands in it."""

import copy
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admission_reviews import answer, patched, review
from tests.pods import EVERY_MODE, KEYS, MODES, PREFERENCES, VALUES, pods, requirements
from tests.scheduler import NODES, Node, feasible, meets, score
from webhook.core import names
from webhook.core.modes import SchedulingMode, Side
from webhook.core.node_affinity import Reach, Weights, reach, weights
from webhook.core.outline import SMALL
from webhook.core.pod import Pod, PreferredSchedulingTerm
from webhook.core.profile import compile_profile
from webhook.core.review import respond
from webhook.core.text import LIMIT

POLICY = EVERY_MODE
TOLERATION = {"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}
UNPLACED = {"excludes-virtual-nodes", "demands-virtual-nodes", "node-name-set"}
VIRTUAL = {node.name for node in NODES if node.virtual}


def _contains(after: Any, before: Any, path: str = "") -> bool:
    """Whether all that `before` says still stands in `after`; null and empty may have become something."""
    if before in (None, {}, []):
        return True
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after
            and (path + key == "annotations" + names.PLACEMENT_ANNOTATION or _contains(after[key], value, key))
            for key, value in before.items()
        )
    if isinstance(before, list):
        return isinstance(after, list) and all(map(_contains, after, before)) and len(after) >= len(before)
    return bool(after == before)


def _record(pod: Any) -> dict[str, str]:
    """The fields of the placement annotation."""
    return dict(field.split("=") for field in pod["metadata"]["annotations"][names.PLACEMENT_ANNOTATION].split(","))


def _tolerating(pod: Any) -> Any:
    pod = copy.deepcopy(pod)
    pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or []), TOLERATION]
    return pod


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_the_patch_applies_and_takes_nothing_away(pod: Any, mode: str) -> None:
    before = copy.deepcopy(pod)
    assert _contains(patched(pod, answer(pod, POLICY, mode)), before)


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_a_second_review_changes_nothing(pod: Any, mode: str) -> None:
    first = answer(pod, POLICY, mode)
    second = answer(patched(pod, first), POLICY, mode)
    assert "patch" not in second
    assert second.get("warnings") == first.get("warnings")


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_a_large_body_is_answered_as_a_small_one(pod: Any, mode: str) -> None:
    profile = compile_profile(POLICY, mode)
    assert respond(review(pod).ljust(SMALL + 1), profile) == respond(review(pod), profile)


@given(pod=pods(), asked=st.sampled_from(MODES))
def test_the_placement_means_what_its_mode_says(pod: Any, asked: str) -> None:
    after = patched(pod, answer(pod, POLICY, asked))
    record = _record(after)
    if record["mode"] == "none" or record.get("reason") in UNPLACED:
        assert after["spec"] == pod["spec"]
        return
    mode = SchedulingMode(record["mode"])
    opened = mode.opens_eci and (not mode.waits or record.get("reason") == "own-requirement")
    allowed = feasible(_tolerating(pod) if opened else pod)
    match mode.requires:
        case Side.VIRTUAL:
            allowed &= VIRTUAL
        case Side.OTHERS:
            allowed -= VIRTUAL
    assert feasible(after) == allowed
    _assert_preference(pod, after, mode.prefers)


def _assert_preference(pod: Any, after: Any, side: Side | None) -> None:
    """The nodes that the mode prefers gained one weight over the others, unless the pod preferred them before."""
    gains = {
        node.virtual: {score(after, one) - score(pod, one) for one in NODES if one.virtual == node.virtual}
        for node in NODES
    }
    own = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    stated = own.get("preferredDuringSchedulingIgnoredDuringExecution") or []
    wanted = {True: {0}, False: {0}}
    if side is not None:
        virtual = side is Side.VIRTUAL
        wanted[virtual] = {0 if any(_prefers(one["preference"], virtual) for one in stated) else 1}
    assert gains == wanted


def _prefers(term: Any, virtual: bool) -> bool:  # noqa: FBT001
    expressions = term.get("matchExpressions") or []
    return (
        not term.get("matchFields")
        and len(expressions) == 1
        and expressions[0]["key"] == "type"
        and expressions[0]["operator"] == ("In" if virtual else "NotIn")
        and set(expressions[0]["values"]) == {"virtual-kubelet"}
    )


@given(pod=pods(), mode=st.sampled_from(MODES))
def test_every_warning_fits_on_one_line(pod: Any, mode: str) -> None:
    for warning in answer(pod, POLICY, mode).get("warnings", []):
        assert 0 < len(warning) <= LIMIT
        assert warning.isprintable()


@given(
    terms=st.none() | st.lists(st.none() | st.lists(requirements(), max_size=4), max_size=3),
    selector=st.dictionaries(KEYS, VALUES, max_size=2),
)
def test_reach_agrees_with_trying_every_value(terms: list[Any] | None, selector: dict[str, str]) -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": one} for one in terms]} if terms else None
    spec = {
        "nodeSelector": selector,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    }
    # Every value that a requirement could tell apart: those that occur, every number near a bound, and one unheard of.
    values = ["virtual-kubelet", "ecs", "amd64", "arm64", "h", "i", "unheard-of", *map(str, range(-5, 15)), None]
    admitted = {value for value in values if _admits(required, selector, value)}
    found = reach(_pod(spec).spec, "type", "virtual-kubelet")
    assert found == Reach(labelled="virtual-kubelet" in admitted, others=bool(admitted - {"virtual-kubelet"}))


@given(terms=st.lists(PREFERENCES, max_size=4))
def test_weights_agree_with_adding_up_for_every_value(terms: list[Any]) -> None:
    values = ["ecs", "amd64", "arm64", "h", "i", "unheard-of", *map(str, range(-5, 15))]
    labelled = others = 0
    for one in terms:
        term = one["preference"]
        if not term.get("matchExpressions") and not term.get("matchFields"):
            continue
        about = [each for each in term.get("matchExpressions") or [] if each["key"] == "type"]
        matching = {
            value for value in ("virtual-kubelet", *values) if all(meets(each, {"type": value}) for each in about)
        }
        plain = all(meets(each, {}) for each in about)
        labelled += one["weight"] * ("virtual-kubelet" in matching)
        others += one["weight"] * (plain or bool(matching and "virtual-kubelet" not in matching))
    found = weights(msgspec.convert(terms, list[PreferredSchedulingTerm]), "type", "virtual-kubelet")
    assert found == Weights(labelled, others)


#: One ordinary node and one virtual node, with room for every pod.
TWO_NODES = (Node("ecs"), next(node for node in NODES if node.name == "virtual"))


def _own_terms(*operators: str) -> st.SearchStrategy[Any]:
    """Terms about the label of virtual nodes that are empty, or that one of the two nodes matches."""
    requirement = st.fixed_dictionaries(
        {"key": st.just("type"), "operator": st.sampled_from(operators), "values": st.just(["virtual-kubelet"])}
    )
    terms = st.lists(requirement, max_size=2)
    matched = terms.filter(
        lambda term: any(all(meets(one, labels) for one in term) for labels in ({}, {"type": "virtual-kubelet"}))
    )
    return matched.map(lambda term: {"matchExpressions": term})


OWN_PREFERENCES = st.fixed_dictionaries(
    {"weight": st.integers(1, 3), "preference": _own_terms("In", "NotIn", "Exists", "DoesNotExist")}
)


@given(
    # Exists in a requirement leaves ordinary nodes that have another value of the label, and these two nodes have none.
    required=st.none() | st.lists(_own_terms("In", "NotIn", "DoesNotExist"), min_size=1, max_size=2),
    preferred=st.lists(OWN_PREFERENCES, max_size=4),
    selector=st.sampled_from([None, {"type": "virtual-kubelet"}]),
    mode=st.sampled_from([mode for mode in SchedulingMode if mode.prefers and not mode.waits]),
)
def test_the_record_has_a_reason_if_the_pod_goes_elsewhere(
    required: Any, preferred: Any, selector: Any, mode: SchedulingMode
) -> None:
    affinity = {
        "requiredDuringSchedulingIgnoredDuringExecution": required and {"nodeSelectorTerms": required},
        "preferredDuringSchedulingIgnoredDuringExecution": preferred,
    }
    pod = {
        "metadata": {"labels": {names.LAUNCHED_BY_OPERATOR: "true", names.SPARK_ROLE: "executor"}},
        "spec": {"containers": [], "affinity": {"nodeAffinity": affinity}, "nodeSelector": selector},
    }
    after = patched(copy.deepcopy(pod), answer(pod, POLICY, mode))
    allowed = [node for node in TWO_NODES if node.name in feasible(after, TWO_NODES)]
    highest = max((score(after, node) for node in allowed), default=0)
    best = {node.virtual for node in allowed if score(after, node) == highest}
    reason = None
    if best - {mode.prefers is Side.VIRTUAL}:
        reason = "own-requirement" if len(allowed) == 1 else "own-preference"
    assert _record(after).get("reason") == reason


def _admits(required: Any, selector: dict[str, str], value: str | None) -> bool:
    """Whether a node whose label `type` is `value`, and whose other labels are whatever suits, is admitted."""
    if "type" in selector and selector["type"] != value:
        return False
    terms = [
        [one for one in term["matchExpressions"] if one["key"] == "type"]
        for term in (required or {"nodeSelectorTerms": []})["nodeSelectorTerms"]
        if term["matchExpressions"]
    ]
    labels = {} if value is None else {"type": value}
    return (not required) or any(all(meets(one, labels) for one in term) for term in terms)


def _pod(spec: Any) -> Pod:
    return msgspec.convert({"metadata": {}, "spec": spec}, Pod)


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_the_model_nodes_are_told_apart(node: Any) -> None:
    """The model is of use only while a bare pod reaches some nodes and not others."""
    bare: dict[str, Any] = {"spec": {}}
    assert (node.name in feasible(bare)) == (not node.taints)
    assert set(chain(feasible(_tolerating(bare)))) == {"ecs-amd64", "ecs-typed", "ecs-number", "ecs-arm64", "virtual"}
