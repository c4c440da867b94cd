"""The pods that Spark creates from its configuration, with the fields that affect placement.

Source: Apache Spark, Running Spark on Kubernetes: pod template, configuration; and org.apache.spark.deploy.k8s, whose
builders judge this module in tests/spark. Spark begins with the pod template, adds labels, annotations and node
selectors, sets image and names, and puts its own container last.
"""

import re
from typing import Any, Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.api_server import received
from webhook.spark.manifest import JSON, PodPart
from webhook.spark.properties import Conf
from webhook.spark.stateful_set import first_pod
from webhook.spark.versions import spark_release

#: Placeholders for random ids of a submission.
APP_SELECTOR: Final = "spark-" + "0" * 32
_RUN: Final = "0" * 16
_LABEL_LENGTH: Final = 63
#: The id that all executors have if a StatefulSet or a Deployment makes them.
SHARED_EXECUTOR_ID: Final = "EXECID"
#: The first Spark that passes on the type of a hostPath volume.
_KEEPS_TYPE: Final = (4, 0)
#: The first Spark that keeps its containers from gaining privileges.
_NO_ESCALATION: Final = (4, 3)
_ESCALATION: Final = "securityContext.allowPrivilegeEscalation"


def numbers_executors(conf: Conf) -> bool:
    """Whether each executor has a number of its own: from Spark, or its ordinal in a StatefulSet."""
    return conf.get(properties.ALLOCATOR) != "deployment"


def created(
    role: Role,
    app_name: str,
    spark_version: str,
    conf: Conf,
    part: PodPart,
    *,
    app_id: str = APP_SELECTOR,
    builder: str | None = None,
) -> JSON:
    """The driver or the first executor of an application. The other executors differ only in name and id.

    `builder` is the version of Spark that makes the pod, if it is not `spark_version`, the version in the pod.
    """
    metadata, spec = part.template_parts
    executor_id = "" if role is Role.DRIVER else _executor_id(conf)
    labels = (metadata.get("labels") or {}) | properties.prefixed(conf, properties.of(role, "label."))
    annotations = metadata.get("annotations") or {}
    for key, value in properties.prefixed(conf, properties.of(role, "annotation.")).items():
        annotations = annotations | {key: value.replace("{{APP_ID}}", app_id).replace("{{EXECUTOR_ID}}", executor_id)}
    labels |= {
        names.SPARK_APP_NAME: app_name_label(app_name),
        names.SPARK_APP_SELECTOR: app_id,
        names.SPARK_ROLE: role.value,
        names.SPARK_VERSION: spark_version,
    }
    if role is Role.DRIVER:
        name = conf[properties.DRIVER_POD_NAME]
    else:
        prefix = conf.get(properties.EXECUTOR_POD_NAME_PREFIX) or f"{resource_name(app_name)}-{_RUN}"
        name = f"{prefix}-exec-{executor_id}"
        labels |= {names.SPARK_EXEC_ID: executor_id, names.SPARK_EXEC_RESOURCE_PROFILE_ID: "0"}
    made = _spec(role, conf, spec, spark_release(builder or spark_version))
    pod = received(name, conf[properties.NAMESPACE], labels, annotations, made)
    if role is Role.EXECUTOR and conf.get(properties.ALLOCATOR) == "statefulset":
        return first_pod(pod, f"spark-s-{app_id}-0")
    return pod


def _executor_id(conf: Conf) -> str:
    return SHARED_EXECUTOR_ID if conf.get(properties.ALLOCATOR) in ("statefulset", "deployment") else "1"


def app_name_label(app_name: str) -> str:
    """The label that Spark makes from an application's name."""
    text = re.sub("[^a-z0-9-]", "-", app_name.strip().lower())
    return re.sub("-+", "-", text)[:_LABEL_LENGTH].strip("-")


def resource_name(app_name: str) -> str:
    """The start of the names of resources, which Spark makes from an application's name."""
    text = re.sub("[^a-z0-9-]", "-", app_name.strip().lower())
    return re.sub("^[0-9]", "x", re.sub("-+", "-", text))


def _spec(role: Role, conf: Conf, start: JSON, spark: tuple[int, int]) -> JSON:
    *others, own = _containers(role, conf, start.get("containers") or [])
    if spark >= _NO_ESCALATION:
        specific, general = properties.of(role, _ESCALATION), f"spark.kubernetes.{_ESCALATION}"
        allowed = properties.is_true(conf, specific if specific in conf else general)
        own["securityContext"] = {**(own.get("securityContext") or {}), "allowPrivilegeEscalation": allowed}
    spec = {**start, "containers": [*others, own]}
    selector = properties.prefixed(conf, properties.NODE_SELECTOR)
    selector |= properties.prefixed(conf, properties.of(role, "node.selector."))
    if selector:
        spec["nodeSelector"] = (start.get("nodeSelector") or {}) | selector
    volumes = _volumes(conf, role, typed=spark >= _KEEPS_TYPE)
    if volumes:
        spec["volumes"] = [*(start.get("volumes") or []), *volumes]
    scheduler = conf.get(properties.of(role, "scheduler.name"), conf.get(properties.SCHEDULER_NAME))
    if scheduler is not None:
        spec["schedulerName"] = scheduler
    return spec


def _containers(role: Role, conf: Conf, given: list[Any]) -> list[Any]:
    """The containers, Spark's last: the template's container of its name, or else the template's first."""
    wanted = conf.get(properties.of(role, properties.TEMPLATE_CONTAINER))
    named = [one for one in given if wanted is not None and one.get("name") == wanted]
    chosen = named[0] if len(named) == 1 else given[0] if given else {}
    own = {"name": properties.CONTAINERS[role], **chosen}
    if image := properties.image(conf, role):
        own["image"] = image
    return [*(one for one in given if one is not chosen), own]


def _volumes(conf: Conf, role: Role, *, typed: bool) -> list[JSON]:
    """The volumes that are set by properties; `typed` says if a hostPath volume has its type."""
    found: list[JSON] = []
    for (kind, name), settings in properties.volumes(conf, role).items():
        options: JSON = {
            key: settings[f"options.{key}"]
            for key in properties.VOLUME_OPTIONS.get(kind, ())
            if f"options.{key}" in settings and (key != "type" or typed)
        }
        if properties.is_true(settings, "mount.readOnly") and kind == "persistentVolumeClaim":
            options["readOnly"] = True
        if kind in properties.VOLUME_TYPES:
            found.append({"name": name, kind: options})
    return found
