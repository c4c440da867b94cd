"""Both operators side by side, and documents of Apache's operator that are damaged."""

import copy
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.spark.apache_workload import APPLICATION, CLUSTER
from tests.spark.test_application import PLAIN as OF_KUBEFLOW
from webhook.cli.inputs import read_inputs
from webhook.core.pod import Pod
from webhook.spark.documents import ManifestError, UnknownKindError, read
from webhook.spark.workloads import Workload

APACHE = "spark.operator/spark-app-name"
KUBEFLOW = "sparkoperator.k8s.io/app-name"


def told(document: Any) -> list[tuple[str, str, bool, bool]]:
    """Kind, name, and whose labels the first pod of each workload has."""
    found = []
    for one in read(document, "elsewhere"):
        assert isinstance(one, Workload)
        labels = one.pods[0].created["metadata"]["labels"]
        found.append((one.kind, one.name, APACHE in labels, KUBEFLOW in labels))
    return found


def test_the_group_tells_the_operator() -> None:
    items = [yaml.safe_load(text) for text in (APPLICATION, OF_KUBEFLOW, CLUSTER)]
    assert told({"apiVersion": "v1", "kind": "List", "items": items}) == [
        ("SparkApplication", "pi", True, False),
        ("SparkApplication", "spark-pi", False, True),
        ("SparkCluster", "prod", False, False),
    ]


@pytest.mark.parametrize("text", [APPLICATION, CLUSTER])
def test_a_typed_list_is_read(text: str) -> None:
    document = yaml.safe_load(text)
    kind, version = document.pop("kind"), document.pop("apiVersion")
    (found,) = told({"apiVersion": version, "kind": f"{kind}List", "items": [document]})
    assert found[:2] == (kind, document["metadata"]["name"])


def test_a_folder_and_a_stream_may_hold_both(tmp_path: Path) -> None:
    (tmp_path / "both.yaml").write_text(f"{APPLICATION}---{OF_KUBEFLOW}")
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    found = read_inputs([str(tmp_path)], "elsewhere")
    assert [(Path(file).name, one.kind, one.name) for file, one in found.workloads] == [
        ("both.yaml", "SparkApplication", "pi"),
        ("both.yaml", "SparkApplication", "spark-pi"),
        ("cluster.yaml", "SparkCluster", "prod"),
    ]
    assert found.faults == []


@pytest.mark.parametrize("content", ["apiVersion: spark.apache.org/v1\n", "kind: SparkCluster\n"])
def test_what_should_be_of_the_operator_is_a_fault_in_a_folder(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(APPLICATION)
    (tmp_path / "b.yaml").write_text(content)
    found = read_inputs([str(tmp_path)], "elsewhere")
    assert found.faults == [f"{tmp_path / 'b.yaml'}: not a Kubernetes object: apiVersion or kind is missing"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            {"apiVersion": "spark.apache.org", "kind": "SparkApplication", "metadata": {"name": "pi"}},
            'SparkApplication pi: apiVersion is "spark.apache.org"; accepted: a version too, as spark.apache.org/v1',
        ),
        (
            {"apiVersion": "spark.apache.org/v1", "kind": "SparkConnect", "metadata": {"name": "c"}},
            "SparkConnect c: unknown kind of spark.apache.org; accepted: SparkApplication, SparkCluster",
        ),
        (
            {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkCluster", "metadata": {"name": "c"}},
            "SparkCluster c: unknown kind of sparkoperator.k8s.io; accepted: SparkApplication, "
            "ScheduledSparkApplication, SparkConnect",
        ),
        (
            {
                "apiVersion": "spark.apache.org/v1",
                "kind": "SparkApplication",
                "metadata": {"name": "${NAME}"},
                "spec": {},
            },
            'SparkApplication: metadata.name is "${NAME}", which looks like a template; accepted: a name, so render the '
            "template first",
        ),
        (
            {"apiVersion": "spark.apache.org/v1", "kind": "SparkCluster", "metadata": {"name": "c"}},
            "SparkCluster c: spec: required, but missing",
        ),
        (
            {"apiVersion": "spark.apache.org/v1", "kind": "SparkCluster", "spec": {}},
            "SparkCluster: metadata: required, but missing",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence(document: Any, sentence: str) -> None:
    (fault,) = read(document, "elsewhere")
    assert isinstance(fault, ManifestError)
    assert not isinstance(fault, UnknownKindError)
    assert str(fault) == sentence


RICH = [
    """
    apiVersion: spark.apache.org/v1
    kind: SparkApplication
    metadata: {name: pi, labels: {a: b}, annotations: {c: d}}
    spec:
      mainClass: org.example.Pi
      jars: local:///pi.jar
      pyFiles: local:///pi.py
      sparkRFiles: local:///pi.R
      deploymentMode: ClusterMode
      runtimeVersions: {sparkVersion: 4.2.0, scalaVersion: "2.13"}
      driverArgs: ["1"]
      applicationTolerations: {restartConfig: {restartPolicy: Always, maxRestartAttempts: 3}}
      driverHttpRouteList:
      - {serviceSpec: {ports: []}, serviceMetadata: {name: s}, httpRouteMetadata: {name: r}, httpRouteSpec: {parentRefs: [{}]}}
      driverGrpcRouteList:
      - {serviceSpec: {ports: []}, serviceMetadata: {name: s}, grpcRouteMetadata: {name: r}, grpcRouteSpec: {parentRefs: [{}]}}
      sparkConf:
        spark.kubernetes.container.image: "a:{{SPARK_VERSION}}"
        spark.driver.memory: 2g
        spark.driver.cores: "2"
        spark.app.id: mine
        spark.app.name: mine
        spark.master: k8s://here
        spark.executor.instances: "2"
        spark.kubernetes.driver.volumes.hostPath.a.mount.path: /a
        spark.kubernetes.driver.volumes.hostPath.a.options.path: /a
      driverSpec: &role
        podTemplateSpec:
          metadata: {labels: {a: b}, annotations: {c: d}}
          spec:
            nodeSelector: {a: b}
            tolerations: [{key: a, operator: Exists, tolerationSeconds: 3}]
            affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{}]}}}
            containers: [{name: a, image: b, securityContext: {privileged: true}}, {name: c}]
            initContainers: [{name: d}]
            volumes: [{name: e, hostPath: {path: /e}}]
            schedulerName: f
            hostNetwork: true
      executorSpec: *role
    status: {currentAttemptSummary: {attemptInfo: {id: 3}}}
    """,
    """
    apiVersion: spark.apache.org/v1beta1
    kind: SparkCluster
    metadata: {name: prod}
    spec:
      runtimeVersions: {sparkVersion: 4.2.0}
      clusterTolerations: {instanceConfig: {initWorkers: 1, minWorkers: 1, maxWorkers: 3}}
      sparkConf: {spark.kubernetes.container.image: a, spark.kubernetes.scheduler.name: b}
      masterSpec: &node
        statefulSetMetadata: {labels: {a: b}}
        statefulSetSpec:
          replicas: 2
          serviceName: c
          selector: {matchLabels: {a: b}}
          volumeClaimTemplates: [{metadata: {name: e}, spec: {storageClassName: f}}]
          template:
            metadata: {labels: {a: b}, annotations: {c: d}}
            spec:
              nodeSelector: {a: b}
              tolerations: [{operator: Exists}]
              containers: [{name: master, securityContext: {privileged: true}}, {name: worker}]
              initContainers: [{name: d}]
              volumes: [{name: e, hostPath: {path: /e}}]
              schedulerName: f
      workerSpec: *node
    """,
]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2.0,
    1.5,
    2**70,
    "",
    "a.b",
    "{{SPARK_VERSION}}",
    [],
    [None],
    [[]],
    {},
    {"a": None},
]
ODD += [{"a": {}}, {"": ""}, [{"name": 1}], {"name": []}, "local", "ClientMode", "x" * 300]


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [here, *(place for key, inner in items for place in places(inner, (*here, key)))]


def damaged(document: Any, draw: random.Random) -> Any:
    """The document with some values replaced by odd ones, or removed."""
    document = copy.deepcopy(document)
    for _ in range(draw.randint(1, 3)):
        *before, last = draw.choice([place for place in places(document) if place])
        parent = document
        for key in before:
            parent = parent[key]
        if draw.random() < 0.8:
            parent[last] = draw.choice(ODD)
        else:
            del parent[last]
    return document


@pytest.mark.parametrize("text", RICH, ids=["SparkApplication", "SparkCluster"])
def test_damaged_documents_give_sentences(text: str) -> None:
    draw = random.Random(text)  # noqa: S311
    # A node of YAML that is named twice is one object.
    whole = msgspec.json.decode(msgspec.json.encode(yaml.safe_load(text)))
    read_well = 0
    for _ in range(1_500):
        for one in read(damaged(whole, draw), "elsewhere"):
            if isinstance(one, ManifestError):
                assert str(one)
                assert "\n" not in str(one)
                continue
            assert isinstance(one, Workload)
            read_well += 1
            for sentence in (*one.notes, *(refusal.sentence for refusal in one.refused)):
                assert sentence
                assert "\n" not in sentence
            for pod in one.pods:
                msgspec.convert(pod.created, Pod)
    assert read_well > 300
