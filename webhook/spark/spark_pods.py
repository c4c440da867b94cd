"""The pods that Spark creates from its configuration, with the fields that affect placement.

Source: Apache Spark, Running Spark on Kubernetes: pod template, configuration. Spark begins with the pod template, adds
labels, annotations and node selectors, sets image and names, and puts its own container last.
"""

import re
from typing import Any, Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.api_server import received
from webhook.spark.manifest import JSON, PodPart
from webhook.spark.properties import Conf

_CONTAINERS: Final = {Role.DRIVER: names.DRIVER_CONTAINER, Role.EXECUTOR: names.EXECUTOR_CONTAINER}
#: Placeholders for random ids of a submission.
APP_SELECTOR: Final = "spark-" + "0" * 32
_RUN: Final = "0" * 16
_LABEL_LENGTH: Final = 63


def created(role: Role, namespace: str, app_name: str, spark_version: str | None, conf: Conf, part: PodPart) -> JSON:
    """The driver or the first executor of an application. The other executors differ only in name and id."""
    metadata, spec = part.template_parts
    labels = (metadata.get("labels") or {}) | properties.prefixed(conf, properties.of(role, "label."))
    annotations = (metadata.get("annotations") or {}) | properties.prefixed(conf, properties.of(role, "annotation."))
    labels |= {
        names.SPARK_APP_NAME: re.sub("[^a-z0-9]+", "-", app_name.strip().lower())[:_LABEL_LENGTH].strip("-"),
        names.SPARK_APP_SELECTOR: APP_SELECTOR,
        names.SPARK_ROLE: role.value,
    }
    if spark_version:
        labels[names.SPARK_VERSION] = spark_version
    if role is Role.DRIVER:
        name = conf[properties.DRIVER_POD_NAME]
    else:
        name = conf.get(properties.EXECUTOR_POD_NAME_PREFIX, f"{app_name}-{_RUN}") + "-exec-1"
        labels |= {names.SPARK_EXEC_ID: "1", names.SPARK_EXEC_RESOURCE_PROFILE_ID: "0"}
    return received(name, namespace, labels, annotations, _spec(role, conf, spec))


def _spec(role: Role, conf: Conf, start: JSON) -> JSON:
    spec = {**start, "containers": _containers(role, conf, start.get("containers") or [])}
    selector = properties.prefixed(conf, properties.NODE_SELECTOR)
    selector |= properties.prefixed(conf, properties.of(role, "node.selector."))
    if selector:
        spec["nodeSelector"] = (start.get("nodeSelector") or {}) | selector
    volumes = _volumes(properties.prefixed(conf, properties.of(role, "volumes.")))
    if volumes:
        spec["volumes"] = [*(start.get("volumes") or []), *volumes]
    scheduler = conf.get(properties.of(role, "scheduler.name")) or conf.get(properties.SCHEDULER_NAME)
    if scheduler:
        spec["schedulerName"] = scheduler
    return spec


def _containers(role: Role, conf: Conf, given: list[Any]) -> list[Any]:
    """The containers, Spark's last: the template's container of its name, or else the template's first."""
    wanted = conf.get(properties.of(role, "podTemplateContainerName"), _CONTAINERS[role])
    chosen = next((one for one in given if one.get("name") == wanted), given[0] if given else {})
    own = {"name": _CONTAINERS[role], **chosen}
    image = conf.get(properties.of(role, "container.image")) or conf.get(properties.IMAGE)
    if image:
        own["image"] = image
    return [*(one for one in given if one is not chosen), own]


def _volumes(settings: dict[str, str]) -> list[JSON]:
    """The volumes that are set by properties `TYPE.NAME.mount.path` and `TYPE.NAME.options.OPTION`."""
    volumes: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in settings.items():
        match key.split(".", 3):
            case [kind, name, "options", option] if kind in properties.VOLUME_TYPES:
                volumes.setdefault((kind, name), {})[option] = value
            case [kind, name, *_] if kind in properties.VOLUME_TYPES:
                volumes.setdefault((kind, name), {})
    return [{"name": name, kind: options} for (kind, name), options in volumes.items()]
