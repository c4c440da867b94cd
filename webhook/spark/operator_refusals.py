"""What the API server and the Spark Operator refuse of an application, before spark-submit sees it.

Source: kubeflow/spark-operator, the CRDs, internal/webhook (the validators), and
internal/controller/sparkapplication/submission.go.
"""

from collections.abc import Iterator
from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import operator_webhook, properties
from webhook.spark.batch_schedulers import VOLCANO
from webhook.spark.manifest import ApplicationSpec
from webhook.spark.operator_rules import (
    CHECKS_NAMES,
    LONGEST_LABEL,
    Fault,
    denied_properties,
    name_refusals,
    old_spark,
)
from webhook.spark.schedules import is_schedule
from webhook.spark.submission import Submission, local_mounts
from webhook.spark.versions import OperatorVersion
from webhook.spark.workloads import Refusal, Refuser, refusal

#: The length of the time that is appended to a schedule's name for each run.
_TIMESTAMP: Final = 20
#: The last release that itself asks for an image.
_ASKS_FOR_IMAGE: Final = OperatorVersion(2, 1, 0)
#: Units that the operator's webhook replaces by those of Kubernetes, if they are in lower case.
_UNITS: Final = ("k", "kb", "m", "mb", "g", "gb", "t", "tb", "p", "pb")
_LIMITS_MEMORY: Final = OperatorVersion(2, 2)
#: The first release that does without the number of executors if Volcano schedules them.
_COUNTS_EXECUTORS: Final = OperatorVersion(2, 5)


def of_application(submission: Submission) -> Iterator[Refusal]:
    """Why the application is refused before spark-submit is called, apart from its name."""
    for sentence, accepted in _validated(submission):
        yield refusal(Refuser.OPERATOR, "", sentence, accepted)
    for sentence, accepted in _failed(submission):
        yield refusal(Refuser.OPERATOR, "", sentence, accepted)
    for role in submission.spec.roles:
        whole = "" if role is Role.DRIVER else role.value
        for sentence, accepted in _denied_pods(submission, role):
            yield refusal(Refuser.OPERATOR, whole, sentence, accepted)


def of_schedule(name: str, namespace: str, schedule: str, operator: OperatorVersion) -> Iterator[Refusal]:
    """Why the schedule called `name` in `namespace` is refused, or every run of it, or why it never starts one."""
    found = list(name_refusals(name, namespace, operator))
    yield from found
    most = LONGEST_LABEL - _TIMESTAMP
    if not found and len(name) > most:
        by = Refuser.OPERATOR if operator >= CHECKS_NAMES else Refuser.API_SERVER
        sentence = f"metadata.name has {len(name)} characters, and each run adds - and 19 digits to it"
        yield refusal(by, "", sentence, f"at most {most} characters")
    if not is_schedule(schedule):
        accepted = "five fields of cron, such as 0 2 * * *, or a word such as @daily or @every 1h"
        yield refusal(Refuser.OPERATOR, "", f'spec.schedule is "{schedule}"', accepted)


def _validated(submission: Submission) -> Iterator[Fault]:
    """What the operator's admission webhook refuses."""
    spec = submission.spec
    yield from old_spark(spec.spark_version, [spec.driver, spec.executor])
    if spec.node_selector is not None:
        both = [f"spec.{role}.nodeSelector" for role in Role if spec.part(role).node_selector is not None]
        if both:
            yield f"spec.nodeSelector is set beside {' and '.join(both)}", "one or the other"
    yield from _ingresses(spec)
    yield from denied_properties(spec.spark_conf or {}, submission.namespace, submission.operator)


def _ingresses(spec: ApplicationSpec) -> Iterator[Fault]:
    ports: set[int | None] = set()
    formats: set[str | None] = set()
    for index, one in enumerate(spec.driver_ingress_options or ()):
        where = f"spec.driverIngressOptions[{index}]"
        for key, value, seen in (
            ("servicePort", one.service_port, ports),
            ("ingressURLFormat", one.ingress_url_format, formats),
        ):
            if value in (None, ""):
                yield f"{where}.{key} is missing", "a value of its own for each"
            elif value in seen:
                yield f"{where}.{key} is there twice: {value}", "a value of its own for each"
        ports.add(one.service_port)
        formats.add(one.ingress_url_format)


def _denied_pods(submission: Submission, role: Role) -> Iterator[Fault]:
    """Why the operator's webhook denies the pods of `role`."""
    key = properties.of(role, f"label.{names.APP_NAME}")
    label = submission.conf[key]
    if operator_webhook.of(submission.application, role, submission.conf) is None:
        return
    if label != submission.name:
        yield f'{submission.place(key)} is "{label}"', f'no such label: the operator sets it to "{submission.name}"'
    limit = submission.spec.part(role).memory_limit
    if limit is not None and submission.operator >= _LIMITS_MEMORY and not _is_limit(limit):
        yield f'spec.{role}.memoryLimit is "{limit}"', "an amount such as 1g or 1Gi"


def _is_limit(text: str) -> bool:
    """Whether the operator's webhook can make a limit of `text`."""
    unit = next((one for one in _UNITS if text.lower().endswith(one)), None)
    converted = text if unit is None else f"{text.removesuffix(unit)}{unit[0].upper()}i"
    return properties.QUANTITY.fullmatch(converted) is not None


def _failed(submission: Submission) -> Iterator[Fault]:
    """What the operator fails at when it submits."""
    spec = submission.spec
    if submission.fault:
        yield submission.fault, f"what the batch scheduler {spec.batch_scheduler} can read"
    if spec.batch_scheduler == VOLCANO and not submission.counted and submission.operator < _COUNTS_EXECUTORS:
        yield (
            f"Spark Operator {submission.operator} cannot submit to volcano without the number of executors",
            ("spec.executor.instances"),
        )
    by_name = {volume.get("name"): volume for volume in spec.volumes or ()}
    for role in Role:
        part = spec.part(role)
        for mount in local_mounts(part):
            volume = by_name.get(mount.name)
            if volume is None:
                yield (
                    f"spec.{role}.volumeMounts: there is no volume {mount.name}",
                    "a volume of that name in spec.volumes",
                )
            elif properties.volume_type(volume) is None:
                yield (
                    f"the volume {mount.name} is of a type that cannot be scratch space",
                    ", ".join(properties.VOLUME_TYPES),
                )
        if submission.operator > _ASKS_FOR_IMAGE:
            continue
        if not (part.image or spec.image):
            yield f"the {role} has no image", f"spec.image or spec.{role}.image"
        containers = part.template_parts[1].get("containers")
        if containers and all(one.get("name") != properties.CONTAINERS[role] for one in containers):
            yield f"spec.{role}.template has no container {properties.CONTAINERS[role]}", "one of that name"
