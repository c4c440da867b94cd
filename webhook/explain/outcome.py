"""The outcome of one pod: the service's own answer to its review, and every decision behind it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import jsonpatch
import msgspec

from webhook.core.modes import NONE, SchedulingMode
from webhook.core.patch import Change, Kind, Operation
from webhook.core.placement import Mismatch, Placement, Verdict
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import ChangeReason, Reason
from webhook.core.review import API_VERSION, KIND, Decision, Request, answer
from webhook.spark.workloads import SparkPod, Workload

JSON = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode
_POD: Final = {"group": "", "version": "v1", "kind": "Pod"}
_SPEC: Final = ("nodeName", "nodeSelector", "schedulerName", "affinity", "tolerations")


class Fate(StrEnum):
    """What happens to a pod, in a word or two."""

    PLACED = "placed"
    NOT_PLACED = "not placed"
    """The mode cannot place the pod, so it keeps its own placement."""
    OBSERVED = "observed"
    LEFT_ALONE = "left alone"
    DENIED = "denied"
    NEVER_RUNS = "never runs"
    """The pod is never made, so no webhook is called for it."""


@dataclass(frozen=True, slots=True)
class NoProfile:
    """No profile places the pods of a namespace."""

    why: str
    """A sentence."""
    mistaken: bool
    """Whether the namespace meant to opt in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One pod before and after the webhook."""

    before: JSON
    after: JSON
    patch: bytes
    """The JSON Patch, byte for byte as the service sends it; `[]` if it sends none."""
    warnings: tuple[str, ...]
    decision: Decision | None = None
    """What was decided; None if the pod is skipped."""
    skipped: NoProfile | Mismatch | Request | None = None
    """Why it is skipped: no profile places it, a label excludes it, or the request does not create a pod."""
    denied: str = ""
    """The message of the denial; empty if the request is allowed."""
    added: tuple[Change, ...] = ()
    """What is added, or would be if the rule did not only observe; nothing if the pod is denied or skipped."""
    kept: tuple[Change, ...] = ()
    """What is left as it is; nothing if the pod is denied or skipped."""

    @property
    def fate(self) -> Fate:
        """What happens to the pod if it is made."""
        if self.denied:
            return Fate.DENIED
        if self.decision is None or self.decision.placement.mode == NONE:
            return Fate.LEFT_ALONE
        if self.decision.placement.verdict is Verdict.OBSERVE:
            return Fate.OBSERVED
        return Fate.PLACED if self.decision.placement.placed else Fate.NOT_PLACED

    def never_made(self) -> "Outcome":
        """The outcome of a pod that is never made: the decision for it, which nobody asks for, and no effect of it."""
        return replace(self, after=self.before, patch=b"[]", warnings=(), denied="", added=(), kept=())


def outcome(workload: Workload, pod: SparkPod, profile: CompiledProfile, before: JSON | None = None) -> Outcome:
    """The outcome of `pod` of `workload` under `profile`, or of `before`, another state of the same pod.

    Raises ReviewError if a field that placement reads has the wrong type.
    """
    before = pod.seen if before is None else before
    found = answer(_encode(review_of(workload, pod, before)), profile)
    response = found.response
    warnings = tuple(response.warnings or ())
    if found.decision is None:
        # The object of such a request need not have the fields of a pod.
        before = {"metadata": {"name": workload.name}, "spec": {}}
        return Outcome(before, before, b"[]", warnings, skipped=found.request)
    if isinstance(found.decision, Mismatch):
        return Outcome(before, before, b"[]", warnings, skipped=found.decision)
    patch = response.patch or b"[]"
    after = jsonpatch.apply_patch(before, json.loads(patch))
    if response.status:
        return Outcome(before, after, patch, warnings, found.decision, denied=response.status.message)
    decided = found.decision.changes
    added = tuple(one for one in decided if one.operation is Operation.ADD)
    kept = *(one for one in decided if one.operation is Operation.KEEP), *_kept_whole(found.decision.placement)
    return Outcome(before, after, patch, warnings, found.decision, added=added, kept=kept)


def scheduling_part(pod: JSON, labels: Iterable[str] = ()) -> JSON:
    """The part of `pod` (a Pod as JSON) that decides where it runs: the annotations, and what the scheduler reads.

    `labels` are the keys of labels that belong to it as well.
    """
    own = pod["metadata"].get("labels") or {}
    metadata = {
        "labels": {key: own[key] for key in sorted(labels) if key in own},
        "annotations": pod["metadata"].get("annotations"),
    }
    parts = {
        "metadata": {key: value for key, value in metadata.items() if value},
        "spec": {key: pod["spec"][key] for key in _SPEC if pod["spec"].get(key)},
    }
    return {key: part for key, part in parts.items() if part}


def changed_labels(before: JSON, after: JSON) -> set[str]:
    """The keys of the labels in which two states of a pod differ."""
    old, new = (pod["metadata"].get("labels") or {} for pod in (before, after))
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}


def _kept_whole(placement: Placement) -> Iterator[Change]:
    """The kinds of which everything is left as it is."""
    if placement.verdict is Verdict.LEAVE:
        yield _kept(Kind.POD, ChangeReason.OUTSIDE_ROLLOUT)
    elif placement.mode == NONE:
        yield _kept(Kind.POD, ChangeReason.ASKS_FOR_NONE)
    elif not placement.placed:
        yield _kept(Kind.POD, ChangeReason.OWN_PLACEMENT)
    else:
        mode = SchedulingMode(placement.mode)
        if mode.waits and not placement.tolerations:
            yield _kept(Kind.TOLERATION, _why_closed(placement))
        if not mode.opens_eci:
            closed = placement.requirement is None
            yield _kept(Kind.TOLERATION, ChangeReason.CLOSED_BY_TAINT if closed else ChangeReason.NOTHING_REMOVED)
        if placement.requirement is None and placement.preference is None:
            if mode.needs_ack_scheduler:
                yield _kept(Kind.NODE_AFFINITY, ChangeReason.RESOURCE_POLICY_CHOOSES)
            else:
                why = ChangeReason.NO_PREFERENCE if mode.opens_eci else ChangeReason.CLOSED_BY_TAINT
                yield _kept(Kind.NODE_AFFINITY, why)


def _why_closed(placement: Placement) -> ChangeReason:
    """Why a pod whose mode waits gets no toleration now."""
    if placement.wait is not None:
        return ChangeReason.OPENED_LATER
    own = placement.reason is Reason.OWN_TOLERATION
    return ChangeReason.OWN_TOLERATION if own else ChangeReason.NO_VIRTUAL_NODES


def _kept(kind: Kind, why: ChangeReason) -> Change:
    return Change(kind, "", None, Operation.KEEP, why)


def review_of(workload: Workload, pod: SparkPod, before: JSON | None = None) -> JSON:
    """The AdmissionReview that the API server sends for `pod` of `workload`, or for `before`, another state of it."""
    if pod.review is not None:
        return pod.review
    before = pod.seen if before is None else before
    name = before["metadata"].get("name") or ""
    request = {"uid": "explain", "kind": _POD, "name": name, "namespace": workload.pod_namespace, "operation": "CREATE"}
    return {"apiVersion": API_VERSION, "kind": KIND, "request": request | {"object": before}}
