"""How much of a pod is worked on. A pod that exceeds a bound is not placed, so no review costs more than a few ms.

What the webhook and its overflow controller add does not count. So a pod that was placed stays within the bounds if it
is reviewed again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from webhook.core import names
from webhook.core.additions import CompiledAdditions
from webhook.core.executor_number import MOST_OWNERS
from webhook.core.modes import Side
from webhook.core.pod import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PreferredSchedulingTerm,
    Toleration,
)
from webhook.core.pod_metadata import MOST_ADDITIONS
from webhook.core.profile import CompiledProfile, Directive

#: The most tolerations, terms, containers, init containers and volumes. A term is one of the required node affinity or
#: a preferred one.
MOST_ENTRIES: Final = 1_000
#: The most values in the node affinity; a requirement without values counts as one.
MOST_VALUES: Final = 10_000
#: The most labels, annotations and entries of the nodeSelector.
MOST_KEYS: Final = 10_000
#: The most that the webhook adds to any list or map of one pod: annotations of a rule and of a share, those for pods
#: wherever they run, the image cache's, and the record. There are as many labels, with one for the overflow controller.
MOST_ADDED: Final = 4 * MOST_ADDITIONS + 2
#: The most terms that the webhook adds to the node affinity: a required one and a preferred one.
_MOST_ADDED_TERMS: Final = 2


class Excess(Struct, frozen=True, gc=False):
    """What a pod has too much of, and how many are accepted."""

    what: str
    accepted: int


TOLERATIONS: Final = Excess("tolerations", MOST_ENTRIES)
TERMS: Final = Excess("terms in the node affinity", MOST_ENTRIES)
VALUES: Final = Excess("values in the node affinity", MOST_VALUES)
CONTAINERS: Final = Excess("containers", MOST_ENTRIES)
INIT_CONTAINERS: Final = Excess("initContainers", MOST_ENTRIES)
VOLUMES: Final = Excess("volumes", MOST_ENTRIES)
OWNER_REFERENCES: Final = Excess("ownerReferences", MOST_OWNERS)
LABELS: Final = Excess("labels", MOST_KEYS)
ANNOTATIONS: Final = Excess("annotations", MOST_KEYS)
NODE_SELECTOR: Final = Excess("labels in the nodeSelector", MOST_KEYS)


def excess(pod: Pod, profile: CompiledProfile) -> Excess | None:
    """What `pod` has too much of, not counting what `profile` adds; None if it keeps all bounds."""
    metadata, spec = pod.metadata, pod.spec
    tolerations = spec.tolerations or ()
    if len(tolerations) > MOST_ENTRIES and _many_tolerations(tolerations, profile):
        return TOLERATIONS
    if len(spec.containers or ()) > MOST_ENTRIES:
        return CONTAINERS
    if len(spec.init_containers or ()) > MOST_ENTRIES:
        return INIT_CONTAINERS
    if len(spec.volumes or ()) > MOST_ENTRIES:
        return VOLUMES
    if len(spec.node_selector or ()) > MOST_KEYS:
        return NODE_SELECTOR
    if len(metadata.owner_references or ()) > MOST_OWNERS:
        return OWNER_REFERENCES
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    if len(labels) > MOST_KEYS and _many(labels, _labels(profile)):
        return LABELS
    if len(annotations) > MOST_KEYS and _many(annotations, _annotations(profile)):
        return ANNOTATIONS
    if spec.affinity is None or spec.affinity.node_affinity is None:
        return None
    return _excess_of_affinity(spec.affinity.node_affinity, profile)


def _many_tolerations(found: Sequence[Toleration], profile: CompiledProfile) -> bool:
    added = {toleration for one in _directives(profile) for _, toleration in one.tolerations}
    return len(found) - len(added) > MOST_ENTRIES or len(found) - sum(one in found for one in added) > MOST_ENTRIES


def _many(found: Mapping[str, str], added: set[str]) -> bool:
    return len(found) > MOST_KEYS + MOST_ADDED or len(found.keys() - added) > MOST_KEYS


def _labels(profile: CompiledProfile) -> set[str]:
    """The keys of all labels that `profile` may add."""
    return {names.OVERFLOW_LABEL} | {key for one in _additions(profile) for key, _, _ in one.labels}


def _annotations(profile: CompiledProfile) -> set[str]:
    """The keys of all annotations that `profile` may add."""
    by_rules = {key for one in _additions(profile) for key, _, _ in one.annotations}
    return {names.PLACEMENT_ANNOTATION, *profile.image_cache_keys} | by_rules


def _additions(profile: CompiledProfile) -> Iterator[CompiledAdditions]:
    for rule in profile.rules.values():
        for one in rule.variants:
            yield from one.additions.values()


def _excess_of_affinity(affinity: NodeAffinity, profile: CompiledProfile) -> Excess | None:
    preferred = affinity.preferred or ()
    required = () if affinity.required is None else affinity.required.node_selector_terms or ()
    beyond = len(required) + len(preferred) - MOST_ENTRIES
    if beyond > 0 and (beyond > _MOST_ADDED_TERMS or beyond > _added_terms(required, preferred, profile)):
        return TERMS
    terms = [*required, *(one.preference for one in preferred)]
    values = sum(map(_values, terms))
    if values > MOST_VALUES and values - len(terms) <= MOST_VALUES:
        sides = [NodeSelectorRequirement(profile.label.key, one.operator, [profile.label.value]) for one in Side]
        values -= sum(any(one in (term.match_expressions or ()) for one in sides) for term in terms)
    return VALUES if values > MOST_VALUES else None


def _added_terms(
    required: Sequence[NodeSelectorTerm], preferred: Sequence[PreferredSchedulingTerm], profile: CompiledProfile
) -> int:
    """How many of the terms `profile` may have added: a preference, and a required term if it is the only one."""
    directives = list(_directives(profile))
    requirements = [NodeSelectorTerm([one.requirement]) for one in directives if one.requirement is not None]
    preferences = [one.preference for one in directives]
    return (len(required) == 1 and required[0] in requirements) + any(one in preferences for one in preferred)


def _values(term: NodeSelectorTerm) -> int:
    requirements = *(term.match_expressions or ()), *(term.match_fields or ())
    return sum(len(one.values) if one.values else 1 for one in requirements)


def _directives(profile: CompiledProfile) -> Iterator[Directive]:
    """All that `profile` may add, for each role and mode."""
    for rule in profile.rules.values():
        yield from rule.directives.values()
