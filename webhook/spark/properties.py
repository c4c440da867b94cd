"""Spark's configuration properties that affect placement (Apache Spark: Running Spark on Kubernetes, Configuration).

`spark-submit` uses the last value of a property, so a configuration is a map: later values overwrite earlier ones.
"""

import re
from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark.manifest import JSON, DynamicAllocation

Conf = dict[str, str]

NAMESPACE: Final = "spark.kubernetes.namespace"
IMAGE: Final = "spark.kubernetes.container.image"
SCHEDULER_NAME: Final = "spark.kubernetes.scheduler.name"
NODE_SELECTOR: Final = "spark.kubernetes.node.selector."
DRIVER_POD_NAME: Final = "spark.kubernetes.driver.pod.name"
EXECUTOR_POD_NAME_PREFIX: Final = "spark.kubernetes.executor.podNamePrefix"
EXECUTOR_INSTANCES: Final = "spark.executor.instances"
DYNAMIC_ALLOCATION: Final = "spark.dynamicAllocation.enabled"
INITIAL_EXECUTORS: Final = "spark.dynamicAllocation.initialExecutors"
MIN_EXECUTORS: Final = "spark.dynamicAllocation.minExecutors"
MAX_EXECUTORS: Final = "spark.dynamicAllocation.maxExecutors"
SHUFFLE_TRACKING: Final = "spark.dynamicAllocation.shuffleTracking.enabled"
PULL_POLICY: Final = "spark.kubernetes.container.image.pullPolicy"
UPLOAD_PATH: Final = "spark.kubernetes.file.upload.path"
#: What creates executors: `direct`, `statefulset`, `deployment`, or the name of a class.
ALLOCATOR: Final = "spark.kubernetes.allocation.pods.allocator"

#: Of a role: the file of the pod template, and the name of Spark's container in it.
TEMPLATE_FILE: Final = "podTemplateFile"
TEMPLATE_CONTAINER: Final = "podTemplateContainerName"
#: Of a role: the prefix of volumes, `volumes.TYPE.NAME.mount.…` and `volumes.TYPE.NAME.options.…`.
VOLUMES: Final = "volumes."

#: The options of a volume that become its fields.
VOLUME_OPTIONS: Final = {
    "emptyDir": ("medium", "sizeLimit"),
    "hostPath": ("path", "type"),
    "nfs": ("path", "server"),
    "persistentVolumeClaim": ("claimName",),
}
#: The properties that set a number of executors, with the fields of DynamicAllocation that the operator passes on.
_NUMBERS: Final = {
    INITIAL_EXECUTORS: ("initial_executors", "initialExecutors"),
    MIN_EXECUTORS: ("min_executors", "minExecutors"),
    MAX_EXECUTORS: ("max_executors", "maxExecutors"),
}

#: Names of Spark's own containers.
CONTAINERS: Final = {Role.DRIVER: names.DRIVER_CONTAINER, Role.EXECUTOR: names.EXECUTOR_CONTAINER}
#: Volume types that Spark mounts through properties, each with the options that it must have.
VOLUME_TYPES: Final = {
    "emptyDir": (),
    "hostPath": ("path",),
    "nfs": ("path", "server"),
    "persistentVolumeClaim": ("claimName",),
}
#: An amount as Kubernetes reads it.
QUANTITY: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?")
_BYTES: Final = re.compile("([0-9]{1,18})([a-z]+)?")
_UNITS: Final = {"": 1, "b": 1} | {
    unit + end: 1024**power for power, unit in enumerate("kmgtp", 1) for end in ("", "b")
}


def of(role: Role, name: str) -> str:
    """The property `name` of a role: `of(Role.DRIVER, "container.image")` is the driver's image."""
    return f"spark.kubernetes.{role}.{name}"


def prefixed(conf: Conf, prefix: str) -> dict[str, str]:
    """The properties of `conf` that begin with `prefix`, without the prefix."""
    return {key.removeprefix(prefix): value for key, value in conf.items() if key.startswith(prefix)}


def is_true(conf: Conf, key: str) -> bool:
    """Whether the property `key` is true, as Spark reads a boolean."""
    return conf.get(key, "").strip().lower() == "true"


def byte_size(text: str) -> int | None:
    """A number of bytes, as Spark reads a memory size without a default unit; None if `text` is none."""
    found = _BYTES.fullmatch(text.strip().lower())
    unit = (found[2] or "") if found else None
    return int(found[1]) * _UNITS[unit] if found and unit in _UNITS else None


def image(conf: Conf, role: Role) -> str | None:
    """The image of the pods of `role`; None if there is none."""
    return conf.get(of(role, "container.image"), conf.get(IMAGE))


def volume_type(volume: JSON) -> str | None:
    """The type of a Volume v1 core, if it is one that Spark mounts through properties."""
    return next((kind for kind in VOLUME_TYPES if volume.get(kind) is not None), None)


def volumes(conf: Conf, role: Role) -> dict[tuple[str, str], dict[str, str]]:
    """The volumes that `conf` gives to pods of `role`: by type and name, all that is set of each."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in prefixed(conf, of(role, VOLUMES)).items():
        kind, _, rest = key.partition(".")
        name, _, setting = rest.partition(".")
        if name:
            found.setdefault((kind, name), {})[setting] = value
    return found


def dynamic_allocation(allocation: DynamicAllocation | None) -> Conf:
    """What the operator sets for `allocation`."""
    if allocation is None or not allocation.enabled:
        return {}
    numbers = {key: getattr(allocation, field) for key, (field, _) in _NUMBERS.items()}
    tracked = "false" if allocation.shuffle_tracking_enabled is False else "true"
    conf = {key: str(value) for key, value in numbers.items() if value is not None}
    return {DYNAMIC_ALLOCATION: "true", SHUFFLE_TRACKING: tracked} | conf


def place_in_allocation(key: str, allocation: DynamicAllocation | None) -> str:
    """The field below `spec` by which the operator sets the property `key`; empty if there is none."""
    if key not in dynamic_allocation(allocation):
        return ""
    field = _NUMBERS[key][1] if key in _NUMBERS else "shuffleTrackingEnabled" if key == SHUFFLE_TRACKING else "enabled"
    return f"spec.dynamicAllocation.{field}"
