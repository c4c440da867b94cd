"""What of a pod's own rules excludes a kind of node."""

from collections.abc import Iterator
from typing import Final

from webhook.core.modes import Side
from webhook.core.node_affinity import Reach, reach
from webhook.core.pod import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm, PodSpec
from webhook.core.virtual_node import NodeLabel
from webhook.explain.standing_reason import Because, StandingReason

_NODE_SELECTOR: Final = ("spec", "nodeSelector")
_TERMS: Final = (
    "spec",
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
)


def exclusion(spec: PodSpec, label: NodeLabel, side: Side) -> tuple[Because, ...]:
    """What of the nodeSelector and the required affinity in `spec` excludes `side`; nothing if they leave it open.

    `label` is that of virtual nodes. Requirements on other labels count as satisfiable.
    """
    if _leaves(reach(spec, label.key, label.value), side):
        return ()
    selector = PodSpec(node_selector=spec.node_selector)
    place = (*_NODE_SELECTOR, label.key)
    affinity = None if spec.affinity is None else spec.affinity.node_affinity
    required = None if affinity is None else affinity.required
    terms = [] if required is None else required.node_selector_terms or []
    found = [list(_against_term(term, index, label, side)) for index, term in enumerate(terms)]
    by_terms = [one for each in found for one in each] if terms and all(found) else []
    if not _leaves(reach(selector, label.key, label.value), side):
        return Because(StandingReason.EXCLUDED, place), *by_terms
    if by_terms:
        return tuple(by_terms)
    conflicts = (Because(StandingReason.CONFLICT, (*_TERMS, index)) for index, one in enumerate(found) if not one)
    return Because(StandingReason.CONFLICT, place), *(one for each in found for one in each), *conflicts


def _against_term(term: NodeSelectorTerm, index: int, label: NodeLabel, side: Side) -> Iterator[Because]:
    """What of a required term excludes `side`; nothing if it leaves it open by itself."""
    place = (*_TERMS, index)
    if term.empty:
        yield Because(StandingReason.EMPTY_TERM, place)
    elif not _leaves(_reach(term, label), side):
        alone = [
            Because(StandingReason.EXCLUDED, (*place, "matchExpressions", at))
            for at, one in enumerate(term.match_expressions or ())
            if not _leaves(_reach(NodeSelectorTerm([one]), label), side)
        ]
        yield from alone or [Because(StandingReason.CONFLICT, place)]


def _reach(term: NodeSelectorTerm, label: NodeLabel) -> Reach:
    """What one required term leaves open."""
    spec = PodSpec(affinity=Affinity(NodeAffinity(required=NodeSelector([term]))))
    return reach(spec, label.key, label.value)


def _leaves(found: Reach, side: Side) -> bool:
    return found.labelled if side is Side.VIRTUAL else found.others
