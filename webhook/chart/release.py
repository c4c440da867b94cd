"""What decides about pods in a release of the chart. It stands alone, because to read values costs time at start."""

from dataclasses import dataclass

from webhook.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Release:
    """What a release does with the pods of a namespace."""

    policy: Policy
    default: str | None = None
    """The profile for namespaces without the label; None if there is none."""
