"""Why pods of Apache's operator are never made, each with an opposite that is made."""

from typing import Any

import pytest
import yaml

from tests.spark.apache_workload import APPLICATION, CLUSTER
from tests.spark.judge.applications import merged
from webhook.spark.documents import ManifestError, read
from webhook.spark.workloads import Workload

Told = list[tuple[str, str, str]]


def told(plain: str, changes: str) -> Told:
    """Who refuses what, and why."""
    (found,) = read(merged(yaml.safe_load(plain), yaml.safe_load(changes)), "elsewhere")
    assert isinstance(found, Workload)
    assert all(one.accepted for one in found.refused)
    return [(one.by.value, one.role, one.sentence) for one in found.refused]


def conf(key: str, value: str) -> str:
    return yaml.safe_dump({"spec": {"sparkConf": {key: value}}})


def place(key: str) -> str:
    return f'spec.sparkConf["{key}"]'


IMAGE = "spark.kubernetes.container.image"
ROUTE = "{serviceSpec: {}, serviceMetadata: {name: s}, KINDRouteMetadata: {name: r}, KINDRouteSpec: {parentRefs: [{}]}}"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        (
            "apiVersion: spark.apache.org/v1alpha1",
            [("api-server", "", "apiVersion is spark.apache.org/v1alpha1")],
        ),
        ("spec: {runtimeVersions: null}", [("api-server", "", "spec.runtimeVersions is missing")]),
        (
            "spec: {runtimeVersions: {sparkVersion: null}}",
            [("api-server", "", "spec.runtimeVersions.sparkVersion is missing")],
        ),
        ("spec: {deploymentMode: cluster}", [("api-server", "", 'spec.deploymentMode is "cluster"')]),
        ("spec: {driverArgs: [1]}", [("api-server", "", "spec.driverArgs[0] is a number, 1")]),
        (
            "spec: {executorSpec: {podTemplateSpec: {spec: {priority: high}}}}",
            [("api-server", "", 'spec.executorSpec.podTemplateSpec.spec.priority is a string, "high"')],
        ),
        ("metadata: {name: Pi}", [("api-server", "", 'metadata.name is "Pi"')]),
        (
            f"metadata: {{name: {'n' * 64}}}",
            [("api-server", "", "metadata.name has 64 characters, and it becomes a label of the pods")],
        ),
        ("metadata: {namespace: a.b}", [("api-server", "", 'metadata.namespace is "a.b"')]),
        (
            "metadata: {name: a.b}",
            [("api-server", "executor", 'metadata.name is "a.b", and the driver has a Service a.b-0-driver-svc')],
        ),
        (
            "spec: {deploymentMode: ClientMode}",
            [("operator", "", "spec.deploymentMode is ClientMode, which the operator does not support")],
        ),
        (
            "spec: {mainClass: org.apache.spark.deploy.PythonRunner, jars: null}",
            [("operator", "", "spec.pyFiles is missing, and spec.mainClass is org.apache.spark.deploy.PythonRunner")],
        ),
        (
            "spec: {driverHttpRouteList: [{serviceSpec: {}, serviceMetadata: {}, httpRouteMetadata: {}}]}",
            [
                ("operator", "", f"spec.driverHttpRouteList[0].{field} is missing")
                for field in ("serviceMetadata.name", "httpRouteMetadata.name", "httpRouteSpec.parentRefs")
            ],
        ),
        (
            f"spec: {{driverGrpcRouteList: [{ROUTE.replace('KIND', 'grpc')}, {{}}]}}",
            [
                ("api-server", "", f"spec.driverGrpcRouteList[1].{field} is missing")
                for field in ("grpcRouteMetadata", "serviceMetadata", "serviceSpec")
            ]
            + [("operator", "", "spec.driverGrpcRouteList[1].grpcRouteSpec.parentRefs is missing")],
        ),
        (
            f"spec: {{sparkConf: {{{IMAGE}: null}}}}",
            [("operator", "", "the driver has no image"), ("spark", "executor", "the executor has no image")],
        ),
        (
            f"spec: {{sparkConf: {{{IMAGE}: null, spark.kubernetes.driver.container.image: a}}}}",
            [("spark", "executor", "the executor has no image")],
        ),
        (
            "spec: {driverSpec: {podTemplateSpec: {metadata: {}}}}",
            [("operator", "", "spec.driverSpec.podTemplateSpec has no spec, so Spark cannot read it")],
        ),
        (
            "spec: {executorSpec: {podTemplateSpec: {}}}",
            [("spark", "executor", "spec.executorSpec.podTemplateSpec has no spec, so Spark cannot read it")],
        ),
        (
            conf("spark.kubernetes.driver.label.spark-role", "a"),
            [
                (
                    "operator",
                    "",
                    f"{place('spark.kubernetes.driver.label.spark-role')}: Spark sets the label spark-role itself",
                )
            ],
        ),
        (
            conf("spark.kubernetes.executor.label.spark-exec-id", "a"),
            [
                (
                    "spark",
                    "executor",
                    f"{place('spark.kubernetes.executor.label.spark-exec-id')}: Spark sets the label spark-exec-id itself",
                )
            ],
        ),
        (
            conf("spark.kubernetes.executor.volumes.nfs.a.mount.path", "/a"),
            [
                (
                    "operator",
                    "",
                    "the volume a of the executor has no spark.kubernetes.executor.volumes.nfs.a.options.path",
                ),
                (
                    "operator",
                    "",
                    "the volume a of the executor has no spark.kubernetes.executor.volumes.nfs.a.options.server",
                ),
            ],
        ),
        (conf("spark.driver.memory", "much"), [("operator", "", f'{place("spark.driver.memory")} is "much"')]),
        (conf("spark.driver.memory", "0"), [("spark-submit", "executor", f'{place("spark.driver.memory")} is "0"')]),
        (conf("spark.driver.cores", "1.5"), [("operator", "", f'{place("spark.driver.cores")} is "1.5"')]),
        (conf("spark.driver.cores", "0"), [("spark-submit", "executor", f'{place("spark.driver.cores")} is "0"')]),
        (conf(f"{IMAGE}.pullPolicy", "always"), [("operator", "", f'{place(f"{IMAGE}.pullPolicy")} is "always"')]),
        (
            conf("spark.executor.instances", "0"),
            [("spark-submit", "executor", f'{place("spark.executor.instances")} is "0"')],
        ),
        (
            conf("spark.kubernetes.allocation.pods.allocator", "odd"),
            [("spark", "executor", f'{place("spark.kubernetes.allocation.pods.allocator")} is "odd"')],
        ),
    ],
)
def test_an_application_is_refused(changes: str, refused: Told) -> None:
    assert told(APPLICATION, changes) == refused


@pytest.mark.parametrize(
    "changes",
    [
        "apiVersion: spark.apache.org/v1beta1",
        # The API server drops the list in this version.
        "{apiVersion: spark.apache.org/v1beta1, spec: {driverHttpRouteList: [{}]}}",
        "metadata: {name: pi-1}",
        f"metadata: {{name: {'n' * 63}}}",
        "spec: {deploymentMode: ClusterMode}",
        "spec: {driverArgs: ['1']}",
        "spec: {executorSpec: {podTemplateSpec: {spec: {priority: 5}}}}",
        "spec: {mainClass: org.apache.spark.deploy.PythonRunner, pyFiles: local:///a.py}",
        f"spec: {{driverHttpRouteList: [{ROUTE.replace('KIND', 'http')}]}}",
        f"spec: {{driverGrpcRouteList: [{ROUTE.replace('KIND', 'grpc')}]}}",
        "spec: {driverSpec: {podTemplateSpec: {spec: {}}}, executorSpec: {podTemplateSpec: {spec: {containers: []}}}}",
        "spec: {driverSpec: {}, executorSpec: null, sparkConf: null, sparkConf: {spark.kubernetes.container.image: a}}",
        conf("spark.driver.memory", "2g"),
        conf("spark.driver.cores", "2"),
        conf("spark.kubernetes.driver.label.queue", "a"),
        conf("spark.kubernetes.executor.volumes.emptyDir.a.mount.path", "/a"),
        conf("spark.kubernetes.allocation.pods.allocator", "deployment"),
    ],
)
def test_an_application_is_not_refused(changes: str) -> None:
    assert told(APPLICATION, changes) == []


NUMBERS = "spec: {clusterTolerations: {instanceConfig: {initWorkers: INIT}}}"
SELECTOR = "spec: {NODESpec: {statefulSetSpec: {selector: {matchLabels: {tier: a, spark-role: any}}, template: {metadata: {labels: {tier: VALUE}}}}}}"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ("apiVersion: spark.apache.org/v2", [("api-server", "", "apiVersion is spark.apache.org/v2")]),
        (
            "spec: {runtimeVersions: {}, clusterTolerations: null}",
            [("api-server", "", "spec.clusterTolerations is missing")],
        ),
        (
            "spec: {clusterTolerations: {instanceConfig: null}}",
            [("api-server", "", "spec.clusterTolerations.instanceConfig is missing")],
        ),
        (
            NUMBERS.replace("INIT", "null"),
            [("api-server", "", "spec.clusterTolerations.instanceConfig.initWorkers is missing")],
        ),
        (
            NUMBERS.replace("INIT", "0"),
            [("operator", "worker", "spec.clusterTolerations.instanceConfig.initWorkers is 0")],
        ),
        (
            NUMBERS.replace("INIT", "-1"),
            [("api-server", "worker", "spec.clusterTolerations.instanceConfig.initWorkers is -1")],
        ),
        ("metadata: {name: a_b}", [("api-server", "", 'metadata.name is "a_b"')]),
        (
            "metadata: {name: a.b}",
            [("api-server", "", 'metadata.name is "a.b", and there is a Service a.b-master-svc')],
        ),
        (
            f"metadata: {{name: {'n' * 53}}}",
            [("api-server", "", f'metadata.name is "{"n" * 53}", and there is a Service {"n" * 53}-master-svc')],
        ),
        (
            SELECTOR.replace("NODE", "master").replace("VALUE", "b"),
            [
                (
                    "api-server",
                    "",
                    'spec.masterSpec.statefulSetSpec.selector.matchLabels["tier"] is "a", and the template has no such label',
                )
            ],
        ),
        (
            SELECTOR.replace("NODE", "worker").replace("VALUE", "b"),
            [
                (
                    "api-server",
                    "worker",
                    'spec.workerSpec.statefulSetSpec.selector.matchLabels["tier"] is "a", and the template has no such label',
                )
            ],
        ),
    ],
)
def test_a_cluster_is_refused(changes: str, refused: Told) -> None:
    assert told(CLUSTER, changes) == refused


@pytest.mark.parametrize(
    "changes",
    [
        "apiVersion: spark.apache.org/v1beta1",
        NUMBERS.replace("INIT", "1"),
        f"metadata: {{name: {'n' * 52}}}",
        SELECTOR.replace("NODE", "master").replace("VALUE", "a"),
        SELECTOR.replace("NODE", "worker").replace("VALUE", "a"),
        "spec: {sparkConf: null, masterSpec: {}, workerSpec: {statefulSetSpec: {}}}",
    ],
)
def test_a_cluster_is_not_refused(changes: str) -> None:
    assert told(CLUSTER, changes) == []


@pytest.mark.parametrize(
    ("plain", "changes", "sentence"),
    [
        (APPLICATION, "spec: []", "SparkApplication pi: spec: expected object, got array"),
        (APPLICATION, "metadata: []", "SparkApplication: metadata: expected object, got array"),
        (
            APPLICATION,
            "spec: {sparkConf: {spark.executor.instances: 3}}",
            'SparkApplication pi: spec.sparkConf["spark.executor.instances"]: expected str, got int',
        ),
        (
            APPLICATION,
            "spec: {driverSpec: {podTemplateSpec: {spec: {nodeSelector: []}}}}",
            "SparkApplication pi: spec.driverSpec.podTemplateSpec: spec.nodeSelector: expected object | null, got array",
        ),
        (APPLICATION, "spec: {driverSpec: 1}", "SparkApplication pi: spec.driverSpec: expected object | null, got int"),
        (
            APPLICATION,
            "status: {currentAttemptSummary: {attemptInfo: {id: one}}}",
            "SparkApplication pi: status.currentAttemptSummary.attemptInfo.id: expected int, got str",
        ),
        (
            CLUSTER,
            "spec: {workerSpec: {statefulSetSpec: {template: {spec: {tolerations: {}}}}}}",
            "SparkCluster prod: spec.workerSpec.statefulSetSpec.template: spec.tolerations: expected array | null, got object",
        ),
        (
            CLUSTER,
            "spec: {clusterTolerations: {instanceConfig: {initWorkers: '3'}}}",
            "SparkCluster prod: spec.clusterTolerations.instanceConfig.initWorkers: expected int | null, got str",
        ),
        (
            CLUSTER,
            "spec: {sparkConf: [a]}",
            "SparkCluster prod: spec.sparkConf: expected object | null, got array",
        ),
    ],
)
def test_a_wrong_type_is_one_sentence(plain: str, changes: str, sentence: str) -> None:
    document: Any = merged(yaml.safe_load(plain), yaml.safe_load(changes))
    (fault,) = read(document, "elsewhere")
    assert isinstance(fault, ManifestError)
    assert str(fault) == sentence
