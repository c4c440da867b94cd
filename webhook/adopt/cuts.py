"""What is cut from a file, and what is left."""

from dataclasses import dataclass
from enum import StrEnum


class LeftReason(StrEnum):
    """Why something that the webhook adds as well, or nearly so, is left in a file."""

    DIFFERS = "differs"
    """Without it, the pod would not be the same: the webhook adds something else in its place, or nothing."""
    NEEDED = "needed"
    """It is all that a part of the application has, such as its executor, and the part has to stay."""
    OBSERVED = "observed"
    """The rule only observes, so the webhook adds nothing yet."""
    ROLLOUT = "rollout"
    """The rule applies to a part of the applications."""
    STORED = "stored"
    """The object has a status: it was read from a cluster, and the place to change it is elsewhere."""
    PARTIAL = "partial"
    """The API server would refuse the object, because something is missing: it may be a patch of another file."""
    ANCHOR = "anchor"
    """It has an anchor, or is in or around something that has one: an alias may use it elsewhere."""
    ALIAS = "alias"
    """It is an alias, or contains one."""
    MERGE = "merge"
    """It comes by a merge key `<<`, or is beside one, or contains one."""
    FLOW = "flow"
    """It is in flow style, and takes several lines or only a part of one."""
    SHARED_LINE = "shared-line"
    """It shares a line with something that stays."""
    REPEATED = "repeated"
    """The pod gets the same from another place as well, which stays."""
    INCOMPLETE = "incomplete"
    """Something else that says where the pod runs has to stay. With only a part of it, its verdict would be worse."""
    READ_OTHERWISE = "read-otherwise"
    """The lines that stay, such as a comment in the middle, would be read as something else."""
    JSON = "json"
    """The file is JSON."""
    LINE_BREAK = "line-break"
    """The file has line breaks other than LF and CRLF."""
    ENCODING = "encoding"
    """The file is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that go. What stands in several places, with a comment between them that stays, has a Cut for each."""

    document: int
    """The number of the document in its file, from 1. Empty documents do not count."""
    path: str
    """The field, such as `spec.executor.tolerations`."""
    first: int
    """The number of the first line, from 1, in the file as it was."""
    last: int
    """The number of the last line."""


@dataclass(frozen=True, slots=True)
class Left:
    """Something that stays, although the webhook adds the same or nearly the same."""

    document: int
    path: str
    line: int
    """The number of its first line, from 1."""
    why: LeftReason
