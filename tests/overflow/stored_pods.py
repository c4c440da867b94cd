"""Pods as an API server tells them to the overflow controller."""

import json
from datetime import UTC, datetime
from typing import Any

from webhook.core import names
from webhook.overflow.pods import Scheduling, StoredPod, read_pod

MOMENT = datetime(2027, 1, 1, tzinfo=UTC)
_REASONS = {Scheduling.UNSCHEDULABLE: "Unschedulable", Scheduling.OTHER: "SchedulingGated"}


def stored(
    uid: str,
    scheduling: Scheduling = Scheduling.UNSCHEDULABLE,
    *,
    version: str = "1",
    labels: dict[str, str] | None = None,
    nominated: bool = False,
    phase: str = "Pending",
    transition: datetime | None = MOMENT,
    created: str | None = None,
    namespace: str = "spark",
) -> StoredPod:
    """The pod whose name is its id."""
    condition: dict[str, Any] = {"type": "PodScheduled", "status": "False", "reason": _REASONS.get(scheduling)}
    if transition is not None:
        condition["lastTransitionTime"] = f"{transition:%Y-%m-%dT%H:%M:%SZ}"
    found = {
        "metadata": {
            "name": uid,
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": version,
            "creationTimestamp": created,
            "labels": {names.OVERFLOW_LABEL: names.WAITING, **(labels or {})},
        },
        "spec": {"containers": [{"name": "spark", "image": "spark"}]},
        "status": {
            "phase": phase,
            "nominatedNodeName": "node" if nominated else None,
            "conditions": [] if scheduling is Scheduling.NEW else [condition],
        },
    }
    return read_pod(json.dumps(found).encode())
