"""Warnings: one line each, short enough that the API server hands them on whole."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

#: The API server asks for warnings of at most 120 characters (Kubernetes: Dynamic Admission Control, response).
LIMIT: Final = 120


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


def one_line(text: str) -> str:
    """`text` with every character that could break a line or a terminal replaced by a question mark."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning and an ellipsis where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def listed(start: str, entries: Iterable[str], limit: int = LIMIT) -> str:
    """`start` and as many `entries` as fit into `limit` characters, with the count of those that did not."""
    rest = list(entries)
    sentence = start + ", ".join(rest)
    shown = len(rest)
    while len(sentence) > limit and shown:
        shown -= 1
        more = f"{len(rest) - shown} more"
        sentence = start + ", ".join([*rest[:shown], f"and {more}"] if shown else [more])
    return sentence
