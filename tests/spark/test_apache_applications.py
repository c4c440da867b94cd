"""The pods of a SparkApplication of Apache's operator, compared as a whole."""

import pytest
import yaml

from tests.spark.apache_workload import APPLICATION, DEFAULTS, UNPRIVILEGED, made, workload
from webhook.spark.apache.launch import application_id
from webhook.spark.versions import Versions

LABELS = {
    "spark-app-selector": "pi-0",
    "spark-version": "4.2.0",
    "spark.operator/name": "spark-kubernetes-operator",
    "spark.operator/spark-app-name": "pi",
}


def with_conf(**conf: str) -> str:
    return yaml.safe_dump({"spec": {"sparkConf": conf}})


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plain_application_makes_a_driver_and_executors(version: str) -> None:
    found = workload(APPLICATION, f"apiVersion: spark.apache.org/{version}")
    assert (found.kind, found.namespace, found.name) == ("SparkApplication", "jobs", "pi")
    assert (found.pod_namespace, found.notes, found.refused) == ("jobs", (), ())
    driver, executor = found.pods
    assert (driver.title, driver.count, executor.title, executor.count) == ("driver", "", "executor", "3")
    assert driver.created == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "pi-0-driver",
            "namespace": "jobs",
            "labels": LABELS | {"spark-app-name": "spark", "spark-role": "driver"},
        },
        "spec": {
            "containers": [
                {
                    "name": "spark-kubernetes-driver",
                    "image": "registry/spark:4.2.0",
                    "securityContext": UNPRIVILEGED,
                }
            ],
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }
    assert executor.created == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "org-example-pi-0000000000000000-exec-1",
            "namespace": "jobs",
            "labels": LABELS
            | {
                "spark-app-name": "org-example-pi",
                "spark-exec-id": "1",
                "spark-exec-resourceprofile-id": "0",
                "spark-role": "executor",
            },
        },
        "spec": {
            "containers": [{"name": "spark-kubernetes-executor", "image": "registry/spark:4.2.0"}],
            "schedulerName": "default-scheduler",
            "tolerations": DEFAULTS,
        },
    }


def test_a_template_without_containers_is_kept() -> None:
    driver, executor = made(
        APPLICATION,
        """
        spec:
          driverSpec:
            podTemplateSpec:
              metadata: {labels: {tier: front, spark-role: mine}, annotations: {a: b}}
              spec: {nodeSelector: {pool: spark}, priorityClassName: high, hostNetwork: true}
          executorSpec:
            podTemplateSpec:
              spec:
                schedulerName: custom
                tolerations: [{operator: Exists}]
                affinity: {nodeAffinity: {}}
        """,
    )
    assert driver["metadata"]["labels"] == LABELS | {"spark-app-name": "spark", "spark-role": "driver", "tier": "front"}
    assert driver["metadata"]["annotations"] == {"a": "b"}
    assert driver["spec"] == {
        "nodeSelector": {"pool": "spark"},
        "priorityClassName": "high",
        "hostNetwork": True,
        "containers": [
            {"name": "spark-kubernetes-driver", "image": "registry/spark:4.2.0", "securityContext": UNPRIVILEGED}
        ],
        "schedulerName": "default-scheduler",
        "tolerations": DEFAULTS,
    }
    assert executor["spec"] == {
        "schedulerName": "custom",
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "containers": [{"name": "spark-kubernetes-executor", "image": "registry/spark:4.2.0"}],
    }


def test_a_driver_gains_no_privileges_that_nobody_asked_for() -> None:
    driver, _ = made(
        APPLICATION,
        """
        spec:
          driverSpec:
            podTemplateSpec:
              spec:
                initContainers: [{name: setup}]
                containers:
                - {name: main, securityContext: {privileged: true}}
                - {name: side, securityContext: {allowPrivilegeEscalation: true}}
        """,
    )
    assert driver["spec"]["initContainers"] == [{"name": "setup", "securityContext": UNPRIVILEGED}]
    assert driver["spec"]["containers"] == [
        {"name": "side", "securityContext": {"allowPrivilegeEscalation": True}},
        {
            "name": "main",
            "image": "registry/spark:4.2.0",
            "securityContext": {"allowPrivilegeEscalation": False, "privileged": True},
        },
    ]


def test_properties_place_the_pods() -> None:
    driver, executor = made(
        APPLICATION,
        with_conf(
            **{
                "spark.kubernetes.node.selector.zone": "a",
                "spark.kubernetes.executor.node.selector.pool": "spark",
                "spark.kubernetes.scheduler.name": "yunikorn",
                "spark.kubernetes.driver.scheduler.name": "volcano",
                "spark.kubernetes.driver.label.queue": "q",
                "spark.kubernetes.executor.label.spark.operator/name": "mine",
                "spark.kubernetes.executor.annotation.app": "{{APP_ID}}",
                "spark.kubernetes.executor.container.image": "registry/executor:{{SPARK_VERSION}}",
                "spark.kubernetes.allocation.pods.allocator": "statefulset",
            }
        ),
    )
    assert driver["spec"]["nodeSelector"] == {"zone": "a"}
    assert executor["spec"]["nodeSelector"] == {"zone": "a", "pool": "spark"}
    assert (driver["spec"]["schedulerName"], executor["spec"]["schedulerName"]) == ("volcano", "yunikorn")
    assert driver["metadata"]["labels"]["queue"] == "q"
    assert executor["metadata"]["labels"]["spark.operator/name"] == "spark-kubernetes-operator"
    assert executor["metadata"]["annotations"] == {"app": "pi-0"}
    assert executor["spec"]["containers"][0]["image"] == "registry/executor:4.2.0"
    assert executor["metadata"]["labels"]["spark-exec-id"] == "EXECID"
    assert executor["metadata"]["name"] == executor["spec"]["hostname"] == "spark-s-pi-0-0-0"


def test_names_of_properties_win() -> None:
    found = workload(
        APPLICATION,
        with_conf(
            **{
                "spark.app.id": "mine",
                "spark.app.name": "My App",
                "spark.kubernetes.executor.podNamePrefix": "workers",
                "spark.kubernetes.namespace": "other",
            }
        ),
    )
    driver, executor = (pod.created["metadata"] for pod in found.pods)
    assert (driver["name"], executor["name"]) == ("mine-driver", "workers-exec-1")
    assert {one["labels"]["spark-app-selector"] for one in (driver, executor)} == {"mine"}
    # The operator overwrites the name of the application and the namespace.
    assert {one["labels"]["spark-app-name"] for one in (driver, executor)} == {"pi"}
    assert {one["namespace"] for one in (driver, executor)} == {"jobs"}
    assert found.notes == (
        'spec.sparkConf["spark.kubernetes.namespace"] has no effect: the pods are in the namespace of the application',
        'spec.sparkConf["spark.app.name"] has no effect: the operator overwrites it with the name of the application',
    )


def test_the_attempt_is_in_the_names() -> None:
    found = workload(APPLICATION, "status: {currentAttemptSummary: {attemptInfo: {id: 2}}}")
    assert found.pods[0].created["metadata"]["name"] == "pi-2-driver"
    found = workload(APPLICATION, "spec: {applicationTolerations: {restartConfig: {restartPolicy: OnFailure}}}")
    assert found.pods[0].created["metadata"]["name"] == "pi-0-driver"
    assert found.notes == ("the names are those of attempt 0; each restart makes new pods, with the next number",)


def test_a_long_name_becomes_a_hash() -> None:
    # What the operator's own code made of these names.
    assert application_id("n" * 44, "jobs", 0) == "n" * 44 + "-0"
    assert application_id("n" * 45, "jobs", 0) == "nnnnnnnnn-2x1ffvgih2wamn3pdxmlu088nsxm59va41rp"
    assert application_id("n" * 44, "jobs", 10) == "nnnnnnnnn-6bu02lrdddl4k6edef8qt6c45cqw9n2f10ac"


def test_executors_are_named_after_the_class_or_the_program() -> None:
    python = "spec: {jars: null, mainClass: MAIN, pyFiles: 'local:///opt/app/job.py,local:///b.py'}"
    names = {
        main: workload(APPLICATION, python.replace("MAIN", main)).pods[1].created["metadata"]["name"]
        for main in ("org.apache.spark.deploy.PythonRunner", "null")
    }
    assert names == {
        "org.apache.spark.deploy.PythonRunner": "org-apache-spark-deploy-pythonrunner-0000000000000000-exec-1",
        "null": "job-py-0000000000000000-exec-1",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.kubernetes.driver.master", "local[10]"),
        ("spark.master", "spark://prod-master-svc:7077"),
        ("spark.master", "local[*]"),
    ],
)
def test_another_master_makes_no_executor_pods(key: str, value: str) -> None:
    found = workload(APPLICATION, with_conf(**{key: value, "spark.executor.instances": "0"}))
    assert [pod.title for pod in found.pods] == ["driver"]
    assert (found.notes, found.refused) == (
        (f'spec.sparkConf["{key}"] is {value}: the driver makes no executor pods',),
        (),
    )


@pytest.mark.parametrize(
    ("conf", "count"),
    [
        ({}, "3"),
        (
            {"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.maxExecutors": "8"},
            "0 to 8, by dynamic allocation, 3 at first",
        ),
    ],
)
def test_executors_are_counted(conf: dict[str, str], count: str) -> None:
    assert workload(APPLICATION, with_conf(**conf)).pods[1].count == count


def test_a_version_of_spark_may_be_given() -> None:
    driver, executor = workload(APPLICATION, versions=Versions(spark="4.1.0")).pods
    assert {pod.created["metadata"]["labels"]["spark-version"] for pod in (driver, executor)} == {"4.1.0"}
    assert driver.created["spec"]["containers"][0]["image"] == "registry/spark:4.1.0"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            "spec: {sparkConf: {spark.executor.instances: null}}",
            'spec.sparkConf["spark.executor.instances"] is missing: Spark asks for 2 executors',
        ),
        (
            "spec: {sparkConf: {spark.jars: 'https://example.com/{{SPARK_VERSION}}.jar'}}",
            'spec.sparkConf["spark.jars"] keeps {{SPARK_VERSION}}: the operator replaces it only in the images of '
            "spec.sparkConf",
        ),
        (
            "spec: {sparkConf: {spark.kubernetes.driver.podTemplateFile: /a.yaml}}",
            "the pod template /a.yaml in sparkConf is in the operator's container and cannot be read here",
        ),
        (
            "spec: {sparkConf: {spark.kubernetes.executor.podTemplateFile: /a.yaml}, executorSpec: {podTemplateSpec: {spec: {}}}}",
            'spec.sparkConf["spark.kubernetes.executor.podTemplateFile"] has no effect: the operator overwrites it; use '
            "spec.executorSpec.podTemplateSpec",
        ),
        (
            "spec: {sparkConf: {spark.kubernetes.driver.pod.featureSteps: org.example.Step}}",
            'spec.sparkConf["spark.kubernetes.driver.pod.featureSteps"] is org.example.Step: what these classes change '
            "of the driver is not known here",
        ),
        (
            "spec: {sparkConf: {spark.kubernetes.allocation.pods.allocator: deployment}}",
            "the allocator deployment gives executors no numbers, so neither first nor a mix applies to them",
        ),
        (
            "metadata: {name: 1st}",
            "metadata.name begins with a digit, so API servers may refuse the Service 1st-0-driver-svc, unless they have "
            "RelaxedServiceNameValidation",
        ),
        (
            "metadata: {annotations: {spark-eci-webhook/mode: none}}",
            'metadata.annotations["spark-eci-webhook/mode"] has no effect there; it belongs in the annotations of '
            "spec.driverSpec.podTemplateSpec or spec.executorSpec.podTemplateSpec",
        ),
        (
            "spec: {driverSpec: {podTemplateSpec: {spec: {nodeselector: {}}}}}",
            "spec.driverSpec.podTemplateSpec.spec.nodeselector is no field of a SparkApplication of v1, so it has no "
            "effect; known: spec.driverSpec.podTemplateSpec.spec.nodeSelector",
        ),
        (
            "spec: {sparkVersion: 4.2.0}",
            "spec.sparkVersion is no field of a SparkApplication of v1, so it has no effect; known: spec.runtimeVersions.sparkVersion",
        ),
    ],
)
def test_notes(changes: str, note: str) -> None:
    found = workload(APPLICATION, changes)
    assert (found.notes, found.refused) == ((note,), ())


def test_a_field_may_be_known_in_one_version_only() -> None:
    routes = "spec: {driverHttpRouteList: []}"
    assert workload(APPLICATION, routes).notes == ()
    assert workload(APPLICATION, f"{{apiVersion: spark.apache.org/v1beta1, {routes}}}").notes == (
        "spec.driverHttpRouteList is no field of a SparkApplication of v1beta1, so it has no effect",
    )
