"""Compares the pods and verdicts that explain derives with those of Spark, field by field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e import stateful_set
from tests.pods import EVERY_MODE
from webhook.core.profile import compile_policy
from webhook.explain.outcome import Outcome, outcome
from webhook.spark.workloads import Refuser, SparkPod, Workload

JSON = dict[str, Any]

PROFILES = compile_policy(EVERY_MODE)


@dataclass(frozen=True)
class Disagreement:
    """A field, with its two values."""

    role: str
    field: str
    spark: Any
    explain: Any

    def __str__(self) -> str:
        return f"{self.role or 'application'}: {self.field}\n    Spark:   {self.spark}\n    explain: {self.explain}"


def disagreements(workload: Workload, judged: JSON) -> Iterator[Disagreement]:
    """What differs between `workload`, of explain, and `judged`, the answer of the judge."""
    if any(one.by is Refuser.API_SERVER for one in workload.refused):
        return  # the object is never stored, so the operator and Spark never see it
    yield from _verdict(workload, judged.get("refusal"))
    pods = {pod.title: pod for pod in workload.pods}
    for role in ("driver", "executor"):
        made = judged.get(role)
        if made is None:
            continue
        if role not in pods:
            yield Disagreement(role, "pod", made["metadata"]["name"], None)
            continue
        pod = pods[role]
        if role == "executor" and pod.count.isdigit() and int(pod.count) != judged["executors"]:
            yield Disagreement(role, "number", judged["executors"], pod.count)
        created = stored(made)
        if role == "executor" and judged["allocator"] == "StatefulSetPodsAllocator":
            created = _of_stateful_set(created)
        yield from differences(role, created, pod.created)
        yield from _decisions(workload, pod, created)


def _of_stateful_set(template: JSON) -> JSON:
    """The first pod that the StatefulSet controller makes of the template that Spark gives it."""
    metadata = template["metadata"]
    name = f"spark-s-{metadata['labels']['spark-app-selector']}-0"
    of = {"name": name, "namespace": metadata["namespace"], "uid": "00000000-0000-0000-0000-000000000000"}
    made = stateful_set.pod({"metadata": of, "spec": {"template": template}}, 0)
    made["metadata"]["labels"]["controller-revision-hash"] = f"{name}-{'0' * 10}"
    del made["metadata"]["generateName"]
    return made


def _verdict(workload: Workload, refusal: JSON | None) -> Iterator[Disagreement]:
    """Whether the same pods are refused. Spark stops at its first reason, and explain tells all."""
    said = {one.role for one in workload.refused}
    if refusal is None:
        agreed = not said
    elif refusal["role"]:
        agreed = said == {refusal["role"]}
    else:
        agreed = "" in said
    if not agreed:
        reasons = [f"{one.role or 'application'}, {one.by}: {one.sentence}" for one in workload.refused]
        judge = refusal and f"{refusal['role'] or 'application'}, {refusal['step']}: {refusal['messages'][0]}"
        yield Disagreement("", "refused", judge, "; ".join(reasons) or None)


def stored(pod: JSON) -> JSON:
    """Spark's pod as the API server stores it, with explain's placeholders for what is random."""
    pod = _replaced(pod, pod["metadata"]["labels"]["spark-app-selector"], "spark-" + "0" * 32)
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["name"] = re.sub("-[0-9a-f]{16}-exec-", f"-{'0' * 16}-exec-", metadata["name"])
    spec["schedulerName"] = spec.get("schedulerName") or "default-scheduler"
    tolerations = spec.get("tolerations") or []
    for taint in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(_tolerates(one, taint) for one in spec.get("tolerations") or []):
            default = {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations = [*tolerations, default]
    spec["tolerations"] = tolerations
    return pod


def _tolerates(toleration: JSON, taint: str) -> bool:
    """Whether a toleration is for a taint without a value and with the effect NoExecute."""
    if toleration.get("effect") not in (None, "", "NoExecute"):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    return bool(toleration["key"] == taint and (toleration.get("operator") == "Exists" or not toleration.get("value")))


def _replaced(value: Any, old: str, new: str) -> Any:
    match value:
        case dict():
            return {key: _replaced(one, old, new) for key, one in value.items()}
        case list():
            return [_replaced(one, old, new) for one in value]
        case str():
            return value.replace(old, new)
    return value


def differences(role: str, spark: JSON, explain: JSON) -> Iterator[Disagreement]:
    """The compared fields in which two pods of a role differ."""
    for field in ("name", "namespace", "labels", "annotations"):
        yield from _unequal(role, f"metadata.{field}", spark["metadata"].get(field), explain["metadata"].get(field))
    for field in ("nodeSelector", "tolerations", "affinity", "schedulerName", "hostNetwork"):
        yield from _unequal(role, f"spec.{field}", spark["spec"].get(field), explain["spec"].get(field))
    for field in ("containers", "initContainers"):
        yield from _containers(role, f"spec.{field}", spark["spec"].get(field) or [], explain["spec"].get(field) or [])
    spark_volumes = [_volume(one) for one in spark["spec"].get("volumes") or []]
    our_volumes = [_volume(one) for one in explain["spec"].get("volumes") or []]
    yield from _unequal(
        role,
        "spec.volumes (hostPath)",
        _host_paths(spark_volumes),
        _host_paths(our_volumes),
    )
    # Of all other kinds it only matters that there is such a volume.
    made = [(one["name"], set(one)) for one in spark_volumes]
    missing = [one for one in our_volumes if (one["name"], set(one)) not in made]
    if missing:
        yield Disagreement(role, "spec.volumes", spark_volumes, missing)


def _unequal(role: str, field: str, spark: Any, explain: Any) -> Iterator[Disagreement]:
    # Absent and empty are the same to the API server.
    spark, explain = spark or None, explain or None
    if isinstance(spark, dict) and isinstance(explain, dict):
        for key in sorted(spark.keys() | explain.keys()):
            if spark.get(key) != explain.get(key):
                yield Disagreement(role, f"{field}[{key}]", spark.get(key), explain.get(key))
    elif spark != explain:
        yield Disagreement(role, field, spark, explain)


def _containers(role: str, field: str, spark: list[JSON], explain: list[JSON]) -> Iterator[Disagreement]:
    """Names, order, images and security contexts. The rest does not affect placement."""
    names = [one["name"] for one in explain]
    yield from _unequal(role, f"{field}[].name", [one["name"] for one in spark], names)
    for one, other in zip(spark, explain, strict=False):
        for part in ("image", "securityContext"):
            yield from _unequal(role, f"{field}[].{part}", one.get(part), other.get(part))


def _host_paths(volumes: list[JSON]) -> JSON:
    """The volumes of the node, by name."""
    return {one["name"]: one["hostPath"] for one in volumes if "hostPath" in one}


def _volume(one: JSON) -> JSON:
    """A volume by its name and source. An empty option is none."""
    return {
        key: {option: given for option, given in value.items() if given not in (None, "")}
        if isinstance(value, dict)
        else value
        for key, value in one.items()
    }


def _decisions(workload: Workload, pod: SparkPod, created: JSON) -> Iterator[Disagreement]:
    """What differs in what the service answers, in each mode, for the pod after the operator's webhook."""
    of_spark = _ordered(created if pod.operator is None else pod.operator(created))
    of_explain = _ordered(pod.seen)
    for name, profile in PROFILES.items():
        spark, explain = (_told(outcome(workload, pod, profile, one)) for one in (of_spark, of_explain))
        for part in spark:
            if spark[part] != explain[part]:
                yield Disagreement(pod.title, f"{part} in profile {name}", spark[part], explain[part])


def _ordered(pod: JSON) -> JSON:
    """The pod with its volumes by name: Spark's order is that of properties in a hash map, so it says nothing."""
    volumes = sorted(pod["spec"].get("volumes") or [], key=lambda one: str(one["name"]))
    return pod | {"spec": pod["spec"] | {"volumes": volumes}}


def _told(of: Outcome) -> JSON:
    return {
        "patch": of.patch,
        "warnings": of.warnings,
        "placement": of.decision and of.decision.placement,
        "skipped": of.skipped,
        "denial": of.denied,
        "fate": of.fate,
    }
