"""Which applications a rollout applies to, and which share of a mix an executor takes. Deterministic and stateless."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import lcm
from typing import Final

#: Shares are percentages.
WHOLE: Final = 100

#: The Spark Operator names each run of a ScheduledSparkApplication after it, and appends the time in minutes, seconds,
#: milliseconds, microseconds or nanoseconds. `spark-application-` and a time is Spark's own id of one application.
_RUN: Final = re.compile(r"(?<!^spark-application)-(?:\d{8}|\d{10}|\d{13}|\d{16}|\d{19})$")
_LONGEST_RUN: Final = 20


def application(labels: Mapping[str, str], keys: Iterable[str]) -> str:
    """The application that a pod with `labels` belongs to, by the first of `keys` that names it; empty if none does."""
    for key in keys:
        if labels.get(key):
            return labels[key]
    return ""


def in_rollout(namespace: str, name: str, percent: int) -> bool:
    """Whether a rollout to `percent` of all applications applies to the application `name` of `namespace`.

    The result depends only on the two names. So it is the same for the driver and its executors, and for all runs of a
    scheduled application, and raising `percent` only adds applications.
    """
    # A label can be megabytes long: the API server checks its length only after the review.
    run = _RUN.search(name, max(0, len(name) - _LONGEST_RUN))
    whole = name if run is None else name[: run.start()]
    key = b"/".join(one.encode(errors="surrogatepass") for one in (namespace, whole))
    return int.from_bytes(blake2b(key, digest_size=8).digest()) % WHOLE < percent


def apportion(shares: Sequence[int]) -> tuple[int, ...]:
    """For each of the first 100 executors, the index of the share that it takes; after that the sequence repeats.

    `shares` are percentages that add up to 100. After any number of executors, the size of each share differs from its
    percentage by less than one executor: R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980).
    To always take the share that is furthest behind would not ensure this.
    """
    if len(shares) == 1:
        return (0,) * WHOLE
    # Integers in place of fractions: all weights are multiplied by WHOLE and by this.
    unit = 2 * len(shares) - 2
    multiple = lcm(*shares)
    given = [0] * len(shares)
    sequence = []
    for count in range(1, WHOLE + 1):
        due = [index for index, share in enumerate(shares) if (share * count - WHOLE * given[index]) * unit >= WHOLE]
        # Of those that may be served now, the one that has to be served first.
        chosen = min(due, key=lambda index: (unit - 1 + unit * given[index]) * (multiple // shares[index]))
        given[chosen] += 1
        sequence.append(chosen)
    return tuple(sequence)
