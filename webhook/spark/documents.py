"""Reads Kubernetes documents and derives the pods of each."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from webhook.core import names
from webhook.core.fault import clause
from webhook.core.pod import ObjectMeta
from webhook.core.policy import Role
from webhook.spark import connect, spark_operator, spark_pods, summary
from webhook.spark.api_server import defaulted
from webhook.spark.manifest import JSON, Application, Connect, Metadata, ScheduledApplication, View
from webhook.spark.workloads import Namespace, SparkPod, Workload

#: Placeholder for the nanoseconds that the operator appends to a schedule's name for each run.
_RUN: Final = "0" * 19
#: Placeholder for the five characters that the API server appends to a generateName.
_GENERATED: Final = "0" * 5


class ManifestError(ValueError):
    """A document is not a valid object of its kind. The message is one sentence."""


class UnknownKindError(ManifestError):
    """A document is of a kind that is not known to create Spark pods."""


def read(document: Any, namespace: str) -> Iterator[Workload | Namespace | ManifestError]:
    """Yields the workloads and namespaces of `document` (JSON-like); `namespace` applies to objects without one.

    Yields a ManifestError, instead of raising it, for an object that is not valid, so that the rest of a list is read.
    """
    if not isinstance(document, dict):
        yield ManifestError("not a Kubernetes object: accepted is a map with apiVersion and kind")
        return
    version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        yield ManifestError("not a Kubernetes object: apiVersion or kind is missing")
        return
    items = document.get("items")
    if kind.endswith("List") and (items is None or isinstance(items, list)):
        yield from _items(items or [], version, kind.removesuffix("List"), namespace)
        return
    reader = _READERS.get((version.rpartition("/")[0], kind))
    if reader is None:
        yield UnknownKindError(f"{_called(document)} ({version}) has no Spark pods; accepted: {', '.join(KINDS)}")
        return
    try:
        yield reader(document, namespace)
    except msgspec.ValidationError as error:
        yield ManifestError(f"{_called(document)}: {clause(error, 'the document')}")


def _items(items: list[Any], version: str, kind: str, namespace: str) -> Iterator[Workload | Namespace | ManifestError]:
    # The API server sends the items of a typed list without apiVersion and kind.
    missing = {"apiVersion": version, "kind": kind} if kind else {}
    for index, item in enumerate(items):
        for found in read(missing | item if isinstance(item, dict) else item, namespace):
            yield type(found)(f"items[{index}]: {found}") if isinstance(found, ManifestError) else found


def _called(document: JSON) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document['kind']} {name}" if isinstance(name, str) else str(document["kind"])


def _name(metadata: Metadata) -> str:
    if metadata.name:
        return metadata.name
    if metadata.generate_name:
        return metadata.generate_name + _GENERATED
    raise msgspec.ValidationError("Object missing required field `name` - at `$.metadata`")


def _application(document: JSON, namespace: str) -> Workload:
    application = msgspec.convert(document, Application)
    name = _name(application.metadata)
    notes = summary.application_notes(application.spec)
    found = application.metadata.namespace or namespace
    return Workload("SparkApplication", found, name, _application_pods(application, name, found), tuple(notes))


def _scheduled(document: JSON, namespace: str) -> Workload:
    scheduled = msgspec.convert(document, ScheduledApplication)
    name = _name(scheduled.metadata)
    labels = {names.SCHEDULED_APP_NAME: name} | (scheduled.metadata.labels or {})
    run = Application(Metadata(labels=labels), scheduled.spec.template)
    notes = summary.schedule_notes(scheduled.spec) + summary.application_notes(run.spec)
    found = scheduled.metadata.namespace or namespace
    made = _application_pods(run, f"{name}-{_RUN}", found)
    return Workload("ScheduledSparkApplication", found, name, made, tuple(notes))


def _application_pods(application: Application, name: str, namespace: str) -> tuple[SparkPod, ...]:
    spec = application.spec
    conf = spark_operator.submitted(application, name)
    makers: dict[Role, Callable[..., JSON]] = {
        Role.DRIVER: spark_pods.driver_pod,
        Role.EXECUTOR: spark_pods.executor_pod,
    }
    if spec.mode not in (None, summary.CLUSTER):
        del makers[Role.DRIVER]
    count = summary.executors(conf, spec.executor, spec.dynamic_allocation)
    return tuple(
        SparkPod(
            title=role.value,
            created=defaulted(
                make(
                    namespace, name, spec.spark_version or "", conf, spark_operator.part_of(application, role).template
                )
            ),
            count=count if role is Role.EXECUTOR else "",
            operator=partial(spark_operator.mutated, application=application, role=role),
        )
        for role, make in makers.items()
    )


def _connect(document: JSON, namespace: str) -> Workload:
    found = msgspec.convert(document, Connect)
    name, spec = _name(found.metadata), found.spec
    where = found.metadata.namespace or namespace
    conf = connect.executor_conf(found, name)
    server = connect.server_pod(found, name, where)
    executor = spark_pods.executor_pod(where, connect.APP_NAME, spec.spark_version or "", conf, spec.executor.template)
    count = summary.executors(conf, spec.executor, spec.dynamic_allocation)
    made = (SparkPod("connect-server", defaulted(server)), SparkPod("executor", defaulted(executor), count))
    return Workload("SparkConnect", where, name, made)


class _AnyPod(View, frozen=True):
    metadata: ObjectMeta
    spec: JSON


def _pod(document: JSON, namespace: str) -> Workload:
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
    return {**pod, "spec": spec}, (
        f"runs on the node {node}; the node is ignored here, because webhooks run before it is chosen",
    )


class _ReviewRequest(View, frozen=True):
    kind: JSON
    operation: str
    namespace: str | None = None
    name: str | None = None
    object: JSON | None = None


class _Review(View, frozen=True):
    request: _ReviewRequest


def _review(document: JSON, namespace: str) -> Workload:
    request = msgspec.convert(document, _Review).request
    pod = request.object or {}
    metadata = msgspec.convert(pod.get("metadata"), ObjectMeta | None) or ObjectMeta()
    name = request.name or metadata.name or metadata.generate_name or ""
    made = SparkPod("pod", pod, review=document)
    return Workload("AdmissionReview", request.namespace or namespace, name, (made,))


class _AnyNamespace(View, frozen=True):
    metadata: Metadata


def _namespace(document: JSON, _: str) -> Namespace:
    metadata = msgspec.convert(document, _AnyNamespace).metadata
    return Namespace(_name(metadata), metadata.labels or {})


_GROUP: Final = "sparkoperator.k8s.io"
_READERS: Final[dict[tuple[str, str], Callable[[JSON, str], Workload | Namespace]]] = {
    (_GROUP, "SparkApplication"): _application,
    (_GROUP, "ScheduledSparkApplication"): _scheduled,
    (_GROUP, "SparkConnect"): _connect,
    ("", "Pod"): _pod,
    ("admission.k8s.io", "AdmissionReview"): _review,
    ("", "Namespace"): _namespace,
}
#: The accepted kinds.
KINDS: Final = (*(kind for _, kind in _READERS), "List")
