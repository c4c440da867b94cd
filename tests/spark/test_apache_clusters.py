"""The pods of a SparkCluster of Apache's operator, compared as a whole."""

from typing import Any

import pytest
import yaml

from tests.spark.apache_workload import CLUSTER, DEFAULTS, UNPRIVILEGED, made, workload
from webhook.spark.documents import read
from webhook.spark.versions import Versions
from webhook.spark.workloads import Workload


def metadata(node: str) -> dict[str, Any]:
    name = f"prod-{node}"
    return {
        "name": f"{name}-0",
        "namespace": "jobs",
        "labels": {
            "apps.kubernetes.io/pod-index": "0",
            "controller-revision-hash": f"{name}-0000000000",
            "spark-role": node,
            "spark-version": "4.2.0",
            "spark.operator/spark-cluster-name": "prod",
            "statefulset.kubernetes.io/pod-name": f"{name}-0",
        },
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "name": name,
                "uid": "00000000-0000-0000-0000-000000000000",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plain_cluster_makes_a_master_and_workers(version: str) -> None:
    found = workload(CLUSTER, f"apiVersion: spark.apache.org/{version}")
    assert (found.kind, found.namespace, found.name) == ("SparkCluster", "jobs", "prod")
    assert (found.pod_namespace, found.notes, found.refused) == ("jobs", (), ())
    master, worker = found.pods
    assert (master.title, master.count, worker.title, worker.count) == ("master", "", "worker", "3")
    assert master.created == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("master"),
        "spec": {
            "containers": [{"name": "master", "image": "registry/spark:4.2.0", "securityContext": UNPRIVILEGED}],
            "hostname": "prod-master-0",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 0,
            "tolerations": DEFAULTS,
        },
    }
    assert worker.created == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("worker"),
        "spec": {
            "containers": [{"name": "worker", "image": "registry/spark:4.2.0", "securityContext": UNPRIVILEGED}],
            "dnsConfig": {"searches": ["prod-worker-svc.jobs.svc.cluster.local"]},
            "hostname": "prod-worker-0",
            "subdomain": "prod-worker-svc",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 0,
            "tolerations": DEFAULTS,
        },
    }


def test_workers_have_numbers() -> None:
    worker = workload(CLUSTER).pods[1]
    assert worker.number == 1
    third = worker.numbered(3, "1").created["metadata"]
    labels = worker.created["metadata"]["labels"]
    assert (third["name"], third["labels"]) == (
        "prod-worker-2",
        labels | {"apps.kubernetes.io/pod-index": "2", "statefulset.kubernetes.io/pod-name": "prod-worker-2"},
    )


def test_another_worker_differs_in_its_name_wherever_it_stands() -> None:
    document = yaml.safe_load(CLUSTER)
    document["spec"]["workerSpec"] = {
        "statefulSetSpec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}], "ordinals": {"start": 5}}
    }
    (found,) = read(document, "jobs")
    assert isinstance(found, Workload)
    worker = found.pods[1]
    assert (worker.number, worker.created["metadata"]["name"]) == (6, "prod-worker-5")
    eighth = worker.numbered(8, "1").created
    assert (eighth["spec"]["hostname"], eighth["metadata"]["labels"]["apps.kubernetes.io/pod-index"]) == (
        "prod-worker-7",
        "7",
    )
    assert eighth["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-prod-worker-7"}}]


def test_a_template_places_the_pods() -> None:
    master, worker = made(
        CLUSTER,
        """
        spec:
          masterSpec:
            statefulSetSpec:
              serviceName: mine
              template:
                metadata: {labels: {tier: front, spark-role: mine}, annotations: {a: b}}
                spec:
                  nodeSelector: {pool: spark}
                  hostNetwork: true
                  initContainers: [{name: setup}]
                  containers: [{name: side}, {name: master, image: own, securityContext: {privileged: true}}]
          workerSpec:
            statefulSetSpec:
              volumeClaimTemplates: [{metadata: {name: data}}]
              template:
                spec:
                  tolerations: [{operator: Exists}]
                  affinity: {nodeAffinity: {}}
                  volumes: [{name: data, emptyDir: {}}, {name: node, hostPath: {path: /mnt}}]
                  containers: [{name: side, securityContext: {allowPrivilegeEscalation: true}}]
        """,
    )
    plain = metadata("master")
    assert master["metadata"] == plain | {"labels": plain["labels"] | {"tier": "front"}, "annotations": {"a": "b"}}
    assert master["spec"] == {
        "nodeSelector": {"pool": "spark"},
        "hostNetwork": True,
        "initContainers": [{"name": "setup", "securityContext": UNPRIVILEGED}],
        "containers": [
            {"name": "side", "securityContext": UNPRIVILEGED},
            {
                "name": "master",
                "image": "registry/spark:4.2.0",
                "securityContext": {"allowPrivilegeEscalation": False, "privileged": True},
            },
        ],
        "hostname": "prod-master-0",
        "subdomain": "mine",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 0,
        "tolerations": DEFAULTS,
    }
    assert worker["metadata"] == metadata("worker")
    spec = worker["spec"]
    assert (spec["tolerations"], spec["affinity"]) == ([{"operator": "Exists"}], {"nodeAffinity": {}})
    assert spec["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-prod-worker-0"}},
        {"name": "node", "hostPath": {"path": "/mnt"}},
    ]
    assert spec["containers"] == [
        {"name": "side", "securityContext": {"allowPrivilegeEscalation": True}},
        {"name": "worker", "image": "registry/spark:4.2.0", "securityContext": UNPRIVILEGED},
    ]


def test_a_cluster_without_an_image_has_the_operators() -> None:
    for pod in made(CLUSTER, "spec: {sparkConf: null}"):
        assert pod["spec"]["containers"][0]["image"] == "apache/spark:4.2.0"


def test_of_the_properties_only_scheduler_and_image_place_the_pods() -> None:
    found = workload(
        CLUSTER,
        """
        spec:
          sparkConf:
            spark.kubernetes.scheduler.name: yunikorn
            spark.kubernetes.namespace: other
            spark.kubernetes.node.selector.pool: spark
            spark.kubernetes.executor.label.a: b
          workerSpec: {statefulSetSpec: {replicas: 7, template: {spec: {schedulerName: volcano}}}}
        """,
    )
    for pod in found.pods:
        assert pod.created["spec"]["schedulerName"] == "yunikorn"
        assert pod.created["metadata"]["namespace"] == "jobs"
        assert "nodeSelector" not in pod.created["spec"]
        assert "a" not in pod.created["metadata"]["labels"]
    assert found.notes == (
        'spec.sparkConf["spark.kubernetes.node.selector.pool"] has no effect on the pods of a cluster',
        'spec.sparkConf["spark.kubernetes.executor.label.a"] has no effect on the pods of a cluster',
        "spec.workerSpec.statefulSetSpec.template.spec.schedulerName has no effect: the operator overwrites it; use "
        'spec.sparkConf["spark.kubernetes.scheduler.name"]',
        "spec.workerSpec.statefulSetSpec.replicas has no effect: the operator overwrites it",
    )


@pytest.mark.parametrize(
    ("init", "least", "most", "count"),
    [
        (1, 1, 1, "1"),
        (3, 0, 0, "3"),
        (2, 5, 2, "2"),
        (1, 1, 4, "1 to 4, by autoscaling"),
        (3, 1, 4, "1 to 4, by autoscaling, 3 at first"),
    ],
)
def test_workers_are_counted(init: int, least: int, most: int, count: str) -> None:
    numbers = f"{{initWorkers: {init}, minWorkers: {least}, maxWorkers: {most}}}"
    found = workload(CLUSTER, f"spec: {{clusterTolerations: {{instanceConfig: {numbers}}}}}")
    assert (found.pods[1].count, found.refused) == (count, ())


def test_a_version_of_spark_may_be_given() -> None:
    for pod in workload(CLUSTER, versions=Versions(spark="4.1.0")).pods:
        assert pod.created["metadata"]["labels"]["spark-version"] == "4.1.0"
        assert pod.created["spec"]["containers"][0]["image"] == "registry/spark:4.1.0"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            "spec: {sparkConf: {spark.kubernetes.driver.container.image: 'a:{{SPARK_VERSION}}'}}",
            'spec.sparkConf["spark.kubernetes.driver.container.image"] has no effect on the pods of a cluster',
        ),
        (
            "spec: {sparkConf: {spark.master.ui.title: 'Spark {{SPARK_VERSION}}'}}",
            'spec.sparkConf["spark.master.ui.title"] keeps {{SPARK_VERSION}}: the operator replaces it only in '
            "spark.kubernetes.container.image",
        ),
        (
            f"metadata: {{name: {'n' * 46}}}",
            f"the StatefulSet {'n' * 46}-master has 53 characters: with more than 52 the label of its revision can be "
            "too long, and no pod is made",
        ),
        (
            "spec: {clusterTolerations: {instanceConfig: {minWorkers: 0}}}",
            "spec.clusterTolerations.instanceConfig.minWorkers is less than 1, so API servers may refuse the autoscaler, "
            "unless they have HPAScaleToZero",
        ),
        (
            "metadata: {name: 1st}",
            "metadata.name begins with a digit, so API servers may refuse the Service 1st-master-svc, unless they have "
            "RelaxedServiceNameValidation",
        ),
        (
            "spec: {masterSpec: {statefulSetSpec: {template: {spec: {tolerations: [{keys: a}]}}}}}",
            "spec.masterSpec.statefulSetSpec.template.spec.tolerations[0].keys is no field of a SparkCluster of v1, so "
            "it has no effect; known: spec.masterSpec.statefulSetSpec.template.spec.tolerations[0].key",
        ),
    ],
)
def test_notes(changes: str, note: str) -> None:
    found = workload(CLUSTER, changes)
    assert note in found.notes
    assert found.refused == ()
