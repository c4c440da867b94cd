"""Which kinds of node a pod's node affinity and nodeSelector leave open, and which they prefer, judged by one label."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from webhook.core.pod import NodeSelectorRequirement, NodeSelectorTerm, PodSpec, PreferredSchedulingTerm

_OPERATORS: Final = frozenset({"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"})
#: What nodes without the label never match.
_OF_LABELLED: Final = frozenset({"In", "Exists", "Gt", "Lt"})
_TOO_LOW: Final = -(2**63) - 1
_TOO_HIGH: Final = 2**63


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a pod may still run on nodes that carry the label, and on nodes that do not."""

    labelled: bool
    others: bool


_OPEN: Final = Reach(labelled=True, others=True)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much preferred terms add to the score of nodes that carry the label, and of nodes that do not."""

    labelled: int
    others: int


def reach(spec: PodSpec, key: str, value: str) -> Reach:
    """What `spec` leaves open of nodes with the label `key`=`value` and of nodes without it.

    `nodeSelector` and the required node affinity are ANDed, the terms of the affinity are ORed, the requirements in a
    term are ANDed, and an empty term matches nothing (Kubernetes: Assigning Pods to Nodes). Requirements on other keys,
    and `matchFields`, count as satisfiable.
    """
    selected = (spec.node_selector or {}).get(key)
    selector = [] if selected is None else [NodeSelectorRequirement(key, "In", [selected])]
    affinity = None if spec.affinity is None else spec.affinity.node_affinity
    required = None if affinity is None else affinity.required
    terms = [] if required is None else required.node_selector_terms or []
    if not terms:
        return _reach(selector, value)
    found = [_reach([*selector, *_about(term, key)], value) for term in terms if not term.empty]
    return Reach(labelled=any(one.labelled for one in found), others=any(one.others for one in found))


def weights(terms: Iterable[PreferredSchedulingTerm], key: str, value: str) -> Weights:
    """The sums of the weights of `terms` that nodes with the label `key`=`value` match, and that other nodes match.

    The scheduler adds up the weights of all terms that a node matches, and an empty term has no effect (Kubernetes:
    Assigning Pods to Nodes, node affinity weight). Requirements on other keys, and `matchFields`, count as satisfiable.

    Ordinary nodes seldom have a label with this key. So a term that labelled nodes match counts for the others only if
    nodes without the label match it as well. A term that labelled nodes do not match counts for the others if any value
    of the label matches it, because it can only be meant for them.
    """
    labelled = others = 0
    for term in terms:
        if term.preference.empty:
            continue
        requirements = _about(term.preference, key)
        found = _reach(requirements, value)
        if found.labelled:
            labelled += term.weight
        if found.others and not (found.labelled and any(one.operator in _OF_LABELLED for one in requirements)):
            others += term.weight
    return Weights(labelled, others)


def states(term: NodeSelectorTerm, requirement: NodeSelectorRequirement) -> bool:
    """Whether `term` says exactly what `requirement` says."""
    match term.match_expressions:
        case [one]:
            return not term.match_fields and same(one, requirement)
    return False


def same(one: NodeSelectorRequirement, other: NodeSelectorRequirement) -> bool:
    """Whether two requirements are equal; the order of their values does not matter."""
    return one.key == other.key and one.operator == other.operator and set(one.values or ()) == set(other.values or ())


def _about(term: NodeSelectorTerm, key: str) -> list[NodeSelectorRequirement]:
    return [one for one in term.match_expressions or () if one.key == key]


def _reach(requirements: list[NodeSelectorRequirement], value: str) -> Reach:
    """What `requirements` on the label leave open (Kubernetes API reference: NodeSelectorOperator)."""
    if not requirements:
        return _OPEN
    stated: dict[str, list[list[str]]] = {}
    for one in requirements:
        stated.setdefault(one.operator, []).append(one.values or [])
    if not stated.keys() <= _OPERATORS:
        return Reach(labelled=False, others=False)
    numeric = "Gt" in stated or "Lt" in stated
    if "DoesNotExist" in stated:
        return Reach(labelled=False, others=not (numeric or "In" in stated or "Exists" in stated))
    among = set.intersection(*map(set, stated["In"])) if "In" in stated else None
    without = set().union(*stated.get("NotIn", ()))
    above = max((_bound(values, _TOO_HIGH) for values in stated.get("Gt", ())), default=_TOO_LOW)
    below = min((_bound(values, _TOO_LOW) for values in stated.get("Lt", ())), default=_TOO_HIGH)

    def admitted(one: str) -> bool:
        if one in without or (among is not None and one not in among):
            return False
        if not numeric:
            return True
        number = _integer(one)
        return number is not None and above < number < below

    if among is None and not numeric:
        return Reach(labelled=admitted(value), others=True)
    # The search ends after the numbers that are excluded.
    others = map(str, range(above + 1, below)) if among is None else among
    return Reach(labelled=admitted(value), others=any(one != value and admitted(one) for one in others))


def _bound(values: list[str], otherwise: int) -> int:
    """The integer of a Gt or Lt requirement; `otherwise`, which leaves no integer, if it has no or several values."""
    number = _integer(values[0]) if len(values) == 1 else None
    return otherwise if number is None else number


def _integer(text: str) -> int | None:
    """The integer that Kubernetes reads from `text` (64 bits); None if it is not an integer."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**63))):
        return None
    number = int(text)
    return number if _TOO_LOW < number < _TOO_HIGH else None
