"""The workload of each resource of the Spark Operator: its pods, its notes, and why pods are never made."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from webhook.core import names
from webhook.core.pod import ObjectMeta
from webhook.core.selectors import Role
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
from webhook.spark.api_server import stored
from webhook.spark.field_table import has_kind
from webhook.spark.manifest import JSON, Application, Connect, ScheduledApplication
from webhook.spark.operator_rules import name_refusals
from webhook.spark.submission import Submission, submitted
from webhook.spark.versions import Versions
from webhook.spark.workloads import Refusal, Refuser, SparkPod, Workload, refusal, shown, told_once

#: The group of the operator's resources, and the version of each kind.
GROUP: Final = "sparkoperator.k8s.io"
VERSIONS: Final = {
    "SparkApplication": f"{GROUP}/v1beta2",
    "ScheduledSparkApplication": f"{GROUP}/v1beta2",
    "SparkConnect": f"{GROUP}/v1alpha1",
}
#: Placeholder for the nanoseconds that the operator appends to a schedule's name for each run.
_RUN: Final = "0" * 19
#: Placeholder for the five characters that the API server appends to a generateName.
_GENERATED: Final = "0" * 5
#: The start of a field of an application. A pod template has containers in a `spec` of its own.
_SPEC: Final = re.compile(r"\bspec\.(?!containers)")


def application(document: JSON, namespace: str, versions: Versions) -> Workload:
    """The workload of a SparkApplication, as `versions` make it; it is in `namespace` if it names none.

    Raises msgspec.ValidationError if a field that is read has the wrong type, as the functions below do.
    """
    application = msgspec.convert(stored(document), Application)
    name, where = name_of(application.metadata), application.metadata.namespace or namespace
    submission = submitted(application, name, where, versions)
    told = tuple(map(shown, [*notes.of_application(submission), *_unknown(document, versions)]))
    refused = [*name_refusals(name, where, versions.operator), *_of_schema(document, versions), *_refusals(submission)]
    moved_to = submission.pod_namespace
    return Workload(
        "SparkApplication", where, name, _pods(submission), told, told_once(refused), _operator(versions), moved_to
    )


def scheduled_application(document: JSON, namespace: str, versions: Versions) -> Workload:
    """The workload of a ScheduledSparkApplication: the pods of one run."""
    scheduled = msgspec.convert(stored(document), ScheduledApplication)
    name, where = name_of(scheduled.metadata), scheduled.metadata.namespace or namespace
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
    return Workload(
        "ScheduledSparkApplication",
        where,
        name,
        _pods(run),
        tuple(told),
        refusals,
        _operator(versions),
        run.pod_namespace,
    )


def spark_connect(document: JSON, namespace: str, versions: Versions) -> Workload:
    """The workload of a SparkConnect."""
    found = msgspec.convert(stored(document), Connect)
    name, where, spec = name_of(found.metadata), found.metadata.namespace or namespace, found.spec
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
    return Workload("SparkConnect", where, name, (server, executor), told, told_once(refused), _operator(versions))


def name_of(metadata: ObjectMeta) -> str:
    """The name of an object, or a generated one. Raises msgspec.ValidationError if it has neither."""
    if metadata.name:
        return metadata.name
    if metadata.generate_name:
        return metadata.generate_name + _GENERATED
    raise msgspec.ValidationError("Object missing required field `name` - at `$.metadata`")


def _unknown(document: JSON, versions: Versions) -> list[str]:
    """Notes on fields that the document's kind does not have."""
    return unknown_fields.notes(document, document["kind"], versions.operator)


def _of_schema(document: JSON, versions: Versions) -> Iterator[Refusal]:
    version, kind = document["apiVersion"], document["kind"]
    if version != VERSIONS[kind]:
        yield refusal(Refuser.API_SERVER, "", f"apiVersion is {version}", VERSIONS[kind])
    for one in schema_violations.named(document, document["kind"], versions.operator):
        yield refusal(Refuser.API_SERVER, "", one.sentence, one.accepted)


def _operator(versions: Versions) -> str:
    return f"operator {versions.operator}"


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
