"""Applications as their users or an operator submit them, and the sessions of their drivers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.e2e.spark_client import Session, SparkClient
from tests.e2e.spark_namespace import SparkNamespace
from tests.spark.judge.operator_submission import submission

_CLASS: Final = "org.apache.spark.examples.SparkPi"
_JAR: Final = "local:///opt/spark/examples/jars/spark-examples.jar"
_UID: Final = "5d1c3e6a-0b7f-4c58-9a35-0d4bb7d2a9c1"
_SMALL: Final = {"spark.driver.memory": "512m"}
#: What a driver in a pod of its own has in its configuration; here it runs beside the API server.
_SESSION: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.kubernetes.allocation.batch.delay": "200ms",
    "spark.scheduler.minRegisteredResourcesRatio": "0",
    "spark.submit.deployMode": "client",
    "spark.ui.enabled": "false",
}
#: The name that the program SparkPi gives itself.
_SPARK_PI: Final = {"spark.app.name": "Spark Pi"}


def dynamic_allocation(executors: int) -> dict[str, str]:
    """The properties that make an application ask for one executor first, and soon for all."""
    prefix = "spark.dynamicAllocation."
    return {
        f"{prefix}enabled": "true",
        f"{prefix}shuffleTracking.enabled": "true",
        f"{prefix}initialExecutors": "1",
        f"{prefix}maxExecutors": str(executors),
    }


def stateful_set(executors: int) -> dict[str, str]:
    """The properties by which Spark 4 leaves so many executors to a StatefulSet."""
    return {
        "spark.kubernetes.allocation.pods.allocator": "statefulset",
        "spark.executor.instances": str(executors),
    }


@dataclass(frozen=True)
class Application:
    """An application that is submitted in one of the ways in `WAYS`."""

    name: str
    """What it is submitted as."""
    conf: dict[str, str]
    """What drivers and executors are given."""
    submit: Callable[[SparkNamespace, SparkClient, "Application"], None]
    """Makes the driver."""
    program: dict[str, str] = field(default_factory=dict)
    """What the program itself sets in its SparkConf."""

    def driver(self, namespace: SparkNamespace, client: SparkClient) -> dict[str, Any]:
        """Submits the application, and returns the driver as stored."""
        self.submit(namespace, client, self)
        (driver,) = namespace.await_pods(1, f"{self.name}-", "driver")
        return driver

    @contextmanager
    def session(self, namespace: SparkNamespace, client: SparkClient, driver: dict[str, Any]) -> Iterator[None]:
        """What the container of a stored driver does: a session that asks for its executors, which never run."""
        with self.context(namespace, client, driver) as session:
            session.demand()
            yield

    @contextmanager
    def context(self, namespace: SparkNamespace, client: SparkClient, driver: dict[str, Any]) -> Iterator[Session]:
        """The session of a stored driver, which has no job yet."""
        told = {
            "spark.app.id": driver["metadata"]["labels"]["spark-app-selector"],
            "spark.kubernetes.driver.pod.name": driver["metadata"]["name"],
        }
        given = {**namespace.common, **self.conf, **told, **_SESSION, **self.program, **namespace.credentials("spark")}
        with client.session(given) as session:
            yield session


def _image(version: str) -> str:
    return f"example.org/spark:{version}"


def kubeflow(version: str, name: str, more: dict[str, str], folder: Path) -> Application:
    """A SparkApplication of the Spark Operator. The templates that the operator writes go to `folder`."""
    document = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": name},
        "spec": {
            "type": "Scala",
            "mode": "cluster",
            "image": _image(version),
            "mainClass": _CLASS,
            "mainApplicationFile": _JAR,
            "sparkVersion": version,
            "sparkConf": _SMALL | more,
            "driver": {"cores": 1, "serviceAccount": "spark"},
            "executor": {"cores": 1, "memory": "1g"},
        },
    }
    made = submission(document, str(folder))
    made.write()
    words = iter(made.arguments)
    conf = dict(next(words).split("=", 1) for word in words if word == "--conf")
    conf["spark.app.name"] = name
    del conf["spark.kubernetes.namespace"]
    return Application(name, conf, _spark_submit, _SPARK_PI)


def _spark_submit(namespace: SparkNamespace, client: SparkClient, application: Application) -> None:
    conf = {key: value for key, value in application.conf.items() if key != "spark.app.name"}
    namespace.submit(client, conf, "--class", _CLASS, "--name", application.conf["spark.app.name"], _JAR)


def apache(version: str, name: str, more: dict[str, str], _: Path) -> Application:
    """A SparkApplication of Apache's operator, in its first attempt.

    Source: apache/spark-kubernetes-operator, SparkAppSubmissionWorker.java and SparkAppResourceSpecFactory.java.
    """
    labels = {"spark.operator/name": "spark-kubernetes-operator", "spark.operator/spark-app-name": name}
    roles = ("driver", "executor")
    conf = {
        "spark.app.id": f"{name}-0",
        "spark.authenticate": "true",
        "spark.io.encryption.enabled": "true",
        "spark.kubernetes.container.image": _image(version),
        "spark.kubernetes.driver.annotateExitException": "true",
        "spark.kubernetes.executor.useDriverPodIP": "true",
        **{f"spark.kubernetes.{role}.label.{key}": value for role in roles for key, value in labels.items()},
        **_SMALL,
        **more,
    }
    return Application(name, conf, _apache_operator, _SPARK_PI)


def _apache_operator(namespace: SparkNamespace, client: SparkClient, application: Application) -> None:
    """Makes the driver as the operator does: by Spark's builder, and with the application as its owner."""
    conf = namespace.common | application.conf | namespace.credentials("submitter", "submission.")
    # The operator sets the prefix of names by a class of its own; Spark lets only its own tests set it by a property.
    own = {"spark.kubernetes.driver.pod.name": f"{conf['spark.app.id']}-driver"}
    pod = client.driver(conf | own, _CLASS, _JAR)
    owner = {"apiVersion": "spark.apache.org/v1", "kind": "SparkApplication", "name": application.name, "uid": _UID}
    pod["metadata"] |= {"namespace": namespace.name, "ownerReferences": [owner | {"blockOwnerDeletion": True}]}
    (container,) = pod["spec"]["containers"]
    folder, volume = "/opt/spark/conf", "spark-conf-volume-driver"
    container["env"].append({"name": "SPARK_CONF_DIR", "value": folder})
    container["volumeMounts"].append({"name": volume, "mountPath": folder})
    container["securityContext"] = {"allowPrivilegeEscalation": False}
    items = [{"key": "spark.properties", "mode": 420, "path": "spark.properties"}]
    files = {"name": f"{conf['spark.app.id']}-spark-drv-conf-map", "items": items}
    pod["spec"]["volumes"].append({"name": volume, "configMap": files})
    client.create(conf, pod)


def spark(
    version: str, name: str, more: dict[str, str], _: Path | None = None, program: str = "Monthly Report"
) -> Application:
    """An application that somebody submits without an operator, and whose `program` chooses another name for itself."""
    conf = {"spark.app.name": name, "spark.kubernetes.container.image": _image(version), **_SMALL, **more}
    return Application(name, conf, _spark_submit, {"spark.app.name": program})


#: The ways to submit an application, by the selector of its pods. Each takes the version of Spark, a name, properties, and a folder.
WAYS: Final[dict[str, Callable[[str, str, dict[str, str], Path], Application]]] = {
    "apache": apache,
    "kubeflow": kubeflow,
    "spark": spark,
}
