"""Which configurations spark-submit refuses, and with which ones Spark never makes an executor.

Source: Apache Spark, org.apache.spark.deploy: SparkSubmitArguments, and k8s: Config, KubernetesConf,
KubernetesVolumeUtils, KubernetesUtils and the feature steps; org.apache.spark.ExecutorAllocationManager. Spark's own
code judges this module in tests/spark.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.manifest import Dependencies, PodPart
from webhook.spark.operator_rules import Fault
from webhook.spark.properties import Conf
from webhook.spark.versions import spark_release
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
_POSITIVE: Final = "a positive integer"
_NUMBER: Final = re.compile("[0-9]{1,10}")
_MOST: Final = 2**31 - 1
PULL_POLICIES: Final = ("Always", "Never", "IfNotPresent")
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_PREFIX: Final = 237
_BATCH_SIZE: Final = "spark.kubernetes.allocation.batch.size"
#: The first Spark that makes executors by a Deployment, and the first that tracks shuffles if nothing is said.
_DEPLOYMENTS, _TRACKS = (4, 2), (3, 4)

#: The place where a property of a configuration stands in the document, for sentences.
Where = Callable[[str], str]


def by_submission(conf: Conf, role: str, where: Where) -> Iterator[Refusal]:
    """Why spark-submit refuses `conf` before it makes the driver; `where` names the place of a property.

    `role` is that of the pods which are never made then, or empty for all.
    """
    for sentence, accepted in _arguments(conf, where):
        yield refusal(Refuser.SPARK_SUBMIT, role, sentence, accepted)


def by_upload(conf: Conf, program: str | None, deps: Dependencies | None) -> Iterator[Refusal]:
    """Why spark-submit cannot pass on the files that an application names: they are in the operator's container."""
    if conf.get(properties.UPLOAD_PATH):
        return
    given = deps or Dependencies()
    named = [("spec.mainApplicationFile", program or "")]
    for field, entries in (
        ("jars", given.jars),
        ("files", given.files),
        ("pyFiles", given.py_files),
        ("archives", given.archives),
    ):
        named += ((f"spec.deps.{field}[{index}]", one) for index, one in enumerate(entries or ()))
    if (program or "").endswith(".R") and given.jars:
        # spark-submit looks for packages of R in the jars, and opens them as files.
        sentence = f"spec.deps.jars has {given.jars[0]}, and the program is in R, for which spark-submit opens each jar"
        yield refusal(Refuser.SPARK_SUBMIT, "", sentence, "no jars, or those of spec.deps.packages")
    for place, file in named:
        if file.startswith("file:") or (file and ":" not in file):
            sentence = f'{place} is "{file}", a file of the operator\'s container'
            accepted = f"a local:// path of the image, a remote URL, or {properties.UPLOAD_PATH} in sparkConf"
            yield refusal(Refuser.SPARK_SUBMIT, "", sentence, accepted)


def by_role(role: Role, conf: Conf, part: PodPart, where: Where) -> Iterator[Refusal]:
    """Why Spark never makes the pods of `role`: for the driver, the submission fails."""
    by, whole = (Refuser.SPARK_SUBMIT, "") if role is Role.DRIVER else (Refuser.SPARK, role.value)
    faults = [*of_image(role, conf, f"spec.image or spec.{role}.image"), *of_pod(role, conf, where)]
    if part.template is not None and part.template_parts[1].get("containers") is None:
        sentence = f"spec.{role}.template has no spec.containers, so Spark cannot read it"
        faults.append((sentence, f"spec.containers with at least name: {properties.CONTAINERS[role]}"))
    for sentence, accepted in faults:
        yield refusal(by, whole, sentence, accepted)
    # spark-submit reads the volumes of the executors, too.
    for sentence, accepted in of_volumes(role, conf, where):
        yield refusal(Refuser.SPARK_SUBMIT, "", sentence, accepted)


def by_driver(conf: Conf, spark: str, where: Where) -> Iterator[Refusal]:
    """Why a driver of the version `spark` never asks for executors."""
    for sentence, accepted in (*_executors(conf, where), *_allocator(conf, spark_release(spark), where)):
        yield refusal(Refuser.SPARK, Role.EXECUTOR.value, sentence, accepted)
    if properties.is_true(conf, properties.DYNAMIC_ALLOCATION):
        for sentence, accepted in _dynamic_allocation(conf, spark_release(spark), where):
            yield refusal(Refuser.SPARK, Role.EXECUTOR.value, sentence, accepted)


def _arguments(conf: Conf, where: Where) -> Iterator[Fault]:
    for role in Role:
        memory, cores = f"spark.{role}.memory", f"spark.{role}.cores"
        if memory in conf and not properties.byte_size(conf[memory]):
            yield f'{where(memory)} is "{conf[memory]}"', "a positive amount such as 512m or 4g"
        if cores in conf and not _positive(conf[cores]):
            yield f'{where(cores)} is "{conf[cores]}"', _POSITIVE
    key = properties.EXECUTOR_INSTANCES
    if key in conf and not properties.is_true(conf, properties.DYNAMIC_ALLOCATION) and not _positive(conf[key]):
        yield f'{where(key)} is "{conf[key]}"', _POSITIVE
    policy = conf.get(properties.PULL_POLICY)
    if policy is not None and policy not in PULL_POLICIES:
        yield f'{where(properties.PULL_POLICY)} is "{policy}"', ", ".join(PULL_POLICIES)


def of_image(role: Role, conf: Conf, accepted: str) -> Iterator[Fault]:
    """Whether the pods of `role` have no image; `accepted` names what would give them one."""
    if not properties.image(conf, role):
        yield f"the {role} has no image", f"{accepted}; the image of a pod template does not count"


def of_pod(role: Role, conf: Conf, where: Where) -> Iterator[Fault]:
    """Why Spark does not make a pod of `role` of `conf`: labels, mounts and secrets."""
    labels = properties.prefixed(conf, properties.of(role, "label."))
    for label in _RESERVED[role]:
        if label in labels:
            key = properties.of(role, f"label.{label}")
            yield f"{where(key)}: Spark sets the label {label} itself", "any other label"
    paths = Counter(settings.get("mount.path") for settings in properties.volumes(conf, role).values())
    if twice := next((path for path, number in paths.items() if path is not None and number > 1), None):
        yield f"two volumes of the {role} have the mount path {twice}", "a path of its own for each"
    prefix = properties.of(role, "secretKeyRef.")
    for name, value in properties.prefixed(conf, prefix).items():
        if value.count(":") != 1:
            yield f'{where(prefix + name)} is "{value}"', "the name of a Secret and a key, as NAME:KEY"


def of_volumes(role: Role, conf: Conf, where: Where) -> Iterator[Fault]:
    """Why Spark does not mount the volumes that `conf` gives to pods of `role`."""
    for (kind, name), settings in properties.volumes(conf, role).items():
        prefix = properties.of(role, f"{properties.VOLUMES}{kind}.{name}.")
        if kind not in properties.VOLUME_TYPES:
            sentence = f"{where(prefix + next(iter(settings)))}: Spark mounts no volume of type {kind}"
            yield sentence, ", ".join(properties.VOLUME_TYPES)
            continue
        for key in ("mount.path", *(f"options.{one}" for one in properties.VOLUME_TYPES[kind])):
            if key not in settings:
                yield f"the volume {name} of the {role} has no {prefix}{key}", "that property"


def _executors(conf: Conf, where: Where) -> Iterator[Fault]:
    key = properties.EXECUTOR_POD_NAME_PREFIX
    prefix = conf.get(key)
    if prefix is not None and (not _PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST_PREFIX):
        accepted = f"lower case letters, digits, - and ., at most {_LONGEST_PREFIX} characters"
        yield f'{where(key)} is "{prefix}"', accepted
    direct = conf.get(properties.ALLOCATOR, "direct") == "direct"
    if direct and _BATCH_SIZE in conf and not _positive(conf[_BATCH_SIZE]):
        yield f'{where(_BATCH_SIZE)} is "{conf[_BATCH_SIZE]}"', _POSITIVE
    key = properties.DYNAMIC_ALLOCATION
    if conf.get(key, "true").strip().lower() not in ("true", "false"):
        yield f'{where(key)} is "{conf[key]}"', "true or false"


def _allocator(conf: Conf, spark: tuple[int, int], where: Where) -> Iterator[Fault]:
    allocator = conf.get(properties.ALLOCATOR, "direct")
    known = ["direct", "statefulset", *(["deployment"] if spark >= _DEPLOYMENTS else [])]
    # A name with a dot may be that of a class in the image.
    if allocator not in known and "." not in allocator:
        accepted = f"{', '.join(known)}, or the name of a class"
        yield f'{where(properties.ALLOCATOR)} is "{allocator}"', accepted
    cost = "spark.kubernetes.executor.podDeletionCost"
    dynamic = properties.is_true(conf, properties.DYNAMIC_ALLOCATION)
    if allocator == "deployment" and allocator in known and dynamic and cost not in conf:
        yield f"{where(properties.ALLOCATOR)} is deployment, with dynamic allocation", f"{cost} beside it"


def _dynamic_allocation(conf: Conf, spark: tuple[int, int], where: Where) -> Iterator[Fault]:
    keys = properties.MIN_EXECUTORS, properties.MAX_EXECUTORS, properties.INITIAL_EXECUTORS
    if wrong := [key for key in keys if key in conf and _number(conf, key) is None]:
        yield from ((f'{where(key)} is "{conf[key]}"', "an integer, 0 or more") for key in wrong)
        return
    least, most, first = (_number(conf, key) for key in keys)
    least, most = least or 0, _MOST if most is None else most
    first = max(least, first or 0, _number(conf, properties.EXECUTOR_INSTANCES) or 0)
    place = where(properties.MAX_EXECUTORS)
    if most == 0:
        yield f"{place} is 0", "1 or more"
    elif least > most:
        yield f"{place} is {most}, less than the least number, {least}", "the least number or more"
    elif first > most:
        yield f"{place} is {most}, less than the first number, {first}", "the first number or more"
    tracked = conf.get(properties.SHUFFLE_TRACKING, "true" if spark >= _TRACKS else "false").strip().lower() == "true"
    kept = (
        properties.is_true(conf, "spark.shuffle.service.enabled")
        or "spark.shuffle.sort.io.plugin.class" in conf
        or (
            properties.is_true(conf, "spark.decommission.enabled")
            and properties.is_true(conf, "spark.storage.decommission.shuffleBlocks.enabled")
        )
    )
    if not tracked and not kept:
        place = where(properties.SHUFFLE_TRACKING)
        yield f"{place} is false, and there is no shuffle service", "true, or spark.shuffle.service.enabled: true"


def _number(conf: Conf, key: str) -> int | None:
    text = conf.get(key, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _positive(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and 0 < int(text) <= _MOST
