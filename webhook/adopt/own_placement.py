"""What placement a pod carries by itself: everything in it that a profile could have given it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from webhook.core import names
from webhook.core.pod import NodeAffinity, NodeSelectorTerm, Pod, Toleration
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.tolerations import may_tolerate
from webhook.core.virtual_node import outranking
from webhook.spark.api_server import DEFAULT_TOLERATIONS

#: The tolerations that the API server adds to every pod. Nobody wrote them.
_DEFAULTS: Final = msgspec.convert(DEFAULT_TOLERATIONS, tuple[Toleration, ...])


class OwnPlacement(StrEnum):
    """A kind of placement that a pod carries by itself."""

    TOLERATION = "toleration"
    """It may tolerate a taint of the virtual node."""
    REQUIRED = "required-node-affinity"
    """It names the label of the virtual node, as the following two do."""
    PREFERRED = "preferred-node-affinity"
    NODE_SELECTOR = "node-selector"
    ECI_ANNOTATION = "eci-annotation"
    """ECI reads it, or it is one of the profile's keys for image caches."""
    OUTRANKING_LABEL = "outranking-label"
    """It wins over affinity."""
    ADDITION = "addition"
    """A label or an annotation of a key that the rule adds."""


#: The kinds that say where a pod runs. The others have an effect on ECI alone, or none.
PLACING: Final = frozenset(OwnPlacement) - {OwnPlacement.ECI_ANNOTATION, OwnPlacement.ADDITION}


def own_placement(pod: Pod, rule: CompiledRule, profile: CompiledProfile) -> tuple[OwnPlacement, ...]:
    """The kinds of placement that `pod` carries by itself, judged by `rule` of `profile`; empty if there are none."""
    return tuple(_found(pod, rule, profile))


def _found(pod: Pod, rule: CompiledRule, profile: CompiledProfile) -> Iterator[OwnPlacement]:
    spec, key = pod.spec, profile.label.key
    labels, annotations = pod.metadata.labels or {}, pod.metadata.annotations or {}
    own = [one for one in spec.tolerations or () if one not in _DEFAULTS]
    if any(may_tolerate(one, taint) for one in own for taint in profile.taints):
        yield OwnPlacement.TOLERATION
    affinity = (spec.affinity and spec.affinity.node_affinity) or NodeAffinity()
    if affinity.required is not None and _names(affinity.required.node_selector_terms or (), key):
        yield OwnPlacement.REQUIRED
    if _names((one.preference for one in affinity.preferred or ()), key):
        yield OwnPlacement.PREFERRED
    if key in (spec.node_selector or {}):
        yield OwnPlacement.NODE_SELECTOR
    if any(one.startswith(names.ECI_PREFIX) or one in profile.image_cache_keys for one in annotations):
        yield OwnPlacement.ECI_ANNOTATION
    if outranking(labels, profile.outranked_by):
        yield OwnPlacement.OUTRANKING_LABEL
    added_labels, added_annotations = _added(rule)
    if not (added_labels.isdisjoint(labels) and added_annotations.isdisjoint(annotations)):
        yield OwnPlacement.ADDITION


def _names(terms: Iterable[NodeSelectorTerm], key: str) -> bool:
    """Whether a requirement of `terms` is about the node label `key`."""
    return any(one.key == key for term in terms for one in term.match_expressions or ())


def _added(rule: CompiledRule) -> tuple[set[str], set[str]]:
    """The keys of the labels and of the annotations that `rule` adds in some mode, or an executor's part of it."""
    additions = [one for variant in rule.variants for one in (variant.always, *variant.additions.values())]
    labels = {key for one in additions for key, _, _ in one.labels}
    return labels, {key for one in additions for key, _, _ in one.annotations}
