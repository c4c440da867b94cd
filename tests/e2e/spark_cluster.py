"""The pods of a SparkCluster, from the StatefulSets that Apache's operator makes.

Source: apache/spark-kubernetes-operator, SparkClusterResourceSpec.java and SparkClusterResourceSpecFactory.java. The folder of
a worker's log is left out: nothing is placed by it.
"""

from typing import Any, Final

from tests.e2e.spark_namespace import SparkNamespace
from tests.e2e.stateful_set import create_pods

_PORTS: Final = {"master": {"web": 8080, "spark": 7077, "rest": 6066}, "worker": {"web": 8081}}
_LOOP: Final = "while /opt/spark/sbin/spark-daemon.sh status org.apache.spark.deploy.{role}.{Role} 1; do sleep 1; done"
_UID: Final = "0c2b1d5e-7f43-4d0e-8f6a-1b9e5c3a7d24"


def create_cluster(namespace: SparkNamespace, version: str, name: str, workers: int) -> list[dict[str, Any]]:
    """Creates the StatefulSets of a SparkCluster and their pods, and returns the pods as stored: the master first."""
    path = f"/apis/apps/v1/namespaces/{namespace.name}/statefulsets"
    made: list[dict[str, Any]] = []
    for role, replicas in (("master", 1), ("worker", workers)):
        wanted = _stateful_set(namespace.name, version, name, role, replicas)
        made += create_pods(namespace.control_plane, namespace.control_plane.create(path, wanted))
    return made


def _stateful_set(namespace: str, version: str, name: str, role: str, replicas: int) -> dict[str, Any]:
    labels = {"spark-role": role, "spark-version": version, "spark.operator/spark-cluster-name": name}
    owner = {"apiVersion": "spark.apache.org/v1", "kind": "SparkCluster", "name": name, "uid": _UID}
    # The API server requires a selector that matches; the operator's is the role alone.
    spec: dict[str, Any] = {
        "podManagementPolicy": "Parallel",
        "replicas": replicas,
        "selector": {"matchLabels": {"spark-role": role}},
        "template": {"metadata": {"labels": labels}, "spec": _pod_spec(namespace, version, name, role)},
    }
    if role == "worker":
        spec["serviceName"] = f"{name}-worker-svc"
    metadata = {
        "name": f"{name}-{role}",
        "labels": labels | {"spark.operator/name": "spark-kubernetes-operator"},
        "ownerReferences": [owner | {"blockOwnerDeletion": True}],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def _pod_spec(namespace: str, version: str, name: str, role: str) -> dict[str, Any]:
    start = f"/opt/spark/sbin/start-{role}.sh"
    conf = {"spark.shuffle.service.enabled": "true", "spark.kubernetes.namespace": namespace}
    options = {
        "name": f"SPARK_{role.upper()}_OPTS",
        "value": "".join(f'-D{key}="{value}" ' for key, value in conf.items()),
    }
    spec: dict[str, Any] = {"schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 0}
    if role == "worker":
        start += f" spark://{name}-master-svc:7077"
        spec["dnsConfig"] = {"searches": [f"{name}-worker-svc.{namespace}.svc.cluster.local"]}
    container = {
        "name": role,
        "image": f"example.org/spark:{version}",
        "command": ["bash"],
        "args": ["-c", f"{start} && {_LOOP.format(role=role, Role=role.title())}"],
        "env": [options],
        "ports": [{"name": port, "containerPort": number} for port, number in _PORTS[role].items()],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    return spec | {"containers": [container]}
