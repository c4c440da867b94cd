"""Spark's configuration properties that affect placement (Apache Spark: Running Spark on Kubernetes, Configuration).

`spark-submit` uses the last value of a property, so a configuration is a map: later values overwrite earlier ones.
"""

from typing import Final

from webhook.core.policy import Role

Conf = dict[str, str]

IMAGE: Final = "spark.kubernetes.container.image"
SCHEDULER_NAME: Final = "spark.kubernetes.scheduler.name"
NODE_SELECTOR: Final = "spark.kubernetes.node.selector."
DRIVER_POD_NAME: Final = "spark.kubernetes.driver.pod.name"
EXECUTOR_POD_NAME_PREFIX: Final = "spark.kubernetes.executor.podNamePrefix"
EXECUTOR_INSTANCES: Final = "spark.executor.instances"
DYNAMIC_ALLOCATION: Final = "spark.dynamicAllocation.enabled"
INITIAL_EXECUTORS: Final = "spark.dynamicAllocation.initialExecutors"
MIN_EXECUTORS: Final = "spark.dynamicAllocation.minExecutors"
MAX_EXECUTORS: Final = "spark.dynamicAllocation.maxExecutors"

#: Volume types that Spark mounts through properties.
VOLUME_TYPES: Final = ("emptyDir", "hostPath", "nfs", "persistentVolumeClaim")


def of(role: Role, name: str) -> str:
    """The property `name` of a role: `of(Role.DRIVER, "container.image")` is the driver's image."""
    return f"spark.kubernetes.{role}.{name}"


def prefixed(conf: Conf, prefix: str) -> dict[str, str]:
    """The properties of `conf` that begin with `prefix`, without the prefix."""
    return {key.removeprefix(prefix): value for key, value in conf.items() if key.startswith(prefix)}
