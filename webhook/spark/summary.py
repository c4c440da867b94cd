"""Facts about an application that its pods do not show, as sentences."""

from typing import Final

import msgspec

from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import ApplicationSpec, Dependencies, DynamicAllocation, PodPart, ScheduledSpec
from webhook.spark.properties import Conf

#: Fields that only the operator's webhook applies to a pod, so not to a pod with a pod template.
_BY_WEBHOOK: Final = ("affinity", "tolerations", "nodeSelector", "hostNetwork", "volumeMounts")


def in_cluster_mode(spec: ApplicationSpec) -> bool:
    """Whether the driver runs in a pod."""
    return spec.mode in (None, "", "cluster")


def executors(conf: Conf, part: PodPart, allocation: DynamicAllocation | None) -> str:
    """The number of executors, in words; empty if unknown. Fields of the application override `conf`."""
    given = allocation or DynamicAllocation()
    if given.enabled or conf.get(properties.DYNAMIC_ALLOCATION) == "true":
        least = _number(given.min_executors, conf, properties.MIN_EXECUTORS) or "0"
        most = _number(given.max_executors, conf, properties.MAX_EXECUTORS)
        first = _number(given.initial_executors, conf, properties.INITIAL_EXECUTORS)
        reach = f"{least} to {most}" if most else f"{least} or more"
        return f"{reach}, by dynamic allocation" + (f", {first} at first" if first else "")
    return _number(part.instances, conf, properties.EXECUTOR_INSTANCES)


def _number(field: int | None, conf: Conf, key: str) -> str:
    return conf.get(key, "") if field is None else str(field)


def application_notes(spec: ApplicationSpec) -> list[str]:
    """Notes on parts of `spec` that affect placement, or seem to, but are not visible in the pods."""
    notes = []
    if not in_cluster_mode(spec):
        notes.append(f"in mode {spec.mode} there is no driver pod, so only the executors are placed")
    for role in Role:
        part = spec.part(role)
        given = msgspec.to_builtins(part)
        overlooked = [field for field in _BY_WEBHOOK if given.get(field)]
        if part.template is not None and overlooked:
            notes.append(
                f"spec.{role}.template is set, so the operator's webhook does not change the pod, "
                f"and spec.{role}.{', '.join(overlooked)} has no effect"
            )
        file = (spec.spark_conf or {}).get(properties.of(role, "podTemplateFile"))
        if file and part.template is None:
            notes.append(f"the pod template {file} in sparkConf is in the operator's container and cannot be read here")
    deps = msgspec.to_builtins(spec.deps or Dependencies())
    counts = [f"{field}: {len(entries)}" for field, entries in deps.items() if entries]
    if counts:
        notes.append(f"deps ({', '.join(counts)}) are downloaded when the pods start and do not affect placement")
    return notes


def schedule_notes(spec: ScheduledSpec) -> list[str]:
    """A note on when a scheduled application runs."""
    suspended = "; currently suspended" if spec.suspend else ""
    return [f"runs on the schedule {spec.schedule}{suspended}"] if spec.schedule else []
