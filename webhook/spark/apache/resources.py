"""Narrow views of the resources of Apache's operator: the fields that affect where pods run.

Field names are those of spark.apache.org/v1, and v1beta1 has the same ones of these. Other fields are skipped.

Source: apache/spark-kubernetes-operator, spark-operator-api: spec and status.
"""

import msgspec

from webhook.core.pod import Int64, ObjectMeta, View
from webhook.core.selectors import Role
from webhook.spark.manifest import JSON, PodPart, Template


class RuntimeVersions(View, frozen=True):
    """RuntimeVersions: what the image has."""

    spark_version: str | None = None


class RoleSpec(View, frozen=True):
    """BaseApplicationTemplateSpec: the pod template of one role."""

    pod_template_spec: Template | None = None


class Restart(View, frozen=True):
    """RestartConfig: what happens after an attempt."""

    restart_policy: str | None = None


class ApplicationTolerations(View, frozen=True):
    """ApplicationTolerations: restarts and timeouts. They are no tolerations of a pod."""

    restart_config: Restart | None = None


class _Named(View, frozen=True):
    name: str | None = None


class _Parents(View, frozen=True):
    parent_refs: list[JSON] | None = None


class Route(View, frozen=True):
    """DriverHttpRouteSpec, and DriverGrpcRouteSpec: a route to the driver."""

    service_metadata: _Named | None = None
    http_route_metadata: _Named | None = None
    http_route_spec: _Parents | None = None
    grpc_route_metadata: _Named | None = None
    grpc_route_spec: _Parents | None = None


class AppSpec(View, frozen=True):
    """ApplicationSpec."""

    runtime_versions: RuntimeVersions | None = None
    main_class: str | None = None
    jars: str | None = None
    py_files: str | None = None
    spark_r_files: str | None = msgspec.field(default=None, name="sparkRFiles")
    spark_conf: dict[str, str] | None = None
    deployment_mode: str | None = None
    driver_spec: RoleSpec | None = None
    executor_spec: RoleSpec | None = None
    application_tolerations: ApplicationTolerations | None = None
    driver_http_route_list: list[Route] | None = None
    driver_grpc_route_list: list[Route] | None = None

    def part(self, role: Role) -> PodPart:
        """The settings for the pods of `role`: nothing but a pod template."""
        spec = self.driver_spec if role is Role.DRIVER else self.executor_spec
        return PodPart(template=spec.pod_template_spec if spec else None)


class _AttemptInfo(View, frozen=True):
    id: Int64 = 0


class _AttemptSummary(View, frozen=True):
    attempt_info: _AttemptInfo | None = None


class AppStatus(View, frozen=True):
    """ApplicationStatus."""

    current_attempt_summary: _AttemptSummary | None = None


class App(View, frozen=True):
    """SparkApplication, spark.apache.org/v1."""

    metadata: ObjectMeta
    spec: AppSpec
    api_version: str = ""
    status: AppStatus | None = None

    @property
    def attempt(self) -> int:
        """The number of the current attempt. The first one is 0."""
        summary = self.status.current_attempt_summary if self.status else None
        return summary.attempt_info.id if summary and summary.attempt_info else 0


class Workers(View, frozen=True):
    """WorkerInstanceConfig: the numbers of workers."""

    init_workers: int | None = None
    min_workers: int | None = None
    max_workers: int | None = None


class ClusterTolerations(View, frozen=True):
    """ClusterTolerations."""

    instance_config: Workers | None = None


class _Selector(View, frozen=True):
    match_labels: dict[str, str] | None = None


class _Claim(View, frozen=True):
    metadata: ObjectMeta


class Ordinals(View, frozen=True):
    """StatefulSetOrdinals v1 apps."""

    start: int | None = None


class SetSpec(View, frozen=True):
    """StatefulSetSpec v1 apps."""

    template: Template | None = None
    selector: _Selector | None = None
    replicas: int | None = None
    service_name: str | None = None
    volume_claim_templates: list[_Claim] | None = None
    ordinals: Ordinals | None = None


class NodeSpec(View, frozen=True):
    """MasterSpec, and WorkerSpec."""

    stateful_set_spec: SetSpec | None = None


class ClusterSpec(View, frozen=True):
    """ClusterSpec."""

    runtime_versions: RuntimeVersions | None = None
    cluster_tolerations: ClusterTolerations | None = None
    master_spec: NodeSpec | None = None
    worker_spec: NodeSpec | None = None
    spark_conf: dict[str, str] | None = None

    @property
    def workers(self) -> Workers:
        """The numbers of workers, as far as they are given."""
        tolerations = self.cluster_tolerations
        return (tolerations and tolerations.instance_config) or Workers()


class Cluster(View, frozen=True):
    """SparkCluster, spark.apache.org/v1."""

    metadata: ObjectMeta
    spec: ClusterSpec
