"""What the Spark Operator's own webhook changes of a pod.

Source: kubeflow/spark-operator, internal/webhook/sparkpod_defaulter.go. It changes the pods of a SparkApplication, with
and without a pod template, and not those of a SparkConnect. Its configuration selects pods by their label.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.manifest import JSON, Application, VolumeMount
from webhook.spark.properties import Conf
from webhook.spark.submission import LOCAL_DIR

#: The names by which it finds Spark's container; without one of these it takes the first container.
_CONTAINERS: Final = {
    Role.DRIVER: (properties.CONTAINERS[Role.DRIVER],),
    Role.EXECUTOR: ("executor", properties.CONTAINERS[Role.EXECUTOR]),
}


def of(application: Application, role: Role, conf: Conf) -> Callable[[JSON], JSON] | None:
    """What the webhook does to the pods of `role` that Spark makes with `conf`; None if it is not called for them."""
    labels = properties.prefixed(conf, properties.of(role, "label."))
    if labels.get(names.LAUNCHED_BY_OPERATOR) != "true" or not labels.get(names.APP_NAME):
        return None
    return partial(mutated, application=application, role=role)


def mutated(pod: JSON, application: Application, role: Role) -> JSON:
    """`pod` of `application` after the operator's webhook.

    It replaces the whole affinity, appends tolerations even if they exist, merges nodeSelector by key, and adds
    containers unless one of the same name and image exists.
    """
    part = application.spec.part(role)
    spec: JSON = {**pod["spec"]}
    for key, more in (
        ("volumes", _mounted(application.spec.volumes or [], part.volume_mounts or [])),
        ("initContainers", _new(part.init_containers, spec.get("initContainers"))),
        ("containers", _new(part.sidecars, spec.get("containers"))),
        ("tolerations", part.tolerations or []),
    ):
        if more:
            spec[key] = [*(spec.get(key) or []), *more]
    if part.node_selector:
        spec["nodeSelector"] = (spec.get("nodeSelector") or {}) | part.node_selector
    if part.host_network:
        spec["hostNetwork"] = True
    if part.affinity is not None:
        spec["affinity"] = part.affinity
    batch = application.spec.batch_scheduler
    if scheduler := part.scheduler_name if batch is None else batch:
        spec["schedulerName"] = scheduler
    if part.security_context is not None:
        index = _spark_container(spec["containers"], role)
        spec["containers"] = [
            {**one, "securityContext": part.security_context} if at == index else one
            for at, one in enumerate(spec["containers"])
        ]
    return {**pod, "spec": spec}


def _spark_container(containers: list[JSON], role: Role) -> int:
    return next((at for at, one in enumerate(containers) if one.get("name") in _CONTAINERS[role]), 0)


def _new(containers: list[JSON] | None, given: list[Any] | None) -> list[JSON]:
    """The containers that are added."""
    found: list[JSON] = []
    there = {_identity(one) for one in given or ()}
    for one in containers or ():
        if (identity := _identity(one)) not in there:
            there.add(identity)
            found.append(one)
    return found


def _identity(container: JSON) -> tuple[str, str]:
    return str(container.get("name") or ""), str(container.get("image") or "")


def _mounted(volumes: list[JSON], mounts: list[VolumeMount]) -> list[JSON]:
    """The mounted volumes, each once, in the order of the mounts, without scratch space."""
    by_name = {volume.get("name"): volume for volume in volumes}
    wanted = dict.fromkeys(mount.name for mount in mounts if not mount.name.startswith(LOCAL_DIR))
    return [by_name[name] for name in wanted if name in by_name]
