"""What the Spark Operator submits for a SparkApplication.

Source: kubeflow/spark-operator, api/v1beta2/defaults.go and internal/controller/sparkapplication/submission.go and
monitoring_config.go. Later properties overwrite earlier ones, so this module keeps their order.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import batch_schedulers, properties
from webhook.spark.manifest import JSON, Application, ApplicationSpec, PodPart, VolumeMount
from webhook.spark.properties import Conf
from webhook.spark.versions import OperatorVersion, Versions, too_old_for_templates

#: Volumes with this prefix are Spark's scratch space. The operator passes them on as properties.
LOCAL_DIR: Final = "spark-local-dir-"
#: Placeholder for the random UUID of a submission.
_SUBMISSION_ID: Final = "00000000-0000-0000-0000-000000000000"
#: The prefix of the labels of Kueue.
KUEUE: Final = "kueue.x-k8s.io/"
_METRICS_PORT: Final = 8090
#: The options of a volume that the operator passes on.
_OPTIONS: Final = {
    "emptyDir": ("sizeLimit", "medium"),
    "hostPath": ("path", "type"),
    "nfs": ("path", "server", "readOnly"),
    "persistentVolumeClaim": ("claimName", "readOnly"),
}
#: The first release that passes on the medium of an emptyDir.
_MEDIUM: Final = OperatorVersion(2, 5, 1)
#: What Go's strconv.ParseBool takes for true.
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
#: The first release that writes a pod template of its own if there is none, and keeps the labels of Kueue from pods.
TEMPLATES: Final = OperatorVersion(2, 4)
#: The first release that sets the number of executors if there is none.
_DEFAULTS: Final = OperatorVersion(2, 2)


@dataclass(frozen=True, slots=True)
class Submission:
    """An application as the operator submits it."""

    application: Application
    """As a user wrote it."""
    name: str
    """The name of the SparkApplication: that of a run, if there is a schedule."""
    namespace: str
    operator: OperatorVersion
    spark: str
    """The version of Spark."""
    conf: Conf
    """The configuration that spark-submit is given."""
    counted: bool
    """Whether the operator knows how many executors there are."""
    fault: str = ""
    """Why the operator cannot submit it, as a clause; empty if it can."""

    @property
    def spec(self) -> ApplicationSpec:
        """The application's specification."""
        return self.application.spec

    @property
    def pod_namespace(self) -> str:
        """The namespace in which Spark makes the pods."""
        return self.conf[properties.NAMESPACE]

    def place(self, key: str) -> str:
        """Where in the document the property `key` is set."""
        spec = self.spec
        if key == properties.EXECUTOR_INSTANCES and spec.executor.instances is not None:
            return "spec.executor.instances"
        if field := properties.place_in_allocation(key, spec.dynamic_allocation):
            return field
        if key == properties.PULL_POLICY and spec.image_pull_policy:
            return "spec.imagePullPolicy"
        for role in Role:
            part, setting = spec.part(role), key.removeprefix(f"spark.{role}.")
            if (setting == "cores" and part.cores is not None) or (setting == "memory" and part.memory is not None):
                return f"spec.{role}.{setting}"
            label = key.removeprefix(properties.of(role, "label."))
            if label != key and label in (spec.part(role).labels or {}):
                return f'spec.{role}.labels["{label}"]'
            if label != key and label in (self.application.metadata.labels or {}):
                return f'metadata.labels["{label}"]'
        return f'spec.sparkConf["{key}"]'


def submitted(application: Application, name: str, namespace: str, versions: Versions) -> Submission:
    """What the operator submits for `application`, called `name`, in `namespace`."""
    operator = versions.operator
    found, fault = _monitored(_with_defaults(application, operator)), ""
    counted = found.spec.executor.instances is not None
    try:
        found = batch_schedulers.scheduled(found, name)
    except batch_schedulers.SchedulingError as error:
        fault = str(error)
    spark = versions.spark_of(application.spec.spark_version)
    conf = _conf(found, name, namespace, operator)
    return Submission(application, name, namespace, operator, spark, conf, counted, fault)


def _with_defaults(application: Application, operator: OperatorVersion) -> Application:
    """`application` with the defaults that the operator's admission webhook sets."""
    spec = application.spec
    conf, executor = spec.spark_conf or {}, spec.executor
    # The first releases set no number if there is no sparkConf.
    defaulted = operator >= _DEFAULTS or spec.spark_conf is not None
    if executor.instances is None and defaulted and not conf.get(properties.EXECUTOR_INSTANCES):
        executor = executor if _dynamic(spec, operator) else replace(executor, instances=1)
    driver = spec.driver
    if operator >= TEMPLATES:
        driver, executor = _sized(driver, conf, Role.DRIVER), _sized(executor, conf, Role.EXECUTOR)
    return replace(application, spec=replace(spec, driver=driver, executor=executor))


def _dynamic(spec: ApplicationSpec, operator: OperatorVersion) -> bool:
    """Whether the operator takes dynamic allocation for enabled."""
    conf = spec.spark_conf or {}
    if operator < _DEFAULTS and conf.get(properties.DYNAMIC_ALLOCATION) in _TRUE:
        return True
    if spec.dynamic_allocation is not None:
        return bool(spec.dynamic_allocation.enabled)
    # From 2.4 on the operator looks for a key that Spark does not know, in lower case.
    key = properties.DYNAMIC_ALLOCATION if operator < TEMPLATES else "spark.dynamicallocation.enabled"
    return conf.get(key) in _TRUE


def _sized(part: PodPart, conf: Conf, role: Role) -> PodPart:
    cores = 1 if part.cores is None and f"spark.{role}.cores" not in conf else part.cores
    memory = "1g" if part.memory is None and f"spark.{role}.memory" not in conf else part.memory
    return replace(part, cores=cores, memory=memory)


def _monitored(application: Application) -> Application:
    """`application` with the annotations by which Prometheus finds the pods that expose metrics."""
    spec, monitoring = application.spec, application.spec.monitoring
    if monitoring is None or monitoring.prometheus is None:
        return application
    port = _METRICS_PORT if monitoring.prometheus.port is None else monitoring.prometheus.port
    found = {"prometheus.io/scrape": "true", "prometheus.io/port": str(port), "prometheus.io/path": "/metrics"}
    parts = {
        role.value: replace(spec.part(role), annotations=(spec.part(role).annotations or {}) | found)
        for role in Role
        if monitoring.exposes(role)
    }
    return replace(application, spec=replace(spec, **parts))


def _conf(application: Application, name: str, namespace: str, operator: OperatorVersion) -> Conf:
    spec = application.spec
    conf: Conf = {properties.NAMESPACE: namespace}
    if spec.image:
        conf[properties.IMAGE] = spec.image
    if spec.image_pull_policy:
        conf[properties.PULL_POLICY] = spec.image_pull_policy
    own = spec.spark_conf or {}
    conf |= {key: value for key, value in own.items() if key != properties.DRIVER_POD_NAME}
    driver_name = spec.driver.pod_name or own.get(properties.DRIVER_POD_NAME) or f"{name}-driver"
    conf[properties.DRIVER_POD_NAME] = driver_name
    if spec.executor.instances is not None:
        conf[properties.EXECUTOR_INSTANCES] = str(spec.executor.instances)
    for role in Role:
        conf |= _of_role(application, name, role, operator)
        conf |= _local_volumes(spec.volumes or [], spec.part(role).volume_mounts or [], role, operator)
    conf |= {properties.NODE_SELECTOR + key: value for key, value in (spec.node_selector or {}).items()}
    conf |= properties.dynamic_allocation(spec.dynamic_allocation)
    # spark-submit ignores what does not begin so.
    return {key: value for key, value in conf.items() if key.startswith("spark.")}


def _of_role(application: Application, name: str, role: Role, operator: OperatorVersion) -> Conf:
    part = application.spec.part(role)
    submission = application.status.submission_id if application.status else None
    labels = {names.APP_NAME: name, names.LAUNCHED_BY_OPERATOR: "true"}
    if part.template is None or too_old_for_templates(application.spec.spark_version):
        labels[names.MUTATED_BY_OPERATOR] = "true"
    labels[names.SUBMISSION_ID] = submission or _SUBMISSION_ID
    of_application = application.metadata.labels or {}
    # From 2.4 on the operator keeps the labels of Kueue to the application.
    passed = (key for key in of_application if operator < TEMPLATES or not key.startswith(KUEUE))
    labels |= {key: of_application[key] for key in passed}
    labels |= part.labels or {}
    conf = {properties.of(role, f"label.{key}"): value for key, value in labels.items()}
    conf |= {properties.of(role, f"annotation.{key}"): value for key, value in (part.annotations or {}).items()}
    image = part.image or application.spec.image
    if image:
        conf[properties.of(role, "container.image")] = image
    for key, value in (("cores", part.cores), ("memory", part.memory)):
        if value is not None:
            conf[f"spark.{role}.{key}"] = str(value)
    if part.template is not None or operator >= TEMPLATES:
        conf[properties.of(role, properties.TEMPLATE_FILE)] = f"{role}-pod-template.yaml"
        conf[properties.of(role, properties.TEMPLATE_CONTAINER)] = properties.CONTAINERS[role]
    return conf


def local_mounts(part: PodPart) -> list[VolumeMount]:
    """The mounts of scratch space."""
    return [mount for mount in part.volume_mounts or () if mount.name.startswith(LOCAL_DIR)]


def _local_volumes(volumes: list[JSON], mounts: list[VolumeMount], role: Role, operator: OperatorVersion) -> Conf:
    by_name = {volume.get("name"): volume for volume in volumes}
    conf: Conf = {}
    for mount in mounts:
        volume = by_name.get(mount.name)
        kind = properties.volume_type(volume) if volume else None
        if volume is None or kind is None or not mount.name.startswith(LOCAL_DIR):
            continue
        prefix = properties.of(role, f"volumes.{kind}.{mount.name}")
        for key, value in (("path", mount.mount_path), ("subPath", mount.sub_path), ("readOnly", mount.read_only)):
            if value:
                conf[f"{prefix}.mount.{key}"] = "true" if value is True else str(value)
        options = volume[kind]
        for key in _OPTIONS[kind]:
            value = options.get(key) or ("" if key in properties.VOLUME_TYPES[kind] else None)
            if value is not None and (key != "medium" or operator >= _MEDIUM):
                conf[f"{prefix}.options.{key}"] = "true" if value is True else str(value)
    return conf
