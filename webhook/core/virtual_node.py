"""The virtual node in the policy file: how to recognise it, what it cannot run, and which annotations it reads."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from webhook.core import names
from webhook.core.schema import MOST_ENTRIES, LabelValue, PolicyModel, QualifiedName, not_null, unique

#: The value with which a label of outrankedBy has no effect.
_WITHOUT_EFFECT: Final = "false"


def outranking(labels: Mapping[str, str], outranked_by: Iterable[str]) -> list[str]:
    """The keys of `labels` that win over affinity: those of `outranked_by`, unless their value is "false"."""
    return [key for key in outranked_by if labels.get(key, _WITHOUT_EFFECT) != _WITHOUT_EFFECT]


class TaintEffect(StrEnum):
    """Effect of a taint (Kubernetes: Taints and Tolerations)."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Unsupported(StrEnum):
    """A feature of pods that the virtual node cannot run."""

    HOST_PATH = "hostPath"
    HOST_NETWORK = "hostNetwork"
    PRIVILEGED = "privileged"


class NodeLabel(PolicyModel):
    """The label that all virtual nodes have."""

    key: QualifiedName = names.VIRTUAL_NODE_LABEL[0]
    """Key of the label."""
    value: LabelValue = names.VIRTUAL_NODE_LABEL[1]
    """Value of the label on virtual nodes."""


class Taint(PolicyModel):
    """A taint that keeps pods off the virtual node."""

    key: QualifiedName
    """Key of the taint."""
    value: Annotated[LabelValue | None, BeforeValidator(not_null)] = Field(default_factory=lambda: None)
    """Value of the taint. If it is left out, any value is tolerated (operator Exists)."""
    effect: TaintEffect = TaintEffect.NO_SCHEDULE
    """Effect of the taint."""


class ImageCacheKeys(PolicyModel):
    """Keys of the pod annotations for image caches."""

    auto: QualifiedName = names.IMAGE_CACHE_AUTO
    """Annotation whose value "true" makes and matches image caches automatically."""
    snapshot: QualifiedName = names.IMAGE_CACHE_SNAPSHOT
    """Annotation whose value is the id of one image cache."""


class VirtualNode(PolicyModel):
    """The virtual node. The defaults are those of ACK."""

    label: NodeLabel = NodeLabel()
    """The label that all virtual nodes have."""
    taints: Annotated[tuple[Taint, ...], Field(min_length=1, max_length=MOST_ENTRIES), AfterValidator(unique)] = (
        Taint(key=names.VIRTUAL_NODE_TAINT[0], value=names.VIRTUAL_NODE_TAINT[1]),
    )
    """The taints that keep pods off virtual nodes. A node with the first one is taken for a virtual node."""
    unsupported: Annotated[tuple[Unsupported, ...], AfterValidator(unique)] = (
        Unsupported.HOST_PATH,
        Unsupported.HOST_NETWORK,
    )
    """What virtual nodes cannot run. A pod that needs it stays on ECS."""
    outranked_by: Annotated[tuple[QualifiedName, ...], Field(max_length=MOST_ENTRIES), AfterValidator(unique)] = (
        names.ECI_LABEL,
        names.ACS_LABEL,
    )
    """Pod labels that win over affinity. A pod with one of them gets a warning."""
    image_cache: ImageCacheKeys = ImageCacheKeys()
    """Keys of the annotations for image caches."""

    def outranking(self, labels: Mapping[str, str]) -> list[str]:
        """The keys of `labels` that win over affinity."""
        return outranking(labels, self.outranked_by)
