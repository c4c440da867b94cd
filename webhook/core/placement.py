"""Deciding: takes a pod and a profile, and returns a Placement, which carries its reasons as values."""

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from webhook.core import names
from webhook.core.additions import Addition
from webhook.core.bounds import Excess, excess
from webhook.core.distribution import WHOLE, application, in_rollout
from webhook.core.executor_number import executor_number
from webhook.core.guards import OpeningTime, note_rivals, opening_time, placeable, runnable
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.pod import NodeSelectorRequirement, Pod, PreferredSchedulingTerm, Toleration
from webhook.core.profile import CompiledProfile, CompiledRule, Wait
from webhook.core.reasons import Caution, ChangeReason, Reason, caution
from webhook.core.schema import LONGEST_IMAGE
from webhook.core.selectors import Role, Unmet
from webhook.core.text import cut, listed
from webhook.core.tolerations import may_tolerate
from webhook.core.virtual_node import Taint

_SEVERITY: Final[dict[str, int]] = {reason: index for index, reason in enumerate(Reason)}
_SIZE: Final = "the pod has too many {} to be placed; accepted: at most {}"
#: Longer texts are not even hashed: an annotation can be megabytes long.
_LONGEST_MODE: Final = max(map(len, (*SchedulingMode, NONE)))


class Verdict(StrEnum):
    """What is done with a pod."""

    PLACE = "place"
    """The pod is patched."""
    OBSERVE = "observe"
    """The pod would be patched, but the rule only observes."""
    LEAVE = "leave"
    """The pod's application is outside the rollout: it is left alone."""
    DENY = "deny"
    """The pod cannot be placed as asked, and the rule denies such pods."""


class Origin(StrEnum):
    """What set the mode in effect."""

    PROFILE = "profile"
    MIX = "mix"
    FIRST = "first"
    ROLLOUT = "rollout"
    OVERRIDE = "override"
    GUARD = "guard"


#: Python 3.11 finds the members of an enumeration slowly, so the names here are faster.
_PLACE, _PROFILE = Verdict.PLACE, Origin.PROFILE
_AT_ONCE, _LATER = OpeningTime.AT_ONCE, OpeningTime.LATER


class Mismatch(Struct, frozen=True):
    """Why the policy does not select a pod."""

    unmet: tuple[Unmet, ...]
    """For each alternative, the first label because of which it does not select the pod; each label once."""


class Placement(Struct, frozen=True, gc=False):
    """Where a pod may run and why: what one review decided, and all that the patch is made from."""

    verdict: Verdict
    role: Role
    mode: str
    """The mode in effect: a SchedulingMode, or `none`."""
    reason: Reason | None
    """Why the pod is not simply placed by the profile's rule; None if it is."""
    record: str
    """The value of the annotation that records the decision."""
    source: Origin
    """What set the mode, before any guard."""
    asked: str
    """The mode before any guard."""
    share: int | None = None
    """The percentage of the share of the mix that the executor is in; None if no mix applies."""
    placed: bool = True
    """Whether the pod is placed as the mode says; if not, it keeps its own placement."""
    cautions: tuple[Caution, ...] = ()
    tolerations: tuple[tuple[Taint, Toleration], ...] = ()
    requirement: NodeSelectorRequirement | None = None
    preference: PreferredSchedulingTerm | None = None
    labels: tuple[Addition, ...] = ()
    annotations: tuple[Addition, ...] = ()
    """What the rule adds, beside the image cache's annotation."""
    withheld: tuple[tuple[str, str], ...] = ()
    """The rule's labels that outrank affinity, each with its value, if the mode does not add them."""
    image_cache: tuple[str, str, ChangeReason] | None = None
    """The image cache's annotation, its value, and which kind of cache it is."""
    own_image_cache: str = ""
    """The annotation by which the pod asks for an image cache itself."""
    wait: Wait | None = None
    """What the pod waits for, if the virtual node is closed to it until the overflow controller opens it."""

    @property
    def origin(self) -> Origin:
        """What set the mode in effect."""
        return self.source if self.placed and self.mode == self.asked else Origin.GUARD


def role_of(pod: Pod, profile: CompiledProfile) -> Role | Mismatch:
    """The role whose rule applies to `pod`, or the labels because of which the policy does not select it."""
    labels = pod.metadata.labels or {}
    unmet: dict[Unmet, None] = {}
    for selector in profile.selectors:
        found = selector.unmet(labels)
        if found is None:
            return selector.roles[labels[names.SPARK_ROLE]]
        unmet[found] = None
    return Mismatch(tuple(unmet))


def decide(
    pod: Pod, namespace: str, role: Role, profile: CompiledProfile, too_large: Excess | None = None
) -> Placement:
    """Where `pod` of `namespace` may run, by the rule of `profile` for `role`.

    The order is: override, rollout, first or mix, size, guards, observe. Rollout, first and mix do not apply to a pod
    that asks for a mode itself. `too_large` is what of the pod was too much to be read.
    """
    rule = profile.rules[role]
    cautions: list[Caution] = []
    asked = _override(pod, profile, cautions)
    if asked == NONE:
        return _told(profile, role, Origin.OVERRIDE, NONE, Reason.OVERRIDE, cautions, _verdict(rule))
    share: int | None = None
    reason: Reason | None
    if asked is None:
        source, reason = _PROFILE, None
        if rule.rollout < WHOLE:
            name = application(pod.metadata.labels or {}, profile.application_labels)
            if not in_rollout(namespace, name, rule.rollout):
                return _told(profile, role, Origin.ROLLOUT, NONE, Reason.OUTSIDE_ROLLOUT, cautions, Verdict.LEAVE)
        if rule.mix or rule.first is not None:
            rule, source, reason = _by_number(pod, rule)
            share = rule.percent if source is Origin.MIX else None
        wanted = rule.mode
    else:
        source, wanted, reason = Origin.OVERRIDE, profile.modes[asked], Reason.OVERRIDE
    too_large = too_large or excess(pod, profile)
    if too_large is not None:
        cautions.append(caution(Reason.TOO_LARGE, _SIZE.format(too_large.what, too_large.accepted)))
        verdict = _verdict(rule, placed=False)
        left = _told(profile, role, source, wanted, Reason.TOO_LARGE, cautions, verdict)
        return replace(left, share=share, placed=False)
    mode = runnable(pod, wanted, profile, cautions)
    directive = rule.directives[mode]
    added = rule.additions[mode]
    note_rivals(pod, mode, profile, added, cautions)
    placed = placeable(pod, mode, directive.preference, profile, cautions)
    opened = opening_time(pod, mode, profile, cautions) if placed and mode.waits else _AT_ONCE
    for one in cautions:
        if reason is None or _SEVERITY[one.reason] > _SEVERITY[reason]:
            reason = Reason(one.reason)
    if not placed:
        added = rule.always
    cache, own_cache = _image_cache(pod, profile, rule) if placed and mode.opens_eci else (None, "")
    return Placement(
        verdict=_verdict(rule, placed=placed),
        role=role,
        mode=mode,
        reason=reason,
        record=_record(mode, profile, reason),
        source=source,
        asked=wanted,
        share=share,
        placed=placed,
        cautions=tuple(cautions),
        tolerations=directive.tolerations if placed and opened is _AT_ONCE else (),
        requirement=directive.requirement if placed and (mode.opens_eci or _tolerates(pod, profile)) else None,
        preference=directive.preference if placed else None,
        labels=added.labels,
        annotations=added.annotations,
        withheld=added.withheld,
        image_cache=cache,
        own_image_cache=own_cache,
        wait=rule.wait if opened is _LATER else None,
    )


def _tolerates(pod: Pod, profile: CompiledProfile) -> bool:
    """Whether the pod itself tolerates the virtual node. If not, the node's taint keeps the pod off."""
    return any(may_tolerate(toleration, taint) for toleration in pod.spec.tolerations or () for taint in profile.taints)


def _override(pod: Pod, profile: CompiledProfile, cautions: list[Caution]) -> str | None:
    """The mode that the pod asks for, or `none`; None if it asks for nothing, or for something not allowed."""
    asked = (pod.metadata.annotations or {}).get(names.MODE_ANNOTATION)
    if asked is None:
        return None
    if not profile.allow_override:
        sentence = f"{names.MODE_ANNOTATION} is not allowed by the profile {profile.name}"
    elif len(asked) <= _LONGEST_MODE and (asked in profile.modes or asked == NONE):
        return asked
    else:
        sentence = listed(f'{names.MODE_ANNOTATION}: found "{cut(asked, 12)}"; accepted: ', [*profile.modes, NONE])
    cautions.append(caution(Reason.OVERRIDE_REFUSED, sentence))
    return None


def _by_number(pod: Pod, rule: CompiledRule) -> tuple[CompiledRule, Origin, Reason | None]:
    """The rule that an executor takes by its number, what set its mode, and why if it is not by its number."""
    number = executor_number(pod.metadata)
    if number is None:
        return rule, _PROFILE, Reason.NO_EXECUTOR_NUMBER
    if rule.first is None:
        return rule.mix[(number - 1) % len(rule.mix)], Origin.MIX, None
    return (rule.first, Origin.FIRST, None) if number <= rule.count else (rule, _PROFILE, None)


def _verdict(rule: CompiledRule, *, placed: bool = True) -> Verdict:
    if rule.observe:
        return Verdict.OBSERVE
    return Verdict.DENY if rule.deny and not placed else _PLACE


def _told(
    profile: CompiledProfile,
    role: Role,
    source: Origin,
    mode: str,
    reason: Reason,
    cautions: list[Caution],
    verdict: Verdict,
) -> Placement:
    """A placement that changes nothing but the record."""
    record = _record(mode, profile, reason)
    return Placement(verdict, role, mode, reason, record, source, mode, cautions=tuple(cautions))


def _image_cache(
    pod: Pod, profile: CompiledProfile, rule: CompiledRule
) -> tuple[tuple[str, str, ChangeReason] | None, str]:
    """The annotation for an image cache, or else the key of the one that the pod has already."""
    own = pod.metadata.annotations
    if own and not profile.image_cache_keys.isdisjoint(own):
        return None, min(profile.image_cache_keys.intersection(own))
    snapshot = _snapshot(pod, rule)
    if snapshot is not None:
        return (profile.image_cache_snapshot, snapshot, ChangeReason.IMAGE_CACHE_SNAPSHOT), ""
    return (profile.image_cache_auto, "true", ChangeReason.IMAGE_CACHE_AUTO) if rule.auto else None, ""


def _snapshot(pod: Pod, rule: CompiledRule) -> str | None:
    """The id of the image cache for the image of Spark's own container, or else of the first."""
    containers = pod.spec.containers
    if not rule.snapshots or not containers:
        return None
    image = next((one for one in containers if one.name == rule.container), containers[0]).image or ""
    if len(image) > LONGEST_IMAGE:
        return None
    return next((snapshot for matches, snapshot in rule.snapshots if matches(image)), None)


def _record(mode: str, profile: CompiledProfile, reason: Reason | None) -> str:
    record = profile.records[mode]
    return f"{record},reason={reason}" if reason else record
