"""Shares: which applications a rollout acts on, and which executor takes which mode of a mix. No dice, no memory."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import Final

from webhook.core import names

#: Shares are in hundredths.
WHOLE: Final = 100

#: Labels that tell the application, the most telling first.
APPLICATION_LABELS: Final = (names.APP_NAME, names.CONNECT_NAME, names.SPARK_APP_NAME, names.SPARK_APP_SELECTOR)

#: The Spark Operator names each run of a ScheduledSparkApplication after it, with the time in minutes, seconds,
#: milliseconds, microseconds or nanoseconds behind.
_RUN: Final = re.compile(r"-(?:\d{8}|\d{10}|\d{13}|\d{16}|\d{19})$")


def application(labels: Mapping[str, str]) -> str:
    """The application that a pod with `labels` belongs to; empty where no label tells."""
    for key in APPLICATION_LABELS:
        if labels.get(key):
            return labels[key]
    return ""


def in_rollout(namespace: str, name: str, percent: int) -> bool:
    """Whether the application `name` of `namespace` is among the first `percent` hundredths of all.

    Depends on the two names alone: the driver and its executors agree, each run of a scheduled application goes the way
    of the others, and raising `percent` only adds applications.
    """
    key = f"{namespace}/{_RUN.sub('', name)}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(key, digest_size=8).digest()) % WHOLE < percent


def apportion(shares: Sequence[int]) -> tuple[int, ...]:
    """For each of the first 100 executors the index of the share it falls to; then the sequence begins again.

    `shares` are hundredths that add up to 100. After any number of executors each share is met within less than one
    executor: R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980). Always taking the share
    that is furthest behind is not enough.
    """
    if len(shares) == 1:
        return (0,) * WHOLE
    weights = [Fraction(share, WHOLE) for share in shares]
    slack = Fraction(1, 2 * len(shares) - 2)
    given = [0] * len(shares)
    sequence = []
    for count in range(1, WHOLE + 1):
        due = [index for index, weight in enumerate(weights) if weight * count - given[index] >= slack]
        # Of those that may be served now, the one that has to be served first.
        chosen = min(due, key=lambda index: (1 - slack + given[index]) / weights[index])
        given[chosen] += 1
        sequence.append(chosen)
    return tuple(sequence)
