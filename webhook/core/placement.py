"""Deciding: a pod and a profile in, a Placement out, with everything that there is to say about why."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from webhook.core import names
from webhook.core.distribution import WHOLE, application, in_rollout
from webhook.core.node_affinity import Reach, reach
from webhook.core.pod import NodeSelectorRequirement, Pod, PreferredSchedulingTerm, Toleration
from webhook.core.policy import Role, SchedulingMode
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.reasons import Caution, Reason, caution
from webhook.core.text import cut
from webhook.core.tolerations import may_tolerate
from webhook.core.virtual_node import Taint, Unsupported

#: The override that asks to be left alone.
NONE: Final = "none"

_ROLES: Final = {"driver": Role.DRIVER, "connect-server": Role.DRIVER, "executor": Role.EXECUTOR}
#: Digits of the largest executor number that is looked at; Spark's is an int.
_DIGITS: Final = 18
_SEVERITY: Final = {reason: index for index, reason in enumerate(Reason)}
_MODES: Final = {mode.value: mode for mode in SchedulingMode}


class Verdict(StrEnum):
    """What comes of a decision."""

    PLACE = "place"
    """The pod is patched."""
    OBSERVE = "observe"
    """The pod would be patched, but the rule only observes."""
    LEAVE = "leave"
    """The pod's application is outside the rollout: it is left alone."""
    DENY = "deny"
    """The pod cannot be placed as asked, and the rule denies such pods."""


class Placement(Struct, frozen=True):
    """Where a pod may run and why: what one review decided, and all that the patch is made from."""

    verdict: Verdict
    role: Role
    mode: str
    """The mode in effect: a SchedulingMode, or `none`."""
    reason: Reason | None
    """Why that is not simply the profile's rule."""
    record: str
    """The value of the annotation that tells of it."""
    cautions: tuple[Caution, ...] = ()
    tolerations: tuple[tuple[Taint, Toleration], ...] = ()
    requirement: NodeSelectorRequirement | None = None
    preference: PreferredSchedulingTerm | None = None
    annotations: Mapping[str, str] = {}
    """ECI annotations, for where the pod has none of that key."""


def role_of(pod: Pod, profile: CompiledProfile) -> Role | None:
    """The role whose rule `pod` takes; None where its labels do not make it one of ours."""
    labels = pod.metadata.labels or {}
    for key, value in profile.selector:
        if labels.get(key) != value:
            return None
    return _ROLES.get(labels.get(names.SPARK_ROLE, ""))


def decide(pod: Pod, namespace: str, role: Role, profile: CompiledProfile) -> Placement:
    """Where `pod` of `namespace` may run, by the rule of `profile` for `role`.

    The order is: override, rollout, mix, guards, observe. A pod that asks for a mode of its own takes part whatever the
    rollout and the mix say.
    """
    rule = profile.rules[role]
    cautions: list[Caution] = []
    asked = _override(pod, profile, cautions)
    if asked == NONE:
        return _told(profile, role, NONE, Reason.OVERRIDE, cautions, _verdict(rule))
    reasons = [Reason.OVERRIDE] if asked else []
    if asked is None:
        labels = pod.metadata.labels or {}
        if rule.rollout < WHOLE and not in_rollout(namespace, application(labels), rule.rollout):
            return _told(profile, role, NONE, Reason.OUTSIDE_ROLLOUT, cautions, Verdict.LEAVE)
        if rule.mix:
            rule = share_of(labels, rule)
    mode = _runnable(pod, _MODES[asked] if asked else rule.mode, profile, cautions)
    _note_rivals(pod, mode, profile, cautions)
    placed = _placeable(pod, mode, profile, cautions)
    reasons += [Reason(one.reason) for one in cautions]
    reason = max(reasons, key=_SEVERITY.__getitem__) if reasons else None
    if not placed:
        return _told(profile, role, mode, reason, cautions, _verdict(rule, placed=False))
    return _filled(profile, role, mode, reason, cautions, rule, pod)


def _override(pod: Pod, profile: CompiledProfile, cautions: list[Caution]) -> str | None:
    """What the pod asks for, a mode or `none`; None where it asks for nothing, or for what it may not have."""
    asked = (pod.metadata.annotations or {}).get(names.MODE_ANNOTATION)
    if asked is None:
        return None
    if not profile.allow_override:
        sentence = f"{names.MODE_ANNOTATION} is not allowed by the profile {profile.name}"
    elif asked in _MODES or asked == NONE:
        return asked
    else:
        accepted = ", ".join(SchedulingMode)
        sentence = f'{names.MODE_ANNOTATION}: found "{cut(asked, 12)}"; accepted: {accepted}, {NONE}'
    cautions.append(caution(Reason.OVERRIDE_REFUSED, sentence))
    return None


def share_of(labels: Mapping[str, str], rule: CompiledRule) -> CompiledRule:
    """The part of the rule's mix that falls to the executor with `labels`; the rule itself where it has no number."""
    number = labels.get(names.SPARK_EXEC_ID, "")
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        return rule
    return rule.mix[(int(number) - 1) % len(rule.mix)]


def _verdict(rule: CompiledRule, *, placed: bool = True) -> Verdict:
    if rule.observe:
        return Verdict.OBSERVE
    return Verdict.DENY if rule.deny and not placed else Verdict.PLACE


def _told(
    profile: CompiledProfile,
    role: Role,
    mode: str,
    reason: Reason | None,
    cautions: list[Caution],
    verdict: Verdict,
) -> Placement:
    """A placement that changes nothing but the record."""
    return Placement(
        verdict=verdict,
        role=role,
        mode=str(mode),
        reason=reason,
        record=_record(mode, profile, reason),
        cautions=tuple(cautions),
    )


def _runnable(pod: Pod, mode: SchedulingMode, profile: CompiledProfile, cautions: list[Caution]) -> SchedulingMode:
    """`mode`, or `ecs-only` where `mode` opens ECI to a pod that ECI cannot run."""
    if mode.opens_eci and profile.unsupported and (obstacle := _obstacle(pod, profile.unsupported)):
        cautions.append(caution(Reason.UNSUPPORTED, f"ECI cannot run {obstacle}: placed as ecs-only instead of {mode}"))
        return SchedulingMode.ECS_ONLY
    return mode


def _obstacle(pod: Pod, unsupported: frozenset[Unsupported]) -> str | None:
    spec = pod.spec
    if Unsupported.HOST_NETWORK in unsupported and spec.host_network:
        return "hostNetwork"
    if Unsupported.HOST_PATH in unsupported:
        for volume in spec.volumes or ():
            if volume.host_path is not None:
                return f'the hostPath volume "{cut(volume.name or "", 40)}"'
    if Unsupported.PRIVILEGED in unsupported:
        for container in (*(spec.init_containers or ()), *(spec.containers or ())):
            if container.security_context is not None and container.security_context.privileged:
                return f'the privileged container "{cut(container.name or "", 40)}"'
    return None


def _note_rivals(pod: Pod, mode: SchedulingMode, profile: CompiledProfile, cautions: list[Caution]) -> None:
    """Warns of what outside the affinity will have the last word."""
    labels = pod.metadata.labels or {}
    for key in profile.outranked_by:
        if labels.get(key, "false") != "false":
            cautions.append(caution(Reason.OUTRANKED, f"the pod label {key} outranks the placement {mode}"))
            break
    scheduler = pod.spec.scheduler_name
    if mode is SchedulingMode.RESOURCE_POLICY and scheduler not in (None, "", names.DEFAULT_SCHEDULER):
        sentence = (
            f'the scheduler "{cut(scheduler or "", 40)}" follows no ResourcePolicy, only {names.DEFAULT_SCHEDULER} does'
        )
        cautions.append(caution(Reason.OTHER_SCHEDULER, sentence))


def _placeable(pod: Pod, mode: SchedulingMode, profile: CompiledProfile, cautions: list[Caution]) -> bool:
    """Whether the pod can be placed as `mode` asks; where it cannot, it keeps its own placement."""
    if pod.spec.node_name:
        sentence = f'nodeName is "{cut(pod.spec.node_name, 60)}" already, so {mode} cannot place the pod'
        cautions.append(caution(Reason.NODE_NAME_SET, sentence))
        return False
    if mode is SchedulingMode.ECI_ONLY and not _reach(pod, profile).labelled:
        sentence = "eci-only cannot place the pod: its own affinity or nodeSelector excludes virtual nodes"
        cautions.append(caution(Reason.EXCLUDES_VIRTUAL_NODES, sentence))
        return False
    if mode is SchedulingMode.ECS_ONLY and not _reach(pod, profile).others:
        sentence = "ecs-only cannot place the pod: its own affinity or nodeSelector demands virtual nodes"
        cautions.append(caution(Reason.DEMANDS_VIRTUAL_NODES, sentence))
        return False
    return True


def _reach(pod: Pod, profile: CompiledProfile) -> Reach:
    return reach(pod.spec, profile.label.key, profile.label.value)


def _filled(
    profile: CompiledProfile,
    role: Role,
    mode: SchedulingMode,
    reason: Reason | None,
    cautions: list[Caution],
    rule: CompiledRule,
    pod: Pod,
) -> Placement:
    """A placement with all that `mode` asks for."""
    directive = rule.directives[mode]
    opens_eci = mode.opens_eci
    required = opens_eci or any(
        may_tolerate(toleration, taint) for toleration in pod.spec.tolerations or () for taint in profile.taints
    )
    return Placement(
        verdict=_verdict(rule),
        role=role,
        mode=mode.value,
        reason=reason,
        record=_record(mode.value, profile, reason),
        cautions=tuple(cautions),
        tolerations=directive.tolerations,
        requirement=directive.requirement if required else None,
        preference=directive.preference,
        annotations=_annotations(pod, profile, rule) if opens_eci else {},
    )


def _annotations(pod: Pod, profile: CompiledProfile, rule: CompiledRule) -> Mapping[str, str]:
    own = pod.metadata.annotations
    if own and not profile.image_cache_keys.isdisjoint(own):
        return rule.annotations
    snapshot = _snapshot(pod, rule)
    if snapshot is not None:
        return {**rule.annotations, profile.image_cache_snapshot: snapshot}
    return {**rule.annotations, profile.image_cache_auto: "true"} if rule.auto else rule.annotations


def _snapshot(pod: Pod, rule: CompiledRule) -> str | None:
    """The id of the image cache for the image of Spark's own container, or else of the first."""
    containers = pod.spec.containers
    if not rule.snapshots or not containers:
        return None
    image = next((one for one in containers if one.name == rule.container), containers[0]).image or ""
    return next((snapshot for matches, snapshot in rule.snapshots if matches(image)), None)


def _record(mode: str, profile: CompiledProfile, reason: Reason | None) -> str:
    record = f"mode={mode},profile={profile.name},policy={profile.digest}"
    return f"{record},reason={reason}" if reason else record
