"""All kinds of documents except SparkApplications, and invalid documents."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from webhook.core.pod import Pod
from webhook.spark.documents import ManifestError, UnknownKindError, read
from webhook.spark.workloads import Namespace, Workload

REVIEWS = Path(__file__).parents[1] / "reviews"
DEFAULTS = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
]
APPLICATION = {
    "apiVersion": "sparkoperator.k8s.io/v1beta2",
    "kind": "SparkApplication",
    "metadata": {"name": "pi"},
    "spec": {"driver": {}, "executor": {}},
}


def workloads(document: Any) -> list[Workload]:
    found = list(read(document, "elsewhere"))
    assert all(isinstance(one, Workload) for one in found)
    return [one for one in found if isinstance(one, Workload)]


def only(text: str) -> Workload:
    (found,) = workloads(yaml.safe_load(text))
    return found


def test_a_scheduled_application_makes_the_pods_of_one_run() -> None:
    found = only(
        """
        apiVersion: sparkoperator.k8s.io/v1beta2
        kind: ScheduledSparkApplication
        metadata: {name: nightly, labels: {team: data}}
        spec:
          schedule: 0 2 * * *
          suspend: true
          template: {image: registry/spark:3.5.2, driver: {}, executor: {instances: 3}}
        """
    )
    assert (found.kind, found.namespace, found.name) == ("ScheduledSparkApplication", "elsewhere", "nightly")
    assert found.notes == (
        "runs on the schedule 0 2 * * *; currently suspended",
        "spec.template.type is missing; assumed: Scala",
        "spec.template.sparkVersion is missing; assumed: 4.3.0",
        "spec.template.mainApplicationFile is missing; assumed that it will be there, since an application needs one",
    )
    driver, executor = found.pods
    assert executor.count == "3"
    assert driver.seen["metadata"] == {
        "name": "nightly-0000000000000000000-driver",
        "namespace": "elsewhere",
        "labels": {
            "spark-app-name": "nightly-0000000000000000000",
            "spark-app-selector": "spark-00000000000000000000000000000000",
            "spark-role": "driver",
            "spark-version": "4.3.0",
            "sparkoperator.k8s.io/app-name": "nightly-0000000000000000000",
            "sparkoperator.k8s.io/launched-by-spark-operator": "true",
            "sparkoperator.k8s.io/mutated-by-spark-operator": "true",
            "sparkoperator.k8s.io/scheduled-app-name": "nightly",
            "sparkoperator.k8s.io/submission-id": "00000000-0000-0000-0000-000000000000",
            "team": "data",
        },
    }


def test_a_spark_connect_makes_a_server_and_executors() -> None:
    found = only(
        """
        apiVersion: sparkoperator.k8s.io/v1alpha1
        kind: SparkConnect
        metadata: {name: shared, namespace: data, labels: {team: data}}
        spec:
          sparkVersion: 4.0.0
          image: registry/spark:4.0.0
          sparkConf: {spark.kubernetes.node.selector.pool: spark}
          dynamicAllocation: {enabled: true, maxExecutors: 8}
          server:
            template:
              metadata: {labels: {tier: server}, annotations: {a: b}}
              spec: {hostNetwork: true, containers: [{name: proxy, image: proxy:1}, {name: spark-kubernetes-driver}]}
          executor:
            template:
              spec: {containers: [{name: spark-kubernetes-executor, image: registry/executor:4.0.0}]}
        """
    )
    server, executor = found.pods
    assert (server.title, executor.title, executor.count) == (
        "connect-server",
        "executor",
        "0 to 8, by dynamic allocation",
    )
    assert server.seen == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "shared-server",
            "namespace": "data",
            "labels": {
                "spark-role": "connect-server",
                "spark-version": "4.0.0",
                "sparkoperator.k8s.io/connect-name": "shared",
                "sparkoperator.k8s.io/launched-by-spark-operator": "true",
                "tier": "server",
            },
            "annotations": {"a": "b"},
        },
        "spec": {
            "hostNetwork": True,
            "containers": [
                {"name": "proxy", "image": "proxy:1"},
                {"name": "spark-kubernetes-driver", "image": "registry/spark:4.0.0"},
            ],
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }
    assert executor.seen == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "shared-exec-1",
            "namespace": "data",
            "labels": {
                "spark-app-name": "spark-connect-server",
                "spark-app-selector": "spark-00000000000000000000000000000000",
                "spark-exec-id": "1",
                "spark-exec-resourceprofile-id": "0",
                "spark-role": "executor",
                "spark-version": "4.0.0",
                "sparkoperator.k8s.io/connect-name": "shared",
                "sparkoperator.k8s.io/launched-by-spark-operator": "true",
                "team": "data",
            },
        },
        "spec": {
            "containers": [{"name": "spark-kubernetes-executor", "image": "registry/executor:4.0.0"}],
            "nodeSelector": {"pool": "spark"},
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }


def test_a_spark_connect_without_templates_has_the_operators_server() -> None:
    text = "{apiVersion: sparkoperator.k8s.io/v1alpha1, kind: SparkConnect, metadata: {name: c},"
    server, executor = only(text + "spec: {image: i, sparkVersion: 4.0.1, server: {}, executor: {}}}").pods
    assert server.seen["spec"]["containers"] == [{"name": "spark-kubernetes-driver", "image": "i"}]
    assert executor.seen["spec"]["containers"] == [{"name": "spark-kubernetes-executor", "image": "i"}]


def test_a_pod_is_taken_as_it_is() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}, "spec": {"nodeName": "node-1"}}
    (found,) = workloads(pod)
    assert (found.kind, found.namespace, found.name, found.notes) == ("Pod", "elsewhere", "a-", ())
    assert found.pods[0].seen == pod


def test_a_running_pod_is_taken_as_it_was_before_a_node_was_chosen() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"nodeName": "node-1", "containers": []},
        "status": {"phase": "Running"},
    }
    (found,) = workloads(pod)
    assert found.pods[0].seen == pod | {"spec": {"containers": []}}
    assert found.notes == (
        "runs on the node node-1; the node is ignored here, because webhooks run before it is chosen",
    )


def test_a_review_is_kept_whole() -> None:
    review = json.loads((REVIEWS / "spark-3.5.2-driver.json").read_bytes())
    (found,) = workloads(review)
    assert (found.kind, found.namespace, found.name) == ("AdmissionReview", "default", "spark-pi-driver")
    assert found.pods[0].review == review
    assert found.pods[0].seen == review["request"]["object"]


def test_a_namespace_tells_its_labels() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "data", "labels": {"a": "b"}}}
    assert list(read(namespace, "elsewhere")) == [Namespace("data", {"a": "b"})]


def test_lists_are_read_item_by_item() -> None:
    untyped = {key: value for key, value in APPLICATION.items() if key not in ("apiVersion", "kind")}
    typed = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplicationList", "items": [untyped]}
    found = workloads({"apiVersion": "v1", "kind": "List", "items": [APPLICATION, typed]})
    assert [one.name for one in found] == ["pi", "pi"]
    assert workloads({"apiVersion": "v1", "kind": "List"}) == []


def test_a_generated_name_is_filled_up() -> None:
    assert workloads(APPLICATION | {"metadata": {"generateName": "pi-"}})[0].name == "pi-00000"


def application(spec: Any) -> Any:
    return APPLICATION | {"spec": spec}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (["a"], "not a Kubernetes object; accepted: a map with apiVersion and kind"),
        ({"kind": "List", "apiVersion": "v1", "items": {}}, "List: items is not a list"),
        (
            APPLICATION | {"apiVersion": "sparkoperator.k8s.io"},
            'SparkApplication pi: apiVersion is "sparkoperator.k8s.io"; accepted: a version too, as '
            "sparkoperator.k8s.io/v1beta2",
        ),
        ({"kind": "Pod"}, "not a Kubernetes object: apiVersion or kind is missing"),
        ({"kind": 1, "apiVersion": "v1"}, "not a Kubernetes object: apiVersion or kind is missing"),
        (application({"executor": {}}), "SparkApplication pi: spec.driver: required, but missing"),
        (application({"driver": {}}), "SparkApplication pi: spec.executor: required, but missing"),
        (application({"driver": None, "executor": {}}), "SparkApplication pi: spec.driver: required, but missing"),
        (application([]), "SparkApplication pi: spec: expected object, got array"),
        (
            application({"driver": {"labels": {"a": True}}, "executor": {}}),
            'SparkApplication pi: spec.driver.labels["a"]: expected str, got bool',
        ),
        (
            application({"driver": {}, "executor": {"template": {"spec": {"containers": [{"name": 1}]}}}}),
            "SparkApplication pi: spec.executor.template: spec.containers[0].name: expected str | null, got int",
        ),
        (
            application({"driver": {}, "executor": {}, "volumes": [{"name": []}]}),
            "SparkApplication pi: spec: volumes[0].name: expected str | null, got array",
        ),
        (APPLICATION | {"metadata": {}}, "SparkApplication: metadata.name: required, but missing"),
        (APPLICATION | {"metadata": "pi"}, "SparkApplication: metadata: expected object, got str"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, "Pod a: spec: required, but missing"),
        (
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"},
            "AdmissionReview: request: required, but missing",
        ),
        (
            {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "request": {"kind": {}, "operation": "CREATE", "object": {"metadata": {"name": 1}}},
            },
            "AdmissionReview: request.object.metadata.name: expected str | null, got int",
        ),
        (
            {"apiVersion": "v1", "kind": "List", "items": [APPLICATION, {"kind": "Pod", "apiVersion": "v1"}]},
            "items[1]: Pod: metadata: required, but missing",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence(document: Any, sentence: str) -> None:
    assert [str(one) for one in read(document, "default") if isinstance(one, ManifestError)] == [sentence]


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}, "Deployment web (apps/v1)"),
        ({"apiVersion": "spark.example.org/v1", "kind": "SparkApplication"}, "SparkApplication (spark.example.org/v1)"),
        ({"apiVersion": "v1", "kind": "PodList", "items": 1}, "PodList (v1)"),
    ],
)
def test_other_kinds_are_told_apart(document: Any, what: str) -> None:
    (refused,) = read({"apiVersion": "v1", "kind": "List", "items": [document]}, "default")
    assert isinstance(refused, UnknownKindError)
    kinds = (
        "SparkApplication, ScheduledSparkApplication, SparkConnect, SparkCluster, Pod, AdmissionReview, Namespace, List"
    )
    assert str(refused) == f"items[0]: {what} has no Spark pods; accepted: {kinds}"


def test_what_cannot_be_read_does_not_hide_the_rest_of_a_list() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    inner = {"apiVersion": "v1", "kind": "List", "items": [service, APPLICATION, 1]}
    found = list(read({"apiVersion": "v1", "kind": "List", "items": [inner, {}, APPLICATION]}, "default"))
    kinds = (
        "SparkApplication, ScheduledSparkApplication, SparkConnect, SparkCluster, Pod, AdmissionReview, Namespace, List"
    )
    assert [one.name if isinstance(one, Workload) else str(one) for one in found] == [
        f"items[0]: items[0]: Service web (v1) has no Spark pods; accepted: {kinds}",
        "pi",
        "items[0]: items[2]: not a Kubernetes object; accepted: a map with apiVersion and kind",
        "items[1]: not a Kubernetes object: apiVersion or kind is missing",
        "pi",
    ]


def test_every_pod_that_is_made_can_be_decoded() -> None:
    for pod in workloads(APPLICATION)[0].pods:
        assert msgspec.convert(pod.seen, Pod).metadata.labels
