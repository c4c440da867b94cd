"""The webhook's record on a pod, read back. A user may write anything into the annotation."""

import re
from dataclasses import dataclass
from typing import Final

from webhook.core.modes import NONE, SchedulingMode
from webhook.core.names import OPENED
from webhook.core.reasons import Reason

_RECORD: Final = re.compile(
    r"mode=([a-z-]+),profile=([a-z0-9-]{1,63}),policy=([0-9a-f]{8})(?:,reason=([a-z-]+))?(,opened)?"
)
_MODES: Final = (*map(str, SchedulingMode), NONE)


@dataclass(frozen=True, slots=True)
class Record:
    """What the annotation says that the webhook decided."""

    text: str
    mode: str
    """A SchedulingMode, or `none`."""
    profile: str
    policy: str
    """The digest of the policy that decided."""
    reason: Reason | None
    opened: bool
    """Whether the overflow controller has opened the pod."""


def read_record(text: str) -> Record | None:
    """The record in the value of the annotation; None if the webhook does not write such a value."""
    found = _RECORD.fullmatch(text)
    if found is None or found[1] not in _MODES or (found[4] is not None and found[4] not in set(Reason)):
        return None
    reason = None if found[4] is None else Reason(found[4])
    return Record(text, found[1], found[2], found[3], reason, opened=found[5] == f",{OPENED}")
