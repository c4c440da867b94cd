"""Guards: what of a pod stands against its mode, as warnings; and the mode that the pod can run in."""

from enum import StrEnum
from typing import Final, NamedTuple

from webhook.core import names
from webhook.core.additions import CompiledAdditions
from webhook.core.modes import SchedulingMode, Side
from webhook.core.node_affinity import Reach, reach, states, weights
from webhook.core.pod import Pod, PreferredSchedulingTerm
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import Caution, Reason, caution
from webhook.core.text import cut
from webhook.core.tolerations import may_tolerate
from webhook.core.virtual_node import NodeLabel, Unsupported, outranking

#: Python 3.11 finds the members of an enumeration slowly, so the name here is faster.
_PRIVILEGED: Final = Unsupported.PRIVILEGED
_OBSTACLES: Final = {
    Unsupported.HOST_NETWORK: "hostNetwork",
    Unsupported.HOST_PATH: 'the hostPath volume "{}"',
    Unsupported.PRIVILEGED: 'the privileged container "{}"',
}
_BOTH, _LABELLED, _OTHERS = (
    Reach(labelled=True, others=True),
    Reach(labelled=True, others=False),
    Reach(labelled=False, others=True),
)


class OpeningTime(StrEnum):
    """When the virtual node is opened to a pod."""

    AT_ONCE = "at-once"
    LATER = "later"
    """When the overflow controller finds that the pod stays unschedulable."""
    NEVER = "never"
    """The pod tolerates virtual nodes by itself, or its own rules leave none."""


#: Likewise.
_AT_ONCE, _LATER, _NEVER = OpeningTime


class Obstacle(NamedTuple):
    """Something of a pod that ECI cannot run."""

    feature: Unsupported
    place: tuple[str | int, ...]
    """Where in the pod it stands, as the keys and indices that lead there."""
    name: str = ""
    """The name of the volume or container; empty if the pod as a whole asks for it."""


def runnable(pod: Pod, mode: SchedulingMode, profile: CompiledProfile, cautions: list[Caution]) -> SchedulingMode:
    """`mode`, or `ecs-only` if `mode` opens ECI to a pod that ECI cannot run."""
    if mode.opens_eci and (found := obstacle(pod, profile)):
        what = _OBSTACLES[found.feature].format(cut(found.name, 40))
        cautions.append(caution(Reason.UNSUPPORTED, f"ECI cannot run {what}: placed as ecs-only instead of {mode}"))
        return SchedulingMode.ECS_ONLY
    return mode


def obstacle(pod: Pod, profile: CompiledProfile) -> Obstacle | None:
    """The first thing of `pod` that ECI cannot run; None if there is none."""
    spec, unsupported = pod.spec, profile.unsupported
    if spec.host_network and Unsupported.HOST_NETWORK in unsupported:
        return Obstacle(Unsupported.HOST_NETWORK, ("spec", "hostNetwork"))
    if spec.volumes:
        for index, volume in enumerate(spec.volumes):
            if volume.host_path is not None and Unsupported.HOST_PATH in unsupported:
                return Obstacle(Unsupported.HOST_PATH, ("spec", "volumes", index, "hostPath"), volume.name or "")
    if _PRIVILEGED in unsupported:
        for field, containers in ("initContainers", spec.init_containers), ("containers", spec.containers):
            for index, container in enumerate(containers or ()):
                if container.security_context is not None and container.security_context.privileged:
                    place = "spec", field, index, "securityContext", "privileged"
                    return Obstacle(_PRIVILEGED, place, container.name or "")
    return None


def note_rivals(
    pod: Pod, mode: SchedulingMode, profile: CompiledProfile, added: CompiledAdditions, cautions: list[Caution]
) -> None:
    """Warns of labels and schedulers that decide regardless of the affinity, but not of labels that are `added`."""
    labels = pod.metadata.labels or {}
    for key in outranking(labels, profile.outranked_by):
        if (key, labels[key]) not in added.outranking:
            cautions.append(caution(Reason.OUTRANKED, f"the pod label {key} outranks the placement {mode}"))
            break
    scheduler = pod.spec.scheduler_name
    if mode.needs_ack_scheduler and scheduler not in (None, "", names.DEFAULT_SCHEDULER):
        sentence = (
            f'the scheduler "{cut(scheduler or "", 40)}" follows no ResourcePolicy, only {names.DEFAULT_SCHEDULER} does'
        )
        cautions.append(caution(Reason.OTHER_SCHEDULER, sentence))


def placeable(
    pod: Pod,
    mode: SchedulingMode,
    preference: PreferredSchedulingTerm | None,
    profile: CompiledProfile,
    cautions: list[Caution],
) -> bool:
    """Whether the pod can be placed as `mode` asks; if not, it keeps its own placement.

    Warns of what cannot be placed, and of a pod for which `preference`, the term that `mode` adds, decides nothing.
    """
    spec = pod.spec
    if spec.node_name:
        sentence = f'nodeName is "{cut(spec.node_name, 60)}" already, so {mode} cannot place the pod'
        cautions.append(caution(Reason.NODE_NAME_SET, sentence))
        return False
    if mode.requires is None:
        if preference is not None and not mode.waits and (spec.affinity is not None or spec.node_selector):
            _note_own_choice(pod, mode, preference, profile.label, cautions)
        return True
    found = reach(spec, profile.label.key, profile.label.value)
    if mode.requires is Side.VIRTUAL:
        possible, reason, verb = found.labelled, Reason.EXCLUDES_VIRTUAL_NODES, "excludes"
    else:
        possible, reason, verb = found.others, Reason.DEMANDS_VIRTUAL_NODES, "demands"
    if not possible:
        sentence = f"{mode} cannot place the pod: its own affinity or nodeSelector {verb} virtual nodes"
        cautions.append(caution(reason, sentence))
    return possible


def opening_time(pod: Pod, mode: SchedulingMode, profile: CompiledProfile, cautions: list[Caution]) -> OpeningTime:
    """When the virtual node is opened to a pod that is placed in `mode`, which waits.

    Warns if the pod itself decides about it. A virtual node is known by its first taint, so a toleration of another one
    decides nothing.
    """
    found = reach(pod.spec, profile.label.key, profile.label.value)
    if found == _LABELLED:
        cautions.append(_leaves_only(mode, "virtual"))
        return _AT_ONCE
    if not found.labelled:
        sentence = f"{mode} never opens the pod to ECI: its own affinity or nodeSelector leaves no virtual nodes"
        cautions.append(caution(Reason.OWN_REQUIREMENT, sentence))
        return _NEVER
    if any(may_tolerate(one, profile.taints[0]) for one in pod.spec.tolerations or ()):
        sentence = f"{mode} does not decide: the pod tolerates virtual nodes by itself, so it only prefers ECS"
        cautions.append(caution(Reason.OWN_TOLERATION, sentence))
        return _NEVER
    return _LATER


def _leaves_only(mode: SchedulingMode, left: str) -> Caution:
    sentence = f"{mode} does not decide: the pod's own affinity or nodeSelector leaves only {left} nodes"
    return caution(Reason.OWN_REQUIREMENT, sentence)


def _note_own_choice(
    pod: Pod, mode: SchedulingMode, preference: PreferredSchedulingTerm, label: NodeLabel, cautions: list[Caution]
) -> None:
    """Warns if the pod's own node affinity or nodeSelector decides for the other side than `mode`.

    It does if it leaves nodes of the other kind only, or if all preferred terms together, with `preference`, weigh at
    least as much for the other kind. A pod that it leaves no node at all runs on neither side, whatever is preferred.
    """
    virtual = mode.prefers is Side.VIRTUAL
    found = reach(pod.spec, label.key, label.value)
    if found == (_OTHERS if virtual else _LABELLED):
        cautions.append(_leaves_only(mode, "other" if virtual else "virtual"))
        return
    affinity = None if pod.spec.affinity is None else pod.spec.affinity.node_affinity
    own = None if affinity is None else affinity.preferred
    if not own or found != _BOTH:
        return
    (wanted,) = preference.preference.match_expressions or []
    stated = any(states(term.preference, wanted) for term in own)
    sums = weights(own if stated else [*own, preference], label.key, label.value)
    if (sums.others >= sums.labelled) if virtual else (sums.labelled >= sums.others):
        sentence = (
            f"{mode} does not decide: with the pod's own preferred terms, virtual nodes weigh {sums.labelled} "
            f"and other nodes {sums.others}"
        )
        cautions.append(caution(Reason.OWN_PREFERENCE, sentence))
