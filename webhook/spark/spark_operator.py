"""What the Spark Operator does for a SparkApplication: the configuration it submits and the changes of its webhook.

Source: kubeflow/spark-operator, internal/controller/sparkapplication/submission.go and
internal/webhook/sparkpod_defaulter.go. Later properties overwrite earlier ones, so this module keeps their order.
"""

from typing import Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import JSON, Application, VolumeMount
from webhook.spark.properties import Conf

#: Volumes with this prefix are Spark's scratch space. The operator passes them on as properties.
_LOCAL_DIR: Final = "spark-local-dir-"
#: Placeholder for the random UUID of a submission.
_SUBMISSION_ID: Final = "00000000-0000-0000-0000-000000000000"


def submitted(application: Application, name: str) -> Conf:
    """The configuration with which the operator submits `application` under `name`."""
    spec = application.spec
    conf = {properties.IMAGE: spec.image} if spec.image else {}
    conf |= spec.spark_conf or {}
    conf[properties.DRIVER_POD_NAME] = spec.driver.pod_name or conf.get(properties.DRIVER_POD_NAME) or f"{name}-driver"
    for role in Role:
        conf |= _of_role(application, name, role)
        conf |= _local_volumes(spec.volumes or [], spec.part(role).volume_mounts or [], role)
    conf |= {properties.NODE_SELECTOR + key: value for key, value in (spec.node_selector or {}).items()}
    return conf


def _of_role(application: Application, name: str, role: Role) -> Conf:
    part = application.spec.part(role)
    submission = application.status.submission_id if application.status else None
    labels = {
        names.APP_NAME: name,
        names.LAUNCHED_BY_OPERATOR: "true",
        names.SUBMISSION_ID: submission or _SUBMISSION_ID,
        **(application.metadata.labels or {}),
        **(part.labels or {}),
    }
    conf = {properties.of(role, f"label.{key}"): value for key, value in labels.items()}
    conf |= {properties.of(role, f"annotation.{key}"): value for key, value in (part.annotations or {}).items()}
    image = part.image or application.spec.image
    if image:
        conf[properties.of(role, "container.image")] = image
    return conf


def _local_volumes(volumes: list[JSON], mounts: list[VolumeMount], role: Role) -> Conf:
    conf: Conf = {}
    for volume in volumes:
        name = str(volume.get("name"))
        kind = next((one for one in properties.VOLUME_TYPES if volume.get(one) is not None), None)
        if kind is None or not name.startswith(_LOCAL_DIR) or all(mount.name != name for mount in mounts):
            continue
        prefix = properties.of(role, f"volumes.{kind}.{name}")
        conf[f"{prefix}.mount.path"] = ""
        conf |= {f"{prefix}.options.{key}": str(value) for key, value in volume[kind].items()}
    return conf


def mutated(pod: JSON, application: Application, role: Role) -> JSON:
    """`pod` after the operator's webhook. The webhook does not change a pod with a pod template.

    It replaces the whole affinity, appends tolerations even if they exist, and merges nodeSelector by key.
    """
    part = application.spec.part(role)
    if part.template is not None:
        return pod
    spec: JSON = {**pod["spec"]}
    if part.security_context is not None:
        *others, own = spec["containers"]
        spec["containers"] = [*others, {**own, "securityContext": part.security_context}]
    for key, more in (
        ("volumes", _mounted(application.spec.volumes or [], part.volume_mounts or [])),
        ("initContainers", part.init_containers or []),
        ("containers", part.sidecars or []),
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
    scheduler = part.scheduler_name if application.spec.batch_scheduler is None else application.spec.batch_scheduler
    if scheduler:
        spec["schedulerName"] = scheduler
    return {**pod, "spec": spec}


def _mounted(volumes: list[JSON], mounts: list[VolumeMount]) -> list[JSON]:
    """The mounted volumes, each once, in the order of the mounts, without scratch space."""
    by_name = {volume.get("name"): volume for volume in volumes}
    wanted = dict.fromkeys(mount.name for mount in mounts if not mount.name.startswith(_LOCAL_DIR))
    return [by_name[name] for name in wanted if name in by_name]
