"""What the API server and the Spark Operator refuse of an application, before spark-submit sees it.

Source: kubeflow/spark-operator, the CRDs, internal/webhook (the validators), and
internal/controller/sparkapplication/submission.go.
"""

import re
from collections.abc import Iterator
from typing import Final

from webhook.core.policy import Role
from webhook.spark import connect, properties
from webhook.spark.manifest import ApplicationSpec, Connect, PodPart
from webhook.spark.properties import Conf
from webhook.spark.submission import Submission, local_mounts
from webhook.spark.versions import OperatorVersion
from webhook.spark.workloads import Refusal, Refuser

_LONGEST_LABEL: Final = 63
_LONGEST_NAME: Final = 253
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_1035: Final = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_1035_ACCEPTED: Final = (
    "lower case letters, digits and -, a letter first, a letter or digit last, at most {} characters"
)
#: The length of the time that is appended to a schedule's name for each run.
_TIMESTAMP: Final = 20
#: The first release that checks names.
_CHECKS_NAMES: Final = OperatorVersion(2, 4)
#: The first release that refuses keys of sparkConf.
_CHECKS_CONF: Final = OperatorVersion(2, 5, 2)
#: The last release that itself asks for an image.
_ASKS_FOR_IMAGE: Final = OperatorVersion(2, 1, 0)
#: Keys of sparkConf that the operator refuses, each with what is accepted.
_DENIED: Final = {
    properties.IMAGE: "spec.image instead",
    properties.of(Role.DRIVER, "container.image"): "spec.driver.image instead",
    properties.of(Role.EXECUTOR, "container.image"): "spec.executor.image instead",
    "spark.kubernetes.authenticate.driver.serviceAccountName": "spec.driver.serviceAccount instead",
    "spark.kubernetes.authenticate.executor.serviceAccountName": "spec.executor.serviceAccount instead",
    **dict.fromkeys(
        (
            "spark.master",
            "spark.kubernetes.driver.master",
            "spark.kubernetes.authenticate.oauthTokenFile",
            "spark.kubernetes.authenticate.oauthToken",
            "spark.kubernetes.authenticate.driver.oauthTokenFile",
            "spark.kubernetes.authenticate.driver.oauthToken",
            "spark.kubernetes.authenticate.executor.oauthTokenFile",
            "spark.kubernetes.authenticate.executor.oauthToken",
        ),
        "nothing: the operator sets it",
    ),
}
_MODES: Final = ("cluster", "client")
_TYPES: Final = ("Java", "Python", "Scala", "R")
_OLDEST_SPARK_WITH_TEMPLATES: Final = 3


def of_application(submission: Submission) -> Iterator[Refusal]:
    """Why the application is refused before spark-submit is called."""
    yield from _name(submission.name, submission.operator)
    yield from _schema(submission.spec)
    for sentence, accepted in _validated(submission):
        yield Refusal(Refuser.OPERATOR, "", sentence, accepted)
    for sentence, accepted in _failed(submission):
        yield Refusal(Refuser.OPERATOR, "", sentence, accepted)


def of_schedule(name: str, operator: OperatorVersion) -> Iterator[Refusal]:
    """Why the schedule called `name` is refused, or every run of it."""
    found = list(_name(name, operator))
    yield from found
    most = _LONGEST_LABEL - _TIMESTAMP
    if not found and len(name) > most:
        by = Refuser.OPERATOR if operator >= _CHECKS_NAMES else Refuser.API_SERVER
        sentence = f"metadata.name has {len(name)} characters, and each run adds - and 19 digits to it"
        yield Refusal(by, "", sentence, f"at most {most} characters")


def of_connect(found: Connect, name: str, namespace: str, operator: OperatorVersion) -> Iterator[Refusal]:
    """Why the operator never makes the server of a SparkConnect called `name` in `namespace`."""
    spec = found.spec
    for role, part in (("server", spec.server), ("executor", spec.executor)):
        yield from _cores(role, part)
    if spec.executor.instances is not None and spec.executor.instances < 0:
        yield _unaccepted("spec.executor.instances", spec.executor.instances, "0 or more")
    if not _SUBDOMAIN.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield from _name(name, operator)
        return
    if operator < connect.VALIDATED and spec.executor.template is None:
        sentence = f"spec.executor.template is missing, and Spark Operator {operator} cannot do without it"
        yield Refusal(Refuser.OPERATOR, "", sentence, "a template with spec.containers")
    problems = _connect_problems(found, name, namespace, operator)
    for sentence, accepted in problems:
        yield Refusal(Refuser.OPERATOR, "", sentence, accepted)


def _connect_problems(
    found: Connect, name: str, namespace: str, operator: OperatorVersion
) -> Iterator[tuple[str, str]]:
    spec = found.spec
    if not connect.server_image(found):
        yield "the server has no image", "spec.image, or the image of the container in spec.server.template"
    if operator < connect.VALIDATED:
        return
    most = _LONGEST_LABEL - len(connect.name_of_server(""))
    if not _DNS_1035.fullmatch(name) or len(name) > most:
        yield f'metadata.name is "{name}"', _DNS_1035_ACCEPTED.format(most)
    if not connect.executor_image(found, operator):
        yield "the executor has no image", "spec.image, or the image of the container in spec.executor.template"
    yield from _old_spark(spec.spark_version, [spec.server, spec.executor])
    allocation = spec.dynamic_allocation
    if allocation is not None and allocation.enabled:
        least, first, most_executors = allocation.min_executors, allocation.initial_executors, allocation.max_executors
        where = "spec.dynamicAllocation"
        for key, number in (("minExecutors", least), ("initialExecutors", first), ("maxExecutors", most_executors)):
            if number is not None and number < 0:
                yield f"{where}.{key} is {number}", "0 or more"
        in_order = [one for one in (least, first, most_executors) if one is not None]
        if in_order != sorted(in_order):
            yield (
                f"{where} is not in order: {', '.join(map(str, in_order))}",
                "minExecutors ≤ initialExecutors ≤ maxExecutors",
            )
    yield from _denied(spec.spark_conf or {}, namespace, operator)


def _name(name: str, operator: OperatorVersion) -> Iterator[Refusal]:
    sentence = f'metadata.name is "{name}"'
    if not _SUBDOMAIN.fullmatch(name) or len(name) > _LONGEST_NAME:
        accepted = "lower case letters, digits, - and ., a letter or digit first and last, at most 253 characters"
        yield Refusal(Refuser.API_SERVER, "", sentence, accepted)
    elif operator < _CHECKS_NAMES:
        if len(name) > _LONGEST_LABEL:
            sentence = f"metadata.name has {len(name)} characters, and it becomes a label of the pods"
            yield Refusal(Refuser.API_SERVER, "", sentence, f"at most {_LONGEST_LABEL} characters")
    elif not _DNS_1035.fullmatch(name) or len(name) > _LONGEST_LABEL:
        yield Refusal(Refuser.OPERATOR, "", sentence, _DNS_1035_ACCEPTED.format(_LONGEST_LABEL))


def _schema(spec: ApplicationSpec) -> Iterator[Refusal]:
    """What the schema of the resource does not accept."""
    for key, value, accepted in (("mode", spec.mode, _MODES), ("type", spec.type, _TYPES)):
        if value is not None and value not in accepted:
            yield _unaccepted(f"spec.{key}", f'"{value}"', " or ".join(accepted))
    for role in Role:
        yield from _cores(role, spec.part(role))
    if spec.executor.instances is not None and spec.executor.instances < 1:
        yield _unaccepted(
            "spec.executor.instances", spec.executor.instances, "1 or more; without it, there is one executor"
        )


def _cores(role: str, part: PodPart) -> Iterator[Refusal]:
    if part.cores is not None and part.cores < 1:
        yield _unaccepted(f"spec.{role}.cores", part.cores, "1 or more")


def _unaccepted(where: str, value: object, accepted: str) -> Refusal:
    return Refusal(Refuser.API_SERVER, "", f"{where} is {value}", accepted)


def _validated(submission: Submission) -> Iterator[tuple[str, str]]:
    """What the operator's admission webhook refuses."""
    spec = submission.spec
    yield from _old_spark(spec.spark_version, [spec.driver, spec.executor])
    if spec.node_selector is not None:
        both = [f"spec.{role}.nodeSelector" for role in Role if spec.part(role).node_selector is not None]
        if both:
            yield f"spec.nodeSelector is set beside {' and '.join(both)}", "one or the other"
    yield from _ingresses(spec)
    yield from _denied(spec.spark_conf or {}, submission.namespace, submission.operator)


def _old_spark(version: str | None, parts: list[PodPart]) -> Iterator[tuple[str, str]]:
    major = (version or "").removeprefix("v").partition(".")[0]
    if major.isdigit() and int(major) < _OLDEST_SPARK_WITH_TEMPLATES and any(one.template is not None for one in parts):
        yield f'spec.sparkVersion is "{version}", too old for a pod template', "3.0.0 or newer"


def _ingresses(spec: ApplicationSpec) -> Iterator[tuple[str, str]]:
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


def _denied(conf: Conf, namespace: str, operator: OperatorVersion) -> Iterator[tuple[str, str]]:
    if operator < _CHECKS_CONF:
        return
    for key, value in conf.items():
        if key in _DENIED:
            yield f'spec.sparkConf["{key}"] is not allowed', _DENIED[key]
        elif key == properties.NAMESPACE and value != namespace:
            yield f'spec.sparkConf["{key}"] is "{value}"', f'"{namespace}", the namespace of the application'


def _failed(submission: Submission) -> Iterator[tuple[str, str]]:
    """What the operator fails at when it submits."""
    spec = submission.spec
    if submission.fault:
        yield submission.fault, f"what the batch scheduler {spec.batch_scheduler} can read"
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
