"""Which kinds of node a pod's own node affinity and nodeSelector leave open, judged by one label alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from webhook.core.pod import NodeSelectorRequirement, NodeSelectorTerm, PodSpec


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a pod may still run on nodes that carry the label, and on nodes that do not."""

    labelled: bool
    others: bool


def reach(spec: PodSpec, key: str, value: str) -> Reach:
    """What `spec` leaves open of nodes with the label `key`=`value` and of nodes without it.

    `nodeSelector` and the required node affinity are ANDed, the terms of the affinity are ORed, the requirements in a
    term are ANDed, and an empty term matches nothing (Kubernetes: Assigning Pods to Nodes). Requirements on other keys,
    and `matchFields`, count as satisfiable.
    """
    selected = (spec.node_selector or {}).get(key)
    terms = required_terms(spec)
    if not terms:
        return _term_reach((), key, value, selected)
    found = [_term_reach(term.match_expressions or (), key, value, selected) for term in terms if not term.empty]
    return Reach(labelled=any(one.labelled for one in found), others=any(one.others for one in found))


def required_terms(spec: PodSpec) -> list[NodeSelectorTerm]:
    """The terms of the pod's required node affinity; empty where there is none."""
    if spec.affinity is None or spec.affinity.node_affinity is None or spec.affinity.node_affinity.required is None:
        return []
    return spec.affinity.node_affinity.required.node_selector_terms or []


def _term_reach(
    requirements: Iterable[NodeSelectorRequirement],
    key: str,
    value: str,
    selected: str | None,
) -> Reach:
    values = _Values()
    if selected is not None:
        values.restrict("In", [selected])
    for requirement in requirements:
        if requirement.key == key:
            values.restrict(requirement.operator, requirement.values or [])
    return Reach(labelled=values.admit(value), others=values.admit_other_than(value))


@dataclass(slots=True)
class _Values:
    """The values a node's label may have: some or all, less others, in a range of integers; or it may be absent."""

    among: frozenset[str] | None = None
    without: set[str] = field(default_factory=set)
    above: int | None = None
    below: int | None = None
    absent: bool = True
    present: bool = True

    def restrict(self, operator: str, values: list[str]) -> None:
        """Applies one requirement: NodeSelectorOperator, Kubernetes API reference."""
        match operator:
            case "In":
                self.absent = False
                self.among = frozenset(values) if self.among is None else self.among & frozenset(values)
            case "NotIn":
                self.without.update(values)
            case "Exists":
                self.absent = False
            case "DoesNotExist":
                self.present = False
            case "Gt" | "Lt" if len(values) == 1 and (bound := _integer(values[0])) is not None:
                self.absent = False
                if operator == "Gt":
                    self.above = bound if self.above is None else max(self.above, bound)
                else:
                    self.below = bound if self.below is None else min(self.below, bound)
            case _:
                self.absent = self.present = False

    def admit(self, value: str) -> bool:
        """Whether the label may have `value`."""
        if not self.present or value in self.without or (self.among is not None and value not in self.among):
            return False
        if self.above is None and self.below is None:
            return True
        number = _integer(value)
        return (
            number is not None
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def admit_other_than(self, value: str) -> bool:
        """Whether the label may be absent or have another value than `value`."""
        if self.absent:
            return True
        if not self.present:
            return False
        if self.among is not None:
            return any(other != value and self.admit(other) for other in self.among)
        if self.above is None or self.below is None:
            return True
        # One integer more than may be excluded is enough to find one that is not.
        candidates = range(self.above + 1, min(self.below, self.above + len(self.without) + 3))
        return any(str(other) != value and self.admit(str(other)) for other in candidates)


def _integer(text: str) -> int | None:
    """The integer that `text` is to Kubernetes (64 bits); None where it is none."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**63))):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None
