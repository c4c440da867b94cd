"""Narrow views of the Spark Operator's resources: the fields that affect where pods run.

Field names are those of the Spark Operator's API (sparkoperator.k8s.io/v1beta2 and v1alpha1). Other fields are skipped.
"""

from typing import Any

import msgspec

from webhook.core.fault import clause
from webhook.core.pod import ObjectMeta, PodSpec, View
from webhook.core.selectors import Role

JSON = dict[str, Any]


class VolumeMount(View, frozen=True):
    """VolumeMount v1 core."""

    name: str
    mount_path: str | None = None
    sub_path: str | None = None
    read_only: bool | None = None


def _checked(parts: JSON, form: type[View]) -> None:
    try:
        msgspec.convert(parts, form)
    except msgspec.ValidationError as error:
        raise ValueError(clause(error, "it")) from None


class _TemplateParts(View, frozen=True):
    metadata: ObjectMeta | None = None
    spec: PodSpec | None = None


class Template(View, frozen=True):
    """PodTemplateSpec v1 core, complete. The fields that placement reads have the right types."""

    metadata: JSON | None = None
    spec: JSON | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if a field that placement reads has the wrong type."""
        _checked({"metadata": self.metadata, "spec": self.spec}, _TemplateParts)


class PodPart(View, frozen=True):
    """SparkPodSpec: the settings for the pods of one role."""

    image: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    affinity: JSON | None = None
    tolerations: list[JSON] | None = None
    node_selector: dict[str, str] | None = None
    volume_mounts: list[VolumeMount] | None = None
    host_network: bool | None = None
    scheduler_name: str | None = None
    sidecars: list[JSON] | None = None
    init_containers: list[JSON] | None = None
    security_context: JSON | None = None
    template: Template | None = None
    pod_name: str | None = None
    instances: int | None = None
    cores: int | None = None
    core_request: str | None = None
    memory: str | None = None
    memory_overhead: str | None = None
    memory_limit: str | None = None

    @property
    def template_parts(self) -> tuple[JSON, JSON]:
        """The metadata and the spec of the pod template, empty if absent."""
        template = self.template or Template()
        return template.metadata or {}, template.spec or {}


class SparkVolume(View, frozen=True):
    """Volume v1 core, with the types that Spark itself can mount."""

    name: str | None = None
    empty_dir: JSON | None = None
    host_path: JSON | None = None
    nfs: JSON | None = None
    persistent_volume_claim: JSON | None = None


class _Volumes(View, frozen=True):
    volumes: list[SparkVolume] | None


class DynamicAllocation(View, frozen=True):
    """DynamicAllocation: limits on the number of executors."""

    enabled: bool | None = None
    initial_executors: int | None = None
    min_executors: int | None = None
    max_executors: int | None = None
    shuffle_tracking_enabled: bool | None = None


class Dependencies(View, frozen=True):
    """Dependencies: what the pods download when they start."""

    jars: list[str] | None = None
    files: list[str] | None = None
    py_files: list[str] | None = None
    packages: list[str] | None = None
    archives: list[str] | None = None


class BatchSchedulerOptions(View, frozen=True):
    """BatchSchedulerConfiguration: what a batch scheduler is told."""

    queue: str | None = None


class Prometheus(View, frozen=True):
    """PrometheusSpec: the exporter of metrics."""

    port: int | None = None


class Monitoring(View, frozen=True):
    """MonitoringSpec: which pods expose metrics."""

    expose_driver_metrics: bool | None = None
    expose_executor_metrics: bool | None = None
    prometheus: Prometheus | None = None

    def exposes(self, role: Role) -> bool:
        """Whether the pods of `role` expose metrics."""
        return bool(self.expose_driver_metrics if role is Role.DRIVER else self.expose_executor_metrics)


class DriverIngress(View, frozen=True):
    """DriverIngressConfiguration: one port of the driver that is reachable from outside."""

    service_port: int | None = None
    ingress_url_format: str | None = msgspec.field(default=None, name="ingressURLFormat")


class ApplicationSpec(View, frozen=True):
    """SparkApplicationSpec."""

    driver: PodPart
    executor: PodPart
    type: str | None = None
    main_application_file: str | None = None
    main_class: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    mode: str | None = None
    spark_version: str | None = None
    spark_conf: dict[str, str] | None = None
    volumes: list[JSON] | None = None
    node_selector: dict[str, str] | None = None
    batch_scheduler: str | None = None
    batch_scheduler_options: BatchSchedulerOptions | None = None
    memory_overhead_factor: str | None = None
    monitoring: Monitoring | None = None
    driver_ingress_options: list[DriverIngress] | None = None
    dynamic_allocation: DynamicAllocation | None = None
    deps: Dependencies | None = None
    suspend: bool | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if a field of a volume has the wrong type."""
        _checked({"volumes": self.volumes}, _Volumes)

    @property
    def in_cluster_mode(self) -> bool:
        """Whether the driver runs in a pod."""
        return self.mode != "client"

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of the pods."""
        return tuple(Role) if self.in_cluster_mode else (Role.EXECUTOR,)

    def part(self, role: Role) -> PodPart:
        """The settings for the pods of `role`."""
        return self.driver if role is Role.DRIVER else self.executor


class ApplicationStatus(View, frozen=True):
    """SparkApplicationStatus."""

    submission_id: str | None = msgspec.field(default=None, name="submissionID")


class Application(View, frozen=True):
    """SparkApplication, sparkoperator.k8s.io/v1beta2."""

    metadata: ObjectMeta
    spec: ApplicationSpec
    status: ApplicationStatus | None = None


class ScheduledSpec(View, frozen=True):
    """ScheduledSparkApplicationSpec."""

    template: ApplicationSpec
    schedule: str | None = None
    suspend: bool | None = None


class ScheduledApplication(View, frozen=True):
    """ScheduledSparkApplication, sparkoperator.k8s.io/v1beta2."""

    metadata: ObjectMeta
    spec: ScheduledSpec


class ConnectSpec(View, frozen=True):
    """SparkConnectSpec."""

    server: PodPart
    executor: PodPart
    image: str | None = None
    spark_version: str | None = None
    spark_conf: dict[str, str] | None = None
    dynamic_allocation: DynamicAllocation | None = None


class Connect(View, frozen=True):
    """SparkConnect, sparkoperator.k8s.io/v1alpha1."""

    metadata: ObjectMeta
    spec: ConnectSpec
