"""Whether a toleration tolerates a taint (Kubernetes: Taints and Tolerations)."""

from webhook.core.pod import Toleration
from webhook.core.virtual_node import Taint


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether `toleration` tolerates `taint`: every value of it if the taint's value is None.

    The effect is equal or empty; the key is equal, or empty with operator Exists; the operator is Exists, or Equal (the
    default) with an equal value. Numeric operators (Lt, Gt) never tolerate a taint whose value is not a number.
    """
    return _concerns(toleration, taint) and (
        toleration.operator == "Exists" or (_equal(toleration) and (toleration.value or "") == taint.value)
    )


def may_tolerate(toleration: Toleration, taint: Taint) -> bool:
    """Whether `toleration` tolerates `taint`: at least one value of it if the taint's value is None."""
    return tolerates(toleration, taint) or (taint.value is None and _concerns(toleration, taint) and _equal(toleration))


def _concerns(toleration: Toleration, taint: Taint) -> bool:
    return (not toleration.effect or toleration.effect == taint.effect) and (
        toleration.key == taint.key or (not toleration.key and toleration.operator == "Exists")
    )


def _equal(toleration: Toleration) -> bool:
    return not toleration.operator or toleration.operator == "Equal"
