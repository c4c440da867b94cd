"""The pods of a SparkCluster: the operator creates two StatefulSets, and Kubernetes creates their pods.

Source: apache/spark-kubernetes-operator, SparkClusterSubmissionWorker, SparkClusterResourceSpec.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from webhook.core import names
from webhook.spark import properties
from webhook.spark.apache.launch import VERSION_PLACEHOLDER
from webhook.spark.apache.privileges import unprivileged
from webhook.spark.apache.resources import Cluster, SetSpec
from webhook.spark.api_server import received
from webhook.spark.manifest import JSON, Template
from webhook.spark.stateful_set import first_pod

#: What follows a cluster's name in the name of its masters' Service.
MASTER_SERVICE: Final = "-master-svc"
#: The image of a cluster that names none, in release 1.0 of the operator.
DEFAULT_IMAGE: Final = "apache/spark:4.2.0"


class Node(StrEnum):
    """What a pod of a cluster runs: also the value of its role label, and the name of its container."""

    MASTER = "master"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class NodeSet:
    """The StatefulSet of the masters or of the workers."""

    node: Node
    cluster: Cluster
    cluster_name: str
    namespace: str
    spark: str
    """The version of Spark."""

    @property
    def name(self) -> str:
        """The name of the StatefulSet."""
        return f"{self.cluster_name}-{self.node}"

    @property
    def spec(self) -> SetSpec:
        """What a user says about it."""
        spec = self.cluster.spec
        part = spec.master_spec if self.node is Node.MASTER else spec.worker_spec
        return (part and part.stateful_set_spec) or SetSpec()

    @property
    def place(self) -> str:
        """The field in which a user says it."""
        return f"spec.{self.node}Spec.statefulSetSpec"

    @property
    def image(self) -> str:
        """The image of the pods."""
        image = (self.cluster.spec.spark_conf or {}).get(properties.IMAGE, DEFAULT_IMAGE)
        return image.replace(VERSION_PLACEHOLDER, self.spark)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the pod template."""
        metadata = (self.spec.template or Template()).metadata or {}
        own = {names.SPARK_ROLE: self.node.value, names.CLUSTER_NAME: self.cluster_name}
        return (metadata.get("labels") or {}) | own | {names.SPARK_VERSION: self.spark}

    def pod(self) -> JSON:
        """The first pod. The others differ only in name and ordinal."""
        template = self.spec.template or Template()
        annotations = (template.metadata or {}).get("annotations") or {}
        ordinal = (self.spec.ordinals and self.spec.ordinals.start) or 0
        spec = self._pod_spec(template.spec or {}, f"{self.name}-{ordinal}")
        return first_pod(received(self.name, self.namespace, self.labels, annotations, spec), self.name, ordinal)

    def _pod_spec(self, start: JSON, name: str) -> JSON:
        scheduler = (self.cluster.spec.spark_conf or {}).get(properties.SCHEDULER_NAME, names.DEFAULT_SCHEDULER)
        spec = unprivileged({**start, "containers": self._containers(start.get("containers") or [])})
        spec |= {"schedulerName": scheduler, "terminationGracePeriodSeconds": 0}
        service = self.spec.service_name
        if self.node is Node.WORKER:
            service = f"{self.cluster_name}-worker-svc"
            spec["dnsConfig"] = {"searches": [f"{service}.{self.namespace}.svc.cluster.local"]}
        if service:
            spec["subdomain"] = service
        if volumes := self._volumes(start.get("volumes") or [], name):
            spec["volumes"] = volumes
        return spec

    def _containers(self, given: list[Any]) -> list[Any]:
        """The containers. The first one of the node's name runs it, or else one more."""
        found = next((one for one in given if one.get("name") == self.node), None)
        own = {**(found or {"name": self.node.value}), "image": self.image}
        return [*given, own] if found is None else [own if one is found else one for one in given]

    def _volumes(self, given: list[Any], pod: str) -> list[Any]:
        """The volumes. Those of the claim templates come first, and replace those of the same name."""
        claims = [one.metadata.name or "" for one in self.spec.volume_claim_templates or ()]
        made = [{"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{pod}"}} for one in claims]
        return [*made, *(one for one in given if one.get("name") not in claims)]
