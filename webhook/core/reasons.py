"""Reasons: why a pod is not simply placed by its profile's rule, and the warnings that say so."""

from enum import StrEnum

from msgspec import Struct

from webhook.core.text import LIMIT, cut, one_line


class Reason(StrEnum):
    """Why a pod is not simply placed by its profile's rule; the last one that applies is recorded on the pod."""

    OUTSIDE_ROLLOUT = "outside-rollout"
    OVERRIDE = "override"
    OVERRIDE_REFUSED = "override-refused"
    OTHER_SCHEDULER = "other-scheduler"
    OUTRANKED = "outranked"
    UNSUPPORTED = "unsupported"
    EXCLUDES_VIRTUAL_NODES = "excludes-virtual-nodes"
    DEMANDS_VIRTUAL_NODES = "demands-virtual-nodes"
    NODE_NAME_SET = "node-name-set"


class Caution(Struct, frozen=True):
    """A warning to whoever made the request: the reason as a code, and one sentence."""

    reason: str
    sentence: str


def caution(reason: str, sentence: str) -> Caution:
    """A warning made fit to send: on one line, and cut at 120 characters."""
    return Caution(reason, cut(one_line(sentence), LIMIT))
