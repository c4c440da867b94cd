"""What a document comes to: an application, and its pods as they are created."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from webhook.core import names
from webhook.spark.manifest import JSON


@dataclass(frozen=True, slots=True)
class SparkPod:
    """One pod, or one that stands for all executors of an application."""

    title: str
    """What it is: `driver`, `executor`, `connect-server`; for a pod that was given as such, `pod`."""
    created: JSON
    """The pod as it is created, with the API server's defaults, before any webhook is asked."""
    count: str = ""
    """How many there will be of it, in words; empty where there is nothing to say."""
    operator: Callable[[JSON], JSON] | None = None
    """What the operator's own webhook makes of the pod, whatever was done to it before; None where it has no part."""
    review: JSON | None = None
    """The AdmissionReview that the pod came in, if it came in one."""

    def numbered(self, number: int, count: str) -> "SparkPod":
        """The executor of this `number` in place of the first; `count` says in words how many are like it."""
        metadata = self.created["metadata"]
        labels = metadata["labels"] | {names.SPARK_EXEC_ID: str(number)}
        name = f"{metadata['name'].rpartition('-')[0]}-{number}"
        return replace(
            self, created=self.created | {"metadata": metadata | {"name": name, "labels": labels}}, count=count
        )

    @property
    def seen(self) -> JSON:
        """The pod as our webhook sees it, called after the operator's."""
        return self.created if self.operator is None else self.operator(self.created)


@dataclass(frozen=True, slots=True)
class Workload:
    """One Kubernetes object and the pods that come of it."""

    kind: str
    namespace: str
    name: str
    pods: tuple[SparkPod, ...]
    notes: tuple[str, ...] = ()
    """What else is worth knowing of it, a sentence each."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, whose label names the profile of its pods."""

    name: str
    labels: dict[str, str]
