"""Facts about an application or cluster of Apache's operator that its pods do not show, as sentences."""

from collections.abc import Iterator
from typing import Final

from webhook.core.selectors import Role
from webhook.core.text import one_line
from webhook.spark import notes, properties
from webhook.spark.apache.launch import (
    APP_NAME,
    DRIVER_MASTER,
    DRIVER_SERVICE,
    MASTER,
    VERSION_PLACEHOLDER,
    Launch,
    place,
)
from webhook.spark.apache.resources import Cluster, Workers
from webhook.spark.apache.stateful_sets import MASTER_SERVICE, NodeSet
from webhook.spark.properties import Conf

#: Properties that place the pods of an application, but not those of a cluster.
_OF_APPLICATIONS: Final = (
    properties.NODE_SELECTOR,
    *(
        properties.of(role, setting)
        for role in Role
        for setting in (
            "label.",
            "annotation.",
            "node.selector.",
            "container.image",
            "scheduler.name",
            properties.TEMPLATE_FILE,
        )
    ),
)
_FEATURE_STEPS: Final = "pod.featureSteps"
#: The most characters of a StatefulSet's name for which the label of its revision is always short enough.
_LONGEST_SET: Final = 52


def of_application(launch: Launch) -> Iterator[str]:
    """Notes on an application."""
    spec, conf = launch.spec, launch.conf
    parts = "spec.driverSpec.podTemplateSpec or spec.executorSpec.podTemplateSpec"
    yield from notes.of_metadata(launch.application.metadata, f"the annotations of {parts}")
    if not launch.has_executors:
        key = DRIVER_MASTER if launch.runs_alone else MASTER
        yield f"{place(key)} is {one_line(conf[key])}: the driver makes no executor pods"
    own = spec.spark_conf or {}
    if own.get(properties.NAMESPACE, launch.namespace) != launch.namespace:
        yield f"{place(properties.NAMESPACE)} has no effect: the pods are in the namespace of the application"
    if own.get(APP_NAME, launch.name) != launch.name:
        yield f"{place(APP_NAME)} has no effect: the operator overwrites it with the name of the application"
    yield from _of_placeholders(conf, "the images of spec.sparkConf")
    for role in Role:
        yield from _of_pods(launch, role)
    if launch.has_executors:
        yield from notes.of_allocator(conf)
        if properties.EXECUTOR_INSTANCES not in conf and not properties.is_true(conf, properties.DYNAMIC_ALLOCATION):
            yield f"{place(properties.EXECUTOR_INSTANCES)} is missing: Spark asks for {notes.SPARK_EXECUTORS} executors"
    tolerations = spec.application_tolerations
    restart = tolerations.restart_config if tolerations else None
    if restart and restart.restart_policy not in (None, "Never"):
        attempt = launch.application.attempt
        yield f"the names are those of attempt {attempt}; each restart makes new pods, with the next number"
    yield from _of_digit(launch.name, launch.app_id + DRIVER_SERVICE)


def of_cluster(cluster: Cluster, sets: tuple[NodeSet, ...]) -> Iterator[str]:
    """Notes on a cluster, whose pods are those of `sets`."""
    yield from notes.of_metadata(cluster.metadata, "the annotations of the template of a statefulSetSpec")
    conf = cluster.spec.spark_conf or {}
    for key in conf:
        if key.startswith(_OF_APPLICATIONS):
            yield f"{place(one_line(key))} has no effect on the pods of a cluster"
    yield from _of_placeholders(
        {key: value for key, value in conf.items() if key != properties.IMAGE}, properties.IMAGE
    )
    for one in sets:
        spec = one.spec
        if spec.template and (spec.template.spec or {}).get("schedulerName"):
            told = f"{one.place}.template.spec.schedulerName has no effect"
            yield f"{told}: the operator overwrites it; use {place(properties.SCHEDULER_NAME)}"
        if spec.replicas is not None:
            yield f"{one.place}.replicas has no effect: the operator overwrites it"
        if len(one.name) > _LONGEST_SET:
            told = f"the StatefulSet {one.name} has {len(one.name)} characters"
            yield f"{told}: with more than {_LONGEST_SET} the label of its revision can be too long, and no pod is made"
    if (cluster.spec.workers.min_workers or 0) < 1 and is_scaled(cluster.spec.workers):
        field = "spec.clusterTolerations.instanceConfig.minWorkers"
        yield f"{field} is less than 1, so API servers may refuse the autoscaler, unless they have HPAScaleToZero"
    yield from _of_digit(sets[0].cluster_name, sets[0].cluster_name + MASTER_SERVICE)


def workers(numbers: Workers) -> str:
    """The number of workers, in words."""
    first, least, most = numbers.init_workers or 0, numbers.min_workers or 0, numbers.max_workers or 0
    if not is_scaled(numbers):
        return str(first)
    told = f", {first} at first" if first != least else ""
    return f"{least} to {most}, by autoscaling{told}"


def is_scaled(numbers: Workers) -> bool:
    """Whether the operator makes an autoscaler for the workers."""
    return (numbers.min_workers or 0) < (numbers.max_workers or 0)


def _of_placeholders(conf: Conf, replaced: str) -> Iterator[str]:
    """A note for each placeholder of the version in `conf`, where it stays as it is; it is one in `replaced`."""
    for key, value in conf.items():
        if VERSION_PLACEHOLDER in value:
            yield f"{place(one_line(key))} keeps {VERSION_PLACEHOLDER}: the operator replaces it only in {replaced}"


def _of_pods(launch: Launch, role: Role) -> Iterator[str]:
    own = launch.spec.spark_conf or {}
    key = properties.of(role, properties.TEMPLATE_FILE)
    if file := own.get(key):
        if launch.spec.part(role).template is not None:
            yield f"{place(key)} has no effect: the operator overwrites it; use spec.{role}Spec.podTemplateSpec"
        else:
            told = f"the pod template {one_line(file)} in sparkConf"
            yield f"{told} is in the operator's container and cannot be read here"
    key = properties.of(role, _FEATURE_STEPS)
    if steps := own.get(key):
        yield f"{place(key)} is {one_line(steps)}: what these classes change of the {role} is not known here"


def _of_digit(name: str, service: str) -> Iterator[str]:
    if name[:1].isdigit():
        told = f"metadata.name begins with a digit, so API servers may refuse the Service {service}"
        yield f"{told}, unless they have RelaxedServiceNameValidation"
