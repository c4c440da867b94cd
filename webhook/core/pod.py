"""The fields of a pod that deciding and patching read.

Each field has the name and meaning of the Kubernetes API reference (Pod v1 core). Unread fields are skipped without
being built, so a large pod costs little more than its scan. `None` means absent or `null`, which are the
same to the API server.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class View(Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """A view is immutable, holds no cycles, and is encoded without what is absent."""


class Toleration(View, frozen=True):
    """Toleration v1 core."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: Int64 | None = None


class NodeSelectorRequirement(View, frozen=True):
    """NodeSelectorRequirement v1 core: in `matchExpressions` the key is a node's label."""

    key: str
    operator: str
    values: list[str] | None = None


class NodeSelectorTerm(View, frozen=True):
    """NodeSelectorTerm v1 core: its requirements are ANDed; a term without any matches no node."""

    match_expressions: list[NodeSelectorRequirement] | None = None
    match_fields: list[NodeSelectorRequirement] | None = None

    @property
    def empty(self) -> bool:
        """Whether the term has no requirement at all, and so matches no node."""
        return not self.match_expressions and not self.match_fields


class NodeSelector(View, frozen=True):
    """NodeSelector v1 core: its terms are ORed."""

    node_selector_terms: list[NodeSelectorTerm] | None = None


class PreferredSchedulingTerm(View, frozen=True):
    """PreferredSchedulingTerm v1 core."""

    weight: Int32
    preference: NodeSelectorTerm


class NodeAffinity(View, frozen=True):
    """NodeAffinity v1 core."""

    required: NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[PreferredSchedulingTerm] | None = field(
        default=None,
        name="preferredDuringSchedulingIgnoredDuringExecution",
    )


class Affinity(View, frozen=True):
    """Affinity v1 core without pod affinity, which is never changed."""

    node_affinity: NodeAffinity | None = None


class SecurityContext(View, frozen=True):
    """SecurityContext v1 core."""

    privileged: bool | None = None


class Container(View, frozen=True):
    """Container v1 core."""

    name: str | None = None
    image: str | None = None
    security_context: SecurityContext | None = None


class HostPath(View, frozen=True):
    """HostPathVolumeSource v1 core: only its presence counts."""


class Volume(View, frozen=True):
    """Volume v1 core."""

    name: str | None = None
    host_path: HostPath | None = None


class PodSpec(View, frozen=True):
    """PodSpec v1 core."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    node_selector: dict[str, str] | None = None
    node_name: str | None = None
    scheduler_name: str | None = None
    host_network: bool | None = None


class OwnerReference(View, frozen=True):
    """OwnerReference v1 meta."""

    kind: str | None = None
    name: str | None = None


class ObjectMeta(View, frozen=True):
    """ObjectMeta v1 meta."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class Pod(View, frozen=True):
    """Pod v1 core."""

    metadata: ObjectMeta
    spec: PodSpec
