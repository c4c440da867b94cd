"""The scheduling modes. Each is one entry: all that follows from a mode is read off its entry."""

from enum import StrEnum
from typing import Any, Final, Self


class Side(StrEnum):
    """A kind of node: virtual nodes lead to ECI, all others are ECS."""

    VIRTUAL = "In"
    OTHERS = "NotIn"

    @property
    def operator(self) -> str:
        """The node selector operator that, with the virtual node's label, selects these nodes."""
        return self.value


#: Not a mode: what a pod asks for, or is recorded with, if it is left alone.
NONE: Final = "none"


class SchedulingMode(StrEnum):
    """Where the pods of a role may run."""

    #   value, opens ECI, requires, prefers, needs the ACK scheduler, waits, sentence
    ECS_ONLY = "ecs-only", False, Side.OTHERS, None, False, False, "The pods run on ECS."
    ECI_ONLY = "eci-only", True, Side.VIRTUAL, None, False, False, "The pods run on ECI."
    ECS_FIRST = "ecs-first", True, None, Side.OTHERS, False, False, "The pods prefer ECS and may run on ECI."
    ECS_THEN_ECI = (
        "ecs-then-eci",
        True,
        None,
        Side.OTHERS,
        False,
        True,
        "The pods run on ECS; one that stays unschedulable is opened to ECI.",
    )
    ECI_FIRST = "eci-first", True, None, Side.VIRTUAL, False, False, "The pods prefer ECI and may run on ECS."
    RESOURCE_POLICY = (
        "resource-policy",
        True,
        None,
        None,
        True,
        False,
        "The namespace's ResourcePolicy places the pods.",
    )

    #: An enumeration hashes the name of a member, by a slow function.
    __hash__ = str.__hash__

    opens_eci: bool
    """Whether a pod in this mode may run on ECI: it gets the ECI annotations, and the tolerations, at once or later."""
    requires: Side | None
    """The nodes that the required node affinity selects. A mode that does not open ECI requires them only of a pod
    that tolerates the virtual node by itself."""
    prefers: Side | None
    """The nodes that the preferred node affinity selects."""
    needs_ack_scheduler: bool
    """Whether only the ACK scheduler can do what the mode says."""
    waits: bool
    """Whether the virtual node stays closed to a pod until the overflow controller opens it."""
    sentence: str
    """What the mode does, for people."""

    def __new__(cls, value: str, *row: Any) -> Self:  # noqa: D102, the fields are explained above
        member = str.__new__(cls, value)
        member._value_ = value
        member.opens_eci, member.requires, member.prefers, *others = row
        member.needs_ack_scheduler, member.waits, member.sentence = others
        return member
