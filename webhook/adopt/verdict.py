"""Verdicts: whether the webhook gives an application the placement that it has already."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from webhook.adopt.own_placement import PLACING, OwnPlacement, own_placement
from webhook.core import names
from webhook.core.patch import Change
from webhook.core.placement import Mismatch, Verdict
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import Caution, ChangeReason, Reason
from webhook.core.review import Decision, decide_for
from webhook.explain.explanation import PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate

#: The guards about the pod's own fields: what the pod says wins over the mode.
OWN_WINS: Final = frozenset(
    {
        Reason.OTHER_SCHEDULER,
        Reason.OUTRANKED,
        Reason.OWN_PREFERENCE,
        Reason.OWN_TOLERATION,
        Reason.OWN_REQUIREMENT,
        Reason.EXCLUDES_VIRTUAL_NODES,
        Reason.DEMANDS_VIRTUAL_NODES,
        Reason.NODE_NAME_SET,
    }
)


class AdoptionVerdict(StrEnum):
    """What becomes of the placement that a pod or an application has by hand. The later, the worse."""

    SAME = "same"
    """The webhook gives it what it has, or places what has no placement of its own."""
    CHANGES = "changes"
    """The webhook adds something to a placement of its own."""
    CONFLICTS = "conflicts"
    """Something of its own wins over the profile."""


_SEVERITY: Final = {verdict: at for at, verdict in enumerate(AdoptionVerdict)}


@dataclass(frozen=True, slots=True)
class PodAdoption:
    """The verdict about one pod of an application, or about one share of its executors."""

    explained: PodExplanation
    verdict: AdoptionVerdict
    own: tuple[OwnPlacement, ...] = ()
    """What the pod has by hand that a profile could give; empty if it is nothing, or if no decision is made for it."""
    adds: tuple[Change, ...] = ()
    """What the webhook adds, or would if the rule did not only observe; not its record."""
    wins: tuple[Caution | Change, ...] = ()
    """What of the pod wins: the guard's warning about it, or what is left as it is."""

    @property
    def placed_by_hand(self) -> bool:
        """Whether something of its own says where the pod runs."""
        return not PLACING.isdisjoint(self.own)

    @property
    def decision(self) -> Decision | None:
        """What is decided for the pod; None if the pod is never made, or if nothing is decided for it."""
        return None if self.explained.refused else self.explained.outcome.decision


@dataclass(frozen=True, slots=True)
class Adoption:
    """The verdict about an application."""

    explained: WorkloadExplanation
    pods: tuple[PodAdoption, ...]

    @property
    def verdict(self) -> AdoptionVerdict:
        """The worst of its pods."""
        return max((one.verdict for one in self.pods), key=_SEVERITY.__getitem__, default=AdoptionVerdict.SAME)

    @property
    def bare(self) -> bool:
        """Whether the webhook places a pod of it, or would without `observe`, and no pod has placement of its own."""
        placed = any(one.explained.fate in (Fate.PLACED, Fate.OBSERVED) for one in self.pods)
        return placed and not any(one.placed_by_hand for one in self.pods)

    @property
    def outside_rollout(self) -> bool:
        """Whether a pod of it is outside the rollout of its rule, so that the webhook gives it nothing yet."""
        decisions = (one.decision for one in self.pods)
        return any(one is not None and one.placement.verdict is Verdict.LEAVE for one in decisions)


def gets_worse(before: WorkloadExplanation, after: WorkloadExplanation) -> bool:
    """Whether the verdict about a pod of `after` is worse than that about the same pod of `before`."""
    pairs = zip(adoption(before, strict=False).pods, adoption(after, strict=False).pods, strict=False)
    return any(_SEVERITY[new.verdict] > _SEVERITY[old.verdict] for old, new in pairs)


def adoption(explained: WorkloadExplanation, *, strict: bool) -> Adoption:
    """The verdict about the application of `explained`.

    With `strict`, a pod without any placement of its own has the verdict `changes` if the webhook gives it one.
    """
    profile = explained.profile
    if not isinstance(profile, CompiledProfile):
        return Adoption(explained, tuple(PodAdoption(one, AdoptionVerdict.SAME) for one in explained.pods))
    namespace = explained.workload.pod_namespace
    return Adoption(explained, tuple(_pod(one, namespace, profile, strict=strict) for one in explained.pods))


def _pod(one: PodExplanation, namespace: str, profile: CompiledProfile, *, strict: bool) -> PodAdoption:
    decision = one.outcome.decision
    if one.refused or decision is None:
        return PodAdoption(one, AdoptionVerdict.SAME)
    own = own_placement(decision.pod, profile.rules[decision.placement.role], profile)
    adds = tuple(change for change in one.outcome.added if change.key != names.PLACEMENT_ANNOTATION)
    wins = tuple(_wins(one, decision, namespace, profile))
    if wins:
        verdict = AdoptionVerdict.CONFLICTS
    else:
        placed = strict or not PLACING.isdisjoint(own)
        verdict = AdoptionVerdict.CHANGES if adds and placed else AdoptionVerdict.SAME
    return PodAdoption(one, verdict, own, adds, wins)


def _wins(
    one: PodExplanation, decision: Decision, namespace: str, profile: CompiledProfile
) -> Iterator[Caution | Change]:
    cautions = decision.placement.cautions
    yield from (caution for caution in cautions if caution.reason in OWN_WINS)
    if one.outcome.denied and cautions[-1].reason not in OWN_WINS:
        yield cautions[-1]
    for kept in one.outcome.kept:
        own_cache = kept.reason is ChangeReason.OWN_IMAGE_CACHE and _loses_image_cache(decision, namespace, profile)
        if own_cache or kept.reason is ChangeReason.OWN_VALUE:
            yield kept


def _loses_image_cache(decision: Decision, namespace: str, profile: CompiledProfile) -> bool:
    """Whether the profile has an image cache for the pod that the pod's own annotations keep away."""
    own, keys = decision.pod.metadata.annotations or {}, profile.image_cache_keys
    metadata = replace(decision.pod.metadata, annotations={key: own[key] for key in own if key not in keys})
    without = decide_for(replace(decision.pod, metadata=metadata), namespace, profile)
    if isinstance(without, Mismatch) or without.placement.image_cache is None:
        return False
    key, value, _ = without.placement.image_cache
    return own.get(key) != value
