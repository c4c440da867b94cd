"""The number of an executor, by Spark or by its StatefulSet: `first` and a mix go by it."""

from typing import Final

from webhook.core import names
from webhook.core.pod import ObjectMeta

#: The most owners of a pod that are looked at. A pod with more is too large to be placed.
MOST_OWNERS: Final = 1_000
#: Digits of the largest number that is looked at; Spark's is an int.
_DIGITS: Final = 18
_STATEFUL_SET: Final = "StatefulSet"


def executor_number(metadata: ObjectMeta) -> int | None:
    """The number of the executor with `metadata`, from 1 on; None if it has none.

    Spark numbers executors by a label. One that belongs to a StatefulSet has an ordinal instead, from 0 on: in a label
    from Kubernetes 1.28 on, and always at the end of its name (Kubernetes: StatefulSets, pod identity).
    """
    labels = metadata.labels or {}
    number = _number(labels.get(names.SPARK_EXEC_ID, ""))
    if number is not None:
        return number
    ordinal = _number(labels.get(names.POD_INDEX, ""))
    if ordinal is None:
        ordinal = _ordinal(metadata)
    return None if ordinal is None else ordinal + 1


def _ordinal(metadata: ObjectMeta) -> int | None:
    name, owners = metadata.name or "", metadata.owner_references or ()
    for owner in owners if len(owners) <= MOST_OWNERS else ():
        if owner.kind == _STATEFUL_SET:
            start, _, ordinal = name.rpartition("-")
            return _number(ordinal) if start == owner.name else None
    return None


def _number(text: str) -> int | None:
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdigit() else None
