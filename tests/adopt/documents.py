"""Applications of every kind that say by hand where their pods run, as values."""

import copy
import random
from collections.abc import Callable
from typing import Any, Final

from tests.adopt.placements import ByHand

JSON = dict[str, Any]

IMAGES: Final = ("registry/spark:3.5.2", "registry-vpc.cn-hangzhou.aliyuncs.com/data/spark:3.5.2")
#: The version that all applications name, so that each Spark of the judges makes them as its own.
VERSION: Final = "3.5.2"
KUBEFLOW: Final = "sparkoperator.k8s.io"
APACHE: Final = "spark.apache.org"
#: The kinds, each with its group and how many of a hundred applications are of it.
KINDS: Final = {
    (KUBEFLOW, "SparkApplication"): 56,
    (KUBEFLOW, "ScheduledSparkApplication"): 14,
    (KUBEFLOW, "SparkConnect"): 8,
    (APACHE, "SparkApplication"): 14,
    (APACHE, "SparkCluster"): 8,
}
Roles = tuple[ByHand, ByHand]


def application(group: str, kind: str, metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    """An application whose driver and executors are placed as `roles` say, and what was drawn."""
    return _KINDS[group, kind](copy.deepcopy(metadata), roles, draw)


def _conf(draw: random.Random) -> dict[str, str]:
    """Properties that have nothing to do with placement, some of them hard to write."""
    every = {
        "spark.sql.shuffle.partitions": "400",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": "oss://logs/spark-events",
        "spark.driver.extraJavaOptions": "-XX:+UseG1GC -Dlog4j.configurationFile=file:///opt/log4j2.properties "
        "-Dtolerations=none -Dexample.note='affinity: none # not a comment'",
        "spark.hadoop.fs.oss.endpoint": "oss-cn-hangzhou-internal.aliyuncs.com",
        "spark.example.note": "tolerations:\n- key: virtual-kubelet.io/provider\n  operator: Exists\n# not a comment\n",
        "spark.ui.prometheus.enabled": "true",
        "spark.kubernetes.executor.request.cores": "500m",
        "spark.sql.extensions": "org.example.Extension,org.example.Other",
    }
    return {key: every[key] for key in draw.sample(sorted(every), draw.choice((0, 1, 2, 4)))}


def _kubeflow_spec(roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    spec: JSON = {
        "type": "Scala",
        "mode": "cluster",
        "image": draw.choice(IMAGES),
        "mainClass": "org.example.Job",
        "mainApplicationFile": "local:///opt/job.jar",
        "sparkVersion": VERSION,
        "restartPolicy": {"type": "Never"},
        "driver": {"cores": 1, "memory": "2g", "serviceAccount": "spark"},
        "executor": {"cores": 2, "memory": "4g", "serviceAccount": "spark", "instances": draw.choice((1, 2, 5, 10))},
    }
    if draw.random() < 0.3:
        spec["type"] = "Python"
        spec["mainApplicationFile"] = "local:///opt/job.py"
        del spec["mainClass"]
    if draw.random() < 0.4:
        spec["arguments"] = draw.choice((["--date", "{{ ds }}"], ["1000"], ["--query", "select 1 -- # all: of, [it]"]))
    if draw.random() < 0.2:
        spec["driver"]["labels"] = {"version": "3.5.2"}
    if draw.random() < 0.2:
        spec["executor"]["env"] = [{"name": "REGION", "value": "cn-hangzhou"}, {"name": "DEBUG", "value": "0"}]
    conf = _conf(draw)
    facts: list[str] = []
    for role, hand in zip(("driver", "executor"), roles, strict=True):
        facts += _write_kubeflow(spec, conf, role, hand, draw)
    if conf or draw.random() < 0.1:
        spec["sparkConf"] = conf
    return spec, facts


def _write_kubeflow(spec: JSON, conf: dict[str, str], role: str, hand: ByHand, draw: random.Random) -> list[str]:
    """Writes a hand's placement into the fields of a role, its template or properties. Returns where."""
    part = spec[role]
    way = "fields" if hand.bare else draw.choices(("fields", "template", "divided"), (70, 15, 15))[0]
    metadata: JSON = {}
    inner: JSON = {"containers": [{"name": f"spark-kubernetes-{role}"}]}
    at_fields = {"fields": 1.0, "template": 0.0, "divided": 0.5}[way]
    facts = [way]
    for key, value in _pod_fields(hand).items():
        if key == "nodeSelector" and draw.random() < 0.3:
            conf |= {f"spark.kubernetes.{role}.node.selector.{one}": text for one, text in value.items()}
            facts.append("selector by property")
        else:
            # A role has no field of this name.
            where = part if key != "nodeName" and draw.random() < at_fields else inner
            where[key] = value
    if hand.host_path:
        _mount(spec, role, inner, in_template=way == "template", draw=draw)
    for key, entries in (("annotations", hand.annotations), ("labels", hand.labels)):
        for name, text in entries.items():
            if draw.random() < 0.15:
                conf[f"spark.kubernetes.{role}.{key[:-1]}.{name}"] = text
                facts.append(f"{key} by property")
            else:
                where = part if draw.random() < at_fields else metadata
                where.setdefault(key, {})[name] = text
    if inner.keys() > {"containers"} or metadata:
        part["template"] = {**({"metadata": metadata} if metadata else {}), "spec": inner}
    if hand.bare and draw.random() < 0.1:
        part |= draw.choice(({"tolerations": []}, {"affinity": {}}, {"annotations": {}}))
        facts.append("empty collections")
    return facts


def _pod_fields(hand: ByHand) -> JSON:
    """What `hand` says in the spec of a pod, apart from volumes."""
    fields: JSON = {
        "tolerations": hand.tolerations,
        "affinity": hand.affinity,
        "nodeSelector": hand.selector,
        "schedulerName": hand.scheduler,
        "nodeName": hand.node_name,
        "hostNetwork": hand.host_network,
    }
    return {key: copy.deepcopy(value) for key, value in fields.items() if value}


def _mount(spec: JSON, role: str, inner: JSON, *, in_template: bool, draw: random.Random) -> None:
    name = f"{draw.choice(('spark-local-dir', 'scratch'))}-{role}"
    volume = {"name": name, "hostPath": {"path": "/mnt/disk1"}}
    if in_template:
        inner["volumes"] = [volume]
        return
    spec.setdefault("volumes", []).append(volume)
    spec[role]["volumeMounts"] = [{"name": name, "mountPath": "/scratch"}]


def _spark_application(metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    spec, facts = _kubeflow_spec(roles, draw)
    document = {"apiVersion": f"{KUBEFLOW}/v1beta2", "kind": "SparkApplication", "metadata": metadata, "spec": spec}
    return document, facts


def _scheduled(metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    template, facts = _kubeflow_spec(roles, draw)
    spec = {"schedule": draw.choice(("0 2 * * *", "@daily", "*/30 * * * *")), "concurrencyPolicy": "Forbid"}
    return {
        "apiVersion": f"{KUBEFLOW}/v1beta2",
        "kind": "ScheduledSparkApplication",
        "metadata": metadata,
        "spec": {**spec, "template": template},
    }, facts


def _pod_template(hand: ByHand, containers: list[JSON], draw: random.Random) -> JSON:
    """A pod template that says what `hand` says; empty if it says nothing."""
    spec: JSON = {**({"containers": containers} if containers else {}), **_pod_fields(hand)}
    if hand.host_path:
        spec["volumes"] = [{"name": "scratch", "hostPath": {"path": "/mnt/disk1"}}]
    metadata = {"annotations": hand.annotations, "labels": hand.labels}
    metadata = {key: copy.deepcopy(value) for key, value in metadata.items() if value}
    if draw.random() < 0.2:
        spec["priorityClassName"] = "batch"
    return {**({"metadata": metadata} if metadata else {}), "spec": spec} if spec or metadata else {}


def _by_property(role: str, hand: ByHand, conf: dict[str, str], draw: random.Random) -> tuple[ByHand, list[str]]:
    """Moves some annotations and labels of `hand` to properties. Returns the rest."""
    rest, facts = copy.deepcopy(hand), []
    for key, entries in (("annotation", rest.annotations), ("label", rest.labels)):
        for name in [name for name in entries if draw.random() < 0.25]:
            conf[f"spark.kubernetes.{role}.{key}.{name}"] = entries.pop(name)
            facts.append(f"{key}s by property")
    return rest, facts


def _connect(metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    conf = _conf(draw)
    executor, facts = _by_property("executor", roles[1], conf, draw)
    image = draw.choice(IMAGES)
    spec: JSON = {"sparkVersion": "4.0.1", "image": image, "server": {"cores": 1, "memory": "2g"}}
    spec["executor"] = {"cores": 1, "memory": "2g", "instances": draw.choice((1, 3, 6))}
    for part, hand, name in (("server", roles[0], "driver"), ("executor", executor, "executor")):
        container: JSON = {"name": f"spark-kubernetes-{name}", "image": image}
        template = _pod_template(hand, [container], draw)
        if not hand.bare or draw.random() < 0.2:
            spec[part]["template"] = template
    if conf:
        spec["sparkConf"] = conf
    return {
        "apiVersion": f"{KUBEFLOW}/v1alpha1",
        "kind": "SparkConnect",
        "metadata": metadata,
        "spec": spec,
    }, ["template", *facts]


def _apache_application(metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    conf = {
        "spark.kubernetes.container.image": "registry/spark:{{SPARK_VERSION}}",
        "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
        "spark.executor.instances": draw.choice(("1", "2", "6")),
        **_conf(draw),
    }
    spec: JSON = {"mainClass": "org.example.Job", "jars": "local:///opt/job.jar", "sparkConf": conf}
    spec["runtimeVersions"] = {"sparkVersion": VERSION, "scalaVersion": "2.12"}
    facts = ["template"]
    for role, hand in zip(("driver", "executor"), roles, strict=True):
        rest, told = _by_property(role, hand, conf, draw)
        facts += told
        containers = [] if draw.random() < 0.7 else [{"name": f"spark-kubernetes-{role}"}]
        template = _pod_template(rest, containers, draw)
        # Spark cannot read a template without a spec.
        if template and (template.get("metadata") or template["spec"]):
            template.setdefault("spec", {})
            spec[f"{role}Spec"] = {"podTemplateSpec": template}
    version = draw.choice(("v1", "v1", "v1beta1"))
    return {
        "apiVersion": f"{APACHE}/{version}",
        "kind": "SparkApplication",
        "metadata": metadata,
        "spec": spec,
    }, facts


def _cluster(metadata: JSON, roles: Roles, draw: random.Random) -> tuple[JSON, list[str]]:
    workers = draw.choice((1, 3, 5))
    spec: JSON = {
        "runtimeVersions": {"sparkVersion": VERSION},
        "clusterTolerations": {
            "instanceConfig": {"initWorkers": workers, "minWorkers": workers, "maxWorkers": workers}
        },
        "sparkConf": {"spark.kubernetes.container.image": "registry/spark:{{SPARK_VERSION}}"},
    }
    for part, hand in zip(("master", "worker"), roles, strict=True):
        one = copy.deepcopy(hand)
        if one.scheduler:  # The operator overwrites that of the template.
            spec["sparkConf"]["spark.kubernetes.scheduler.name"] = one.scheduler
            one.scheduler = ""
        if template := _pod_template(one, [], draw):
            spec[f"{part}Spec"] = {"statefulSetSpec": {"template": template}}
    return {
        "apiVersion": f"{APACHE}/{draw.choice(('v1', 'v1', 'v1beta1'))}",
        "kind": "SparkCluster",
        "metadata": metadata,
        "spec": spec,
    }, ["template"]


_KINDS: Final[dict[tuple[str, str], Callable[[JSON, Roles, random.Random], tuple[JSON, list[str]]]]] = {
    (KUBEFLOW, "SparkApplication"): _spark_application,
    (KUBEFLOW, "ScheduledSparkApplication"): _scheduled,
    (KUBEFLOW, "SparkConnect"): _connect,
    (APACHE, "SparkApplication"): _apache_application,
    (APACHE, "SparkCluster"): _cluster,
}
