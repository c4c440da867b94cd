"""Facts about an application that its pods do not show, as sentences."""

from webhook.core.policy import Role
from webhook.spark import properties
from webhook.spark.manifest import ApplicationSpec, Dependencies, DynamicAllocation, PodPart, ScheduledSpec
from webhook.spark.properties import Conf

CLUSTER = "cluster"


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
    """Returns notes on parts of `spec` that affect placement, or seem to, but are not visible in the pods."""
    notes = []
    mode = spec.mode or CLUSTER
    if mode != CLUSTER:
        notes.append(f"in mode {mode} there is no driver pod, so only the executors are placed")
    for role, part in ((Role.DRIVER, spec.driver), (Role.EXECUTOR, spec.executor)):
        overlooked = [
            name
            for name, value in (
                ("affinity", part.affinity),
                ("tolerations", part.tolerations),
                ("nodeSelector", part.node_selector),
                ("hostNetwork", part.host_network),
                ("volumeMounts", part.volume_mounts),
            )
            if value
        ]
        if part.template is not None and overlooked:
            notes.append(
                f"spec.{role}.template is set, so the operator's webhook does not change the pod, "
                f"and spec.{role}.{', '.join(overlooked)} has no effect"
            )
        file = (spec.spark_conf or {}).get(properties.of(role, "podTemplateFile"))
        if file and part.template is None:
            notes.append(f"the pod template {file} in sparkConf is a file of the operator and cannot be read here")
    return notes + _dependencies(spec.deps or Dependencies())


def _dependencies(deps: Dependencies) -> list[str]:
    given = {
        "jars": deps.jars,
        "files": deps.files,
        "pyFiles": deps.py_files,
        "packages": deps.packages,
        "archives": deps.archives,
    }
    found = [f"{name}: {len(entries)}" for name, entries in given.items() if entries]
    return (
        [f"deps ({', '.join(found)}) are downloaded when the pods start and do not affect placement"] if found else []
    )


def schedule_notes(spec: ScheduledSpec) -> list[str]:
    """A note on when a scheduled application runs."""
    suspended = "; currently suspended" if spec.suspend else ""
    return [f"runs on the schedule {spec.schedule}{suspended}"] if spec.schedule else []
