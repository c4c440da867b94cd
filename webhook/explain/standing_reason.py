"""The reasons for which a pod stands as it does to a kind of node, each with its place in the pod."""

from dataclasses import dataclass
from enum import StrEnum

from webhook.core.virtual_node import Taint, Unsupported


class StandingReason(StrEnum):
    """Why a pod stands so to one kind of node. What `Because.detail` is, if it is not None, is said of each."""

    NOTHING_AGAINST = "nothing-against"
    """Nothing of the pod speaks about these nodes."""
    TOLERATED = "tolerated"
    """The pod tolerates the taint `detail`."""
    VALUE_TOLERATED = "value-tolerated"
    """The taint `detail` may have any value, and the pod tolerates one value of it."""
    NOT_TOLERATED = "not-tolerated"
    """The pod does not tolerate the taint `detail`, so nodes with this taint are closed to it."""
    AVOIDED = "avoided"
    """The pod does not tolerate the taint `detail`, because of which the scheduler prefers nodes without it."""
    SELECTED = "selected"
    """The pod's nodeSelector or required affinity leaves only these nodes."""
    EXCLUDED = "excluded"
    """The pod's nodeSelector or required affinity excludes these nodes."""
    CONFLICT = "conflict"
    """The parts of the nodeSelector and the required affinity exclude these nodes only together."""
    EMPTY_TERM = "empty-term"
    """A term without requirements matches no node."""
    PREFERRED = "preferred"
    """A preferred term adds the weight `detail` for these nodes and not for the others."""
    NODE_NAME = "node-name"
    """The pod is bound to a node by its name, whatever kind of node that is."""
    SENT_TO_ECI = "sent-to-eci"
    """A label sends the pod to ECI, above all other rules."""
    UNSUPPORTED = "unsupported"
    """ECI cannot run what the pod needs, the feature `detail`."""
    BOUND_ANYWAY = "bound-anyway"
    """The scheduler may bind the pod to a virtual node although ECI cannot run it."""
    WAITS = "waits"
    """The overflow controller opens virtual nodes to the pod after it was unschedulable for `detail` seconds."""
    RESOURCE_POLICY = "resource-policy"
    """The namespace's ResourcePolicy chooses."""


@dataclass(frozen=True, slots=True)
class Because:
    """One reason."""

    reason: StandingReason
    place: tuple[str | int, ...] | None = None
    """Where in the pod it stands, as the keys and indices that lead there; None if it is not a part of the pod."""
    detail: Taint | Unsupported | int | None = None
