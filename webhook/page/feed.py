"""What the serving process tells the page process. webhook/service/feed.py writes it."""

from typing import Any

from msgspec import Struct, json

#: The largest message, in bytes.
MOST_BYTES = 256 * 1024


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


class Hello(Struct, frozen=True):
    """The first message."""

    version: str
    policy: PolicyOfService
    service: ReviewAddress
    started: float
    """When the serving process started, in seconds since 1970."""


#: The number of a decision from 1 on, when it was made in seconds since 1970, namespace, application, role, mode,
#: outcome, reason, and how long it took in microseconds.
Row = tuple[int, float, str, str, str, str, str, str, int]


class Tick(Struct, frozen=True, rename="camel"):
    """Each further message, about once a second."""

    now: float
    certificate_not_after: float | None
    admitted: list[tuple[str, str, int]]
    """Mode, outcome, and how many admissions had them since the start."""
    warnings: dict[str, int]
    """How many warnings of each reason there were since the start."""
    seq: int
    """How many decisions there were since the start."""
    decisions: list[Row]
    """The newest ones since the tick before, oldest first."""


read_hello = json.Decoder(Hello).decode
read_tick = json.Decoder(Tick).decode
