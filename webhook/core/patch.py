"""Changing a pod: what a Placement adds to it or leaves as it is, and the JSON Patch that adds it.

JSON Patch is RFC 6902, JSON Pointer RFC 6901. Nothing is ever taken away from the pod.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from webhook.core import names
from webhook.core.node_affinity import same, states
from webhook.core.placement import Placement
from webhook.core.pod import Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod
from webhook.core.pod import PreferredSchedulingTerm as Preferred
from webhook.core.reasons import ChangeReason as Why
from webhook.core.tolerations import tolerates

_LABELS: Final = "/metadata/labels"
_ANNOTATIONS: Final = "/metadata/annotations"
_TOLERATIONS: Final = "/spec/tolerations"
_APPENDED: Final = f"{_TOLERATIONS}/-"
_AFFINITY: Final = "/spec/affinity"
_NODE_AFFINITY: Final = f"{_AFFINITY}/nodeAffinity"
_REQUIRED: Final = f"{_NODE_AFFINITY}/requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = f"{_NODE_AFFINITY}/preferredDuringSchedulingIgnoredDuringExecution"


class PatchOperation(Struct, frozen=True):
    """One operation of a JSON Patch: `op` is `add` or `replace`, `path` a JSON Pointer, `value` any JSON value."""

    op: str
    path: str
    value: Any


class Kind(StrEnum):
    """The part of a pod that a change is about."""

    POD = "pod"
    LABEL = "label"
    ANNOTATION = "annotation"
    IMAGE_CACHE = "imageCache"
    TOLERATION = "toleration"
    NODE_AFFINITY = "nodeAffinity"
    REQUIRED = "requiredNodeAffinity"
    PREFERRED = "preferredNodeAffinity"


class Operation(StrEnum):
    """What is done."""

    ADD = "add"
    KEEP = "keep"


_NOTHING: Final[Mapping[str, str]] = {}
#: Python 3.11 finds the members of an enumeration slowly, so the names here are faster.
_ADD, _KEEP = Operation
_LABEL, _ANNOTATION, _TOLERATION, _PREFERENCE = Kind.LABEL, Kind.ANNOTATION, Kind.TOLERATION, Kind.PREFERRED
_RECORD, _WAITS, _OPENS = Why.RECORD, Why.WAITS, Why.OPENS_VIRTUAL_NODE
#: Why an affinity is added, by the operator on the virtual node's label.
_REQUIRES: Final = {"In": Why.ONLY_VIRTUAL_NODES, "NotIn": Why.KEEPS_OFF_VIRTUAL_NODES}
_PREFERS: Final = {"In": Why.PREFERS_VIRTUAL_NODES, "NotIn": Why.PREFERS_OTHER_NODES}


class Change(Struct, frozen=True, gc=False):
    """One thing that is added to a pod, or left as it is, and why."""

    kind: Kind
    key: str
    """The key of the label, annotation, taint or node label; empty if it is about the kind as a whole."""
    value: Any
    """What is wanted: a string, a Toleration, a NodeSelectorRequirement or a PreferredSchedulingTerm, or None."""
    operation: Operation
    reason: Why
    found: Any = None
    """What the pod has instead."""
    terms: tuple[int, ...] = ()
    """Which terms of the pod's own required node affinity it is about; empty if there are none."""


def changes(pod: Pod, placement: Placement) -> list[Change]:
    """What `placement` adds to `pod`, and what of it the pod has already.

    Only the pod's own fields count, so nothing is added to a pod that was patched before.
    """
    found: list[Change] = []
    if placement.labels or placement.withheld or placement.wait is not None:
        _labels(pod, placement, found)
    _annotations(pod, placement, found)
    _tolerations(pod, placement, found)
    if placement.requirement is not None or placement.preference is not None:
        affinity = pod.spec.affinity
        own = None if affinity is None else affinity.node_affinity
        if placement.requirement is not None:
            found += _required(own, placement.requirement)
        if placement.preference is not None:
            found.append(_preferred(own, placement.preference))
    return found


def patch(pod: Pod, wanted: Iterable[Change]) -> list[PatchOperation]:
    """The operations that make the additions among `wanted` to `pod`, the pod that the changes were computed for.

    A parent that is absent, null or empty is made once, in one operation.
    """
    labels: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    tolerations: list[Any] = []
    affinity: list[Change] = []
    for one in wanted:
        if one.operation is _KEEP:
            continue
        if one.kind is _ANNOTATION:
            annotations[one.key] = one.value
        elif one.kind is _TOLERATION:
            tolerations.append(one.value)
        elif one.kind is _LABEL:
            labels[one.key] = one.value
        else:
            affinity.append(one)
    metadata = pod.metadata
    operations = _into(_LABELS, metadata.labels, labels) if labels else []
    if annotations:
        operations += _into(_ANNOTATIONS, metadata.annotations, annotations)
    if tolerations and pod.spec.tolerations:
        operations += [_add(_APPENDED, one) for one in tolerations]
    elif tolerations:
        operations.append(_add(_TOLERATIONS, tolerations))
    if affinity:
        operations += _affinity(pod, affinity)
    return operations


def _into(path: str, own: Mapping[str, str] | None, entries: dict[str, Any]) -> list[PatchOperation]:
    """Adds `entries` to the map `own` at `path`."""
    if own:
        return [_add(_pointer(path, key), value) for key, value in entries.items()]
    return [_add(path, entries)]


def _labels(pod: Pod, placement: Placement, found: list[Change]) -> None:
    own = pod.metadata.labels or _NOTHING
    for key, value, why in placement.labels:
        found.append(_entry(_LABEL, own, key, value, why))
    for key, value in placement.withheld:
        found.append(Change(_LABEL, key, value, _KEEP, Why.OUTRANKS_AFFINITY, own.get(key)))
    if placement.wait is not None:
        found.append(_set(_LABEL, own, names.OVERFLOW_LABEL, names.WAITING, _WAITS))


def _annotations(pod: Pod, placement: Placement, found: list[Change]) -> None:
    own = pod.metadata.annotations or _NOTHING
    for key, value, why in placement.annotations:
        found.append(_entry(_ANNOTATION, own, key, value, why))
    if placement.image_cache is not None:
        found.append(_entry(_ANNOTATION, own, *placement.image_cache))
    elif placement.own_image_cache:
        key = placement.own_image_cache
        found.append(Change(Kind.IMAGE_CACHE, key, None, _KEEP, Why.OWN_IMAGE_CACHE, own[key]))
    found.append(_set(_ANNOTATION, own, names.PLACEMENT_ANNOTATION, placement.record, _RECORD))


def _entry(kind: Kind, own: Mapping[str, str], key: str, value: str, why: Why) -> Change:
    if key not in own:
        return Change(kind, key, value, _ADD, why)
    kept = Why.ALREADY_THERE if own[key] == value else Why.OWN_VALUE
    return Change(kind, key, value, _KEEP, kept, own[key])


def _set(kind: Kind, own: Mapping[str, str], key: str, value: str, why: Why) -> Change:
    """A change that sets what only the webhook writes, whatever the pod has."""
    before = own.get(key)
    operation, why = (_KEEP, Why.ALREADY_THERE) if before == value else (_ADD, why)
    return Change(kind, key, value, operation, why, before)


def _tolerations(pod: Pod, placement: Placement, found: list[Change]) -> None:
    own = pod.spec.tolerations or ()
    for taint, wanted in placement.tolerations:
        for existing in own:
            if tolerates(existing, taint):
                found.append(Change(_TOLERATION, taint.key, wanted, _KEEP, Why.ALREADY_TOLERATED, existing))
                break
        else:
            found.append(Change(_TOLERATION, taint.key, wanted, _ADD, _OPENS))


def _required(own: NodeAffinity | None, requirement: NodeSelectorRequirement) -> Iterator[Change]:
    """Adds the requirement to every term, because terms are ORed, but not to an empty one, which matches no node."""
    why = _REQUIRES[requirement.operator]
    terms = None if own is None or own.required is None else own.required.node_selector_terms
    if not terms:
        yield Change(Kind.REQUIRED, requirement.key, requirement, _ADD, why)
        return
    lacking: list[int] = []
    having: list[int] = []
    empty: list[int] = []
    for index, term in enumerate(terms):
        there = any(same(one, requirement) for one in term.match_expressions or ())
        (empty if term.empty else having if there else lacking).append(index)
    for indexes, operation, reason in (
        (lacking, _ADD, why),
        (having, _KEEP, Why.ALREADY_THERE),
        (empty, _KEEP, Why.EMPTY_TERM),
    ):
        if indexes:
            yield Change(Kind.REQUIRED, requirement.key, requirement, operation, reason, terms=tuple(indexes))


def _preferred(own: NodeAffinity | None, preferred: Preferred) -> Change:
    (wanted,) = preferred.preference.match_expressions or []
    if own is not None and any(states(term.preference, wanted) for term in own.preferred or ()):
        return Change(_PREFERENCE, wanted.key, preferred, _KEEP, Why.ALREADY_THERE)
    return Change(_PREFERENCE, wanted.key, preferred, _ADD, _PREFERS[wanted.operator])


def _affinity(pod: Pod, wanted: list[Change]) -> list[PatchOperation]:
    required = preferred = None
    for one in wanted:
        if one.kind is _PREFERENCE:
            preferred = one
        else:
            required = one
    affinity = pod.spec.affinity
    own = None if affinity is None else affinity.node_affinity
    if own is None:
        made = NodeAffinity(
            required=None if required is None else _selector(required.value),
            preferred=None if preferred is None else [preferred.value],
        )
        return [_add(_AFFINITY, Affinity(made)) if affinity is None else _add(_NODE_AFFINITY, made)]
    operations = []
    if required is not None and not required.terms:
        operations.append(_add(_REQUIRED, _selector(required.value)))
    elif required is not None:
        terms = own.required.node_selector_terms if own.required else None
        for index in required.terms:
            path = f"{_REQUIRED}/nodeSelectorTerms/{index}/matchExpressions"
            appends = bool(terms and terms[index].match_expressions)
            operations.append(_add(f"{path}/-", required.value) if appends else _add(path, [required.value]))
    if preferred is not None:
        path, value = (f"{_PREFERRED}/-", preferred.value) if own.preferred else (_PREFERRED, [preferred.value])
        operations.append(_add(path, value))
    return operations


def _selector(requirement: NodeSelectorRequirement) -> NodeSelector:
    return NodeSelector([NodeSelectorTerm([requirement])])


def _pointer(parent: str, key: str) -> str:
    """The JSON Pointer of `key`, a qualified name, below `parent`: `/` is escaped (RFC 6901 section 3)."""
    return f"{parent}/{key.replace('/', '~1')}"


def _add(path: str, value: Any) -> PatchOperation:
    """Adds `value`: an existing member of an object is replaced, `-` appends (RFC 6902 section 4.1)."""
    return PatchOperation("add", path, value)
