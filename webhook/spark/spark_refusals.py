"""Which configurations spark-submit refuses, and with which ones Spark never makes an executor.

Source: Apache Spark, org.apache.spark.deploy: SparkSubmitArguments, and k8s: KubernetesConf, KubernetesVolumeUtils,
KubernetesUtils and the feature steps. Spark's own code judges this module in tests/spark.
"""

from collections.abc import Callable, Iterator
from typing import Final

from webhook.core import names
from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import PodPart
from webhook.spark.properties import Conf
from webhook.spark.workloads import Refusal, Refuser, refusal

#: Labels that Spark sets itself, and refuses from others.
_RESERVED: Final = {
    Role.DRIVER: (names.SPARK_APP_SELECTOR, names.SPARK_APP_NAME, names.SPARK_ROLE, names.SPARK_VERSION),
    Role.EXECUTOR: (
        names.SPARK_APP_SELECTOR,
        names.SPARK_APP_NAME,
        names.SPARK_ROLE,
        names.SPARK_VERSION,
        names.SPARK_EXEC_ID,
        names.SPARK_EXEC_RESOURCE_PROFILE_ID,
    ),
}

#: The place where a property of a configuration stands in the document, for sentences.
Where = Callable[[str], str]


def by_submission(conf: Conf, role: str, where: Where) -> Iterator[Refusal]:
    """Why spark-submit refuses `conf` before it makes the driver; `where` names the place of a property.

    `role` is that of the pods which are never made then, or empty for all.
    """
    instances = conf.get(properties.EXECUTOR_INSTANCES)
    if instances is not None and conf.get(properties.DYNAMIC_ALLOCATION) != "true" and not _positive(instances):
        yield refusal(
            Refuser.SPARK_SUBMIT, role, f'{where(properties.EXECUTOR_INSTANCES)} is "{instances}"', "a positive integer"
        )


def by_role(role: Role, conf: Conf, part: PodPart, where: Where) -> Iterator[Refusal]:
    """Why Spark never makes the pods of `role`: for the driver, the submission fails."""
    by, whole = (Refuser.SPARK_SUBMIT, "") if role is Role.DRIVER else (Refuser.SPARK, role.value)
    if not properties.image(conf, role):
        accepted = f"spec.image or spec.{role}.image; the image of a pod template does not count"
        yield refusal(by, whole, f"the {role} has no image", accepted)
    labels = properties.prefixed(conf, properties.of(role, "label."))
    for label in _RESERVED[role]:
        if label in labels:
            key = properties.of(role, f"label.{label}")
            yield refusal(by, whole, f"{where(key)}: Spark sets the label {label} itself", "any other label")
    if part.template is not None and part.template_parts[1].get("containers") is None:
        sentence = f"spec.{role}.template has no spec.containers, so Spark cannot read it"
        yield refusal(by, whole, sentence, f"spec.containers with at least name: {properties.CONTAINERS[role]}")
    yield from _volumes(role, conf, where)


def _volumes(role: Role, conf: Conf, where: Where) -> Iterator[Refusal]:
    """What is wrong with volumes. spark-submit reads those of the executors, too."""
    for (kind, name), settings in properties.volumes(conf, role).items():
        prefix = properties.of(role, f"{properties.VOLUMES}{kind}.{name}.")
        if kind not in properties.VOLUME_TYPES:
            accepted = ", ".join(properties.VOLUME_TYPES)
            sentence = f"{where(prefix + next(iter(settings)))}: Spark mounts no volume of type {kind}"
            yield refusal(Refuser.SPARK_SUBMIT, "", sentence, accepted)
            continue
        wanted = ("mount.path", *(f"options.{one}" for one in properties.VOLUME_TYPES[kind]))
        for key in wanted:
            if key not in settings:
                sentence = f"the volume {name} of the {role} has no {prefix}{key}"
                yield refusal(Refuser.SPARK_SUBMIT, "", sentence, "that property")


def _positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:19] or "0") < 2**31
