"""Reasons: why a pod is not simply placed by its profile's rule, and the warnings that say so."""

from enum import StrEnum

from msgspec import Struct

from webhook.core.text import LIMIT, cut, one_line


class Reason(StrEnum):
    """Why a pod is not simply placed by its profile's rule; the last one that applies is recorded on the pod."""

    OUTSIDE_ROLLOUT = "outside-rollout"
    OVERRIDE = "override"
    OVERRIDE_REFUSED = "override-refused"
    NO_EXECUTOR_NUMBER = "no-executor-number"
    OTHER_SCHEDULER = "other-scheduler"
    OUTRANKED = "outranked"
    OWN_PREFERENCE = "own-preference"
    OWN_TOLERATION = "own-toleration"
    OWN_REQUIREMENT = "own-requirement"
    UNSUPPORTED = "unsupported"
    EXCLUDES_VIRTUAL_NODES = "excludes-virtual-nodes"
    DEMANDS_VIRTUAL_NODES = "demands-virtual-nodes"
    NODE_NAME_SET = "node-name-set"
    TOO_LARGE = "too-large"


class ChangeReason(StrEnum):
    """Why something of a pod is added, or left as it is."""

    RECORD = "record"
    """The annotation records the decision."""
    POLICY = "policy"
    """The rule adds it to pods that may run on ECI."""
    ALWAYS = "always"
    """The rule adds it to pods wherever they run."""
    IMAGE_CACHE_AUTO = "image-cache-auto"
    IMAGE_CACHE_SNAPSHOT = "image-cache-snapshot"
    WAITS = "waits"
    """The label leads the overflow controller to the pod."""
    OPENS_VIRTUAL_NODE = "opens-virtual-node"
    ONLY_VIRTUAL_NODES = "only-virtual-nodes"
    KEEPS_OFF_VIRTUAL_NODES = "keeps-off-virtual-nodes"
    PREFERS_VIRTUAL_NODES = "prefers-virtual-nodes"
    PREFERS_OTHER_NODES = "prefers-other-nodes"

    ALREADY_THERE = "already-there"
    OWN_VALUE = "own-value"
    """The pod has its own, different value."""
    OWN_IMAGE_CACHE = "own-image-cache"
    ALREADY_TOLERATED = "already-tolerated"
    OUTRANKS_AFFINITY = "outranks-affinity"
    """The label sends pods to ECI above affinity, and the mode does not require ECI."""
    EMPTY_TERM = "empty-term"
    """A term without requirements matches no node. A requirement would change that."""
    OUTSIDE_ROLLOUT = "outside-rollout"
    ASKS_FOR_NONE = "asks-for-none"
    OWN_PLACEMENT = "own-placement"
    """The pod cannot be placed as asked."""
    CLOSED_BY_TAINT = "closed-by-taint"
    OPENED_LATER = "opened-later"
    """The overflow controller adds it to a pod that stays unschedulable."""
    NO_VIRTUAL_NODES = "no-virtual-nodes"
    """The pod's own affinity or nodeSelector leaves no virtual nodes."""
    OWN_TOLERATION = "own-toleration"
    """The pod tolerates virtual nodes by itself."""
    NOTHING_REMOVED = "nothing-removed"
    """The pod's own tolerations stay."""
    RESOURCE_POLICY_CHOOSES = "resource-policy-chooses"
    NO_PREFERENCE = "no-preference"
    """The mode prefers no kind of node."""


class Caution(Struct, frozen=True):
    """A warning to whoever made the request: the reason as a code, and one sentence."""

    reason: str
    sentence: str


def caution(reason: str, sentence: str) -> Caution:
    """A warning in the form in which it is sent: on one line, and cut at 120 characters."""
    return Caution(reason, cut(one_line(sentence), LIMIT))
