"""Reading the pod of a large review: what exceeds a bound is found without being built.

Python values take many times the memory of their JSON. So the large fields of a pod are first skipped (msgspec.Raw).
Then each of them is built only if its size is known to be bounded.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final, TypeVar

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, defstruct, field, structs
from msgspec.json import Decoder

from webhook.core import names
from webhook.core.bounds import (
    ANNOTATIONS,
    CONTAINERS,
    INIT_CONTAINERS,
    LABELS,
    MOST_ADDED,
    MOST_ENTRIES,
    MOST_KEYS,
    MOST_VALUES,
    NODE_SELECTOR,
    OWNER_REFERENCES,
    TERMS,
    TOLERATIONS,
    VALUES,
    VOLUMES,
    Excess,
)
from webhook.core.pod import (
    Affinity,
    Container,
    NodeAffinity,
    NodeSelector,
    NodeSelectorTerm,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodSpec,
    PreferredSchedulingTerm,
    Toleration,
    Volume,
)
from webhook.core.selectors import APPLICATION_LABELS

#: A review of at most this many bytes is built without further ado: its values take less than 8 MiB.
SMALL: Final = 256 * 1024
#: So is a field of a larger review.
_SMALL_FIELD: Final = 64 * 1024

_ABSENT: Final = Raw(b"null")
#: The labels and annotations that decide about a pod, besides those of the policy's selector.
_LABELS: Final = (names.SPARK_ROLE, names.SPARK_EXEC_ID, names.POD_INDEX, *APPLICATION_LABELS)
_ANNOTATIONS: Final = (names.MODE_ANNOTATION, names.PLACEMENT_ANNOTATION)
#: The most entries of a list that are built. What the webhook adds does not count.
_MOST_BUILT: Final = MOST_ENTRIES + MOST_ADDED
#: The most strings of a node affinity within the bounds: six for each value that is the only one of its requirement,
#: and at most four for each term. The webhook adds a requirement to each term.
_MOST_STRINGS: Final = 6 * (MOST_VALUES + MOST_ENTRIES + 1) + 4 * (MOST_ENTRIES + 1)

_T = TypeVar("_T")


class _View(Struct, frozen=True, gc=False, rename="camel"):
    """A view of a part of a pod whose large fields are skipped."""


class _Metadata(_View, frozen=True):
    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: Raw = _ABSENT
    annotations: Raw = _ABSENT
    owner_references: Raw = _ABSENT


class _NodeSelector(_View, frozen=True):
    node_selector_terms: Raw = _ABSENT


class _NodeAffinity(_View, frozen=True):
    required: _NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: Raw = field(default=_ABSENT, name="preferredDuringSchedulingIgnoredDuringExecution")


class _Affinity(_View, frozen=True):
    node_affinity: _NodeAffinity | None = None


class _Spec(_View, frozen=True):
    containers: Raw = _ABSENT
    init_containers: Raw = _ABSENT
    volumes: Raw = _ABSENT
    affinity: _Affinity | None = None
    tolerations: Raw = _ABSENT
    node_selector: Raw = _ABSENT
    node_name: str | None = None
    scheduler_name: str | None = None
    host_network: bool | None = None


class PodOutline(_View, frozen=True):
    """A pod whose large fields are skipped."""

    metadata: _Metadata
    spec: _Spec


#: The first entries of an array. msgspec skips the others without building them.
_Entries = defstruct(
    "_Entries",
    [(f"entry{index}", Raw | UnsetType, UNSET) for index in range(_MOST_BUILT + 1)],
    array_like=True,
    frozen=True,
    gc=False,
)
_LAST: Final = f"entry{_MOST_BUILT}"

_entries: Final[Decoder[Any]] = Decoder(_Entries | None)
_map: Final[Decoder[dict[str, str] | None]] = Decoder(dict[str, str] | None)
_owners: Final[Decoder[list[OwnerReference] | None]] = Decoder(list[OwnerReference] | None)
_containers: Final[Decoder[list[Container] | None]] = Decoder(list[Container] | None)
_volumes: Final[Decoder[list[Volume] | None]] = Decoder(list[Volume] | None)
_tolerations: Final[Decoder[list[Toleration] | None]] = Decoder(list[Toleration] | None)
_terms: Final[Decoder[list[NodeSelectorTerm] | None]] = Decoder(list[NodeSelectorTerm] | None)
_preferred: Final[Decoder[list[PreferredSchedulingTerm] | None]] = Decoder(list[PreferredSchedulingTerm] | None)


def pod_of(outline: PodOutline, selector: Iterable[str]) -> tuple[Pod, Excess | None]:
    """The pod that `outline` is of, and what it has too much of; `selector` has the keys of the policy's selector.

    What is too much is left out of the pod. Only of the labels and annotations, those are kept that decide what happens
    to it. A bound may be exceeded unnoticed, but only so far that core/bounds.py counts it cheaply. Raises
    ValidationError for a field of the wrong type, with its path in the review.
    """
    reading = _Reading()
    pod = reading.pod(outline, (*selector, *_LABELS))
    return pod, reading.found


class _Reading:
    """One pass through an outline, and the first excess that it found."""

    def __init__(self) -> None:
        self.found: Excess | None = None

    def pod(self, outline: PodOutline, labels: Iterable[str]) -> Pod:
        metadata, spec = outline.metadata, outline.spec
        return Pod(
            ObjectMeta(
                name=metadata.name,
                generate_name=metadata.generate_name,
                namespace=metadata.namespace,
                labels=self._map(metadata.labels, "metadata.labels", LABELS, labels),
                annotations=self._map(metadata.annotations, "metadata.annotations", ANNOTATIONS, _ANNOTATIONS),
                owner_references=self._list(
                    _owners, metadata.owner_references, "metadata.ownerReferences", OWNER_REFERENCES
                ),
            ),
            PodSpec(
                containers=self._list(_containers, spec.containers, "spec.containers", CONTAINERS),
                init_containers=self._list(_containers, spec.init_containers, "spec.initContainers", INIT_CONTAINERS),
                volumes=self._list(_volumes, spec.volumes, "spec.volumes", VOLUMES),
                affinity=self._affinity(spec.affinity),
                tolerations=self._list(_tolerations, spec.tolerations, "spec.tolerations", TOLERATIONS),
                node_selector=self._map(spec.node_selector, "spec.nodeSelector", NODE_SELECTOR),
                node_name=spec.node_name,
                scheduler_name=spec.scheduler_name,
                host_network=spec.host_network,
            ),
        )

    def _exceeds(self, what: Excess) -> None:
        self.found = self.found or what

    def _many(self, raw: Raw, where: str, bound: Excess) -> bool:
        """Whether the array in `raw` has more entries than are built."""
        if len(raw) <= _SMALL_FIELD:
            return False
        entries = _decoded(_entries, raw, where)
        if entries is None or getattr(entries, _LAST) is UNSET:
            return False
        self._exceeds(bound)
        return True

    def _list(self, decoder: Decoder[list[_T] | None], raw: Raw, where: str, bound: Excess) -> list[_T] | None:
        return None if self._many(raw, where, bound) else _decoded(decoder, raw, where)

    def _map(self, raw: Raw, where: str, bound: Excess, needed: Iterable[str] = ()) -> dict[str, str] | None:
        # Each entry is two strings.
        if len(raw) > _SMALL_FIELD and _strings(raw) > 2 * (MOST_KEYS + MOST_ADDED):
            self._exceeds(bound)
            return _only(raw, where, tuple(dict.fromkeys(needed)))
        return _decoded(_map, raw, where)

    def _affinity(self, found: _Affinity | None) -> Affinity | None:
        if found is None:
            return None
        return Affinity(None if found.node_affinity is None else self._node_affinity(found.node_affinity))

    def _node_affinity(self, found: _NodeAffinity) -> NodeAffinity | None:
        where = "spec.affinity.nodeAffinity."
        of_required = f"{where}requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        of_preferred = f"{where}preferredDuringSchedulingIgnoredDuringExecution"
        terms = _ABSENT if found.required is None else found.required.node_selector_terms
        if self._many(terms, of_required, TERMS) or self._many(found.preferred, of_preferred, TERMS):
            return None
        if (
            len(terms) + len(found.preferred) > _SMALL_FIELD
            and _strings(terms) + _strings(found.preferred) > _MOST_STRINGS
        ):
            self._exceeds(VALUES)
            return None
        preferred = _decoded(_preferred, found.preferred, of_preferred)
        if found.required is None:
            return NodeAffinity(None, preferred)
        return NodeAffinity(NodeSelector(_decoded(_terms, terms, of_required)), preferred)


def _strings(raw: Raw) -> int:
    """A number of strings that the JSON in `raw` surely has. It has about twice as many at most.

    A quotation mark without a backslash in front begins or ends a string. Each string begins with one.
    """
    text = bytes(raw)
    return (text.count(b'"') - text.count(b'\\"')) // 2


def _decoded(decoder: Decoder[_T], raw: Raw, where: str) -> _T:
    try:
        return decoder.decode(raw)
    except DecodeError as error:
        fault, _, place = str(error).partition(" - at `$")
        raise type(error)(f"{fault} - at `$.request.object.{where}{place or '`'}") from None


def _only(raw: Raw, where: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The entries `keys` of the map in `raw`."""
    found = structs.astuple(_decoded(_chosen(keys), raw, where))
    return {key: value for key, value in zip(keys, found, strict=True) if value is not UNSET}


@cache
def _chosen(keys: tuple[str, ...]) -> Decoder[Any]:
    """Reads the entries `keys` of a map and skips the others."""
    fields = [(f"entry{at}", str | UnsetType, field(default=UNSET, name=key)) for at, key in enumerate(keys)]
    return Decoder(defstruct("Chosen", fields, frozen=True))
