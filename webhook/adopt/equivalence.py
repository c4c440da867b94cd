"""Whether two explanations lead to the same pods: what it means that an application is placed as before."""

import json
from collections.abc import Sequence
from typing import Any, Final

from webhook.core import names
from webhook.explain.explanation import PodExplanation, WorkloadExplanation
from webhook.explain.outcome import JSON

_encode: Final = json.JSONEncoder(sort_keys=True).encode


def equivalent(before: Sequence[WorkloadExplanation], after: Sequence[WorkloadExplanation]) -> bool:
    """Whether the workloads of `after` get the same pods as those of `before`, one by one, with no new warning.

    The same means: equal pods after the webhook, apart from its record and the order of tolerations, with the same
    profile, mode, fate and refusals.
    """
    return len(before) == len(after) and all(map(_same_workload, before, after))


def same_pod(before: PodExplanation, after: PodExplanation) -> bool:
    """Whether two explanations of a pod say that it is the same after the webhook, as `equivalent` has it."""
    return _facts(before) == _facts(after) and set(after.outcome.warnings) <= set(before.outcome.warnings)


def essence(pod: JSON) -> JSON:
    """`pod` (a Pod as JSON) without what does not matter: the webhook's record, and the order of tolerations.

    Equal tolerations count once. An empty map of labels or annotations, or list of tolerations, counts as absent.
    """
    metadata = dict(pod["metadata"])
    annotations = metadata.pop("annotations", None) or {}
    metadata["annotations"] = {key: one for key, one in annotations.items() if key != names.PLACEMENT_ANNOTATION}
    spec = dict(pod["spec"])
    spec["tolerations"] = sorted(set(map(_encode, spec.get("tolerations") or [])))
    metadata = {key: one for key, one in metadata.items() if one or key not in ("labels", "annotations")}
    return {**pod, "metadata": metadata, "spec": {key: one for key, one in spec.items() if one or key != "tolerations"}}


def _same_workload(before: WorkloadExplanation, after: WorkloadExplanation) -> bool:
    return (
        _identity(before) == _identity(after)
        and len(before.pods) == len(after.pods)
        and all(map(same_pod, before.pods, after.pods))
    )


def _identity(one: WorkloadExplanation) -> tuple[Any, ...]:
    work = one.workload
    return (
        work.group,
        work.kind,
        work.namespace,
        work.name,
        work.moved_to,
        work.operator,
        set(work.refused),
        one.profile,
        one.assumed,
    )


def _facts(one: PodExplanation) -> tuple[Any, ...]:
    outcome = one.outcome
    placement = outcome.decision.placement if outcome.decision else None
    decided = (placement.role, placement.mode, placement.verdict, placement.placed) if placement else outcome.skipped
    return one.pod.title, one.pod.count, one.fate, decided, outcome.denied, set(one.refused), essence(outcome.after)
