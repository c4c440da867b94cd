"""The pods of a SparkApplication, compared as a whole."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from webhook.core.pod import Pod
from webhook.spark.documents import read
from webhook.spark.versions import Versions, operator_version
from webhook.spark.workloads import Workload

REVIEWS = Path(__file__).parents[1] / "reviews"
PLAIN = """
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: spark-pi, namespace: default}
spec:
  type: Scala
  mode: cluster
  image: registry-cn-hangzhou.ack.aliyuncs.com/ack-demo/spark:3.5.2
  mainClass: org.apache.spark.examples.SparkPi
  mainApplicationFile: local:///opt/spark/examples/jars/spark-examples_2.12-3.5.2.jar
  sparkVersion: 3.5.2
  driver: {cores: 1, memory: 512m, serviceAccount: spark-operator-spark}
  executor: {instances: 2, cores: 2, memory: 4g}
"""
DEFAULTS = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
]


def workload(text: str) -> Workload:
    (found,) = read(yaml.safe_load(text), "elsewhere")
    assert isinstance(found, Workload)
    for pod in found.pods:
        msgspec.convert(pod.created, Pod)
        msgspec.convert(pod.seen, Pod)
    return found


def merged(changes: str) -> Workload:
    """The plain application with `changes` merged into its spec, its driver and its executor."""
    document = yaml.safe_load(PLAIN)
    for key, value in yaml.safe_load(changes).items():
        deep = key in ("driver", "executor")
        document["spec"][key] = document["spec"][key] | value if deep else value
    return workload(yaml.safe_dump(document))


def seen(changes: str) -> tuple[Any, Any]:
    driver, executor = merged(changes).pods
    return driver.seen, executor.seen


def test_a_plain_application_makes_a_driver_and_executors() -> None:
    found = workload(PLAIN)
    assert (found.kind, found.namespace, found.name, found.notes) == ("SparkApplication", "default", "spark-pi", ())
    driver, executor = found.pods
    assert (driver.title, driver.count, executor.title, executor.count) == ("driver", "", "executor", "2")
    labels = {
        "spark-app-name": "spark-pi",
        "spark-app-selector": "spark-00000000000000000000000000000000",
        "spark-role": "driver",
        "spark-version": "3.5.2",
        "sparkoperator.k8s.io/app-name": "spark-pi",
        "sparkoperator.k8s.io/launched-by-spark-operator": "true",
        "sparkoperator.k8s.io/mutated-by-spark-operator": "true",
        "sparkoperator.k8s.io/submission-id": "00000000-0000-0000-0000-000000000000",
    }
    image = "registry-cn-hangzhou.ack.aliyuncs.com/ack-demo/spark:3.5.2"
    assert driver.seen == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "spark-pi-driver", "namespace": "default", "labels": labels},
        "spec": {
            "containers": [{"name": "spark-kubernetes-driver", "image": image}],
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }
    assert executor.seen == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "spark-pi-0000000000000000-exec-1",
            "namespace": "default",
            "labels": labels | {"spark-role": "executor", "spark-exec-id": "1", "spark-exec-resourceprofile-id": "0"},
        },
        "spec": {
            "containers": [{"name": "spark-kubernetes-executor", "image": image}],
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }


@pytest.mark.parametrize(("file", "index"), [("spark-3.5.2-driver.json", 0), ("spark-3.5.2-executor-1.json", 1)])
def test_the_pods_are_those_that_spark_really_made(file: str, index: int) -> None:
    """They equal the captured pods, which were submitted by hand: without the operator's mark, with other random ids."""
    captured = json.loads((REVIEWS / file).read_bytes())["request"]["object"]
    made = workload(PLAIN).pods[index].seen
    drawn = {"spark-app-selector", "sparkoperator.k8s.io/submission-id"}
    real, planned = captured["metadata"]["labels"], made["metadata"]["labels"]
    assert {key: value for key, value in real.items() if key not in drawn} == {
        key: value
        for key, value in planned.items()
        if key not in drawn | {"sparkoperator.k8s.io/mutated-by-spark-operator"}
    }
    assert drawn <= real.keys() & planned.keys()
    for key in ("schedulerName", "tolerations", "nodeSelector", "affinity", "hostNetwork"):
        assert captured["spec"].get(key) == made["spec"].get(key)
    (real_container,), (planned_container,) = captured["spec"]["containers"], made["spec"]["containers"]
    assert planned_container.items() <= real_container.items()


def test_a_namespace_that_is_not_named_is_the_one_given() -> None:
    found = workload(PLAIN.replace(", namespace: default", ""))
    assert (found.namespace, found.pods[0].seen["metadata"]["namespace"]) == ("elsewhere", "elsewhere")


def test_what_each_role_says_reaches_its_own_pods() -> None:
    driver, executor = seen(
        """
        volumes:
        - {name: scratch, hostPath: {path: /mnt/disk1}}
        - {name: unused, emptyDir: {}}
        driver:
          labels: {team: data}
          annotations: {spark-eci-webhook/mode: eci-only}
          nodeSelector: {kubernetes.io/arch: amd64}
          schedulerName: volcano
        executor:
          image: registry/spark-executor:3.5.2
          hostNetwork: true
          volumeMounts: [{name: scratch, mountPath: /tmp/a}, {name: scratch, mountPath: /tmp/b}]
          tolerations: [{key: dedicated, operator: Exists}]
          affinity: {nodeAffinity: {}}
          securityContext: {privileged: true}
          initContainers: [{name: warm, image: warm:1}]
          sidecars: [{name: proxy, image: proxy:1}]
        """
    )
    assert driver["metadata"]["labels"]["team"] == "data"
    assert driver["metadata"]["annotations"] == {"spark-eci-webhook/mode": "eci-only"}
    assert driver["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert driver["spec"]["schedulerName"] == "volcano"
    assert driver["spec"].keys() == {"containers", "nodeSelector", "schedulerName", "tolerations"}
    assert "team" not in executor["metadata"]["labels"]
    assert executor["spec"] == {
        "containers": [
            {
                "name": "spark-kubernetes-executor",
                "image": "registry/spark-executor:3.5.2",
                "securityContext": {"privileged": True},
            },
            {"name": "proxy", "image": "proxy:1"},
        ],
        "initContainers": [{"name": "warm", "image": "warm:1"}],
        "volumes": [{"name": "scratch", "hostPath": {"path": "/mnt/disk1"}}],
        "hostNetwork": True,
        "affinity": {"nodeAffinity": {}},
        "schedulerName": "default-scheduler",
        "tolerations": [*DEFAULTS, {"key": "dedicated", "operator": "Exists"}],
    }


def test_the_operators_webhook_comes_after_creation() -> None:
    """The pod is created without the changes of the operator's webhook, so that both orders can be shown."""
    executor = merged("executor: {tolerations: [{key: dedicated, operator: Exists}], affinity: {}}").pods[1]
    assert executor.created["spec"].keys() == {"containers", "schedulerName", "tolerations"}
    assert executor.created["spec"]["tolerations"] == DEFAULTS


def test_spark_conf_reaches_the_pods() -> None:
    driver, executor = seen(
        """
        image: null
        sparkConf:
          spark.kubernetes.container.image: registry/spark:3.5.2
          spark.kubernetes.executor.container.image: registry/spark-executor:3.5.2
          spark.kubernetes.node.selector.pool: spark
          spark.kubernetes.driver.node.selector.kubernetes.io/arch: amd64
          spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-use-specs: 2-4Gi
          spark.kubernetes.driver.label.alibabacloud.com/eci: "true"
          spark.kubernetes.executor.scheduler.name: yunikorn
          spark.kubernetes.scheduler.name: volcano
          spark.kubernetes.driver.pod.name: the-driver
          spark.kubernetes.executor.podNamePrefix: pi
          spark.kubernetes.executor.volumes.hostPath.scratch.mount.path: /tmp/scratch
          spark.kubernetes.executor.volumes.hostPath.scratch.options.path: /mnt/disk1
          spark.kubernetes.executor.volumes.unknown.scratch.options.path: /mnt/disk1
        """
    )
    assert driver["metadata"]["name"] == "the-driver"
    assert driver["metadata"]["labels"]["alibabacloud.com/eci"] == "true"
    assert driver["spec"]["containers"][0]["image"] == "registry/spark:3.5.2"
    assert driver["spec"]["nodeSelector"] == {"pool": "spark", "kubernetes.io/arch": "amd64"}
    assert driver["spec"]["schedulerName"] == "volcano"
    assert executor["metadata"]["name"] == "pi-exec-1"
    assert executor["metadata"]["annotations"] == {"k8s.aliyun.com/eci-use-specs": "2-4Gi"}
    assert executor["spec"] == {
        "containers": [{"name": "spark-kubernetes-executor", "image": "registry/spark-executor:3.5.2"}],
        "nodeSelector": {"pool": "spark"},
        "volumes": [{"name": "scratch", "hostPath": {"path": "/mnt/disk1"}}],
        "schedulerName": "yunikorn",
        "tolerations": DEFAULTS,
    }


def test_the_applications_own_fields_win_over_spark_conf() -> None:
    driver, executor = seen(
        """
        nodeSelector: {pool: spark}
        batchScheduler: volcano
        sparkConf:
          spark.kubernetes.driver.container.image: ignored
          spark.kubernetes.driver.annotation.a: ignored
          spark.kubernetes.node.selector.pool: ignored
          spark.kubernetes.scheduler.name: ignored
          spark.kubernetes.driver.pod.name: ignored
          spark.executor.instances: "9"
        driver: {annotations: {a: "1"}, podName: mine, schedulerName: ignored}
        executor: {image: own}
        """
    )
    assert driver["metadata"]["name"] == "mine"
    assert driver["metadata"]["annotations"] == {"a": "1", "scheduling.k8s.io/group-name": "spark-spark-pi-pg"}
    assert driver["spec"]["containers"][0]["image"] == "registry-cn-hangzhou.ack.aliyuncs.com/ack-demo/spark:3.5.2"
    assert executor["spec"]["containers"][0]["image"] == "own"
    assert driver["spec"]["nodeSelector"] == executor["spec"]["nodeSelector"] == {"pool": "spark"}
    assert driver["spec"]["schedulerName"] == executor["spec"]["schedulerName"] == "volcano"


def test_local_scratch_disks_are_there_before_the_operators_webhook() -> None:
    found = merged(
        """
        volumes:
        - {name: spark-local-dir-1, hostPath: {path: /mnt/disk1}}
        - {name: spark-local-dir-2, hostPath: {path: /mnt/disk2}}
        executor: {volumeMounts: [{name: spark-local-dir-1, mountPath: /tmp/scratch}]}
        """
    )
    driver, executor = found.pods
    assert "volumes" not in driver.seen["spec"]
    volumes = [{"name": "spark-local-dir-1", "hostPath": {"path": "/mnt/disk1"}}]
    assert executor.created["spec"]["volumes"] == executor.seen["spec"]["volumes"] == volumes


def test_a_pod_template_is_the_start_and_the_operators_webhook_changes_the_pod() -> None:
    found = merged(
        """
        executor:
          annotations: {a: of the executor}
          affinity: {podAffinity: {}}
          tolerations: [{key: dedicated, operator: Exists}]
          nodeSelector: {arch: amd64}
          sidecars: [{name: proxy, image: proxy:1}, {name: second, image: second:1}]
          securityContext: {runAsUser: 185}
          template:
            metadata:
              labels: {tier: batch, spark-role: of the template}
              annotations: {a: of the template, b: of the template}
            spec:
              hostNetwork: true
              nodeSelector: {pool: spark}
              tolerations: [{operator: Exists}]
              containers:
              - {name: spark-kubernetes-executor, image: ignored, securityContext: {privileged: true}}
              - {name: proxy, image: proxy:1}
        """
    )
    executor = found.pods[1].seen
    assert executor["metadata"]["labels"]["tier"] == "batch"
    assert executor["metadata"]["labels"]["spark-role"] == "executor"
    assert executor["metadata"]["annotations"] == {"a": "of the executor", "b": "of the template"}
    assert executor["spec"] == {
        "hostNetwork": True,
        "nodeSelector": {"pool": "spark", "arch": "amd64"},
        "affinity": {"podAffinity": {}},
        "containers": [
            {"name": "proxy", "image": "proxy:1"},
            {
                "name": "spark-kubernetes-executor",
                "image": "registry-cn-hangzhou.ack.aliyuncs.com/ack-demo/spark:3.5.2",
                "securityContext": {"runAsUser": 185},
            },
            {"name": "second", "image": "second:1"},
        ],
        "schedulerName": "default-scheduler",
        "tolerations": [{"operator": "Exists"}, {"key": "dedicated", "operator": "Exists"}],
    }
    assert (found.notes, found.refused) == ((), ())


def test_a_template_whose_containers_have_other_names_lends_its_first() -> None:
    executor = seen("executor: {template: {spec: {containers: [{name: main}, {name: proxy}]}}}")[1]
    assert [one["name"] for one in executor["spec"]["containers"]] == ["proxy", "main"]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ("executor: {instances: 5}", "5"),
        ("executor: {instances: null}", "1"),
        ("{executor: {instances: null}, sparkConf: {spark.executor.instances: '3'}}", "3"),
        (
            "dynamicAllocation: {enabled: true, minExecutors: 1, initialExecutors: 2, maxExecutors: 10}",
            "1 to 10, by dynamic allocation, 2 at first",
        ),
        ("dynamicAllocation: {enabled: true}", "0 or more, by dynamic allocation, 2 at first"),
        ("{dynamicAllocation: {enabled: true}, executor: {instances: null}}", "0 or more, by dynamic allocation"),
        ("dynamicAllocation: {enabled: false, maxExecutors: 10}", "2"),
        (
            "sparkConf: {spark.dynamicAllocation.enabled: 'true', spark.dynamicAllocation.maxExecutors: '4'}",
            "0 to 4, by dynamic allocation, 2 at first",
        ),
    ],
)
def test_the_number_of_executors_in_words(changes: str, count: str) -> None:
    assert merged(changes).pods[1].count == count


def test_without_cluster_mode_there_is_no_driver_pod() -> None:
    found = merged("mode: client")
    assert [pod.title for pod in found.pods] == ["executor"]
    assert found.notes == (
        "in mode client there is no driver pod; Spark looks for a pod called spark-pi-driver, and makes no executors if "
        "there is none",
    )


def test_what_does_not_show_in_the_pods_is_noted() -> None:
    found = merged(
        """
        deps: {jars: [a.jar, b.jar], packages: [org:name:1], repositories: [r]}
        sparkConf: {spark.kubernetes.driver.podTemplateFile: /etc/driver.yaml}
        """
    )
    assert found.notes == (
        'spec.sparkConf["spark.kubernetes.driver.podTemplateFile"] has no effect: the operator overwrites it; '
        "use spec.driver.template",
        "deps (jars: 2, packages: 1) are downloaded when the pods start and do not affect placement",
    )


def test_labels_of_the_application_and_its_submission_reach_the_pods() -> None:
    document = yaml.safe_load(PLAIN)
    document["metadata"]["labels"] = {"team": "data"}
    document["status"] = {"submissionID": "8c1f6ac0-7d0c-4ed4-8f8e-0d0f51c8d2b5"}
    labels = workload(yaml.safe_dump(document)).pods[1].seen["metadata"]["labels"]
    assert labels["team"] == "data"
    assert labels["sparkoperator.k8s.io/submission-id"] == "8c1f6ac0-7d0c-4ed4-8f8e-0d0f51c8d2b5"


@pytest.mark.parametrize(("operator", "passed"), [("2.3", True), ("2.4", False), ("2.5.2", False)])
def test_labels_of_kueue_reach_the_pods_only_with_older_operators(operator: str, *, passed: bool) -> None:
    document = yaml.safe_load(PLAIN)
    document["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "batch"}
    document["spec"]["executor"]["labels"] = {"kueue.x-k8s.io/priority-class": "low"}
    (found,) = read(document, "elsewhere", Versions(operator_version(operator)))
    assert isinstance(found, Workload)
    for pod in found.pods:
        assert ("kueue.x-k8s.io/queue-name" in pod.created["metadata"]["labels"]) is passed
    assert found.pods[1].created["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "low"
    note = "the operator does not pass the labels kueue.x-k8s.io/… of metadata.labels on to pods"
    assert found.notes == (() if passed else (note,))


def test_prometheus_finds_the_pods_that_expose_metrics() -> None:
    prometheus = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "prometheus.io/path": "/metrics"}
    driver, executor = seen(
        "monitoring: {exposeDriverMetrics: false, exposeExecutorMetrics: true, "
        "prometheus: {jmxExporterJar: /jmx.jar, port: 9090}}"
    )
    assert "annotations" not in driver["metadata"]
    assert executor["metadata"]["annotations"] == prometheus


def test_batch_schedulers_mark_the_pods() -> None:
    driver, executor = seen("{batchScheduler: yunikorn, batchSchedulerOptions: {queue: root.etl}}")
    groups = (
        '[{"name":"spark-driver","minMember":1,"minResource":{"cpu":"1","memory":"896Mi"}},'
        '{"name":"spark-executor","minMember":2,"minResource":{"cpu":"2","memory":"4505Mi"}}]'
    )
    assert driver["metadata"]["annotations"] == {
        "yunikorn.apache.org/task-group-name": "spark-driver",
        "yunikorn.apache.org/task-groups": groups,
    }
    assert executor["metadata"]["annotations"] == {"yunikorn.apache.org/task-group-name": "spark-executor"}
    for pod in (driver, executor):
        assert (pod["metadata"]["labels"]["queue"], pod["spec"]["schedulerName"]) == ("root.etl", "yunikorn")
    driver, executor = seen("batchScheduler: default-scheduler")
    assert {pod["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] for pod in (driver, executor)} == {"spark-pi-pg"}


def test_a_suspended_application_is_noted() -> None:
    assert merged("suspend: true").notes == ("suspended: no pods are made until spec.suspend is removed",)


ALLOCATOR = "spark.kubernetes.allocation.pods.allocator"


def test_executors_of_the_deployment_allocator_have_no_numbers() -> None:
    found = merged(f"sparkConf: {{{ALLOCATOR}: deployment}}")
    assert (found.pods[1].created["metadata"]["labels"]["spark-exec-id"], found.pods[1].number) == ("EXECID", None)
    assert found.notes == (
        "the allocator deployment gives executors no numbers, so neither first nor a mix applies to them",
    )


def test_executors_of_the_statefulset_allocator_have_their_ordinals() -> None:
    found = merged(f"sparkConf: {{{ALLOCATOR}: statefulset}}")
    executor, selector = found.pods[1], "spark-" + "0" * 32
    name = f"spark-s-{selector}-0"
    assert found.notes == ()
    for number, one in ((1, executor), (4, executor.numbered(4, "1 of 4"))):
        metadata = one.created["metadata"]
        assert one.number == number
        assert metadata["name"] == one.created["spec"]["hostname"] == f"{name}-{number - 1}"
        assert metadata["labels"] == executor.created["metadata"]["labels"] | {
            "spark-exec-id": "EXECID",
            "apps.kubernetes.io/pod-index": str(number - 1),
            "statefulset.kubernetes.io/pod-name": f"{name}-{number - 1}",
            "controller-revision-hash": f"{name}-0000000000",
        }
        assert [(owner["kind"], owner["name"]) for owner in metadata["ownerReferences"]] == [("StatefulSet", name)]


def test_executors_of_a_statefulset_are_named_as_a_real_one() -> None:
    """The captured one was made from the StatefulSet that a real Spark 4 created."""
    review = json.loads((REVIEWS / "spark-4.3.0-statefulset-executor-0.json").read_text(encoding="utf-8"))
    real = review["request"]["object"]
    derived = merged(f"sparkConf: {{{ALLOCATOR}: statefulset}}").pods[1].created
    assert real["metadata"]["labels"].keys() <= derived["metadata"]["labels"].keys()
    assert _identity(derived) == _identity(real)


def _identity(pod: dict[str, Any]) -> list[str]:
    """The names of a StatefulSet's pod, without the id of the application."""
    metadata = pod["metadata"]
    found = [metadata["name"], pod["spec"]["hostname"], metadata["ownerReferences"][0]["name"]]
    found.append(metadata["labels"]["statefulset.kubernetes.io/pod-name"])
    return [one.replace(metadata["labels"]["spark-app-selector"], "APP") for one in found]


def test_a_mode_in_the_metadata_is_noted() -> None:
    document = yaml.safe_load(PLAIN)
    document["metadata"]["annotations"] = {"spark-eci-webhook/mode": "eci-only"}
    assert workload(yaml.safe_dump(document)).notes == (
        'metadata.annotations["spark-eci-webhook/mode"] has no effect there; it belongs in spec.driver.annotations or '
        "spec.executor.annotations",
    )
