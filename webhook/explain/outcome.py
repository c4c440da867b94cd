"""The outcome of one pod: the service's own answer to its review, and every decision behind it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jsonpatch
import msgspec

from webhook.core.modes import NONE, SchedulingMode
from webhook.core.patch import Change, Kind, Operation
from webhook.core.placement import Mismatch, Placement, Verdict
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import ChangeReason
from webhook.core.review import API_VERSION, KIND, Decision, Request, answer
from webhook.spark.workloads import SparkPod, Workload

JSON = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode
_POD: Final = {"group": "", "version": "v1", "kind": "Pod"}
_SPEC: Final = ("nodeName", "nodeSelector", "schedulerName", "affinity", "tolerations")


class Fate(StrEnum):
    """What happens to a pod, in a word or two."""

    PLACED = "placed"
    OBSERVED = "observed"
    LEFT_ALONE = "left alone"
    DENIED = "denied"


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
    """Why it is skipped: no profile places it, a label makes it none of ours, or the request creates no pod."""
    denied: str = ""
    """What the request is told if it is denied; empty if it is allowed."""

    @property
    def fate(self) -> Fate:
        """What happens to the pod."""
        if self.denied:
            return Fate.DENIED
        if self.decision is None or self.decision.placement.mode == NONE:
            return Fate.LEFT_ALONE
        return Fate.OBSERVED if self.decision.placement.verdict is Verdict.OBSERVE else Fate.PLACED

    @property
    def added(self) -> list[Change]:
        """What is added, or would be if the rule did not only observe; nothing if the pod is denied or skipped."""
        if self.decision is None or self.denied:
            return []
        return [one for one in self.decision.changes if one.operation is Operation.ADD]

    @property
    def kept(self) -> list[Change]:
        """What is left as it is, each with its reason."""
        if self.decision is None or self.denied:
            return []
        kept = [one for one in self.decision.changes if one.operation is Operation.KEEP]
        return [*kept, *(Change(kind, "", None, Operation.KEEP, why) for kind, why in _whole(self.decision.placement))]


def outcome(workload: Workload, pod: SparkPod, profile: CompiledProfile, before: JSON | None = None) -> Outcome:
    """The outcome of `pod` of `workload` under `profile`, or of `before`, another state of the same pod.

    Raises ReviewError if a field that placement reads has the wrong type.
    """
    before = pod.seen if before is None else before
    found = answer(_encode(pod.review or _review(before, workload.namespace)), profile)
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
    denied = response.status.message if response.status else ""
    return Outcome(before, after, patch, warnings, found.decision, denied=denied)


def scheduling_part(pod: JSON) -> JSON:
    """The part of `pod` (a Pod as JSON) that decides where it runs: the annotations, and what the scheduler reads."""
    spec = {key: pod["spec"][key] for key in _SPEC if pod["spec"].get(key)}
    annotations = pod["metadata"].get("annotations")
    return ({"metadata": {"annotations": annotations}} if annotations else {}) | ({"spec": spec} if spec else {})


def _whole(placement: Placement) -> list[tuple[Kind, ChangeReason]]:
    """The kinds that are left alone as a whole, each with the reason."""
    if placement.verdict is Verdict.LEAVE:
        return [(Kind.POD, ChangeReason.OUTSIDE_ROLLOUT)]
    if placement.mode == NONE:
        return [(Kind.POD, ChangeReason.ASKS_FOR_NONE)]
    if not placement.placed:
        return [(Kind.POD, ChangeReason.OWN_PLACEMENT)]
    mode = SchedulingMode(placement.mode)
    found = []
    if not mode.opens_eci:
        closed = placement.requirement is None
        found.append((Kind.TOLERATION, ChangeReason.CLOSED_BY_TAINT if closed else ChangeReason.NOTHING_REMOVED))
    if placement.requirement is None and placement.preference is None:
        if mode.needs_ack_scheduler:
            why = ChangeReason.RESOURCE_POLICY_CHOOSES
        else:
            why = ChangeReason.NO_PREFERENCE if mode.opens_eci else ChangeReason.CLOSED_BY_TAINT
        found.append((Kind.NODE_AFFINITY, why))
    return found


def _review(pod: JSON, namespace: str) -> JSON:
    """The AdmissionReview that the API server sends for the creation of `pod`."""
    name = pod["metadata"].get("name") or ""
    request = {"uid": "explain", "kind": _POD, "name": name, "namespace": namespace, "operation": "CREATE"}
    return {"apiVersion": API_VERSION, "kind": KIND, "request": request | {"object": pod}}
