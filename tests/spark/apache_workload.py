"""A plain SparkApplication and a plain SparkCluster of Apache's operator, and their pods."""

from typing import Any, Final

import msgspec
import yaml

from tests.spark.judge.applications import merged
from webhook.core.pod import Pod
from webhook.spark.documents import read
from webhook.spark.versions import Versions
from webhook.spark.workloads import Workload

APPLICATION: Final = """
apiVersion: spark.apache.org/v1
kind: SparkApplication
metadata: {name: pi, namespace: jobs}
spec:
  mainClass: org.example.Pi
  jars: local:///opt/pi.jar
  runtimeVersions: {sparkVersion: 4.2.0}
  sparkConf:
    spark.executor.instances: "3"
    spark.kubernetes.container.image: registry/spark:{{SPARK_VERSION}}
"""
CLUSTER: Final = """
apiVersion: spark.apache.org/v1
kind: SparkCluster
metadata: {name: prod, namespace: jobs}
spec:
  runtimeVersions: {sparkVersion: 4.2.0}
  clusterTolerations: {instanceConfig: {initWorkers: 3, minWorkers: 3, maxWorkers: 3}}
  sparkConf: {spark.kubernetes.container.image: "registry/spark:{{SPARK_VERSION}}"}
"""
#: The tolerations that the API server adds to each pod.
DEFAULTS: Final = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
]
UNPRIVILEGED: Final = {"allowPrivilegeEscalation": False}


def workload(plain: str, changes: str = "{}", versions: Versions | None = None) -> Workload:
    """The workload of the document `plain` with `changes` merged into it."""
    document = merged(yaml.safe_load(plain), yaml.safe_load(changes))
    (found,) = read(document, "elsewhere", versions or Versions())
    assert isinstance(found, Workload)
    for pod in found.pods:
        assert pod.seen == pod.created
        msgspec.convert(pod.created, Pod)
    return found


def made(plain: str, changes: str) -> tuple[Any, Any]:
    """The first pod of each of the two roles of that workload, as created."""
    first, second = workload(plain, changes).pods
    return first.created, second.created
