"""Doing: a pod and its Placement in, the operations of a JSON Patch out. Nothing is ever taken away from the pod."""

from collections.abc import Mapping

from webhook.core import names
from webhook.core.patch import PatchOperation, add, append, pointer
from webhook.core.placement import Placement
from webhook.core.pod import Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod
from webhook.core.pod import PreferredSchedulingTerm as Preferred
from webhook.core.tolerations import tolerates

_ANNOTATIONS = "/metadata/annotations"
_TOLERATIONS = "/spec/tolerations"
_AFFINITY = "/spec/affinity"
_NODE_AFFINITY = f"{_AFFINITY}/nodeAffinity"
_REQUIRED = f"{_NODE_AFFINITY}/requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = f"{_NODE_AFFINITY}/preferredDuringSchedulingIgnoredDuringExecution"


def mutate(pod: Pod, placement: Placement) -> list[PatchOperation]:
    """The operations that make `pod` what `placement` says; none where it is that already.

    A parent that is absent, null or empty is made once, in one operation. Applying the operations and mutating again
    gives none: the result is read off the pod, never off a mark.
    """
    return [*_annotations(pod, placement), *_tolerations(pod, placement), *_node_affinity(pod, placement)]


def _annotations(pod: Pod, placement: Placement) -> list[PatchOperation]:
    own: Mapping[str, str] = pod.metadata.annotations or {}
    wanted = {key: value for key, value in placement.annotations.items() if key not in own}
    if own.get(names.PLACEMENT_ANNOTATION) != placement.record:
        wanted[names.PLACEMENT_ANNOTATION] = placement.record
    if not wanted:
        return []
    if not own:
        return [add(_ANNOTATIONS, wanted)]
    return [add(pointer(_ANNOTATIONS, key), value) for key, value in wanted.items()]


def _tolerations(pod: Pod, placement: Placement) -> list[PatchOperation]:
    own = pod.spec.tolerations or []
    wanted = [
        toleration
        for taint, toleration in placement.tolerations
        if not any(tolerates(existing, taint) for existing in own)
    ]
    if not wanted:
        return []
    if not own:
        return [add(_TOLERATIONS, wanted)]
    return [append(_TOLERATIONS, toleration) for toleration in wanted]


def _node_affinity(pod: Pod, placement: Placement) -> list[PatchOperation]:
    requirement, preference = placement.requirement, placement.preference
    if requirement is None and preference is None:
        return []
    affinity = pod.spec.affinity
    node_affinity = None if affinity is None else affinity.node_affinity
    if node_affinity is None:
        made = NodeAffinity(
            required=None if requirement is None else _selector(requirement),
            preferred=None if preference is None else [preference],
        )
        return [add(_AFFINITY, Affinity(made)) if affinity is None else add(_NODE_AFFINITY, made)]
    operations = [] if requirement is None else _required(node_affinity, requirement)
    return operations if preference is None else operations + _preferred(node_affinity, preference)


def _required(own: NodeAffinity, requirement: NodeSelectorRequirement) -> list[PatchOperation]:
    """The requirement enters every term, since terms are ORed, but no empty one, which matches no node as it is."""
    terms = None if own.required is None else own.required.node_selector_terms
    if not terms:
        return [add(_REQUIRED, _selector(requirement))]
    operations = []
    for index, term in enumerate(terms):
        expressions = term.match_expressions
        if term.empty or any(_same(one, requirement) for one in expressions or ()):
            continue
        path = f"{_REQUIRED}/nodeSelectorTerms/{index}/matchExpressions"
        operations.append(append(path, requirement) if expressions else add(path, [requirement]))
    return operations


def _preferred(own: NodeAffinity, preferred: Preferred) -> list[PatchOperation]:
    if not own.preferred:
        return [add(_PREFERRED, [preferred])]
    if any(_states(term.preference, preferred.preference) for term in own.preferred):
        return []
    return [append(_PREFERRED, preferred)]


def _states(term: NodeSelectorTerm, wanted: NodeSelectorTerm) -> bool:
    """Whether `term` says exactly what `wanted` says, which is one requirement on a label."""
    match term.match_expressions, wanted.match_expressions:
        case [one], [other]:
            return not term.match_fields and _same(one, other)
    return False


def _same(one: NodeSelectorRequirement, other: NodeSelectorRequirement) -> bool:
    return one.key == other.key and one.operator == other.operator and set(one.values or ()) == set(other.values or ())


def _selector(requirement: NodeSelectorRequirement) -> NodeSelector:
    return NodeSelector([NodeSelectorTerm([requirement])])
