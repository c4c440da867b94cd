"""The pods that Spark's own builders make of applications of every kind, as this project's webhook receives them.

What each judge covers:

- SparkApplication of the Spark Operator: `operator_submission`, written from the operator's source, makes the call of
  spark-submit, and Spark's builders make driver and executors. The changes of the operator's webhook are the project's
  own `operator_webhook.mutated`, which others judge (tests/e2e, and tests/spark with what the operator's Go code made).
- ScheduledSparkApplication: the same, for the run that the operator makes of it.
- SparkConnect: Spark's builders make the executors. The operator makes the server's pod of the template; here the
  project's own derivation does.
- SparkApplication of Apache's operator: Spark's builders make driver and executors of the configuration that the
  operator gives them. What the operator changes of containers afterwards has nothing to do with placement.
- SparkCluster: no code of Spark makes its pods. They are the project's own derivation, which
  tests/spark/captured_apache_pods.json judges with what the operator's Java code made.
"""

import copy
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.adopt.documents import APACHE
from tests.spark.judge.comparison import stored
from tests.spark.judge.operator_submission import MASTER, Submission, SubmissionError, submission
from tests.spark.judge.spark import Spark
from webhook.core.selectors import Role
from webhook.spark import api_server, operator_webhook
from webhook.spark.documents import read
from webhook.spark.manifest import Application
from webhook.spark.workloads import Workload

JSON = dict[str, Any]

_RUN: Final = "1700000000000000000"
_LABELS: Final = {"spark.operator/name": "spark-kubernetes-operator"}
#: What is different each time: ids of configurations, and of scratch directories.
_RANDOM: Final = re.compile(r"[0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Made:
    """The pods that are made of an application, by their titles."""

    pods: dict[str, JSON] = field(default_factory=dict)
    """Each as this project's webhook receives it."""
    executors: int = 0
    never: frozenset[str] = frozenset()
    """The titles of pods that are never made; an empty one stands for all."""


def made(documents: Sequence[JSON], spark: Spark, folder: Path) -> list[Made]:
    """The pods of each application, by one run of `spark`. Its files go to the empty `folder`."""
    calls: dict[int, Submission] = {}
    failed: dict[int, JSON] = {}
    for number, document in enumerate(documents):
        try:
            if (call := _submission(document, str(folder / str(number)))) is not None:
                call.write()
                calls[number] = call
        except SubmissionError as error:
            failed[number] = {"refusal": {"role": "", "messages": [str(error)]}}
    classes = folder / "classes"
    classes.mkdir(parents=True)
    answers = spark.pods([one.arguments for one in calls.values()], classes)
    by_number = dict(zip(calls, answers, strict=True)) | failed
    return [_of(document, by_number.get(number)) for number, document in enumerate(documents)]


def _is_apache(document: JSON) -> bool:
    return str(document["apiVersion"]).startswith(APACHE)


def _submission(document: JSON, folder: str) -> Submission | None:
    """What is submitted for an application; None if nothing is."""
    match document["kind"]:
        case "SparkCluster":
            return None
        case "SparkConnect":
            return _connect(document, folder)
        case "SparkApplication" if _is_apache(document):
            return _apache(document, folder)
    return submission(_application(document), folder)


def _application(document: JSON) -> JSON:
    """A SparkApplication of the Spark Operator as it is stored: itself, or the run of a schedule.

    Source: kubeflow/spark-operator, internal/controller/scheduledsparkapplication/controller.go.
    """
    found = copy.deepcopy(document)
    metadata = found["metadata"]
    metadata.setdefault("namespace", "default")
    if document["kind"] == "ScheduledSparkApplication":
        labels = {"sparkoperator.k8s.io/scheduled-app-name": metadata["name"]} | metadata.get("labels", {})
        named = {"name": f"{metadata['name']}-{_RUN}", "namespace": metadata["namespace"], "labels": labels}
        return {**found, "kind": "SparkApplication", "metadata": named, "spec": found["spec"]["template"]}
    return found


def _confs(conf: dict[str, str]) -> Iterator[str]:
    for key, value in conf.items():
        yield from ("--conf", f"{key}={value}")


def _connect(document: JSON, folder: str) -> Submission:
    """What a Spark Connect server is started with, apart from its own pod's name, which Spark would look up.

    Source: kubeflow/spark-operator, internal/controller/sparkconnect/options.go.
    """
    metadata, spec = document["metadata"], document["spec"]
    name, executor = metadata["name"], spec["executor"]
    labels = {
        "sparkoperator.k8s.io/launched-by-spark-operator": "true",
        "sparkoperator.k8s.io/connect-name": name,
        **metadata.get("labels", {}),
    }
    prefix = "spark.kubernetes.executor"
    conf = {
        "spark.kubernetes.namespace": metadata.get("namespace", "default"),
        "spark.kubernetes.container.image": spec["image"],
        **spec.get("sparkConf", {}),
        **{f"{prefix}.label.{key}": value for key, value in labels.items()},
        "spark.executor.instances": str(executor["instances"]),
        f"{prefix}.podNamePrefix": name,
    }
    files = {}
    if "template" in executor:
        path = f"{folder}/executor-pod-template.yaml"
        files[path] = executor["template"]
        conf |= {f"{prefix}.podTemplateFile": path, f"{prefix}.podTemplateContainerName": "spark-kubernetes-executor"}
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    arguments = ["--master", MASTER, "--class", server, "--name", "Spark Connect server", *_confs(conf)]
    return Submission([*arguments, "spark-internal"], files)


def _apache(document: JSON, folder: str) -> Submission:
    """The configuration with which Apache's operator calls Spark's builder of drivers.

    Source: apache/spark-kubernetes-operator, SparkAppSubmissionWorker.java.
    """
    metadata, spec = document["metadata"], document["spec"]
    version = spec["runtimeVersions"]["sparkVersion"]
    conf = {
        key: value.replace("{{SPARK_VERSION}}", version) if key.endswith("container.image") else value
        for key, value in spec["sparkConf"].items()
    }
    conf["spark.kubernetes.namespace"] = metadata.get("namespace", "default")
    conf["spark.kubernetes.driver.pod.name"] = f"{metadata['name']}-0-driver"
    files = {}
    for role in ("driver", "executor"):
        labels = _LABELS | {"spark.operator/spark-app-name": metadata["name"]}
        conf |= {f"spark.kubernetes.{role}.label.{key}": value for key, value in labels.items()}
        template = spec.get(f"{role}Spec", {}).get("podTemplateSpec")
        if template is not None:
            path = f"{folder}/{role}-pod-template.yaml"
            files[path] = template
            conf[f"spark.kubernetes.{role}.podTemplateFile"] = path
    start = ["--master", MASTER, "--deploy-mode", "cluster", "--class", spec["mainClass"]]
    return Submission([*start, *_confs(conf), spec["jars"]], files)


def _of(document: JSON, answer: JSON | None) -> Made:
    derived = {}
    if document["kind"] in ("SparkConnect", "SparkCluster"):
        (workload,) = read(document, "default")
        assert isinstance(workload, Workload), workload
        assert not workload.refused, workload.refused
        derived = {one.title: one for one in workload.pods}
    if answer is None:
        pods = {title: one.seen for title, one in derived.items()}
        return Made(pods, int(derived["worker"].count))
    never = frozenset({answer["refusal"]["role"]}) if "refusal" in answer else frozenset()
    if "" in never:
        return Made(never=never)
    pods = {}
    if document["kind"] == "SparkConnect":
        pods["connect-server"] = derived["connect-server"].seen
    for role in Role:
        if role in answer:
            pods[role.value] = _seen(document, role, stored(answer[role]))
    return Made(pods, answer.get("executors", 0), never)


def _seen(document: JSON, role: Role, pod: JSON) -> JSON:
    """A stored pod without what is random, after the operator's webhook if that changes it."""
    found: JSON = json.loads(_RANDOM.sub(lambda text: re.sub("[0-9a-f]", "0", text[0]), json.dumps(pod)))
    # Their order is that of properties in a hash map, so it says nothing.
    for key in ("volumes", "initContainers"):
        if key in found["spec"]:
            found["spec"][key].sort(key=lambda one: str(one["name"]))
    if document["kind"] == "SparkConnect" or _is_apache(document):
        return found
    application = msgspec.convert(api_server.stored(_application(document)), Application)
    return operator_webhook.mutated(found, application, role)
