"""The versions of the Spark Operator and of Spark for which pods are derived."""

import re
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
_NUMBERS: Final = re.compile("v?([0-9]{1,4})[.]?([0-9]{1,4})?")
#: A semantic version as the operator reads it.
_SEMANTIC: Final = re.compile(
    r"v?(?P<major>0|[1-9][0-9]{0,8})"
    r"(\.(?P<minor>0|[1-9][0-9]{0,8})(\.(?P<patch>0|[1-9][0-9]{0,8})"
    r"(?P<preview>-[-.0-9A-Za-z]+)?(\+[-.0-9A-Za-z]+)?)?)?"
)
_OLDEST_WITH_TEMPLATES: Final = (3, 0, 0, True)
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


def spark_release(version: str) -> tuple[int, int]:
    """The major and minor number of a version of Spark; those of the newest if `version` is not a number."""
    found = _NUMBERS.match(version) or _NUMBERS.match(NEWEST_SPARK)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def too_old_for_templates(version: str | None) -> bool:
    """Whether the operator takes a version of Spark for older than 3.0.0: also one that it cannot read, and none."""
    found = _SEMANTIC.fullmatch(version or "")
    if found is None:
        return True
    major, minor, patch = (int(found[one] or 0) for one in ("major", "minor", "patch"))
    # A release comes after its previews.
    return (major, minor, patch, found["preview"] is None) < _OLDEST_WITH_TEMPLATES


def operator_version(text: str) -> OperatorVersion:
    """The release that `text` names; `2.N` means its newest patch. Raises ValueError with a sentence."""
    for one in reversed(OPERATORS):
        if text in (str(one), f"{one.major}.{one.minor}"):
            return one
    minors = dict.fromkeys(f"{one.major}.{one.minor}" for one in OPERATORS)
    raise ValueError(
        f'unknown version "{text}" of the Spark Operator; accepted: {", ".join(minors)}, or a patch of them'
    )
