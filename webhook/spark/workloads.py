"""A document's workload: an application and its pods as they are created."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec

from webhook.core import names
from webhook.core.executor_number import executor_number
from webhook.core.pod import ObjectMeta
from webhook.core.text import cut, one_line
from webhook.spark.manifest import JSON
from webhook.spark.stateful_set import another_pod

#: A field of an application, such as `spec.driver.labels["a b"]`.
_FIELD: Final = re.compile(r'(?:spec|metadata)\.(?:[^\s":]|"[^"]*")+')
#: The most characters of a note, or of a sentence about a refusal.
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class SparkPod:
    """One pod, or one executor or worker that represents all of an application or cluster."""

    title: str
    """`driver`, `executor`, `connect-server`, `master` or `worker`; `pod` if the document was a pod."""
    created: JSON
    """The pod as it is created, with the API server's defaults, before any webhook is called."""
    count: str = ""
    """The number of such pods, in words; empty if unknown or one."""
    operator: Callable[[JSON], JSON] | None = None
    """Applies the operator's webhook to the pod; None if that webhook does not change it."""
    review: JSON | None = None
    """The AdmissionReview that contained the pod, if there was one."""

    @property
    def number(self) -> int | None:
        """The number of the executor; None if it has none."""
        return executor_number(msgspec.convert(self.created["metadata"], ObjectMeta))

    def numbered(self, number: int, count: str) -> "SparkPod":
        """The executor with this `number`; `count` says in words how many executors it represents."""
        metadata = self.created["metadata"]
        if metadata.get("ownerReferences"):
            return replace(self, created=another_pod(self.created, number - 1), count=count)
        labels = metadata["labels"] | {names.SPARK_EXEC_ID: str(number)}
        changed = metadata | {"name": f"{metadata['name'].rpartition('-')[0]}-{number}", "labels": labels}
        return replace(self, created=self.created | {"metadata": changed}, count=count)

    @property
    def seen(self) -> JSON:
        """The pod as this project's webhook receives it, after the operator's webhook."""
        return self.created if self.operator is None else self.operator(self.created)


class Refuser(StrEnum):
    """Who refuses an application, or never makes its pods."""

    API_SERVER = "api-server"
    """By the schema of the resource, or by a rule of Kubernetes itself."""
    OPERATOR = "operator"
    """Its webhook refuses the application or a pod, or it fails before it submits."""
    SPARK_SUBMIT = "spark-submit"
    SPARK = "spark"
    """The driver never makes such pods, while it runs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why pods of a workload are never made."""

    by: Refuser
    role: str
    """The title of the pods that are never made; empty if it is all pods of the workload."""
    sentence: str
    """What is wrong, and where."""
    accepted: str
    """What is accepted instead."""


def refusal(by: Refuser, role: str, sentence: str, accepted: str) -> Refusal:
    """A refusal whose texts are on one line, and cut if they are too long."""
    return Refusal(by, str(role), shown(sentence), shown(accepted))


def shown(sentence: str) -> str:
    """`sentence` on one line, and cut if it is too long."""
    return cut(one_line(sentence), _LONGEST)


def told_once(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """`refusals` without those about a field that an earlier one is about: who comes later never sees it."""
    found: dict[str, Refusal] = {}
    for one in refusals:
        found.setdefault(_field(one.sentence), one)
    return tuple(found.values())


def _field(sentence: str) -> str:
    """The field with which a sentence begins, or the whole sentence."""
    start = _FIELD.match(sentence)
    return start[0] if start else sentence


@dataclass(frozen=True, slots=True)
class Workload:
    """One Kubernetes object and its pods."""

    kind: str
    namespace: str
    name: str
    pods: tuple[SparkPod, ...]
    notes: tuple[str, ...] = ()
    """Further facts, one sentence each."""
    refused: tuple[Refusal, ...] = ()
    """Why some or all of the pods are never made; empty if all are."""
    operator: str = ""
    """The operator that makes the pods, with its version if it is known; empty if none does."""
    group: str = ""
    """The API group of the object, if it is not Kubernetes' own."""
    moved_to: str = ""
    """The namespace in which Spark makes the pods; empty if nothing but that of the object is possible."""
    indexes: tuple[int, ...] = ()
    """Where the object stands in the lists of its document, from the outermost on; empty if it is the document."""

    @property
    def pod_namespace(self) -> str:
        """The namespace of the pods."""
        return self.moved_to or self.namespace

    def refusals_of(self, pod: SparkPod) -> tuple[Refusal, ...]:
        """Why `pod`, one of the pods above, is never made; empty if it is."""
        return tuple(one for one in self.refused if one.role in ("", pod.title))


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace. Its label names the profile of its pods."""

    name: str
    labels: dict[str, str]
    profiles: tuple[str, ...] = ()
    """The profiles that several objects of its name have; more than one if they disagree, as in several clusters."""
