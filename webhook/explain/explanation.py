"""What becomes of every pod of several workloads."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from webhook.core.policy import Role
from webhook.core.profile import CompiledProfile
from webhook.core.review import ReviewError
from webhook.explain.outcome import NoProfile, Outcome, outcome
from webhook.spark.workloads import SparkPod, Workload

#: How many executors, as Spark reads an int; anything else in its place is shown as it stands.
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


class ExplanationError(Exception):
    """Pods have fields of the wrong type; `faults` holds a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class PodExplanation:
    """A pod of a workload, and what becomes of it."""

    pod: SparkPod
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WorkloadExplanation:
    """A workload, the file it stands in, the profile that places its pods, and its pods."""

    file: str
    workload: Workload
    profile: CompiledProfile | NoProfile
    pods: tuple[PodExplanation, ...]

    @property
    def profile_name(self) -> str:
        """The profile's name; empty if no profile places the pods."""
        return "" if isinstance(self.profile, NoProfile) else self.profile.name


@dataclass(frozen=True, slots=True)
class Explanation:
    """All workloads."""

    policy: str
    """The policy's digest."""
    workloads: tuple[WorkloadExplanation, ...]
    passed_over: int = 0
    """How many objects of other kinds were skipped."""

    @property
    def outcomes(self) -> list[Outcome]:
        """What becomes of each pod."""
        return [one.outcome for workload in self.workloads for one in workload.pods]


def explain(
    workloads: Iterable[tuple[str, Workload]],
    profile_of: Callable[[str], CompiledProfile | NoProfile],
    policy: str,
    passed_over: int = 0,
) -> Explanation:
    """What becomes of every pod of `workloads`, each given with its file.

    `profile_of` is the profile for the pods of a namespace, `policy` the policy's digest. Raises ExplanationError.
    """
    explained, faults = [], []
    for file, workload in workloads:
        profile = profile_of(workload.namespace)
        try:
            pods = tuple(_pods(workload, profile))
        except _UnreadableError as error:
            faults.append(f"{file}: {error}")
        else:
            explained.append(WorkloadExplanation(file, workload, profile, pods))
    if faults:
        raise ExplanationError(faults)
    return Explanation(policy, tuple(explained), passed_over)


class _UnreadableError(Exception):
    """A pod has a field of the wrong type."""


def _pods(workload: Workload, profile: CompiledProfile | NoProfile) -> Iterator[PodExplanation]:
    for pod in workload.pods:
        if isinstance(profile, NoProfile):
            warnings = (profile.why,) if profile.mistaken else ()
            yield PodExplanation(pod, Outcome(pod.seen, pod.seen, b"[]", warnings, skipped=profile))
            continue
        try:
            found = [PodExplanation(one, outcome(workload, one, profile)) for one in _shares(pod, profile)]
        except ReviewError as error:
            # Only the author of a review knows of its fields.
            what = "" if pod.review else f"{pod.title}: "
            sentence = str(error) if pod.review else str(error).removeprefix("request.object.")
            raise _UnreadableError(f"{workload.kind} {workload.name}: {what}{sentence}") from None
        # Shares make no difference to executors that are outside the rollout, or that all take a mode of their own.
        yield from found if len({one.outcome.patch for one in found}) > 1 else [PodExplanation(pod, found[0].outcome)]


def _shares(pod: SparkPod, profile: CompiledProfile) -> list[SparkPod]:
    """`pod`, or the first executor of each share if it stands for executors that a mix divides."""
    mix = profile.rules[Role.EXECUTOR].mix
    if pod.title != Role.EXECUTOR or not mix:
        return [pod]
    found = []
    for share in dict.fromkeys(map(id, mix)):
        numbers = [index + 1 for index, one in enumerate(mix) if id(one) == share]
        if not _NUMBER.fullmatch(pod.count):
            found.append(pod.numbered(numbers[0], f"{len(numbers) * 100 // len(mix)} %"))
            continue
        total = int(pod.count)
        rounds, rest = divmod(total, len(mix))
        if number := rounds * len(numbers) + sum(one <= rest for one in numbers):
            found.append(pod.numbered(numbers[0], f"{number} of {total}"))
    return found or [pod]
