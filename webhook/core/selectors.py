"""The kinds of Spark pods that a policy may select. Each is one entry: all that follows from it is read off its entry.

Sources: the labels in core/names.py, and apache/spark-kubernetes-operator for the pods of a SparkCluster.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self

from msgspec import Struct

from webhook.core import names

#: Labels that a pod must have: each with its value, or with None for any value.
RequiredLabels = tuple[tuple[str, str | None], ...]


class Role(StrEnum):
    """The role whose rule applies to a pod."""

    DRIVER = "driver"
    EXECUTOR = "executor"


#: The roles of pods, as the label `spark-role` names them, each with the one whose rule applies.
Roles = Mapping[str, Role]

_APPLICATION: Final = {"driver": Role.DRIVER, "executor": Role.EXECUTOR}
_CONNECT: Final = {"driver": Role.DRIVER, "connect-server": Role.DRIVER, "executor": Role.EXECUTOR}
_CLUSTER: Final = {"master": Role.DRIVER, "worker": Role.EXECUTOR}


class Alternative(StrEnum):
    """A kind of Spark pod that a policy may select. A pod is selected if one of the alternatives selects it."""

    #   value, labels, roles, labels that name the application, labels of its own, label of a submission, sentence
    KUBEFLOW = (
        "kubeflow",
        ((names.LAUNCHED_BY_OPERATOR, "true"),),
        _CONNECT,
        (names.APP_NAME, names.CONNECT_NAME),
        (names.LAUNCHED_BY_OPERATOR, names.APP_NAME, names.CONNECT_NAME, names.SUBMISSION_ID),
        names.SUBMISSION_ID,
        "Pods that the Spark Operator of Kubeflow launched.",
    )
    APACHE = (
        "apache",
        ((names.APACHE_APP_NAME, None),),
        _APPLICATION,
        (names.APACHE_APP_NAME,),
        (names.APACHE_APP_NAME, names.APACHE_OPERATOR_NAME),
        names.SPARK_APP_SELECTOR,
        "Drivers and executors of Apache's Spark Kubernetes Operator.",
    )
    # The name of an application is that of its submission in the driver, but that of the program in executors.
    SPARK = (
        "spark",
        ((names.SPARK_APP_SELECTOR, None),),
        _APPLICATION,
        (names.SPARK_APP_SELECTOR,),
        (names.SPARK_APP_SELECTOR, names.SPARK_APP_NAME),
        names.SPARK_APP_SELECTOR,
        "All drivers and executors that Spark made: also those of spark-submit, and executors in client mode.",
    )
    CLUSTER = (
        "cluster",
        ((names.CLUSTER_NAME, None),),
        _CLUSTER,
        (names.CLUSTER_NAME,),
        (names.CLUSTER_NAME,),
        names.CLUSTER_NAME,
        "Masters and workers of a SparkCluster of Apache's operator.",
    )

    labels: RequiredLabels
    """The labels that such a pod has, beside its role."""
    roles: Roles
    """The roles that such pods have."""
    application: tuple[str, ...]
    """The labels that name the application of such a pod. A driver and its executors have them alike."""
    own: tuple[str, ...]
    """The labels that such pods have, and that pods of other kinds have only if they are also of this kind."""
    submission: str
    """The label by which the pods of one submission, or of one cluster, are told from others."""
    sentence: str
    """Which pods these are, for people."""

    def __new__(cls, value: str, *row: Any) -> Self:  # noqa: D102, the fields are explained above
        member = str.__new__(cls, value)
        member._value_ = value
        member.labels, member.roles, member.application, member.own, member.submission, member.sentence = row
        return member

    @property
    def made_by_spark(self) -> bool:
        """Whether Spark makes the executors, which gives the pods its own labels, too."""
        return "executor" in self.roles

    def may_have(self, key: str) -> bool:
        """Whether pods of this kind may have the label `key`."""
        owners = [one for one in Alternative if key in one.own]
        return not owners or any(self is one or self._may_also_be(one) for one in owners)

    def always_has(self, key: str) -> bool:
        """Whether pods of this kind have the label `key`, if it is a label of any kind."""
        owners = [one for one in Alternative if key in one.own]
        of_spark = self.made_by_spark and Alternative.SPARK in owners
        return not owners or self in owners or of_spark

    def _may_also_be(self, other: "Alternative") -> bool:
        """Whether a pod of this kind may be of the kind `other`, too: pods of both operators are Spark's."""
        return self.made_by_spark and other.made_by_spark and Alternative.SPARK in (self, other)


#: The roles that `matchLabels` selects as one of several alternatives.
ALL_ROLES: Final[Roles] = {name: role for one in Alternative for name, role in one.roles.items()}
#: The roles that `matchLabels` selects by itself.
OPERATOR_ROLES: Final = Alternative.KUBEFLOW.roles
#: The labels that name the application of a pod, whichever alternative selects it. The first one that a pod has counts.
#: They do not depend on the alternative, because one may select a driver and another one its executors.
APPLICATION_LABELS: Final = (
    *(key for one in Alternative for key in one.application),
    names.SPARK_APP_NAME,
)
#: The same for the policies that need no `anyOf`: `[kubeflow]` and `matchLabels`.
OLD_APPLICATION_LABELS: Final = (
    *Alternative.KUBEFLOW.application,
    names.SPARK_APP_NAME,
    names.SPARK_APP_SELECTOR,
)


class PodSelector(Struct, frozen=True, gc=False):
    """One alternative of a policy, made ready."""

    labels: RequiredLabels
    roles: Roles

    def unmet(self, labels: Mapping[str, str]) -> "Unmet | None":
        """The first label because of which a pod with `labels` is not selected; None if it is."""
        for key, value in self.labels:
            found = labels.get(key)
            if found is None or (value is not None and found != value):
                return Unmet(key, () if value is None else (value,), found)
        role = labels.get(names.SPARK_ROLE)
        return None if role in self.roles else Unmet(names.SPARK_ROLE, tuple(self.roles), role)


class Unmet(Struct, frozen=True):
    """A label because of which a pod is not selected."""

    key: str
    accepted: tuple[str, ...]
    """The values that are accepted; empty for any value."""
    found: str | None
    """Its value; None if the pod has no such label."""
