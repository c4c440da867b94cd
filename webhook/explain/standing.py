"""How a stored pod stands to ECS nodes and to virtual nodes, and because of what. Values only, no words."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import msgspec

from webhook.core import names
from webhook.core.guards import obstacle
from webhook.core.modes import Side
from webhook.core.node_affinity import weights
from webhook.core.placement import Placement, Verdict
from webhook.core.pod import Pod, PodSpec
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import Reason
from webhook.core.tolerations import may_tolerate, tolerates
from webhook.core.virtual_node import NodeLabel, Taint, TaintEffect, outranking
from webhook.explain.exclusion import exclusion
from webhook.explain.standing_reason import Because, StandingReason

_PREFERRED: Final = ("spec", "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
_TOLERATIONS: Final = ("spec", "tolerations")


class Stance(StrEnum):
    """How a pod stands to one kind of node, if nodes of the other kind have room as well."""

    MAY = "may"
    PREFERS = "prefers"
    """It may run on both kinds, and the scheduler prefers this one."""
    MAY_NOT = "may not"
    MAY_NOT_YET = "may not yet"
    """The overflow controller opens these nodes to the pod if it stays unschedulable."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pod stands to one kind of node."""

    side: Side
    stance: Stance
    because: tuple[Because, ...]
    """At least one reason."""


def standings(
    pod: dict[str, Any], profile: CompiledProfile, placement: Placement | None = None
) -> tuple[Standing, Standing]:
    """How `pod` (a Pod as JSON, as it is stored) stands to ECS nodes, and to virtual nodes.

    Of `profile` only what the policy says for all profiles counts. `placement` is what was decided for the pod, if it
    was. A pod whose rules leave no node stands nowhere: it may run on neither side. Taints and labels of nodes that
    have nothing to do with virtual nodes do not count, nor does the room on the nodes. Raises
    msgspec.ValidationError if a field that placement reads has the wrong type.
    """
    view = msgspec.convert(pod, Pod)
    settled = _settled(view, profile)
    if settled is not None:
        return settled
    decided = placement if placement is not None and placement.verdict is Verdict.PLACE else None
    ecs, virtual = _ecs(view.spec, profile.label), _virtual(view, profile, decided)
    if ecs.stance is Stance.MAY and virtual.stance is Stance.MAY and _resource_policy(profile, decided):
        chooses = Because(StandingReason.RESOURCE_POLICY)
        return _with(ecs, chooses), _with(virtual, chooses)
    if ecs.stance is Stance.MAY and virtual.stance in (Stance.MAY, Stance.MAY_NOT_YET):
        ecs, virtual = _preferring(view.spec, profile.label, ecs, virtual)
    return ecs if ecs.because else _with(ecs, Because(StandingReason.NOTHING_AGAINST)), virtual


def _settled(pod: Pod, profile: CompiledProfile) -> tuple[Standing, Standing] | None:
    """The standings of a pod that no scheduler places by its rules; None if one does."""
    sent = outranking(pod.metadata.labels or {}, profile.outranked_by)
    if pod.spec.node_name:
        why, ecs = Because(StandingReason.NODE_NAME, ("spec", "nodeName")), Stance.MAY
    elif sent:
        why, ecs = Because(StandingReason.SENT_TO_ECI, ("metadata", "labels", sent[0])), Stance.MAY_NOT
    else:
        return None
    unsupported = _unsupported(pod, profile)
    virtual = Stance.MAY_NOT if unsupported else Stance.MAY
    return Standing(Side.OTHERS, ecs, (why,)), Standing(Side.VIRTUAL, virtual, (why, *unsupported))


def _ecs(spec: PodSpec, label: NodeLabel) -> Standing:
    against = exclusion(spec, label, Side.OTHERS)
    if against:
        return Standing(Side.OTHERS, Stance.MAY_NOT, against)
    return Standing(Side.OTHERS, Stance.MAY, _selecting(spec, label, Side.VIRTUAL))


def _virtual(pod: Pod, profile: CompiledProfile, placement: Placement | None) -> Standing:
    spec, label = pod.spec, profile.label
    taints = tuple(_about_taint(spec, taint) for taint in profile.taints)
    # A virtual node is known by its first taint.
    closed = tuple(one for one in taints[:1] if one.reason is StandingReason.NOT_TOLERATED)
    against = (*closed, *exclusion(spec, label, Side.VIRTUAL))
    unsupported = _unsupported(pod, profile)
    if unsupported:
        anyway = () if against else (Because(StandingReason.BOUND_ANYWAY, taints[0].place),)
        return Standing(Side.VIRTUAL, Stance.MAY_NOT, (*against, *unsupported, *anyway))
    if not against:
        return Standing(Side.VIRTUAL, Stance.MAY, (*taints, *_selecting(spec, label, Side.OTHERS)))
    waiting = (pod.metadata.labels or {}).get(names.OVERFLOW_LABEL) == names.WAITING
    if placement is not None and placement.wait is not None and waiting and against == closed:
        wait = Because(StandingReason.WAITS, ("metadata", "labels", names.OVERFLOW_LABEL), placement.wait.after)
        return Standing(Side.VIRTUAL, Stance.MAY_NOT_YET, (*closed, wait))
    return Standing(Side.VIRTUAL, Stance.MAY_NOT, against)


def _unsupported(pod: Pod, profile: CompiledProfile) -> tuple[Because, ...]:
    found = obstacle(pod, profile)
    return () if found is None else (Because(StandingReason.UNSUPPORTED, found.place, found.feature),)


def _about_taint(spec: PodSpec, taint: Taint) -> Because:
    own = spec.tolerations or ()
    for reason, does in (StandingReason.TOLERATED, tolerates), (StandingReason.VALUE_TOLERATED, may_tolerate):
        at = next((index for index, one in enumerate(own) if does(one, taint)), None)
        if at is not None:
            return Because(reason, (*_TOLERATIONS, at), taint)
    soft = taint.effect is TaintEffect.PREFER_NO_SCHEDULE
    return Because(StandingReason.AVOIDED if soft else StandingReason.NOT_TOLERATED, detail=taint)


def _resource_policy(profile: CompiledProfile, placement: Placement | None) -> bool:
    """Whether the namespace's ResourcePolicy places the pod, which another scheduler does not follow."""
    if placement is None or not placement.placed:
        return False
    mode = profile.modes.get(placement.mode)
    other = any(one.reason == Reason.OTHER_SCHEDULER for one in placement.cautions)
    return mode is not None and mode.needs_ack_scheduler and not other


def _selecting(spec: PodSpec, label: NodeLabel, excluded: Side) -> tuple[Because, ...]:
    """By what the pod's own rules leave only the other side than `excluded`; nothing if they do not."""
    against = exclusion(spec, label, excluded)
    return tuple(
        replace(one, reason=StandingReason.SELECTED) for one in against if one.reason is not StandingReason.EMPTY_TERM
    )


def _preferring(spec: PodSpec, label: NodeLabel, ecs: Standing, virtual: Standing) -> tuple[Standing, Standing]:
    """The two standings of a pod that may run on both sides, now or later, with what it prefers."""
    affinity = None if spec.affinity is None else spec.affinity.node_affinity
    terms = () if affinity is None else affinity.preferred or ()
    for index, term in enumerate(terms):
        why = Because(StandingReason.PREFERRED, (*_PREFERRED, index), term.weight)
        one = weights((term,), label.key, label.value)
        if one.others and not one.labelled:
            ecs = _with(ecs, why)
        elif one.labelled and not one.others:
            virtual = _with(virtual, why)
    if virtual.stance is not Stance.MAY:
        return ecs, virtual
    sums = weights(terms, label.key, label.value)
    avoided = any(one.reason is StandingReason.AVOIDED for one in virtual.because)
    if sums.labelled > sums.others and not avoided:
        return ecs, replace(virtual, stance=Stance.PREFERS)
    # The scheduler weighs a taint that it avoids against preferred terms; which one wins depends on its version.
    if sums.others > sums.labelled or (avoided and sums.others == sums.labelled):
        return replace(ecs, stance=Stance.PREFERS), virtual
    return ecs, virtual


def _with(standing: Standing, because: Because) -> Standing:
    return replace(standing, because=(*standing.because, because))
