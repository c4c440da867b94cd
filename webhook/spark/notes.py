"""Facts about an application that its pods do not show, as sentences: also what its author probably did not mean."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from webhook.core import names
from webhook.core.pod import ObjectMeta
from webhook.core.selectors import Role
from webhook.core.text import listed, one_line
from webhook.spark import batch_schedulers, properties, spark_pods
from webhook.spark.manifest import ApplicationSpec, Connect, Dependencies, ScheduledSpec
from webhook.spark.operator_rules import CHECKS_CONF
from webhook.spark.properties import Conf
from webhook.spark.submission import KUEUE, TEMPLATES, Submission
from webhook.spark.versions import NEWEST_SPARK, OperatorVersion

#: The first release that can suspend an application.
_SUSPENDS: Final = OperatorVersion(2, 4)
#: Characters that a shell does not take as they are.
_SHELL: Final = re.compile(r"[\s$`\\\"'|&;<>()*?#~\[\]{}!]")
#: A number as Spark reads an int.
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
#: The number of executors that Spark asks for by itself.
SPARK_EXECUTORS: Final = 2


def executors(conf: Conf) -> str:
    """The number of executors, in words."""
    instances = conf.get(properties.EXECUTOR_INSTANCES)
    if not properties.is_true(conf, properties.DYNAMIC_ALLOCATION):
        return str(SPARK_EXECUTORS) if instances is None else one_line(instances)
    least = conf.get(properties.MIN_EXECUTORS, "0")
    most = conf.get(properties.MAX_EXECUTORS)
    at_first = (conf.get(properties.INITIAL_EXECUTORS), instances, least)
    first = max((int(one) for one in at_first if one and _NUMBER.fullmatch(one)), default=0)
    reach = f"{least} to {most}" if most else f"{least} or more"
    told = f", {first} at first" if str(first) != least else ""
    return one_line(f"{reach}, by dynamic allocation{told}")


def of_application(submission: Submission) -> Iterator[str]:
    """Notes on an application."""
    spec, operator = submission.spec, submission.operator
    yield from of_metadata(submission.application.metadata, "spec.driver.annotations or spec.executor.annotations")
    if spec.suspend and operator >= _SUSPENDS:
        yield "suspended: no pods are made until spec.suspend is removed"
    yield from _of_missing(spec)
    if not spec.in_cluster_mode:
        driver = one_line(submission.conf[properties.DRIVER_POD_NAME])
        yield (
            "in mode client there is no driver pod; Spark looks for a pod called "
            f"{driver}, and makes no executors if there is none"
        )
    if operator >= TEMPLATES and any(key.startswith(KUEUE) for key in submission.application.metadata.labels or {}):
        yield f"the operator does not pass the labels {KUEUE}… of metadata.labels on to pods"
    if submission.pod_namespace != submission.namespace and operator < CHECKS_CONF:
        yield (
            f"sparkConf puts the pods into the namespace {one_line(submission.pod_namespace)}, where the operator's "
            "webhook refuses them if it serves that namespace"
        )
    if spec.executor.instances is None and not _asks_for_executors(spec):
        number = "one executor" if submission.counted else f"{SPARK_EXECUTORS} executors"
        yield f"spec.executor.instances is missing, which means {number}"
    yield from _of_templates(spec, operator)
    yield from of_allocator(submission.conf)
    if batch := spec.batch_scheduler:
        yield from _of_batch_scheduler(batch)
    deps = msgspec.to_builtins(spec.deps or Dependencies())
    counts = [f"{field}: {len(entries)}" for field, entries in deps.items() if entries]
    if counts:
        yield f"deps ({', '.join(counts)}) are downloaded when the pods start and do not affect placement"


def of_schedule(metadata: ObjectMeta, spec: ScheduledSpec) -> Iterator[str]:
    """Notes on when a scheduled application runs."""
    place = "spec.template.driver.annotations or spec.template.executor.annotations"
    yield from of_metadata(metadata, place)
    suspended = "; currently suspended" if spec.suspend else ""
    if spec.schedule:
        yield f"runs on the schedule {one_line(spec.schedule)}{suspended}"


def of_connect(connect: Connect, conf: Conf) -> Iterator[str]:
    """Notes on a SparkConnect whose executors are created with `conf`."""
    yield from of_metadata(connect.metadata, "the annotations of spec.server.template or spec.executor.template")
    own = connect.spec.spark_conf or {}
    file = own.get(properties.of(Role.EXECUTOR, properties.TEMPLATE_FILE))
    if file and connect.spec.executor.template is None:
        yield f"the pod template {one_line(file)} in sparkConf is in the server's container and cannot be read here"
    shell = [key for key, value in own.items() if _SHELL.search(key + value)]
    if shell:
        told = listed("", [f'spec.sparkConf["{one_line(key)}"]' for key in shell])
        yield f"the operator passes sparkConf to a shell without quotes, which changes {told}"
    yield from of_allocator(conf)
    if properties.EXECUTOR_INSTANCES not in conf and not properties.is_true(conf, properties.DYNAMIC_ALLOCATION):
        yield f"spec.executor.instances is missing: Spark asks for {SPARK_EXECUTORS} executors"


def of_metadata(metadata: ObjectMeta, place: str) -> Iterator[str]:
    """Notes on the metadata of an object; `place` is where the annotations of its pods belong."""
    for kind, entries in (("annotations", metadata.annotations), ("labels", metadata.labels)):
        if names.MODE_ANNOTATION in (entries or {}):
            yield f'metadata.{kind}["{names.MODE_ANNOTATION}"] has no effect there; it belongs in {place}'


def _of_missing(spec: ApplicationSpec) -> Iterator[str]:
    if not spec.type:
        yield "spec.type is missing; assumed: Scala"
    if not spec.spark_version:
        yield f"spec.sparkVersion is missing; assumed: {NEWEST_SPARK}"
    program = spec.main_application_file
    if not program:
        yield "spec.mainApplicationFile is missing; assumed that it will be there, since an application needs one"
    elif not spec.main_class and program.startswith("local:") and not program.endswith((".py", ".R")):
        yield "spec.mainClass is missing; assumed that it will be there, since spark-submit cannot look into the image"


def _asks_for_executors(spec: ApplicationSpec) -> bool:
    conf = spec.spark_conf or {}
    dynamic = spec.dynamic_allocation is not None and spec.dynamic_allocation.enabled
    return bool(
        conf.get(properties.EXECUTOR_INSTANCES) or dynamic or properties.is_true(conf, properties.DYNAMIC_ALLOCATION)
    )


def _of_templates(spec: ApplicationSpec, operator: OperatorVersion) -> Iterator[str]:
    for role in Role:
        key = properties.of(role, properties.TEMPLATE_FILE)
        file = (spec.spark_conf or {}).get(key)
        if not file:
            continue
        if spec.part(role).template is not None or operator >= TEMPLATES:
            yield f'spec.sparkConf["{key}"] has no effect: the operator overwrites it; use spec.{role}.template'
        else:
            told = f"the pod template {one_line(file)} in sparkConf"
            yield f"{told} is in the operator's container and cannot be read here"


def of_allocator(conf: Conf) -> Iterator[str]:
    """A note on an allocator that gives executors no numbers."""
    if not spark_pods.numbers_executors(conf):
        allocator = one_line(conf[properties.ALLOCATOR])
        yield f"the allocator {allocator} gives executors no numbers, so neither first nor a mix applies to them"


def _of_batch_scheduler(name: str) -> Iterator[str]:
    known = name in (batch_schedulers.VOLCANO, batch_schedulers.YUNIKORN)
    assumed = "" if known else f", and {one_line(name)} among its kube-schedulers"
    yield f"spec.batchScheduler: assumed that batch scheduling is enabled in the operator{assumed}"
