"""What the serving process tells the page process: a greeting at its start, then a tick each second, both as JSON."""

from typing import Any, Final

from msgspec import Struct, json

#: Bytes. A socket holds one tick of this size, and the page process reads no larger one.
MOST_BYTES: Final = 96 * 1024


class PolicyOfService(Struct, frozen=True):
    """The policy in use."""

    digest: str
    document: Any
    """As JSON: only what the policy file sets."""


class ReviewAddress(Struct, frozen=True, rename="camel"):
    """Where the service answers reviews."""

    url: str
    ca: str
    """The file of the CA that its clients trust."""
    in_cluster: bool


class Greeting(Struct, frozen=True):
    """The greeting."""

    version: str
    policy: PolicyOfService
    service: ReviewAddress
    started: float
    """When the serving process started, in seconds since 1970."""


#: The number of a decision from 1 on, when it was made in seconds since 1970, namespace, application, role, mode,
#: outcome, reason, and how long it took in microseconds.
Row = tuple[int, float, str, str, str, str, str, str, int]


class Tick(Struct, frozen=True, rename="camel"):
    """One of the messages that come once a second."""

    now: float
    """Seconds since 1970."""
    certificate_not_after: float | None
    """When the certificate expires, in seconds since 1970; None if there is none."""
    admitted: list[tuple[str, str, int]]
    """Mode, outcome, and how many admissions had them since the start."""
    warnings: dict[str, int]
    """How many warnings of each reason there were since the start."""
    seq: int
    """How many decisions there were since the start."""
    decisions: list[Row]
    """The newest ones since the tick before, oldest first."""


read_greeting: Final = json.Decoder(Greeting).decode
read_tick: Final = json.Decoder(Tick).decode
