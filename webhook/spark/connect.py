"""The pods of a SparkConnect: the operator creates the server's pod, and Spark creates the executors.

Source: kubeflow/spark-operator, internal/controller/sparkconnect/reconciler.go and options.go. The operator's webhook
does not change these pods.
"""

from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.api_server import received
from webhook.spark.manifest import JSON, Connect, PodPart
from webhook.spark.properties import Conf
from webhook.spark.versions import OperatorVersion

#: Spark's script starts the server under this name. It becomes a label of the executors.
APP_NAME: Final = "Spark Connect server"
SERVER_ROLE: Final = "connect-server"
#: The first release that takes the executors' image only from the container of Spark's name.
_NAMED: Final = OperatorVersion(2, 5)


def server_pod(connect: Connect, name: str, namespace: str) -> JSON:
    """The pod of the Spark Connect server, as the operator creates it."""
    metadata, spec = connect.spec.server.template_parts
    labels = (metadata.get("labels") or {}) | _labels(name) | {names.SPARK_ROLE: SERVER_ROLE}
    labels[names.SPARK_VERSION] = connect.spec.spark_version or ""
    containers = [*(spec.get("containers") or [{"name": names.DRIVER_CONTAINER}])]
    index = next((at for at, one in enumerate(containers) if one.get("name") == names.DRIVER_CONTAINER), 0)
    if connect.spec.image and not containers[index].get("image"):
        containers[index] = {**containers[index], "image": connect.spec.image}
    annotations = metadata.get("annotations") or {}
    return received(name_of_server(name), namespace, labels, annotations, {**spec, "containers": containers})


def name_of_server(name: str) -> str:
    """The name of the server's pod, and of its Service."""
    return f"{name}-server"


def server_image(connect: Connect) -> str | None:
    """The image of the server; None if there is none."""
    return _image(connect.spec.server, names.DRIVER_CONTAINER, first=True) or connect.spec.image or None


def executor_image(connect: Connect, operator: OperatorVersion) -> str | None:
    """The image of the executors, apart from sparkConf; None if there is none."""
    own = _image(connect.spec.executor, names.EXECUTOR_CONTAINER, first=operator < _NAMED)
    return own or connect.spec.image or None


def executor_conf(connect: Connect, name: str, namespace: str, operator: OperatorVersion) -> Conf:
    """The configuration with which the server creates its executors."""
    spec = connect.spec
    conf: Conf = {properties.NAMESPACE: namespace}
    if image := executor_image(connect, operator):
        conf |= {properties.IMAGE: image, properties.of(Role.EXECUTOR, "container.image"): image}
    conf |= {key: value for key, value in (spec.spark_conf or {}).items() if key.startswith("spark.")}
    conf[properties.DRIVER_POD_NAME] = name_of_server(name)
    labels = _labels(name) | (connect.metadata.labels or {})
    conf |= {properties.of(Role.EXECUTOR, f"label.{key}"): value for key, value in labels.items()}
    if spec.executor.instances is not None:
        conf[properties.EXECUTOR_INSTANCES] = str(spec.executor.instances)
    conf[properties.EXECUTOR_POD_NAME_PREFIX] = name
    if spec.executor.template is not None:
        conf[properties.of(Role.EXECUTOR, properties.TEMPLATE_CONTAINER)] = names.EXECUTOR_CONTAINER
    return conf | properties.dynamic_allocation(spec.dynamic_allocation)


def place(connect: Connect, key: str) -> str:
    """Where in `connect` the property `key` of its executors is set."""
    if key == properties.EXECUTOR_INSTANCES and connect.spec.executor.instances is not None:
        return "spec.executor.instances"
    if field := properties.place_in_allocation(key, connect.spec.dynamic_allocation):
        return field
    label = key.removeprefix(properties.of(Role.EXECUTOR, "label."))
    if label != key and label in (connect.metadata.labels or {}):
        return f'metadata.labels["{label}"]'
    return f'spec.sparkConf["{key}"]'


def _image(part: PodPart, container: str, *, first: bool) -> str | None:
    """The image of the template's container of this name; `first` says if otherwise its first container counts."""
    containers = part.template_parts[1].get("containers") or []
    named = next((one for one in containers if one.get("name") == container), None)
    chosen = containers[0] if named is None and first and containers else named
    return None if chosen is None else chosen.get("image")


def _labels(name: str) -> dict[str, str]:
    return {names.LAUNCHED_BY_OPERATOR: "true", names.CONNECT_NAME: name}
