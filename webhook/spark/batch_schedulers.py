"""What batch schedulers have the operator add to an application before it submits it.

Source: kubeflow/spark-operator, internal/scheduler. The operator does it only if batch scheduling is enabled in it.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from webhook.core.selectors import Role
from webhook.spark.manifest import JSON, Application, ApplicationSpec, PodPart
from webhook.spark.properties import QUANTITY, byte_size

VOLCANO: Final = "volcano"
YUNIKORN: Final = "yunikorn"

#: Annotation with the name of the pod's group (volcano.sh).
VOLCANO_GROUP: Final = "scheduling.k8s.io/group-name"
#: Label with the name of the pod's group (kubernetes-sigs/scheduler-plugins).
POD_GROUP: Final = "scheduling.x-k8s.io/pod-group"
#: Annotations and label of Apache YuniKorn.
TASK_GROUP: Final = "yunikorn.apache.org/task-group-name"
TASK_GROUPS: Final = "yunikorn.apache.org/task-groups"
QUEUE: Final = "queue"

_TASK_GROUPS: Final = {Role.DRIVER: "spark-driver", Role.EXECUTOR: "spark-executor"}
_MEBIBYTE: Final = 1024**2
_LEAST_OVERHEAD: Final = 384 * _MEBIBYTE
#: The order in which the operator writes the fields of tolerations and affinities.
_ORDER: Final = {
    name: index
    for index, name in enumerate(
        (
            "nodeAffinity",
            "podAffinity",
            "podAntiAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms",
            "weight",
            "preference",
            "podAffinityTerm",
            "labelSelector",
            "matchLabels",
            "matchExpressions",
            "matchFields",
            "namespaces",
            "topologyKey",
            "namespaceSelector",
            "matchLabelKeys",
            "mismatchLabelKeys",
            "key",
            "operator",
            "value",
            "values",
            "effect",
            "tolerationSeconds",
        )
    )
}
#: The fields of these that are left out if they are empty.
_OMITTED: Final = frozenset(
    {
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
        "matchLabels",
        "matchExpressions",
        "matchFields",
        "namespaces",
        "matchLabelKeys",
        "mismatchLabelKeys",
        "value",
        "values",
        "effect",
    }
)
_FACTOR: Final = re.compile(r"[+-]?([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})([eE][+-]?[0-9]{1,2})?")


class SchedulingError(ValueError):
    """The operator cannot schedule the application; the message is a clause."""


def scheduled(application: Application, name: str) -> Application:
    """`application`, submitted under `name`, with what its batch scheduler has the operator add.

    Raises SchedulingError.
    """
    wanted = application.spec.batch_scheduler
    if not wanted:
        return application
    return _SCHEDULERS.get(wanted, _plugins)(application, name)


def _volcano(application: Application, name: str) -> Application:
    spec, group = application.spec, {VOLCANO_GROUP: f"spark-{name}-pg"}
    if spec.in_cluster_mode:
        if VOLCANO_GROUP in (spec.driver.annotations or {}):
            return application
        spec = replace(spec, driver=_annotated(spec.driver, group), executor=_annotated(spec.executor, group))
    elif VOLCANO_GROUP not in (spec.executor.annotations or {}):
        spec = replace(spec, executor=_annotated(spec.executor, group))
    return replace(application, spec=spec)


def _plugins(application: Application, name: str) -> Application:
    metadata = application.metadata
    labels = (metadata.labels or {}) | {POD_GROUP: f"{name}-pg"}
    return replace(application, metadata=replace(metadata, labels=labels))


def _yunikorn(application: Application, _: str) -> Application:
    spec = application.spec
    groups = [_task_group(spec, Role.DRIVER, 1)]
    if executors := initial_executors(spec):
        groups.append(_task_group(spec, Role.EXECUTOR, executors))
    queue = spec.batch_scheduler_options.queue if spec.batch_scheduler_options else None
    parts = {}
    for role in Role:
        part = _annotated(spec.part(role), {TASK_GROUP: _TASK_GROUPS[role]})
        parts[role.value] = part if queue is None else replace(part, labels=(part.labels or {}) | {QUEUE: queue})
    parts["driver"] = _annotated(parts["driver"], {TASK_GROUPS: _written(groups)})
    return replace(application, spec=replace(spec, **parts))


_SCHEDULERS: Final[dict[str, Callable[[Application, str], Application]]] = {VOLCANO: _volcano, YUNIKORN: _yunikorn}


def initial_executors(spec: ApplicationSpec) -> int:
    """The number of executors that the operator expects at first."""
    instances, allocation = spec.executor.instances, spec.dynamic_allocation
    if allocation is None or not allocation.enabled:
        return 2 if instances is None else instances
    return max(instances or 0, allocation.initial_executors or 0, allocation.min_executors or 0)


def _annotated(part: PodPart, annotations: dict[str, str]) -> PodPart:
    return replace(part, annotations=(part.annotations or {}) | annotations)


def _task_group(spec: ApplicationSpec, role: Role, members: int) -> JSON:
    part = spec.part(role)
    queue = spec.batch_scheduler_options.queue if spec.batch_scheduler_options else None
    labels = part.labels
    if labels is not None and queue is not None:
        # The operator adds the queue to the same map, if there is one.
        labels = labels | {QUEUE: queue}
    group = {
        "name": _TASK_GROUPS[role],
        "minMember": members,
        "minResource": {"cpu": _cpu(part, f"spec.{role}"), "memory": f"{_memory(spec, role) // _MEBIBYTE}Mi"},
        "nodeSelector": dict(sorted(((spec.node_selector or {}) | (part.node_selector or {})).items())),
        "tolerations": [_ordered(one) for one in part.tolerations or ()],
        "affinity": None if part.affinity is None else _ordered(part.affinity),
        "labels": dict(sorted((labels or {}).items())),
    }
    return {key: value for key, value in group.items() if value or (key == "affinity" and value is not None)}


def _cpu(part: PodPart, where: str) -> str:
    if part.core_request is not None:
        if not QUANTITY.fullmatch(part.core_request):
            raise SchedulingError(f'{where}.coreRequest is "{part.core_request}", not an amount such as 500m or 2')
        return part.core_request
    return "1" if part.cores is None else str(part.cores)


def _memory(spec: ApplicationSpec, role: Role) -> int:
    """The memory that the operator requests for a pod of `role`, in bytes."""
    part, conf = spec.part(role), spec.spark_conf or {}
    memory = 0 if part.memory is None else _bytes(part.memory, f"spec.{role}.memory")
    if part.memory_overhead is None:
        overhead = max(int(memory * _overhead_factor(spec)), _LEAST_OVERHEAD)
    else:
        overhead = _bytes(part.memory_overhead, f"spec.{role}.memoryOverhead")
    total = memory + overhead
    if role is Role.EXECUTOR:
        key = "spark.executor.pyspark.memory"
        if spec.type == "Python" and key in conf:
            python = conf[key]
            total += _bytes(f"{python}m" if python.isdigit() else python, f'spec.sparkConf["{key}"]')
        key = "spark.memory.offHeap.size"
        if conf.get("spark.memory.offHeap.enabled", "false") != "false" and key in conf:
            total += _bytes(conf[key], f'spec.sparkConf["{key}"]')
    return total


def _overhead_factor(spec: ApplicationSpec) -> float:
    if spec.memory_overhead_factor is None:
        return 0.1 if spec.type in ("Java", "Scala", None, "") else 0.4
    if not _FACTOR.fullmatch(spec.memory_overhead_factor):
        raise SchedulingError(f'spec.memoryOverheadFactor is "{spec.memory_overhead_factor}", not a number such as 0.1')
    return float(spec.memory_overhead_factor)


def _bytes(text: str, where: str) -> int:
    found = None if text.isdigit() else byte_size(text)
    if found is None:
        raise SchedulingError(f'{where} is "{text}", not a number of bytes such as 512m or 4g')
    return found


def _ordered(value: Any) -> Any:
    """`value` with its fields in the order of the operator's types, without those that are empty."""
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    known = sorted(value.items(), key=lambda item: (_ORDER.get(item[0], len(_ORDER)), item[0]))
    return {key: _ordered(one) for key, one in known if one is not None and (one or key not in _OMITTED)}


def _written(value: Any) -> str:
    """`value` as the operator writes JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
