"""Which nodes a pod's own affinity leaves open, judged by one label: every operator, alone and together."""

from typing import Any

import msgspec
import pytest

from webhook.core.node_affinity import Reach, Weights, reach, weights
from webhook.core.pod import PodSpec, PreferredSchedulingTerm

BOTH, VIRTUAL, OTHERS, NONE = Reach(True, True), Reach(True, False), Reach(False, True), Reach(False, False)  # noqa: FBT003


def _one(operator: str, *values: str, key: str = "type") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def _reach(*terms: Any, selector: dict[str, str] | None = None, value: str = "virtual-kubelet") -> Reach:
    required = {"nodeSelectorTerms": list(terms)}
    spec = {
        "nodeSelector": selector,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}} if terms else None,
    }
    return reach(msgspec.convert(spec, PodSpec), "type", value)


@pytest.mark.parametrize(
    ("requirements", "found"),
    [
        ([_one("In", "virtual-kubelet")], VIRTUAL),
        ([_one("In", "virtual-kubelet", "ecs")], BOTH),
        ([_one("In", "ecs")], OTHERS),
        ([_one("NotIn", "virtual-kubelet")], OTHERS),
        ([_one("NotIn", "ecs")], BOTH),
        ([_one("Exists")], BOTH),
        ([_one("DoesNotExist")], OTHERS),
        ([_one("Gt", "3")], OTHERS),
        ([_one("Lt", "3")], OTHERS),
        ([_one("Gt", "3"), _one("Lt", "5")], OTHERS),
        ([_one("Gt", "3"), _one("Lt", "5"), _one("NotIn", "4")], NONE),
        ([_one("Gt", "3"), _one("Lt", "6"), _one("NotIn", "4")], OTHERS),
        ([_one("Gt", "3"), _one("Gt", "1"), _one("Lt", "4"), _one("Lt", "9")], NONE),
        ([_one("Gt", "x")], NONE),
        ([_one("Gt", "1", "2")], NONE),
        ([_one("Near", "x")], NONE),
        ([_one("In", "virtual-kubelet", "ecs"), _one("NotIn", "ecs")], VIRTUAL),
        ([_one("In", "virtual-kubelet"), _one("In", "ecs")], NONE),
        ([_one("Exists"), _one("DoesNotExist")], NONE),
        ([_one("In")], NONE),
        ([_one("In", "ecs", key="zone")], BOTH),
    ],
    ids=str,
)
def test_the_requirements_of_a_term_are_anded(requirements: list[Any], found: Reach) -> None:
    assert _reach({"matchExpressions": requirements}) == found


@pytest.mark.parametrize(
    ("requirements", "found"),
    [
        ([_one("Gt", "3")], BOTH),
        ([_one("Lt", "7")], OTHERS),
        ([_one("Gt", "6"), _one("Lt", "8")], VIRTUAL),
        ([_one("Gt", "6"), _one("Lt", "8"), _one("NotIn", "7")], NONE),
        ([_one("Gt", "6"), _one("Lt", "100"), _one("NotIn", "8")], BOTH),
        ([_one("Gt", "7")], OTHERS),
    ],
    ids=str,
)
def test_a_label_whose_value_is_a_number_can_be_compared(requirements: list[Any], found: Reach) -> None:
    assert _reach({"matchExpressions": requirements}, value="7") == found


@pytest.mark.parametrize(
    ("operator", "bound", "found"),
    [
        ("Gt", str(2**63 - 2), OTHERS),
        ("Gt", str(2**63 - 1), NONE),
        ("Lt", str(1 - 2**63), OTHERS),
        ("Lt", str(-(2**63)), NONE),
        ("Gt", str(-(2**63) - 1), NONE),
        ("Lt", "+7", OTHERS),
        ("Lt", "-0", OTHERS),
        *(("Lt", text, NONE) for text in (str(2**63), "1" * 5000, "", "+", "--1", "1_0", "1.0", "²")),
    ],
)
def test_a_bound_is_an_integer_of_64_bits(operator: str, bound: str, found: Reach) -> None:
    assert _reach({"matchExpressions": [_one(operator, bound)]}) == found


def test_terms_are_ored() -> None:
    inside, outside = (
        {"matchExpressions": [_one("In", "virtual-kubelet")]},
        {"matchExpressions": [_one("DoesNotExist")]},
    )
    assert _reach(inside) == VIRTUAL
    assert _reach(inside, outside) == BOTH


def test_an_empty_term_matches_no_node() -> None:
    assert _reach({}) == NONE
    assert _reach({}, {"matchExpressions": [_one("Exists")]}) == BOTH
    assert _reach({"matchExpressions": [], "matchFields": []}, {"matchExpressions": None}) == NONE


def test_fields_count_as_satisfiable() -> None:
    assert _reach({"matchFields": [_one("In", "some-node", key="metadata.name")]}) == BOTH


@pytest.mark.parametrize(
    ("selector", "found"),
    [({"type": "virtual-kubelet"}, VIRTUAL), ({"type": "ecs"}, OTHERS), ({"zone": "h"}, BOTH), (None, BOTH)],
)
def test_the_node_selector_stands_for_itself(selector: dict[str, str] | None, found: Reach) -> None:
    assert _reach(selector=selector) == found


def test_node_selector_and_affinity_are_anded() -> None:
    outside = {"matchExpressions": [_one("NotIn", "virtual-kubelet")]}
    assert _reach(outside, selector={"type": "virtual-kubelet"}) == NONE
    assert _reach(outside, selector={"type": "ecs"}) == OTHERS


def _weights(*terms: tuple[int, Any], value: str = "virtual-kubelet") -> Weights:
    stated = [{"weight": weight, "preference": preference} for weight, preference in terms]
    return weights(msgspec.convert(stated, list[PreferredSchedulingTerm]), "type", value)


@pytest.mark.parametrize(
    ("requirements", "found"),
    [
        ([_one("In", "virtual-kubelet")], VIRTUAL),
        ([_one("In", "virtual-kubelet", "ecs")], VIRTUAL),
        ([_one("In", "ecs")], OTHERS),
        ([_one("NotIn", "virtual-kubelet")], OTHERS),
        ([_one("NotIn", "ecs")], BOTH),
        ([_one("Exists")], VIRTUAL),
        ([_one("Exists"), _one("NotIn", "ecs")], VIRTUAL),
        ([_one("Exists"), _one("NotIn", "virtual-kubelet")], OTHERS),
        ([_one("DoesNotExist")], OTHERS),
        ([_one("Gt", "3")], OTHERS),
        ([_one("Gt", "3"), _one("Lt", "4")], NONE),
        ([_one("Exists"), _one("DoesNotExist")], NONE),
        ([_one("In", "virtual-kubelet"), _one("In", "ecs", key="zone")], VIRTUAL),
        ([_one("In", "ecs", key="zone")], BOTH),
        ([_one("Near", "x")], NONE),
    ],
    ids=str,
)
def test_a_preferred_term_counts_for_the_nodes_that_match_it(requirements: list[Any], found: Reach) -> None:
    assert _weights((3, {"matchExpressions": requirements})) == Weights(3 * found.labelled, 3 * found.others)


@pytest.mark.parametrize(
    ("operator", "bound", "found"),
    [("Gt", "3", VIRTUAL), ("Lt", "9", VIRTUAL), ("Gt", "7", OTHERS), ("Lt", "7", OTHERS)],
)
def test_a_preferred_term_may_compare_numbers(operator: str, bound: str, found: Reach) -> None:
    requirement = {"matchExpressions": [_one(operator, bound)]}
    assert _weights((3, requirement), value="7") == Weights(3 * found.labelled, 3 * found.others)


def test_weights_are_added_up_for_each_kind_of_node() -> None:
    terms = [
        (1, {"matchExpressions": [_one("NotIn", "virtual-kubelet")]}),
        (20, {"matchExpressions": [_one("In", "virtual-kubelet")]}),
        (20, {"matchExpressions": [_one("In", "virtual-kubelet")]}),
        (300, {"matchFields": [_one("In", "some-node", key="metadata.name")]}),
        (4000, {}),
        (4000, {"matchExpressions": [], "matchFields": None}),
    ]
    assert _weights(*terms) == Weights(labelled=340, others=301)
    assert _weights() == Weights(labelled=0, others=0)
