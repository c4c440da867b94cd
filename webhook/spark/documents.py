"""Reads Kubernetes documents and derives the pods of each."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec

from webhook.core import names
from webhook.core.fault import clause, with_keys
from webhook.core.pod import ObjectMeta, View
from webhook.core.policy import Role
from webhook.spark import (
    connect,
    connect_refusals,
    notes,
    operator_refusals,
    operator_webhook,
    schema_violations,
    spark_pods,
    spark_refusals,
    unknown_fields,
)
from webhook.spark.field_table import has_kind
from webhook.spark.manifest import JSON, Application, Connect, ScheduledApplication
from webhook.spark.operator_rules import name_refusals
from webhook.spark.submission import Submission, submitted
from webhook.spark.versions import Versions
from webhook.spark.workloads import Namespace, Refusal, Refuser, SparkPod, Workload, refusal, shown, told_once

#: Placeholder for the nanoseconds that the operator appends to a schedule's name for each run.
_RUN: Final = "0" * 19
#: Placeholder for the five characters that the API server appends to a generateName.
_GENERATED: Final = "0" * 5
_NEWEST: Final = Versions()
_GROUP: Final = "sparkoperator.k8s.io"
#: The version of each kind that the operator has.
_VERSIONS: Final = {
    "SparkApplication": f"{_GROUP}/v1beta2",
    "ScheduledSparkApplication": f"{_GROUP}/v1beta2",
    "SparkConnect": f"{_GROUP}/v1alpha1",
}
#: What a name has if it is a template.
_TEMPLATE: Final = re.compile(r"[{}<>$%]")
#: The start of a field of an application. A pod template has containers in a `spec` of its own.
_SPEC: Final = re.compile(r"\bspec\.(?!containers)")


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
    group = version.rpartition("/")[0]
    reader = _READERS.get((group, kind))
    if reader is None and group == _GROUP:
        accepted = ", ".join(kind for group, kind in _READERS if group == _GROUP)
        yield ManifestError(f"{_called(document)}: unknown kind of {_GROUP}; accepted: {accepted}")
        return
    if reader is None:
        yield UnknownKindError(f"{_called(document)} ({version}) has no Spark pods; accepted: {', '.join(KINDS)}")
        return
    try:
        if group == _GROUP and (template := _template(document)):
            yield ManifestError(template)
            return
        yield reader(document, namespace, versions)
    except msgspec.ValidationError as error:
        yield ManifestError(f"{_called(document)}: {with_keys(clause(error, 'the document'), document)}")


def _items(
    items: list[Any], version: str, kind: str, namespace: str, versions: Versions
) -> Iterator[Workload | Namespace | ManifestError]:
    # The API server sends the items of a typed list without apiVersion and kind.
    missing = {"apiVersion": version, "kind": kind} if kind else {}
    for index, item in enumerate(items):
        for found in read(missing | item if isinstance(item, dict) else item, namespace, versions):
            yield type(found)(f"items[{index}]: {found}") if isinstance(found, ManifestError) else found


def _called(document: JSON) -> str:
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


def _name(metadata: ObjectMeta) -> str:
    if metadata.name:
        return metadata.name
    if metadata.generate_name:
        return metadata.generate_name + _GENERATED
    raise msgspec.ValidationError("Object missing required field `name` - at `$.metadata`")


def _application(document: JSON, namespace: str, versions: Versions) -> Workload:
    application = msgspec.convert(_stored(document), Application)
    name, where = _name(application.metadata), application.metadata.namespace or namespace
    submission = submitted(application, name, where, versions)
    told = tuple(map(shown, [*notes.of_application(submission), *_unknown(document, versions)]))
    refused = [*name_refusals(name, where, versions.operator), *_of_schema(document, versions), *_refusals(submission)]
    moved_to = submission.pod_namespace
    return Workload("SparkApplication", where, name, _pods(submission), told, told_once(refused), moved_to)


def _scheduled(document: JSON, namespace: str, versions: Versions) -> Workload:
    scheduled = msgspec.convert(_stored(document), ScheduledApplication)
    name, where = _name(scheduled.metadata), scheduled.metadata.namespace or namespace
    labels = {names.SCHEDULED_APP_NAME: name} | (scheduled.metadata.labels or {})
    run = submitted(Application(ObjectMeta(labels=labels), scheduled.spec.template), f"{name}-{_RUN}", where, versions)
    told = [*notes.of_schedule(scheduled.metadata, scheduled.spec), *map(_below_template, notes.of_application(run))]
    told = [shown(one) for one in (*told, *_unknown(document, versions))]
    refused = (
        replace(one, sentence=_below_template(one.sentence), accepted=_below_template(one.accepted))
        for one in _refusals(run)
    )
    of_schedule = operator_refusals.of_schedule(name, where, scheduled.spec.schedule or "", versions.operator)
    refusals = told_once([*of_schedule, *_of_schema(document, versions), *refused])
    return Workload("ScheduledSparkApplication", where, name, _pods(run), tuple(told), refusals, run.pod_namespace)


def _unknown(document: JSON, versions: Versions) -> list[str]:
    """Notes on fields that the document's kind does not have."""
    return unknown_fields.notes(document, document["kind"], versions.operator)


def _stored(value: Any) -> Any:
    """`value` as the API server stores it: without nulls in maps, and with 2 for 2.0."""
    match value:
        case dict():
            return {key: _stored(one) for key, one in value.items() if one is not None}
        case list():
            return [_stored(one) for one in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _of_schema(document: JSON, versions: Versions) -> Iterator[Refusal]:
    version, kind = document["apiVersion"], document["kind"]
    if version != _VERSIONS[kind]:
        yield refusal(Refuser.API_SERVER, "", f"apiVersion is {version}", _VERSIONS[kind])
    for one in schema_violations.named(document, document["kind"], versions.operator):
        yield refusal(Refuser.API_SERVER, "", one.sentence, one.accepted)


def _below_template(sentence: str) -> str:
    """A sentence about an application, with its fields where a schedule has them."""
    return _SPEC.sub("spec.template.", sentence)


def _pods(submission: Submission) -> tuple[SparkPod, ...]:
    spec, conf = submission.spec, submission.conf
    return tuple(
        SparkPod(
            title=role.value,
            created=spark_pods.created(role, submission.name, submission.spark, conf, spec.part(role)),
            count=notes.executors(conf) if role is Role.EXECUTOR else "",
            operator=operator_webhook.of(submission.application, role, conf),
        )
        for role in spec.roles
    )


def _refusals(submission: Submission) -> Iterator[Refusal]:
    spec, conf, place = submission.spec, submission.conf, submission.place
    yield from operator_refusals.of_application(submission)
    yield from spark_refusals.by_submission(conf, "", place)
    yield from spark_refusals.by_upload(conf, spec.main_application_file, spec.deps)
    for role in spec.roles:
        yield from spark_refusals.by_role(role, conf, spec.part(role), place)
    yield from spark_refusals.by_driver(conf, submission.spark, place)


def _connect(document: JSON, namespace: str, versions: Versions) -> Workload:
    found = msgspec.convert(_stored(document), Connect)
    name, where, spec = _name(found.metadata), found.metadata.namespace or namespace, found.spec
    conf = connect.executor_conf(found, name, where, versions.operator)
    spark = versions.spark_of(spec.spark_version)
    executor = SparkPod(
        title=Role.EXECUTOR.value,
        created=spark_pods.created(Role.EXECUTOR, connect.APP_NAME, spark, conf, spec.executor),
        count=notes.executors(conf),
    )
    refused = [*_of_schema(document, versions)]
    if has_kind("SparkConnect", versions.operator):
        place = partial(connect.place, found)
        refused += connect_refusals.of_connect(found, name, where, versions.operator)
        refused += spark_refusals.by_submission(conf, Role.EXECUTOR, place)
        refused += spark_refusals.by_role(Role.EXECUTOR, conf, spec.executor, place)
        refused += spark_refusals.by_driver(conf, spark, place)
    server = SparkPod(connect.SERVER_ROLE, connect.server_pod(found, name, where))
    told = tuple(map(shown, [*notes.of_connect(found, conf), *_unknown(document, versions)]))
    return Workload("SparkConnect", where, name, (server, executor), told, told_once(refused))


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
    return Namespace(_name(metadata), metadata.labels or {})


_READERS: Final[dict[tuple[str, str], Callable[[JSON, str, Versions], Workload | Namespace]]] = {
    (_GROUP, "SparkApplication"): _application,
    (_GROUP, "ScheduledSparkApplication"): _scheduled,
    (_GROUP, "SparkConnect"): _connect,
    ("", "Pod"): _pod,
    ("admission.k8s.io", "AdmissionReview"): _review,
    ("", "Namespace"): _namespace,
}
#: The accepted kinds.
KINDS: Final = (*(kind for _, kind in _READERS), "List")
