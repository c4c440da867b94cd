"""What the controller reads of a pod: the part that decides about it, and what the scheduler says of it.

Each field has the name and meaning of the Kubernetes API reference (Pod v1 core). Other fields are skipped.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from webhook.core import names
from webhook.core.pod import ObjectMeta, Pod, PodSpec, View

_SCHEDULED: Final = "PodScheduled"
_UNSCHEDULABLE: Final = "Unschedulable"
_PENDING: Final = "Pending"


class PodMetadata(ObjectMeta, frozen=True):
    """ObjectMeta v1 meta of a stored pod."""

    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class SchedulingGate(View, frozen=True):
    """PodSchedulingGate v1 core: only its presence counts."""


class StoredSpec(PodSpec, frozen=True):
    """PodSpec v1 core of a stored pod."""

    scheduling_gates: list[SchedulingGate] | None = None


class PodCondition(View, frozen=True):
    """PodCondition v1 core."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    last_transition_time: str | None = None


class PodStatus(View, frozen=True):
    """PodStatus v1 core."""

    phase: str | None = None
    nominated_node_name: str | None = None
    conditions: list[PodCondition] | None = None


class Scheduling(StrEnum):
    """What is known of a pod's way through the scheduler."""

    NEW = "new"
    """No scheduler has said anything of it."""
    UNSCHEDULABLE = "unschedulable"
    """A scheduler found no node for it."""
    OTHER = "other"
    """It waits for something else, for example for a scheduling gate to be lifted."""


class StoredPod(Pod, frozen=True):
    """Pod v1 core as the API server stores it."""

    metadata: PodMetadata
    spec: StoredSpec
    status: PodStatus = field(default_factory=PodStatus)

    @property
    def scheduling(self) -> Scheduling:
        """What is known of its way through the scheduler."""
        condition = self._condition
        if self.spec.scheduling_gates:
            return Scheduling.OTHER
        if condition is None:
            return Scheduling.NEW
        return Scheduling.UNSCHEDULABLE if condition.reason == _UNSCHEDULABLE else Scheduling.OTHER

    @property
    def transition(self) -> datetime | None:
        """When the scheduler's condition last changed its status, in whole seconds; None if that is not known.

        It did not before the pod was created, whatever the condition says.
        """
        condition = self._condition
        said = None if condition is None else _moment(condition.last_transition_time)
        created = _moment(self.metadata.creation_timestamp)
        return said if said is None or created is None else max(said, created)

    @property
    def is_waiting(self) -> bool:
        """Whether it has the label of pods that wait, and has no node yet."""
        labels = self.metadata.labels or {}
        unbound = not self.spec.node_name and self.status.phase in (None, _PENDING)
        return unbound and labels.get(names.OVERFLOW_LABEL) == names.WAITING

    @property
    def is_held(self) -> bool:
        """Whether it is being deleted, has ended, or waits for pods to make room on a node that is chosen already."""
        ended = self.status.phase not in (None, _PENDING)
        return ended or self.metadata.deletion_timestamp is not None or bool(self.status.nominated_node_name)

    @property
    def _condition(self) -> PodCondition | None:
        """The condition that says that no node was found; None if there is none."""
        for one in self.status.conditions or ():
            if one.type == _SCHEDULED:
                return one if one.status == "False" else None
        return None


def _moment(written: str | None) -> datetime | None:
    """A Time v1 meta; None if there is none."""
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        # The API server accepts years that Python does not know.
        return None
    return found if found.tzinfo else None


class ListMetadata(View, frozen=True):
    """ListMeta v1 meta."""

    resource_version: str = ""
    following: str | None = field(default=None, name="continue")


class PodList(View, frozen=True):
    """PodList v1 core."""

    metadata: ListMetadata
    items: list[StoredPod] | None = None


class Named(View, frozen=True):
    """PartialObjectMetadata v1 meta: an object without its content."""

    metadata: PodMetadata


class NamedList(View, frozen=True):
    """PartialObjectMetadataList v1 meta."""

    metadata: ListMetadata
    items: list[Named] | None = None


class WatchEvent(Struct, frozen=True):
    """The start of a WatchEvent v1 meta."""

    type: str


class Status(View, frozen=True):
    """Status v1 meta."""

    code: int = 0
    message: str = ""


class PodEvent(WatchEvent, frozen=True):
    """WatchEvent v1 meta about a pod."""

    object: StoredPod


class NamedEvent(WatchEvent, frozen=True):
    """WatchEvent v1 meta about the metadata of an object, or a bookmark."""

    object: Named


class ErrorEvent(WatchEvent, frozen=True):
    """WatchEvent v1 meta that ends a watch with an error."""

    object: Status


read_pod: Final = Decoder(StoredPod).decode
