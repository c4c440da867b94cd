"""The versions of the Spark Operator and of Spark for which pods are derived."""

from dataclasses import dataclass
from typing import Final, NamedTuple


class OperatorVersion(NamedTuple):
    """A release of the Spark Operator. Releases compare as numbers do."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self))


#: The releases that are known, in order.
OPERATORS: Final = (
    OperatorVersion(2, 1, 0),
    OperatorVersion(2, 1, 1),
    OperatorVersion(2, 2, 0),
    OperatorVersion(2, 2, 1),
    OperatorVersion(2, 3, 0),
    OperatorVersion(2, 4, 0),
    OperatorVersion(2, 5, 0),
    OperatorVersion(2, 5, 1),
    OperatorVersion(2, 5, 2),
)
#: The Spark that is assumed if neither the user nor the application names one.
NEWEST_SPARK: Final = "4.3.0"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions that make the pods."""

    operator: OperatorVersion = OPERATORS[-1]
    spark: str | None = None
    """Overrides what an application names; None if the application decides."""

    def spark_of(self, named: str | None) -> str:
        """The version of Spark for an application that names the version `named`, or none."""
        return self.spark or named or NEWEST_SPARK


def operator_version(text: str) -> OperatorVersion:
    """The release that `text` names; `2.N` means its newest patch. Raises ValueError with a sentence."""
    for one in reversed(OPERATORS):
        if text in (str(one), f"{one.major}.{one.minor}"):
            return one
    minors = dict.fromkeys(f"{one.major}.{one.minor}" for one in OPERATORS)
    raise ValueError(
        f'unknown version "{text}" of the Spark Operator; accepted: {", ".join(minors)}, or a patch of them'
    )
