"""The pods of a SparkConnect: the operator creates the server's pod, and Spark creates the executors.

Source: kubeflow/spark-operator, internal/controller/sparkconnect/reconciler.go and options.go. The operator's webhook
does not change these pods.
"""

from typing import Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import JSON, Connect, Template
from webhook.spark.properties import Conf

#: Spark's script starts the server under this name. It becomes a label of the executors.
APP_NAME: Final = "Spark Connect server"
_SERVER_ROLE: Final = "connect-server"


def server_pod(connect: Connect, name: str, namespace: str) -> JSON:
    """The pod of the Spark Connect server, as the operator creates it."""
    template = connect.spec.server.template or Template()
    start, spec = template.metadata or {}, template.spec or {}
    labels = {
        **(start.get("labels") or {}),
        names.LAUNCHED_BY_OPERATOR: "true",
        names.CONNECT_NAME: name,
        names.SPARK_ROLE: _SERVER_ROLE,
        **({names.SPARK_VERSION: connect.spec.spark_version} if connect.spec.spark_version else {}),
    }
    metadata: JSON = {"name": f"{name}-server", "namespace": namespace, "labels": dict(sorted(labels.items()))}
    if start.get("annotations"):
        metadata["annotations"] = start["annotations"]
    containers = [*(spec.get("containers") or [{"name": names.DRIVER_CONTAINER}])]
    index = next((at for at, one in enumerate(containers) if one.get("name") == names.DRIVER_CONTAINER), 0)
    if connect.spec.image and not containers[index].get("image"):
        containers[index] = {**containers[index], "image": connect.spec.image}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": containers}}


def executor_conf(connect: Connect, name: str) -> Conf:
    """The configuration with which the server creates its executors."""
    image = _template_image(connect) or connect.spec.image
    conf: Conf = {}
    if image:
        conf = {properties.IMAGE: image, properties.of(Role.EXECUTOR, "container.image"): image}
    conf |= connect.spec.spark_conf or {}
    labels = {names.LAUNCHED_BY_OPERATOR: "true", names.CONNECT_NAME: name, **(connect.metadata.labels or {})}
    conf |= {properties.label(Role.EXECUTOR, key): value for key, value in labels.items()}
    return {**conf, properties.EXECUTOR_POD_NAME_PREFIX: name}


def _template_image(connect: Connect) -> str | None:
    template = connect.spec.executor.template or Template()
    containers = (template.spec or {}).get("containers") or []
    return next((one.get("image") for one in containers if one.get("name") == names.EXECUTOR_CONTAINER), None)
