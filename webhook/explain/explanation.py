"""Explanations: what happens to every pod of a workload."""

import re
from dataclasses import dataclass
from typing import Final

from webhook.core.fault import with_keys
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.review import ReviewError
from webhook.core.selectors import ALL_ROLES, Role
from webhook.explain.outcome import Fate, NoProfile, Outcome, outcome
from webhook.spark.versions import Versions
from webhook.spark.workloads import Refusal, SparkPod, Workload

#: A number of executors, as Spark reads an int; any other text is shown as it is.
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


class ExplanationError(Exception):
    """A pod has a field of the wrong type; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class PodExplanation:
    """A pod of a workload, and its outcome."""

    pod: SparkPod
    outcome: Outcome
    refused: tuple[Refusal, ...] = ()
    """Why the pod is never made; empty if it is made."""

    @property
    def fate(self) -> Fate:
        """What happens to the pod."""
        return Fate.NEVER_RUNS if self.refused else self.outcome.fate


@dataclass(frozen=True, slots=True)
class WorkloadExplanation:
    """A workload, its file, the profile that places its pods, and its pods."""

    file: str
    workload: Workload
    profile: CompiledProfile | NoProfile
    pods: tuple[PodExplanation, ...]
    assumed: bool = False
    """Whether the profile is assumed: neither the user nor the files name one for the namespace."""

    @property
    def profile_name(self) -> str:
        """The profile's name; empty if no profile places the pods."""
        return "" if isinstance(self.profile, NoProfile) else self.profile.name


@dataclass(frozen=True, slots=True)
class Explanation:
    """All workloads."""

    policy: str
    """The policy's digest."""
    versions: Versions
    """The versions that make the pods."""
    workloads: tuple[WorkloadExplanation, ...]
    other_kinds: int = 0
    """The number of objects of other kinds that were passed over."""
    other_documents: int = 0
    """The number of documents that were passed over because they are no Kubernetes objects."""
    faults: tuple[str, ...] = ()
    """A sentence for each file, document and workload that cannot be explained."""
    runs: int = 0
    """The number of applications that were passed over because their schedule is explained."""

    @property
    def pods(self) -> list[PodExplanation]:
        """The explanation of each pod."""
        return [pod for workload in self.workloads for pod in workload.pods]

    @property
    def warned(self) -> bool:
        """Whether there is a warning about a pod."""
        return any(one.outcome.warnings for one in self.pods)

    @property
    def refused(self) -> bool:
        """Whether there is a pod that never runs."""
        return any(one.workload.refused for one in self.workloads)


def explain(
    file: str,
    workload: Workload,
    profile: CompiledProfile | NoProfile,
    *,
    assumed: bool = False,
    replaced: bool = False,
) -> WorkloadExplanation:
    """The explanation of every pod of `workload`, which is in `file`, under `profile`. Raises ExplanationError.

    If `replaced`, executors in the place of lost ones count, too, which Spark gives later numbers.
    """
    pods: list[PodExplanation] = []
    for pod in workload.pods:
        try:
            pods += _explained(workload, pod, profile, replaced=replaced)
        except ReviewError as error:
            # Only the author of a review knows of its fields.
            fault = with_keys(str(error), pod.review or {"request": {"object": pod.seen}})
            fault = fault if pod.review else f"{pod.title}: {fault.removeprefix('request.object.')}"
            raise ExplanationError(f"{workload.kind} {workload.name}: {fault}") from None
    return WorkloadExplanation(file, workload, profile, tuple(pods), assumed=assumed)


def _explained(
    workload: Workload, pod: SparkPod, profile: CompiledProfile | NoProfile, *, replaced: bool
) -> list[PodExplanation]:
    """The explanation of `pod`, or of each share of the executors that it represents. Raises ReviewError."""
    refused = workload.refusals_of(pod)
    if isinstance(profile, NoProfile):
        warnings = (profile.why,) if profile.mistaken else ()
        found = [PodExplanation(pod, Outcome(pod.seen, pod.seen, b"[]", warnings, skipped=profile))]
    else:
        found = [
            PodExplanation(one, outcome(workload, one, profile)) for one in _shares(pod, profile, replaced=replaced)
        ]
        # Shares do not matter if the executors are outside the rollout, or ask for a mode themselves.
        if len({one.outcome.patch for one in found}) == 1:
            found = [PodExplanation(pod, found[0].outcome)]
    return [PodExplanation(one.pod, one.outcome.never_made(), refused) for one in found] if refused else found


def _shares(pod: SparkPod, profile: CompiledProfile, *, replaced: bool) -> list[SparkPod]:
    """`pod`, or the first executor of each part if it represents executors that a mix or `first` divides."""
    rule = profile.rules[Role.EXECUTOR]
    if ALL_ROLES.get(pod.title) is not Role.EXECUTOR or not (rule.mix or rule.first):
        return [pod]
    start = pod.number
    if start is None:
        return [pod]
    # A pod of a StatefulSet is replaced by one with the same ordinal.
    endless = replaced and not pod.created["metadata"].get("ownerReferences")
    total = int(pod.count) if _NUMBER.fullmatch(pod.count) and not endless else None
    if rule.mix:
        return _of_mix(pod, start, rule, total) or [pod]
    return _by_order(pod, start, rule.count, total)


def _of_mix(pod: SparkPod, start: int, rule: CompiledRule, total: int | None) -> list[SparkPod]:
    """The first executor of each share, from the number `start` on, with the number of executors in it."""
    size, found = len(rule.mix), []
    for share in dict.fromkeys(map(id, rule.mix)):
        # How far each executor of the share is from `start`.
        steps = sorted((at + 1 - start) % size for at, one in enumerate(rule.mix) if id(one) == share)
        if total is None:
            found.append(pod.numbered(start + steps[0], f"{len(steps) * 100 // size} %"))
            continue
        rounds, rest = divmod(total, size)
        if number := rounds * len(steps) + sum(one < rest for one in steps):
            found.append(pod.numbered(start + steps[0], f"{number} of {total}"))
    return found


def _by_order(pod: SparkPod, start: int, most: int, total: int | None) -> list[SparkPod]:
    """The executor with the number `start`, and the one after the first `most`, with how many of each there are."""
    first = max(0, most + 1 - start)
    if total is None:
        if not first:
            return [pod]
        return [pod.numbered(start, f"the first {first}"), pod.numbered(start + first, f"after the first {first}")]
    first = min(first, total)
    found = [pod.numbered(start, f"{first} of {total}")] if first else []
    return [*found, pod.numbered(start + first, f"{total - first} of {total}")] if total > first else found or [pod]
