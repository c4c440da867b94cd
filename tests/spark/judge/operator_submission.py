"""The call of spark-submit that the Spark Operator 2.5.2 makes for a SparkApplication, written from the operator's source.

Sources: api/v1beta2/defaults.go; internal/webhook/sparkapplication_validator.go; internal/controller/sparkapplication/: controller.go (submitSparkApplication),
monitoring_config.go, submission.go; internal/scheduler. The code that is judged has its own derivation, on purpose.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

JSON = dict[str, Any]

SUBMISSION_ID = "0f0e0d0c-0b0a-4909-8807-060504030201"
UID = "11111111-2222-4333-8444-555555555555"
MASTER = "k8s://https://10.96.0.1:443"
GROUP = "sparkoperator.k8s.io"
KUEUE = "kueue.x-k8s.io/"


class SubmissionError(Exception):
    """The operator's webhook refuses the application, or the operator fails before it calls spark-submit."""


@dataclass(frozen=True)
class Submission:
    """Arguments of spark-submit, and the files that must exist when it is called."""

    arguments: list[str]
    files: dict[str, JSON]

    def write(self) -> None:
        for name, content in self.files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(content, sort_keys=True))


def submission(application: JSON, folder: str = f"/tmp/spark/{SUBMISSION_ID}") -> Submission:  # noqa: S108
    """The submission of a stored application. Templates are written to `folder`. Raises SubmissionError."""
    _validate(application["metadata"], application["spec"])
    app = _prepared(application)
    name, spec = app["metadata"]["name"], app["spec"]
    files: dict[str, JSON] = {}
    arguments = ["--master", MASTER, "--deploy-mode", spec["mode"]]
    if spec.get("mainClass") is not None:
        arguments += ["--class", spec["mainClass"]]
    arguments += ["--name", name]
    arguments += _dependencies(spec.get("deps") or {})
    for key, value in [
        *_common(app),
        *_template(app, "driver", folder, files),
        ("spark.kubernetes.driver.pod.name", _driver_name(name, spec)),
        *_role(app, "driver"),
        *_template(app, "executor", folder, files),
        *_role(app, "executor"),
        *((f"spark.kubernetes.node.selector.{key}", value) for key, value in (spec.get("nodeSelector") or {}).items()),
        *_dynamic_allocation(spec.get("dynamicAllocation") or {}),
    ]:
        arguments += ["--conf", f"{key}={value}"]
    if spec.get("proxyUser"):
        arguments += ["--proxy-user", spec["proxyUser"]]
    if spec.get("mainApplicationFile") is not None:
        arguments.append(spec["mainApplicationFile"])
    return Submission([*arguments, *(spec.get("arguments") or [])], files)


#: Properties that the operator's webhook does not accept.
DENIED = {
    *("spark.master", "spark.kubernetes.driver.master", "spark.kubernetes.container.image"),
    *(f"spark.kubernetes.{role}.container.image" for role in ("driver", "executor")),
    *(f"spark.kubernetes.authenticate.{role}.serviceAccountName" for role in ("driver", "executor")),
    *(
        f"spark.kubernetes.authenticate.{role}{key}"
        for role in ("", "driver.", "executor.")
        for key in ("oauthToken", "oauthTokenFile")
    ),
}


def _validate(metadata: JSON, spec: JSON) -> None:
    """What the operator's webhook checks. Raises SubmissionError."""
    if not re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", metadata["name"]):
        raise SubmissionError(f"invalid name {metadata['name']}")
    templates = [spec[role].get("template") for role in ("driver", "executor")]
    if any(one is not None for one in templates) and _older(spec.get("sparkVersion") or "", (3, 0, 0)):
        raise SubmissionError("pod template feature requires Spark version 3.0.0 or higher")
    selectors = [spec[role].get("nodeSelector") for role in ("driver", "executor")]
    if spec.get("nodeSelector") is not None and any(one is not None for one in selectors):
        raise SubmissionError("node selector of the application and of a role")
    for key, value in (spec.get("sparkConf") or {}).items():
        if key in DENIED or (key == "spark.kubernetes.namespace" and value != metadata.get("namespace", "default")):
            raise SubmissionError(f"sparkConf key {key} is not allowed")


def _prepared(application: JSON) -> JSON:
    """The application with the defaults of the operator's webhook, and what the controller sets before it submits."""
    app = copy.deepcopy(application)
    metadata, spec = app["metadata"], app["spec"]
    metadata.setdefault("namespace", "default")
    spec["mode"] = spec.get("mode") or "cluster"
    spec["type"] = spec.get("type") or "Scala"
    conf, allocation = spec.get("sparkConf") or {}, spec.get("dynamicAllocation")
    for role in ("driver", "executor"):
        if f"spark.{role}.cores" not in conf:
            spec[role].setdefault("cores", 1)
        if f"spark.{role}.memory" not in conf:
            spec[role].setdefault("memory", "1g")
    # The operator reads spark.dynamicallocation.enabled here, in lower case, so the usual spelling counts for nothing.
    dynamic = allocation.get("enabled", False) if allocation is not None else False
    if spec["executor"].get("instances") is None and not conf.get("spark.executor.instances") and not dynamic:
        spec["executor"]["instances"] = 1
    monitoring = spec.get("monitoring") or {}
    if monitoring.get("prometheus") is not None:
        _monitored(metadata, spec, monitoring)
    _batch_scheduled(metadata, spec)
    return app


def _monitored(metadata: JSON, spec: JSON, monitoring: JSON) -> None:
    prometheus = monitoring["prometheus"]
    port = 8090 if prometheus.get("port") is None else prometheus["port"]
    properties_file = monitoring.get("metricsPropertiesFile")
    spec["sparkConf"] = (spec.get("sparkConf") or {}) | {
        "spark.metrics.namespace": f"{metadata['namespace']}.{metadata['name']}",
        "spark.metrics.conf": properties_file or "/etc/metrics/conf/metrics.properties",
    }
    configuration = prometheus.get("configFile") or "/etc/metrics/conf/prometheus.yaml"
    agent = f"-javaagent:{prometheus.get('jmxExporterJar', '')}={port}:{configuration}"
    for role, exposed in (("driver", "exposeDriverMetrics"), ("executor", "exposeExecutorMetrics")):
        if monitoring.get(exposed):
            part = spec[role]
            part["annotations"] = (part.get("annotations") or {}) | {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(port),
                "prometheus.io/path": "/metrics",
            }
            part["javaOptions"] = f"{part['javaOptions']} {agent}" if part.get("javaOptions") is not None else agent


def _batch_scheduled(metadata: JSON, spec: JSON) -> None:
    """What the batch schedulers set, if the operator was started with them. Raises SubmissionError for unknown ones."""
    scheduler = spec.get("batchScheduler")
    name, roles = metadata["name"], ("driver", "executor")
    if not scheduler:
        return
    if scheduler == "volcano":
        group = {"scheduling.k8s.io/group-name": f"spark-{name}-pg"}
        first = "executor" if spec["mode"] == "client" else "driver"
        if "scheduling.k8s.io/group-name" not in (spec[first].get("annotations") or {}):
            for role in roles if spec["mode"] == "cluster" else ("executor",):
                spec[role]["annotations"] = (spec[role].get("annotations") or {}) | group
    elif scheduler == "yunikorn":
        _for_yunikorn(spec)
    elif scheduler == "scheduler-plugins-scheduler":
        metadata["labels"] = (metadata.get("labels") or {}) | {"scheduling.x-k8s.io/pod-group": f"{name}-pg"}
    else:
        raise SubmissionError(f"failed to get scheduler {scheduler}")


def _for_yunikorn(spec: JSON) -> None:
    roles = ("driver", "executor")
    queue = (spec.get("batchSchedulerOptions") or {}).get("queue")
    # A task group shares its map of labels with the application, so it has the queue only if there were labels.
    labelled = {role for role in roles if spec[role].get("labels") is not None}
    for role in roles:
        part = spec[role]
        if queue is not None:
            part["labels"] = (part.get("labels") or {}) | {"queue": queue}
    groups = [
        _task_group(spec, role, spec[role].get("labels") if role in labelled else None)
        for role in roles
        if role == "driver" or _first_executors(spec) > 0
    ]
    for role in roles:
        spec[role]["annotations"] = (spec[role].get("annotations") or {}) | {
            "yunikorn.apache.org/task-group-name": f"spark-{role}"
        }
    encoded = json.dumps(groups, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":  # as Go's encoder does
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    spec["driver"]["annotations"]["yunikorn.apache.org/task-groups"] = encoded


def _first_executors(spec: JSON) -> int:
    allocation, instances = spec.get("dynamicAllocation") or {}, spec["executor"].get("instances")
    if not allocation.get("enabled"):
        return 2 if instances is None else int(instances)
    return max(instances or 0, allocation.get("initialExecutors") or 0, allocation.get("minExecutors") or 0)


def _task_group(spec: JSON, role: str, labels: JSON | None) -> JSON:
    part = spec[role]
    cpu = part.get("coreRequest") or str(part["cores"] if part.get("cores") is not None else 1)
    group = {
        "name": f"spark-{role}",
        "minMember": 1 if role == "driver" else _first_executors(spec),
        "minResource": {"cpu": cpu, "memory": _memory(spec, role)},
        "nodeSelector": dict(sorted(((spec.get("nodeSelector") or {}) | (part.get("nodeSelector") or {})).items())),
        "tolerations": [
            {key: one[key] for key in ("key", "operator", "value", "effect", "tolerationSeconds") if one.get(key)}
            for one in part.get("tolerations") or []
        ],
        "affinity": part.get("affinity"),
        "labels": dict(sorted((labels or {}).items())),
    }
    return {key: value for key, value in group.items() if value not in (None, [], {}) or key == "minResource"}


def _memory(spec: JSON, role: str) -> str:
    """The memory of a pod in MiB, as the operator computes it for YuniKorn."""
    part, conf = spec[role], spec.get("sparkConf") or {}
    factor = spec.get("memoryOverheadFactor")
    share = float(factor) if factor else 0.1 if spec.get("type") in ("Java", "Scala") else 0.4
    memory = _bytes(part["memory"]) if part.get("memory") else 1 << 30
    overhead = part.get("memoryOverhead")
    total = memory + (_bytes(overhead) if overhead else int(max(memory * share, 384 << 20)))
    if role == "executor":
        pyspark = conf.get("spark.executor.pyspark.memory")
        if spec.get("type") == "Python" and pyspark:
            total += _bytes(f"{pyspark}m" if pyspark.isdigit() else pyspark)
        off_heap = conf.get("spark.memory.offHeap.enabled", "false") != "false"
        if off_heap and "spark.memory.offHeap.size" in conf:
            total += _bytes(conf["spark.memory.offHeap.size"])
    return f"{total >> 20}Mi"


def _bytes(given: str) -> int:
    number = given.rstrip("bkmgtpBKMGTP")
    unit = given[len(number) :].lower().rstrip("b")
    return int(number) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}[unit]


def _driver_name(name: str, spec: JSON) -> str:
    conf = spec.get("sparkConf") or {}
    return str(spec["driver"].get("podName") or conf.get("spark.kubernetes.driver.pod.name") or f"{name}-driver")


def _dependencies(deps: JSON) -> Iterator[str]:
    for field, option in (
        ("jars", "--jars"),
        ("packages", "--packages"),
        ("excludePackages", "--exclude-packages"),
        ("repositories", "--repositories"),
        ("pyFiles", "--py-files"),
        ("files", "--files"),
        ("archives", "--archives"),
    ):
        if deps.get(field):
            yield from (option, ",".join(deps[field]))


def _common(app: JSON) -> Iterator[tuple[str, str]]:
    spec = app["spec"]
    yield "spark.kubernetes.namespace", app["metadata"]["namespace"]
    if spec.get("image"):
        yield "spark.kubernetes.container.image", spec["image"]
    if spec.get("imagePullPolicy"):
        yield "spark.kubernetes.container.image.pullPolicy", spec["imagePullPolicy"]
    if spec.get("imagePullSecrets"):
        yield "spark.kubernetes.container.image.pullSecrets", ",".join(spec["imagePullSecrets"])
    if spec.get("pythonVersion"):
        yield "spark.kubernetes.pyspark.pythonVersion", spec["pythonVersion"]
    if spec.get("memoryOverheadFactor"):
        yield "spark.kubernetes.memoryOverheadFactor", spec["memoryOverheadFactor"]
    yield "spark.kubernetes.submission.waitAppCompletion", "false"
    for key, value in (spec.get("sparkConf") or {}).items():
        if key != "spark.kubernetes.driver.pod.name":
            yield key, value
    for key, value in (spec.get("hadoopConf") or {}).items():
        yield f"spark.hadoop.{key}", value


def _template(app: JSON, role: str, folder: str, files: dict[str, JSON]) -> Iterator[tuple[str, str]]:
    """The operator always passes a template, with a reference to the application as the pod's owner."""
    template, container = app["spec"][role].get("template"), f"spark-kubernetes-{role}"
    if template is None:
        template = {"spec": {"containers": [{"name": container}]}}
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    owner = {"apiVersion": f"{GROUP}/v1beta2", "kind": "SparkApplication", "name": app["metadata"]["name"], "uid": UID}
    if role == "driver":
        owner |= {"controller": True, "blockOwnerDeletion": True}
    owners = metadata.get("ownerReferences") or []
    # Go writes a list without `omitempty` as null if it is absent, and empty values of some structs.
    containers = spec.get("containers")
    if containers is not None:
        containers = [{"name": "", "resources": {}, **one} for one in containers]
    files[f"{folder}/{role}-pod-template.yaml"] = {
        "metadata": {**metadata, "ownerReferences": owners if owner in owners else [*owners, owner]},
        "spec": {**spec, "containers": containers},
    }
    yield f"spark.kubernetes.{role}.podTemplateFile", f"{folder}/{role}-pod-template.yaml"
    yield f"spark.kubernetes.{role}.podTemplateContainerName", container


def _role(app: JSON, role: str) -> Iterator[tuple[str, str]]:
    """The properties of one role, in the order of the operator: later ones overwrite earlier ones."""
    metadata, spec, part = app["metadata"], app["spec"], app["spec"][role]
    prefix, label = f"spark.kubernetes.{role}", f"spark.kubernetes.{role}.label."
    yield f"{label}{GROUP}/app-name", metadata["name"]
    yield f"{label}{GROUP}/launched-by-spark-operator", "true"
    if _older(spec.get("sparkVersion") or "", (3, 0, 0)) or part.get("template") is None:
        yield f"{label}{GROUP}/mutated-by-spark-operator", "true"
    yield f"{label}{GROUP}/submission-id", SUBMISSION_ID
    if role == "executor" and part.get("instances") is not None:
        yield "spark.executor.instances", str(part["instances"])
    if part.get("image") or spec.get("image"):
        yield f"{prefix}.container.image", part.get("image") or spec["image"]
    yield from _resources(part, role)
    for key, value in (metadata.get("labels") or {}).items():
        if not key.startswith(KUEUE):
            yield label + key, value
    yield from ((label + key, value) for key, value in (part.get("labels") or {}).items())
    yield from ((f"{prefix}.annotation.{key}", value) for key, value in (part.get("annotations") or {}).items())
    for key, reference in (part.get("envSecretKeyRefs") or {}).items():
        yield f"{prefix}.secretKeyRef.{key}", f"{reference['name']}:{reference['key']}"
    if part.get("javaOptions") is not None:
        yield f"spark.{role}.extraJavaOptions", part["javaOptions"]
    environment = "spark.kubernetes.driverEnv." if role == "driver" else "spark.executorEnv."
    yield from ((environment + key, value) for key, value in (part.get("envVars") or {}).items())
    for secret in part.get("secrets") or []:
        yield f"{prefix}.secrets.{secret['name']}", secret["path"]
    yield from _scratch(spec, part, f"{prefix}.volumes")


def _resources(part: JSON, role: str) -> Iterator[tuple[str, str]]:
    prefix = f"spark.kubernetes.{role}"
    for field, key in (
        ("cores", f"spark.{role}.cores"),
        ("coreRequest", f"{prefix}.request.cores"),
        ("coreLimit", f"{prefix}.limit.cores"),
        ("memory", f"spark.{role}.memory"),
        ("memoryOverhead", f"spark.{role}.memoryOverhead"),
        ("serviceAccount", f"spark.kubernetes.authenticate.{role}.serviceAccountName"),
    ):
        if part.get(field) is not None:
            yield key, str(part[field])
    if role == "executor" and part.get("deleteOnTermination") is not None:
        yield f"{prefix}.deleteOnTermination", str(part["deleteOnTermination"]).lower()


def _older(version: str, than: tuple[int, int, int]) -> bool:
    """Whether Go's semver puts `version` before `than`. What it cannot read, such as nothing, is before everything."""
    parts = version.removeprefix("v").split("-")[0].split(".")
    if not all(part.isdigit() for part in parts) or len(parts) > 3:
        return True
    return (*map(int, parts), 0, 0)[:3] < than


def _scratch(spec: JSON, part: JSON, prefix: str) -> Iterator[tuple[str, str]]:
    """Volumes named spark-local-dir-* go to Spark, which uses them as scratch space. Raises SubmissionError."""
    scratch = "spark-local-dir-"
    volumes = {one["name"]: one for one in spec.get("volumes") or [] if one["name"].startswith(scratch)}
    for mount in part.get("volumeMounts") or []:
        name = mount["name"]
        if not name.startswith(scratch):
            continue
        if name not in volumes:
            raise SubmissionError(f"volume {name} not found")
        kinds = ("emptyDir", "hostPath", "nfs", "persistentVolumeClaim")
        kind = next((one for one in kinds if volumes[name].get(one) is not None), None)
        if kind is None:
            raise SubmissionError("unsupported volume type")
        if mount.get("mountPath"):
            yield f"{prefix}.{kind}.{name}.mount.path", mount["mountPath"]
        if mount.get("subPath"):
            yield f"{prefix}.{kind}.{name}.mount.subPath", mount["subPath"]
        if mount.get("readOnly"):
            yield f"{prefix}.{kind}.{name}.mount.readOnly", "true"
        for option, value in _options(kind, volumes[name][kind]).items():
            yield f"{prefix}.{kind}.{name}.options.{option}", value


def _options(kind: str, source: JSON) -> dict[str, str]:
    """The options of a volume that the operator passes on."""
    options = {
        "emptyDir": {"sizeLimit": source.get("sizeLimit"), "medium": source.get("medium") or None},
        "hostPath": {"path": source.get("path", ""), "type": source.get("type")},
        "nfs": {"path": source.get("path", ""), "server": source.get("server", "")},
        "persistentVolumeClaim": {"claimName": source.get("claimName", "")},
    }[kind]
    if kind in ("nfs", "persistentVolumeClaim") and source.get("readOnly"):
        options["readOnly"] = "true"
    return {option: value for option, value in options.items() if value is not None}


def _dynamic_allocation(allocation: JSON) -> Iterator[tuple[str, str]]:
    if not allocation.get("enabled"):
        return
    yield "spark.dynamicAllocation.enabled", "true"
    for field, key in (
        ("initialExecutors", "initialExecutors"),
        ("minExecutors", "minExecutors"),
        ("maxExecutors", "maxExecutors"),
    ):
        if allocation.get(field) is not None:
            yield f"spark.dynamicAllocation.{key}", str(allocation[field])
    tracking = allocation.get("shuffleTrackingEnabled")
    yield "spark.dynamicAllocation.shuffleTracking.enabled", str(True if tracking is None else tracking).lower()
    if allocation.get("shuffleTrackingTimeout") is not None:
        yield "spark.dynamicAllocation.shuffleTracking.timeout", str(allocation["shuffleTrackingTimeout"])
