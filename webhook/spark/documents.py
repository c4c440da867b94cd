"""Reads Kubernetes documents and derives the pods of each."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from webhook.core.fault import clause, with_keys
from webhook.core.pod import ObjectMeta, View
from webhook.spark import applications
from webhook.spark.apache import readers, schema
from webhook.spark.manifest import JSON
from webhook.spark.versions import Versions
from webhook.spark.workloads import Namespace, SparkPod, Workload, shown

_NEWEST: Final = Versions()
#: The groups of the operators' resources, each with its newest version.
GROUPS: Final = {
    applications.GROUP: applications.VERSIONS["SparkApplication"],
    schema.GROUP: schema.VERSIONS[0],
}
#: What a name has if it is a template.
_TEMPLATE: Final = re.compile(r"[{}<>$%]")


class ManifestError(ValueError):
    """A document is not a valid object of its kind. The message is one sentence."""


class UnknownKindError(ManifestError):
    """A document is of a kind that is not known to create Spark pods."""


def read(document: Any, namespace: str, versions: Versions = _NEWEST) -> Iterator[Workload | Namespace | ManifestError]:
    """Yields the workloads and namespaces of `document` (JSON-like), as `versions` make them.

    `namespace` applies to objects without one.

    Yields a ManifestError, instead of raising it, for an object that is not valid, so that the rest of a list is read.
    """
    if not isinstance(document, dict):
        yield ManifestError("not a Kubernetes object; accepted: a map with apiVersion and kind")
        return
    version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        yield ManifestError("not a Kubernetes object: apiVersion or kind is missing")
        return
    items = document.get("items")
    if kind.endswith("List") and (items is None or isinstance(items, list)):
        yield from _items(items or [], version, kind.removesuffix("List"), namespace, versions)
        return
    if kind == "List":
        yield ManifestError(f"{called(document)}: items is not a list")
        return
    group = version.rpartition("/")[0]
    if version in GROUPS:
        yield ManifestError(
            f'{called(document)}: apiVersion is "{version}"; accepted: a version too, as {GROUPS[version]}'
        )
        return
    reader = _READERS.get((group, kind))
    if reader is None and group in GROUPS:
        accepted = ", ".join(kind for own, kind in _READERS if own == group)
        yield ManifestError(f"{called(document)}: unknown kind of {group}; accepted: {accepted}")
        return
    if reader is None:
        yield UnknownKindError(f"{called(document)} ({version}) has no Spark pods; accepted: {', '.join(KINDS)}")
        return
    try:
        if group in GROUPS and (template := _template(document)):
            yield ManifestError(template)
            return
        found = reader(document, namespace, versions)
        yield replace(found, group=group) if isinstance(found, Workload) else found
    except msgspec.ValidationError as error:
        yield ManifestError(f"{called(document)}: {with_keys(clause(error, 'the document'), document)}")


def _items(
    items: list[Any], version: str, kind: str, namespace: str, versions: Versions
) -> Iterator[Workload | Namespace | ManifestError]:
    # The API server sends the items of a typed list without apiVersion and kind.
    missing = {"apiVersion": version, "kind": kind} if kind else {}
    for index, item in enumerate(items):
        for found in read(missing | item if isinstance(item, dict) else item, namespace, versions):
            match found:
                case ManifestError():
                    yield type(found)(f"items[{index}]: {found}")
                case Workload():
                    yield replace(found, indexes=(index, *found.indexes))
                case _:
                    yield found


def called(document: JSON) -> str:
    """What sentences call the object `document`, which has a kind: the kind, and the name if there is one."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document['kind']} {name}" if isinstance(name, str) else str(document["kind"])


def _template(document: JSON) -> str:
    """The sentence about a name that is a template; empty if there is none."""
    metadata = document.get("metadata")
    for key in ("name", "namespace"):
        value = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(value, str) and _TEMPLATE.search(value):
            told = f'{document["kind"]}: metadata.{key} is "{value}", which looks like a template'
            return shown(f"{told}; accepted: a name, so render the template first")
    return ""


class _AnyPod(View, frozen=True):
    metadata: ObjectMeta
    spec: JSON


def _pod(document: JSON, namespace: str, _: Versions) -> Workload:
    pod = msgspec.convert(document, _AnyPod)
    created, notes = _unbound(document)
    name = pod.metadata.name or pod.metadata.generate_name or ""
    return Workload("Pod", pod.metadata.namespace or namespace, name, (SparkPod("pod", created),), notes)


def _unbound(pod: JSON) -> tuple[JSON, tuple[str, ...]]:
    """A stored pod without its node, and a note: the scheduler chooses the node after all webhooks."""
    stored = isinstance(pod.get("status"), dict) and pod["status"].get("phase") and pod["metadata"].get("uid")
    node = pod["spec"].get("nodeName")
    if not stored or not node:
        return pod, ()
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    note = f"runs on the node {node}; the node is ignored here, because webhooks run before it is chosen"
    return {**pod, "spec": spec}, (note,)


class _ReviewedObject(View, frozen=True):
    metadata: ObjectMeta | None = None


class _ReviewRequest(View, frozen=True):
    kind: JSON
    operation: str
    namespace: str | None = None
    name: str | None = None
    object: _ReviewedObject | None = None


class _Review(View, frozen=True):
    request: _ReviewRequest


def _review(document: JSON, namespace: str, _: Versions) -> Workload:
    request = msgspec.convert(document, _Review).request
    metadata = (request.object and request.object.metadata) or ObjectMeta()
    name = request.name or metadata.name or metadata.generate_name or ""
    made = SparkPod("pod", document["request"].get("object") or {}, review=document)
    return Workload("AdmissionReview", request.namespace or namespace, name, (made,))


class _AnyNamespace(View, frozen=True):
    metadata: ObjectMeta


def _namespace(document: JSON, _: str, __: Versions) -> Namespace:
    metadata = msgspec.convert(document, _AnyNamespace).metadata
    return Namespace(applications.name_of(metadata), metadata.labels or {})


_READERS: Final[dict[tuple[str, str], Callable[[JSON, str, Versions], Workload | Namespace]]] = {
    (applications.GROUP, "SparkApplication"): applications.application,
    (applications.GROUP, "ScheduledSparkApplication"): applications.scheduled_application,
    (applications.GROUP, "SparkConnect"): applications.spark_connect,
    (schema.GROUP, "SparkApplication"): readers.application,
    (schema.GROUP, "SparkCluster"): readers.cluster,
    ("", "Pod"): _pod,
    ("admission.k8s.io", "AdmissionReview"): _review,
    ("", "Namespace"): _namespace,
}
#: The accepted kinds.
KINDS: Final = tuple(dict.fromkeys([*(kind for _, kind in _READERS), "List"]))
#: The kinds of the two operators.
OPERATOR_KINDS: Final = frozenset(kind for group, kind in _READERS if group in GROUPS)
