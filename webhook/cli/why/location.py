"""Where a pod is, or how far it has come on its way to a node."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from webhook.cli.doctor.finding import JSON, Unknown
from webhook.cli.doctor.nodes import is_virtual
from webhook.cli.why.reading import Facts
from webhook.core.policy import Policy
from webhook.overflow.pods import Scheduling, StoredPod

_ENDED: Final = ("Succeeded", "Failed")
#: The reason of a container that ended without a fault.
_COMPLETED: Final = "Completed"


class Standing(StrEnum):
    """How far a pod has come."""

    ON_NODE = "on-node"
    UNSCHEDULABLE = "unschedulable"
    UNTRIED = "untried"
    """No scheduler has said anything of it."""
    GATED = "gated"
    HELD_BACK = "held-back"
    """The scheduler waits for something else than a node."""
    NOMINATED = "nominated"
    """A node is chosen, on which others make room first."""
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a pod is."""

    standing: Standing
    node: str = ""
    virtual: bool | None = None
    """Whether the node is a virtual one; None if that is not known."""
    phase: str = ""
    since: datetime | None = None
    """Since when the scheduler's condition is as it is."""
    reason: str = ""
    message: str = ""
    gates: tuple[str, ...] = ()
    unread: Unknown | None = None
    """Why the node could not be read."""


def locate_pod(facts: Facts) -> Location:
    """Where the pod is. A node is judged by the deployed policy, or by the built-in one if that is not known."""
    pod, status = facts.stored, facts.pod.get("status") or {}
    node, phase = pod.spec.node_name or "", str(status.get("phase") or "")
    gates = tuple(str(one.get("name") or "") for one in facts.pod["spec"].get("schedulingGates") or ())
    condition = _condition(status.get("conditions") or ())
    reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
    standing = _standing(pod, phase)
    if standing is Standing.NOMINATED:
        node = pod.status.nominated_node_name or ""
    elif standing in (Standing.ON_NODE, Standing.ENDED, Standing.ENDING):
        reason, message = _of_kubelet(status)
    policy = facts.policy or Policy()
    return Location(
        standing=standing,
        node=node,
        virtual=is_virtual(facts.node, policy.virtual_node) if isinstance(facts.node, dict) else None,
        phase=phase,
        since=pod.transition,
        reason=reason,
        message=message,
        gates=gates,
        unread=facts.node if isinstance(facts.node, Unknown) else None,
    )


def _standing(pod: StoredPod, phase: str) -> Standing:
    if phase in _ENDED:
        return Standing.ENDED
    if pod.metadata.deletion_timestamp is not None:
        return Standing.ENDING
    if pod.spec.node_name:
        return Standing.ON_NODE
    if pod.spec.scheduling_gates:
        return Standing.GATED
    if pod.status.nominated_node_name:
        return Standing.NOMINATED
    return {
        Scheduling.NEW: Standing.UNTRIED,
        Scheduling.UNSCHEDULABLE: Standing.UNSCHEDULABLE,
        Scheduling.OTHER: Standing.HELD_BACK,
    }[pod.scheduling]


def _condition(conditions: Iterable[JSON]) -> JSON:
    """The scheduler's condition; empty if there is none."""
    return next((one for one in conditions if one.get("type") == "PodScheduled"), {})


def _of_kubelet(status: JSON) -> tuple[str, str]:
    """Why a pod on a node does not run (any more): a reason and a message, of itself or of a container."""
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or "")
    ended = status.get("phase") in _ENDED
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    states = [one.get("state") or {} for one in containers]
    found = [one.get("waiting") or one.get("terminated") or {} for one in states]
    told = [(str(one["reason"]), str(one.get("message") or "")) for one in found if one.get("reason")]
    # A container that completed, such as an init container, says nothing about the others.
    faults = [one for one in told if one[0] != _COMPLETED]
    return next(iter(faults or (told if ended else ())), ("", ""))
