"""What becomes of every pod in the files that a user names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from webhook.cli.inputs import Inputs
from webhook.cli.outcome import Outcome, outcome
from webhook.cli.profiles import NoProfile, Selection
from webhook.cli.terminal import InputError
from webhook.core.policy import Role
from webhook.core.profile import CompiledProfile
from webhook.core.review import ReviewError
from webhook.spark.workloads import SparkPod, Workload

#: How many executors, as Spark reads an int; anything else in its place is shown as it stands.
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class ExplainedPod:
    """A pod of a workload, and what becomes of it."""

    pod: SparkPod
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ExplainedWorkload:
    """A workload, the file it stands in, and its pods."""

    file: str
    workload: Workload
    profile: str
    """The profile that places its pods; empty where none does."""
    pods: tuple[ExplainedPod, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything in the files."""

    policy: str
    """The policy's digest."""
    workloads: tuple[ExplainedWorkload, ...]
    passed_over: int = 0

    @property
    def outcomes(self) -> list[Outcome]:
        """What becomes of each pod."""
        return [one.outcome for workload in self.workloads for one in workload.pods]


def explain_all(inputs: Inputs, selection: Selection) -> Explained:
    """What becomes of every pod in `inputs`. Raises InputError with a sentence for each that cannot be read."""
    explained, faults = [], []
    for file, workload in inputs.workloads:
        profile = selection.of(workload.namespace)
        name = "" if isinstance(profile, NoProfile) else profile.name
        try:
            pods = tuple(_pods(workload, profile))
        except _UnreadableError as error:
            faults.append(f"{file}: {error}")
        else:
            explained.append(ExplainedWorkload(file, workload, name, pods))
    if faults:
        raise InputError(*faults)
    return Explained(selection.policy.digest, tuple(explained), inputs.passed_over)


class _UnreadableError(Exception):
    """A pod has a field of the wrong type."""


def _pods(workload: Workload, profile: CompiledProfile | NoProfile) -> Iterator[ExplainedPod]:
    for pod in workload.pods:
        if isinstance(profile, NoProfile):
            warnings = (profile.why,) if profile.mistaken else ()
            yield ExplainedPod(pod, Outcome(pod.seen, pod.seen, b"[]", warnings, profile.why))
            continue
        try:
            found = [ExplainedPod(one, outcome(workload, one, profile)) for one in _shares(pod, profile)]
        except ReviewError as error:
            # Only who gave a review knows of its fields.
            what = "" if pod.review else f"{pod.title}: "
            sentence = str(error) if pod.review else str(error).removeprefix("request.object.")
            raise _UnreadableError(f"{workload.kind} {workload.name}: {what}{sentence}") from None
        # Shares make no difference to executors that are outside the rollout, or that all take a mode of their own.
        yield from found if len({one.outcome.patch for one in found}) > 1 else [ExplainedPod(pod, found[0].outcome)]


def _shares(pod: SparkPod, profile: CompiledProfile) -> list[SparkPod]:
    """`pod`, or where it stands for executors that a mix divides, the first executor of each share."""
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
