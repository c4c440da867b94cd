"""Overflow in the policy file: how long pods wait before they are opened to ECI, and how many are opened at a time."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticKnownError

from webhook.core.schema import DELAY, PolicyModel, not_null

#: The greatest limit.
MOST_OPENED: Final = 1_000_000

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": DELAY})
    return value


def seconds(delay: str) -> int:
    """The seconds of `delay`, such as 60 for `1m`."""
    return int(delay[:-1]) * _UNITS[delay[-1]]


def in_seconds(delay: str) -> str:
    """`delay` in seconds, such as `60s` for `1m`."""
    return f"{seconds(delay)}s"


#: How long a pod waits. It is kept in seconds, so that equal delays are equal values.
Delay = Annotated[str, StringConstraints(pattern=DELAY), AfterValidator(in_seconds), BeforeValidator(_text)]


class Overflow(PolicyModel):
    """The overflow controller, which runs beside the service and opens pods of the mode ecs-then-eci to ECI."""


_Limit = Annotated[int | None, Field(ge=0, le=MOST_OPENED), BeforeValidator(not_null)]


class OverflowLimits(PolicyModel):
    """How many pods the overflow controller opens at most. Pods that have finished do not count."""

    max_per_application: _Limit = Field(default_factory=lambda: None)
    """How many pods of one application may be opened. If the key is left out, there is no limit."""
    max_per_namespace: _Limit = Field(default_factory=lambda: None)
    """How many pods of one namespace may be opened. If the key is left out, there is no limit."""
