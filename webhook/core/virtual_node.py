"""The virtual node as the policy file describes it: how it is recognised, what it cannot run, what it reads."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from webhook.core import names
from webhook.core.schema import LabelValue, PolicyModel, QualifiedName, fault


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
    """The label by which virtual nodes are known."""

    key: QualifiedName = names.VIRTUAL_NODE_LABEL[0]
    """Key of the label."""
    value: LabelValue = names.VIRTUAL_NODE_LABEL[1]
    """Its value on virtual nodes."""


def _not_null(value: object) -> object:
    if value is None:
        raise fault("found null; accepted: a label value, or no such key for any value")
    return value


class Taint(PolicyModel):
    """A taint that keeps pods off the virtual node."""

    key: QualifiedName
    """Key of the taint."""
    value: Annotated[LabelValue | None, BeforeValidator(_not_null)] = Field(default_factory=lambda: None)
    """Its value; left out, any value is tolerated (operator Exists)."""
    effect: TaintEffect = TaintEffect.NO_SCHEDULE
    """Its effect."""


class ImageCacheKeys(PolicyModel):
    """Keys of the pod annotations for image caches."""

    auto: QualifiedName = names.IMAGE_CACHE_AUTO
    """Annotation whose value "true" makes and matches image caches automatically."""
    snapshot: QualifiedName = names.IMAGE_CACHE_SNAPSHOT
    """Annotation whose value is the id of one image cache."""


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise fault("an entry stands here twice; accepted: each at most once")
    return values


class VirtualNode(PolicyModel):
    """The virtual node; the defaults are those of ACK."""

    label: NodeLabel = NodeLabel()
    """The label by which virtual nodes are known."""
    taints: Annotated[tuple[Taint, ...], Field(min_length=1), AfterValidator(_unique)] = (
        Taint(key=names.VIRTUAL_NODE_TAINT[0], value=names.VIRTUAL_NODE_TAINT[1]),
    )
    """The taints that keep pods off them; the first is what tells a virtual node."""
    unsupported: Annotated[tuple[Unsupported, ...], AfterValidator(_unique)] = (
        Unsupported.HOST_PATH,
        Unsupported.HOST_NETWORK,
    )
    """What they cannot run: a pod that needs it stays on ECS."""
    outranked_by: Annotated[tuple[QualifiedName, ...], AfterValidator(_unique)] = (names.ECI_LABEL, names.ACS_LABEL)
    """Pod labels that win over affinity: a pod that has one is warned about."""
    image_cache: ImageCacheKeys = ImageCacheKeys()
    """Keys of the annotations for image caches."""
