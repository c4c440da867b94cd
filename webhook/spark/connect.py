"""The pods of a SparkConnect: the operator creates the server's pod, and Spark creates the executors.

Source: kubeflow/spark-operator, internal/controller/sparkconnect/reconciler.go and options.go. The operator's webhook
does not change these pods.
"""

from typing import Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.api_server import received
from webhook.spark.manifest import JSON, Connect
from webhook.spark.properties import Conf

#: Spark's script starts the server under this name. It becomes a label of the executors.
APP_NAME: Final = "Spark Connect server"
SERVER_ROLE: Final = "connect-server"


def server_pod(connect: Connect, name: str, namespace: str) -> JSON:
    """The pod of the Spark Connect server, as the operator creates it."""
    metadata, spec = connect.spec.server.template_parts
    labels = (metadata.get("labels") or {}) | _labels(name) | {names.SPARK_ROLE: SERVER_ROLE}
    if connect.spec.spark_version:
        labels[names.SPARK_VERSION] = connect.spec.spark_version
    containers = [*(spec.get("containers") or [{"name": names.DRIVER_CONTAINER}])]
    index = next((at for at, one in enumerate(containers) if one.get("name") == names.DRIVER_CONTAINER), 0)
    if connect.spec.image and not containers[index].get("image"):
        containers[index] = {**containers[index], "image": connect.spec.image}
    annotations = metadata.get("annotations") or {}
    return received(f"{name}-server", namespace, labels, annotations, {**spec, "containers": containers})


def executor_conf(connect: Connect, name: str) -> Conf:
    """The configuration with which the server creates its executors."""
    containers = connect.spec.executor.template_parts[1].get("containers") or []
    own = (one.get("image") for one in containers if one.get("name") == names.EXECUTOR_CONTAINER)
    image = next(own, None) or connect.spec.image
    conf = {properties.IMAGE: image, properties.of(Role.EXECUTOR, "container.image"): image} if image else {}
    conf |= connect.spec.spark_conf or {}
    labels = _labels(name) | (connect.metadata.labels or {})
    conf |= {properties.of(Role.EXECUTOR, f"label.{key}"): value for key, value in labels.items()}
    return conf | {properties.EXECUTOR_POD_NAME_PREFIX: name}


def _labels(name: str) -> dict[str, str]:
    return {names.LAUNCHED_BY_OPERATOR: "true", names.CONNECT_NAME: name}
