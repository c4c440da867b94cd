"""What Apache's operator launches for a SparkApplication: the configuration of Spark's builders, and their names.

Source: apache/spark-kubernetes-operator, SparkAppResourceSpecFactory, SparkAppSubmissionWorker and SparkAppDriverConf.
The operator makes the driver itself, and the driver makes the executors; spark-submit runs in the driver's pod.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.apache.resources import App, AppSpec
from webhook.spark.properties import Conf
from webhook.spark.versions import Versions

#: The name of the operator, unless it is configured with another one.
OPERATOR_NAME: Final = "spark-kubernetes-operator"
#: The Spark whose builders make the driver in release 1.0 of the operator.
BUILDER: Final = "4.2.0"
#: What follows the application id in the name of the driver's Service.
DRIVER_SERVICE: Final = "-driver-svc"
PYTHON_RUNNER: Final = "org.apache.spark.deploy.PythonRunner"
#: What the operator replaces in an image by the version of Spark.
VERSION_PLACEHOLDER: Final = "{{SPARK_VERSION}}"
APP_NAME: Final = "spark.app.name"
MASTER: Final = "spark.master"
DRIVER_MASTER: Final = "spark.kubernetes.driver.master"
#: How the URL of a master begins that is Kubernetes.
_KUBERNETES: Final = "k8s://"
_APP_ID: Final = "spark.app.id"
#: The name of a driver whose configuration has none.
_UNNAMED: Final = "spark"
#: The most characters of an application id, and how many of them are a hash if the name is too long.
_LONGEST_ID, _HASH = 46, 36
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Launch:
    """An application as the operator launches it."""

    application: App
    name: str
    namespace: str
    spark: str
    """The version of Spark."""
    app_id: str
    """The start of the names of the driver and its Services, and the value of Spark's label."""
    conf: Conf
    """The configuration with which Spark's builders make the pods."""

    @property
    def spec(self) -> AppSpec:
        """The application's specification."""
        return self.application.spec

    @property
    def has_executors(self) -> bool:
        """Whether the driver asks Kubernetes for executors.

        Source: Apache Spark, org.apache.spark.scheduler.cluster.k8s.KubernetesClusterManager.
        """
        return self.conf.get(MASTER, _KUBERNETES).startswith(_KUBERNETES) and not self.runs_alone

    @property
    def runs_alone(self) -> bool:
        """Whether the driver does all work itself."""
        return self.conf.get(DRIVER_MASTER, "").startswith("local")

    def app_name(self, role: Role) -> str:
        """The name of the application when a pod of `role` is made.

        For executors it is the one that spark-submit gives; the program may set another.
        """
        if given := self.conf.get(APP_NAME):
            return given
        if role is Role.DRIVER:
            return _UNNAMED
        files = self.spec.jars or self.spec.py_files or self.spec.spark_r_files or _UNNAMED
        return self.spec.main_class or files.partition(",")[0].rpartition("/")[2]


def place(key: str) -> str:
    """Where in a document of Apache's operator the property `key` is set."""
    return f'spec.sparkConf["{key}"]'


def launched(application: App, name: str, namespace: str, versions: Versions) -> Launch:
    """What the operator launches for `application`, called `name`, in `namespace`."""
    spec = application.spec
    named = spec.runtime_versions.spark_version if spec.runtime_versions else None
    spark = versions.spark_of(named)
    conf = {key: _with_version(key, value, spark) for key, value in (spec.spark_conf or {}).items()}
    for role in Role:
        for label, value in ((names.APACHE_OPERATOR_NAME, OPERATOR_NAME), (names.APACHE_APP_NAME, name)):
            conf[properties.of(role, f"label.{label}")] = value
        if spec.part(role).template is not None:
            conf[properties.of(role, properties.TEMPLATE_FILE)] = f"{role}-pod-template.json"
    conf[properties.NAMESPACE] = namespace
    if APP_NAME in conf:
        conf[APP_NAME] = name
    app_id = conf.get(_APP_ID) or application_id(name, namespace, application.attempt)
    conf.setdefault(properties.DRIVER_POD_NAME, f"{app_id}-driver")
    return Launch(application, name, namespace, spark, app_id, conf)


def application_id(name: str, namespace: str, attempt: int) -> str:
    """The application id of an attempt: its name and number, or a hash if that is too long."""
    plain = f"{name}-{attempt}"
    if len(plain) <= _LONGEST_ID:
        return plain
    digest = hashlib.sha256(f"{namespace}/{name}/{attempt}".encode()).digest()
    return f"{plain[: _LONGEST_ID - _HASH - 1]}-{_base_36(int.from_bytes(digest, 'big'))[:_HASH]}"


def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _with_version(key: str, value: str, spark: str) -> str:
    """The value of a property: an image has the version of Spark in place of the placeholder."""
    is_image = key.startswith("spark.kubernetes.") and key.endswith("container.image")
    return value.replace(VERSION_PLACEHOLDER, spark) if is_image else value
