"""The pods that Spark creates from its configuration, with the fields that affect placement.

Source: Apache Spark, Running Spark on Kubernetes: pod template, configuration. Spark begins with the pod template, adds
labels, annotations and node selectors, sets image and names, and puts its own container last.
"""

import re
from typing import Any, Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import JSON, Template
from webhook.spark.properties import Conf

_CONTAINERS: Final = {Role.DRIVER: names.DRIVER_CONTAINER, Role.EXECUTOR: names.EXECUTOR_CONTAINER}
#: Placeholders for random ids of a submission.
APP_SELECTOR: Final = "spark-" + "0" * 32
_RUN: Final = "0" * 16
_LABEL_LENGTH: Final = 63


def driver_pod(namespace: str, app_name: str, spark_version: str, conf: Conf, template: Template | None) -> JSON:
    """The driver pod of an application in cluster mode, as Spark creates it."""
    name = conf.get(properties.DRIVER_POD_NAME, f"{app_name}-driver")
    return _pod(Role.DRIVER, namespace, name, _labels(Role.DRIVER, app_name, spark_version), conf, template)


def executor_pod(namespace: str, app_name: str, spark_version: str, conf: Conf, template: Template | None) -> JSON:
    """The first executor pod of an application, as Spark creates it. The others differ only in name and id."""
    prefix = conf.get(properties.EXECUTOR_POD_NAME_PREFIX, f"{app_name}-{_RUN}")
    labels = _labels(Role.EXECUTOR, app_name, spark_version)
    labels |= {names.SPARK_EXEC_ID: "1", names.SPARK_EXEC_RESOURCE_PROFILE_ID: "0"}
    return _pod(Role.EXECUTOR, namespace, f"{prefix}-exec-1", labels, conf, template)


def _labels(role: Role, app_name: str, spark_version: str) -> dict[str, str]:
    label = re.sub("-+", "-", re.sub("[^a-z0-9-]", "-", app_name.strip().lower()))[:_LABEL_LENGTH].strip("-")
    return {
        names.SPARK_APP_NAME: label,
        names.SPARK_APP_SELECTOR: APP_SELECTOR,
        names.SPARK_ROLE: role.value,
        **({names.SPARK_VERSION: spark_version} if spark_version else {}),
    }


def _pod(role: Role, namespace: str, name: str, preset: dict[str, str], conf: Conf, template: Template | None) -> JSON:
    given = template or Template()
    start = given.metadata or {}
    metadata: JSON = {"name": name, "namespace": namespace}
    labels = (start.get("labels") or {}) | properties.prefixed(conf, properties.label(role, "")) | preset
    metadata["labels"] = dict(sorted(labels.items()))
    annotations = (start.get("annotations") or {}) | properties.prefixed(conf, properties.annotation(role, ""))
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _spec(role, conf, given.spec or {})}


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
        parts = key.split(".", 3)
        if len(parts) < 2 or parts[0] not in properties.VOLUME_TYPES:  # noqa: PLR2004, a type and a name
            continue
        options = volumes.setdefault((parts[0], parts[1]), {})
        match parts[2:]:
            case ["options", option]:
                options[option] = value
    return [{"name": name, kind: options} for (kind, name), options in volumes.items()]
