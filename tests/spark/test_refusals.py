"""Applications that never run, each beside one that differs in little and runs."""

import copy
from typing import Any

import pytest
import yaml

from webhook.spark.documents import read
from webhook.spark.versions import Versions, operator_version
from webhook.spark.workloads import Workload

APPLICATION = """
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: pi, namespace: etl}
spec:
  type: Scala
  mode: cluster
  image: registry/spark:3.5.2
  mainClass: org.example.App
  mainApplicationFile: local:///opt/spark/app.jar
  sparkVersion: 3.5.2
  driver: {}
  executor: {instances: 2}
"""
SCHEDULE = yaml.safe_dump(
    {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "ScheduledSparkApplication",
        "metadata": {"name": "nightly", "namespace": "etl"},
        "spec": {"schedule": "@daily", "template": yaml.safe_load(APPLICATION)["spec"]},
    }
)
CONNECT = """
apiVersion: sparkoperator.k8s.io/v1alpha1
kind: SparkConnect
metadata: {name: shared, namespace: etl}
spec:
  sparkVersion: 4.0.1
  image: registry/spark:4.0.1
  server: {}
  executor: {instances: 2}
"""
CONTAINERS = {"spec": {"containers": [{"name": "spark-kubernetes-executor"}]}}
LOCAL = "spark-local-dir-1"
HOST_PATH = "spark.kubernetes.executor.volumes.hostPath.scratch"


def changed(text: str, changes: dict[str, Any]) -> Any:
    """The document in `text` with the value at each path, such as `spec.executor.instances`; None removes it."""
    document = copy.deepcopy(yaml.safe_load(text))
    for path, value in changes.items():
        *parents, last = path.split("/")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return document


def workload(document: Any, operator: str = "2.5.2") -> Workload:
    (found,) = read(document, "elsewhere", Versions(operator_version(operator)))
    assert isinstance(found, Workload)
    return found


def verdicts(document: Any, operator: str = "2.5.2") -> list[tuple[str, str, str]]:
    """Who refuses what of `document`, and with which sentence."""
    return [(one.by.value, one.role, one.sentence) for one in workload(document, operator).refused]


CASES: list[tuple[str, str, str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "api-server",
        "",
        "2.5.2",
        "spec.executor.instances is 0",
        {"spec/executor/instances": 0},
        {"spec/executor/instances": 1},
    ),
    ("api-server", "", "2.5.2", "spec.driver.cores is 0", {"spec/driver/cores": 0}, {"spec/driver/cores": 1}),
    (
        "api-server",
        "",
        "2.1",
        'spec.mode is "in-cluster-client"',
        {"spec/mode": "in-cluster-client"},
        {"spec/mode": "client"},
    ),
    ("api-server", "", "2.5.2", 'spec.type is "SQL"', {"spec/type": "SQL"}, {"spec/type": "R"}),
    (
        "api-server",
        "",
        "2.5.2",
        'metadata.namespace is "Prod"',
        {"metadata/namespace": "Prod"},
        {"metadata/namespace": "prod"},
    ),
    (
        "api-server",
        "",
        "2.5.2",
        "apiVersion is sparkoperator.k8s.io/v1beta1",
        {"apiVersion": "sparkoperator.k8s.io/v1beta1"},
        {"apiVersion": "sparkoperator.k8s.io/v1beta2"},
    ),
    ("api-server", "", "2.5.2", 'metadata.name is "Pi"', {"metadata/name": "Pi"}, {"metadata/name": "pi"}),
    (
        "operator",
        "",
        "2.5.2",
        "spec.nodeSelector is set beside spec.executor.nodeSelector",
        {"spec/nodeSelector": {"a": "b"}, "spec/executor/nodeSelector": {"c": "d"}},
        {"spec/driver/nodeSelector": {"a": "b"}, "spec/executor/nodeSelector": {"c": "d"}},
    ),
    *(
        (
            "operator",
            "",
            "2.5.2",
            f'spec.sparkConf["{key}"] is not allowed',
            {f"spec/sparkConf/{key}": "x"},
            {f"spec/sparkConf/{key}x": "x"},
        )
        for key in (
            "spark.kubernetes.container.image",
            "spark.kubernetes.driver.container.image",
            "spark.kubernetes.executor.container.image",
            "spark.kubernetes.authenticate.driver.serviceAccountName",
            "spark.kubernetes.authenticate.executor.serviceAccountName",
            "spark.master",
            "spark.kubernetes.driver.master",
            "spark.kubernetes.authenticate.oauthToken",
        )
    ),
    (
        "operator",
        "",
        "2.5.2",
        'spec.sparkConf["spark.kubernetes.namespace"] is "other"',
        {"spec/sparkConf/spark.kubernetes.namespace": "other"},
        {"spec/sparkConf/spark.kubernetes.namespace": "etl"},
    ),
    ("operator", "", "2.5.2", 'metadata.name is "3pi"', {"metadata/name": "3pi"}, {"metadata/name": "pi3"}),
    ("operator", "", "2.4", 'metadata.name is "a.b"', {"metadata/name": "a.b"}, {"metadata/name": "a-b"}),
    ("operator", "", "2.4", f'metadata.name is "{"a" * 64}"', {"metadata/name": "a" * 64}, {"metadata/name": "a" * 63}),
    (
        "api-server",
        "",
        "2.3",
        "metadata.name has 64 characters, and it becomes a label of the pods",
        {"metadata/name": "a" * 64},
        {"metadata/name": "a" * 63},
    ),
    (
        "operator",
        "",
        "2.5.2",
        'spec.sparkVersion is "2.4.8", and spec has a pod template',
        {"spec/sparkVersion": "2.4.8", "spec/executor/template": CONTAINERS},
        {"spec/sparkVersion": "3.0.0", "spec/executor/template": CONTAINERS},
    ),
    (
        "operator",
        "",
        "2.5.2",
        "spec.driverIngressOptions[1].servicePort is there twice: 4040",
        {
            "spec/driverIngressOptions": [
                {"servicePort": 4040, "servicePortName": one, "ingressURLFormat": one} for one in "ab"
            ]
        },
        {
            "spec/driverIngressOptions": [
                {"servicePort": port, "servicePortName": "a", "ingressURLFormat": f"f{port}"} for port in (4040, 4041)
            ]
        },
    ),
    (
        "operator",
        "",
        "2.5.2",
        f"spec.executor.volumeMounts: there is no volume {LOCAL}",
        {"spec/executor/volumeMounts": [{"name": LOCAL, "mountPath": "/scratch"}]},
        {
            "spec/executor/volumeMounts": [{"name": LOCAL, "mountPath": "/scratch"}],
            "spec/volumes": [{"name": LOCAL, "emptyDir": {}}],
        },
    ),
    (
        "operator",
        "",
        "2.1",
        f"the volume {LOCAL} is of a type that cannot be scratch space",
        {
            "spec/driver/volumeMounts": [{"name": LOCAL, "mountPath": "/scratch"}],
            "spec/volumes": [{"name": LOCAL, "configMap": {"name": "c"}}],
        },
        {
            "spec/driver/volumeMounts": [{"name": LOCAL, "mountPath": "/scratch"}],
            "spec/volumes": [{"name": LOCAL, "nfs": {"server": "s", "path": "/p"}}],
        },
    ),
    (
        "operator",
        "",
        "2.5.2",
        'spec.driver.memory is "much", not a number of bytes such as 512m or 4g',
        {"spec/batchScheduler": "yunikorn", "spec/driver/memory": "much"},
        {"spec/batchScheduler": "yunikorn", "spec/driver/memory": "4g"},
    ),
    (
        "operator",
        "",
        "2.4",
        "Spark Operator 2.4.0 cannot submit to volcano without the number of executors",
        {"spec/batchScheduler": "volcano", "spec/executor": {}, "spec/dynamicAllocation": {"enabled": True}},
        {"spec/batchScheduler": "volcano", "spec/executor": {}, "spec/dynamicAllocation": {"enabled": False}},
    ),
    (
        "operator",
        "",
        "2.5.2",
        'spec.driver.memoryLimit is "1G"',
        {"spec/driver/memoryLimit": "1G"},
        {"spec/driver/memoryLimit": "1Gi"},
    ),
    (
        "operator",
        "executor",
        "2.2",
        'spec.executor.memoryLimit is "512b"',
        {"spec/executor/memoryLimit": "512b"},
        {"spec/executor/memoryLimit": "512m"},
    ),
    (
        "operator",
        "",
        "2.5.2",
        'metadata.labels["sparkoperator.k8s.io/app-name"] is "other"',
        {
            "metadata/labels": {"sparkoperator.k8s.io/app-name": "other"},
            "spec/executor/labels": {"sparkoperator.k8s.io/app-name": "pi"},
        },
        {"metadata/labels": {"sparkoperator.k8s.io/app-name": "pi"}},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        "the driver has no image",
        {"spec/image": None, "spec/executor/image": "i", "spec/driver/template": CONTAINERS},
        {"spec/image": None, "spec/executor/image": "i", "spec/driver/image": "i"},
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        "the executor has no image",
        {"spec/image": None, "spec/driver/image": "i"},
        {"spec/image": None, "spec/driver/image": "i", "spec/executor/image": "i"},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.sparkConf["spark.executor.instances"] is "0"',
        {"spec/executor": {}, "spec/sparkConf/spark.executor.instances": "0"},
        {"spec/executor": {"instances": 1}, "spec/sparkConf/spark.executor.instances": "0"},
    ),
    *(
        (
            by,
            whole,
            "2.5.2",
            f'spec.{role}.labels["{label}"]: Spark sets the label {label} itself',
            {f"spec/{role}/labels": {label: "x"}},
            {f"spec/{role}/labels": {f"{label}x": "x"}},
        )
        for role, by, whole in (("driver", "spark-submit", ""), ("executor", "spark", "executor"))
        for label in ("spark-role", "spark-version", "spark-app-name", "spark-app-selector")
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        f"the volume scratch of the executor has no {HOST_PATH}.mount.path",
        {f"spec/sparkConf/{HOST_PATH}.options.path": "/mnt"},
        {f"spec/sparkConf/{HOST_PATH}.options.path": "/mnt", f"spec/sparkConf/{HOST_PATH}.mount.path": "/scratch"},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.mainApplicationFile is "/opt/app.jar", a file of the operator\'s container',
        {"spec/mainApplicationFile": "/opt/app.jar"},
        {"spec/mainApplicationFile": "/opt/app.jar", "spec/sparkConf/spark.kubernetes.file.upload.path": "oss://b/u"},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.deps.files[1] is "file:///b", a file of the operator\'s container',
        {"spec/deps/files": ["https://a", "file:///b"]},
        {"spec/deps/files": ["https://a", "local:///b"]},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        "spec.deps.jars has local:///a.jar, and the program is in R, for which spark-submit opens each jar",
        {"spec/mainApplicationFile": "local:///a.R", "spec/deps/jars": ["local:///a.jar"]},
        {"spec/mainApplicationFile": "local:///a.py", "spec/deps/jars": ["local:///a.jar"]},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.imagePullPolicy is "Sometimes"',
        {"spec/imagePullPolicy": "Sometimes"},
        {"spec/imagePullPolicy": "IfNotPresent"},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.executor.memory is "much"',
        {"spec/executor/memory": "much"},
        {"spec/executor/memory": "4g"},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        'spec.sparkConf["spark.kubernetes.driver.secretKeyRef.A"] is "secret"',
        {"spec/sparkConf/spark.kubernetes.driver.secretKeyRef.A": "secret"},
        {"spec/sparkConf/spark.kubernetes.driver.secretKeyRef.A": "secret:key"},
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        "two volumes of the executor have the mount path /a",
        {f"spec/sparkConf/spark.kubernetes.executor.volumes.emptyDir.{name}.mount.path": "/a" for name in "ab"},
        {f"spec/sparkConf/spark.kubernetes.executor.volumes.emptyDir.{name}.mount.path": f"/{name}" for name in "ab"},
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        'spec.sparkConf["spark.kubernetes.executor.podNamePrefix"] is "Not_A_Name"',
        {"spec/sparkConf/spark.kubernetes.executor.podNamePrefix": "Not_A_Name"},
        {"spec/sparkConf/spark.kubernetes.executor.podNamePrefix": "a-name"},
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        'spec.sparkConf["spark.kubernetes.allocation.pods.allocator"] is "deployment"',
        {"spec/sparkConf/spark.kubernetes.allocation.pods.allocator": "deployment"},
        {"spec/sparkConf/spark.kubernetes.allocation.pods.allocator": "statefulset"},
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        "spec.dynamicAllocation.maxExecutors is 1, less than the first number, 2",
        {"spec/dynamicAllocation": {"enabled": True, "maxExecutors": 1}},
        {"spec/dynamicAllocation": {"enabled": True, "maxExecutors": 2}},
    ),
    *(
        (
            "spark",
            "executor",
            "2.5.2",
            f'spec.sparkConf["spark.dynamicAllocation.{key}Executors"] is "{value}"',
            {
                "spec/sparkConf/spark.dynamicAllocation.enabled": "true",
                f"spec/sparkConf/spark.dynamicAllocation.{key}Executors": value,
            },
            {
                "spec/sparkConf/spark.dynamicAllocation.enabled": "true",
                f"spec/sparkConf/spark.dynamicAllocation.{key}Executors": "2",
            },
        )
        for key, value in (("min", "-1"), ("max", "x"), ("initial", "1.5"))
    ),
    (
        "spark",
        "executor",
        "2.5.2",
        "spec.dynamicAllocation.shuffleTrackingEnabled is false, and there is no shuffle service",
        {"spec/dynamicAllocation": {"enabled": True, "shuffleTrackingEnabled": False}},
        {"spec/dynamicAllocation": {"enabled": False, "shuffleTrackingEnabled": False}},
    ),
    (
        "spark-submit",
        "",
        "2.5.2",
        "spec.driver.template has no spec.containers, so Spark cannot read it",
        {"spec/driver/template": {"spec": {"hostNetwork": False}}},
        {"spec/driver/template": CONTAINERS},
    ),
    (
        "spark",
        "executor",
        "2.3",
        "spec.executor.template has no spec.containers, so Spark cannot read it",
        {"spec/executor/template": {"metadata": {"labels": {"a": "b"}}}},
        {"spec/executor/template": {"spec": {"containers": []}}},
    ),
]


@pytest.mark.parametrize(("by", "role", "operator", "sentence", "bad", "good"), CASES)
def test_an_application_never_runs_and_its_opposite_does(
    by: str, role: str, operator: str, sentence: str, bad: dict[str, Any], good: dict[str, Any]
) -> None:
    assert verdicts(changed(APPLICATION, bad), operator) == [(by, role, sentence)]
    assert verdicts(changed(APPLICATION, good), operator) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[3])
def test_every_verdict_says_what_is_accepted_and_names_the_pods(case: tuple[Any, ...]) -> None:
    _, role, operator, _, bad, _ = case
    found = workload(changed(APPLICATION, bad), operator)
    (refusal,) = found.refused
    assert refusal.accepted
    never = [pod.title for pod in found.pods if found.refusals_of(pod)]
    assert never == ([role] if role else [pod.title for pod in found.pods])


@pytest.mark.parametrize(
    "key", ["spark.kubernetes.driver.container.image", "spark.kubernetes.namespace", "spark.master"]
)
def test_older_operators_accept_every_key_of_spark_conf(key: str) -> None:
    assert verdicts(changed(APPLICATION, {f"spec/sparkConf/{key}": "other"}), "2.5.1") == []


def test_an_older_operator_puts_the_pods_into_the_namespace_of_spark_conf() -> None:
    found = workload(changed(APPLICATION, {"spec/sparkConf/spark.kubernetes.namespace": "other"}), "2.5.1")
    assert found.namespace == "etl"
    assert {pod.created["metadata"]["namespace"] for pod in found.pods} == {"other"}
    assert found.notes == (
        "sparkConf puts the pods into the namespace other, where the operator's webhook refuses them if it serves that "
        "namespace",
    )


def test_the_first_release_asks_for_an_image_and_for_the_name_of_sparks_container() -> None:
    no_image = verdicts(changed(APPLICATION, {"spec/image": None}), "2.1.0")
    assert no_image[:2] == [("operator", "", "the driver has no image"), ("operator", "", "the executor has no image")]
    template = {"spec/executor/template": {"spec": {"containers": [{"name": "main"}]}}}
    assert verdicts(changed(APPLICATION, template), "2.1.0") == [
        ("operator", "", "spec.executor.template has no container spark-kubernetes-executor")
    ]
    assert verdicts(changed(APPLICATION, template), "2.1.1") == []


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("latest", True),
        ("3.5.2.1", True),
        ("3.0.0-rc1", True),
        ("2.4", True),
        ("3", False),
        ("3.5", False),
        ("v3.5.2", False),
        ("4.0.0-preview2", False),
    ],
)
def test_a_pod_template_needs_a_version_of_spark_that_the_operator_can_compare(version: str, *, refused: bool) -> None:
    document = changed(APPLICATION, {"spec/sparkVersion": version, "spec/executor/template": CONTAINERS})
    sentence = f'spec.sparkVersion is "{version}", and spec has a pod template'
    assert verdicts(document) == ([("operator", "", sentence)] if refused else [])


def test_what_is_wrong_with_a_schedule_is_named_where_it_stands() -> None:
    document = changed(
        SCHEDULE, {"spec/template/nodeSelector": {"a": "b"}, "spec/template/driver": {"nodeSelector": {"c": "d"}}}
    )
    sentence = "spec.template.nodeSelector is set beside spec.template.driver.nodeSelector"
    assert verdicts(document) == [("operator", "", sentence)]
    document = changed(SCHEDULE, {"spec/template/driver/template": {"spec": {}}})
    sentence = "spec.template.driver.template has no spec.containers, so Spark cannot read it"
    assert verdicts(document) == [("spark-submit", "", sentence)]
    assert workload(changed(SCHEDULE, {"spec/template/executor/instances": None})).notes[1:] == (
        "spec.template.executor.instances is missing, which means one executor",
    )


def test_a_schedule_that_the_operator_cannot_read_starts_nothing() -> None:
    found = workload(changed(SCHEDULE, {"spec/schedule": "0 25 * * *"}))
    assert [(one.by.value, one.role, one.sentence) for one in found.refused] == [
        ("operator", "", 'spec.schedule is "0 25 * * *"')
    ]


def test_nulls_and_whole_numbers_count_as_the_api_server_stores_them() -> None:
    changes = {"spec/sparkConf/spark.hadoop.a": None, "spec/driver": {"cores": 1.0, "labels": {"a": None}}}
    document = changed(APPLICATION, changes)
    document["spec"]["sparkConf"] = {"spark.hadoop.a": None}
    found = workload(document)
    assert (found.refused, "a" in found.pods[0].created["metadata"]["labels"]) == ((), False)


@pytest.mark.parametrize("name", ["spark-pi-{{ ds }}", "${APP_NAME}", "<name>", "spark-pi-{epoch}"])
def test_a_name_that_is_a_template_is_a_fault(name: str) -> None:
    (found,) = read(changed(APPLICATION, {"metadata/name": name}), "elsewhere")
    assert str(found) == (
        f'SparkApplication: metadata.name is "{name}", which looks like a template; accepted: a name, so render the '
        "template first"
    )


def test_a_run_of_a_schedule_can_have_too_long_a_name() -> None:
    sentence = "metadata.name has 44 characters, and each run adds - and 19 digits to it"
    assert verdicts(changed(SCHEDULE, {"metadata/name": "a" * 44})) == [("operator", "", sentence)]
    assert verdicts(changed(SCHEDULE, {"metadata/name": "a" * 43})) == []


@pytest.mark.parametrize(
    ("changes", "by", "sentence"),
    [
        ({"spec/executor/instances": 2**31}, "api-server", "spec.executor.instances is 2147483648"),
        (
            {"spec/driverIngressOptions": [{"servicePortName": "a", "ingressURLFormat": "b"}]},
            "operator",
            "spec.driverIngressOptions[0].servicePort is missing",
        ),
        (
            {
                "spec/executor/volumeMounts": [{"name": LOCAL}],
                "spec/volumes": [{"name": LOCAL, "hostPath": {"path": "/mnt"}}],
            },
            "spark-submit",
            f"the volume {LOCAL} of the executor has no spark.kubernetes.executor.volumes.hostPath.{LOCAL}.mount.path",
        ),
    ],
)
def test_what_one_refuses_is_not_told_again_as_a_refusal_of_others(
    changes: dict[str, Any], by: str, sentence: str
) -> None:
    assert verdicts(changed(APPLICATION, changes)) == [(by, "", sentence)]


def test_a_number_of_executors_that_no_spark_connect_can_have_is_told_once() -> None:
    changes = {"spec/executor/instances": 2**31}
    assert verdicts(changed(CONNECT, changes)) == [("api-server", "", "spec.executor.instances is 2147483648")]


def test_a_schedule_is_refused_with_the_paths_of_its_template() -> None:
    assert verdicts(changed(SCHEDULE, {"spec/template/executor/instances": 0})) == [
        ("api-server", "", "spec.template.executor.instances is 0")
    ]


def test_a_spark_connect_is_refused_by_releases_that_do_not_know_it() -> None:
    assert verdicts(changed(CONNECT, {"spec/executor/cores": 0}), "2.2") == [
        ("api-server", "", "Spark Operator 2.2.1 has no SparkConnect")
    ]


@pytest.mark.parametrize("text", [APPLICATION, SCHEDULE, CONNECT])
def test_unknown_fields_are_notes(text: str) -> None:
    found = workload(changed(text, {"spec/tolerance": []}))
    kind = yaml.safe_load(text)["kind"]
    assert found.notes[-1] == f"spec.tolerance is no field of a {kind}, so it has no effect"
    assert found.refused == ()


@pytest.mark.parametrize(
    ("by", "role", "operator", "sentence", "bad", "good"),
    [
        ("api-server", "", "2.5.2", "spec.executor.cores is 0", {"spec/executor/cores": 0}, {"spec/executor/cores": 1}),
        (
            "api-server",
            "",
            "2.3",
            "spec.executor.instances is -1",
            {"spec/executor/instances": -1, "spec/executor/template": CONTAINERS},
            {"spec/executor/instances": 1, "spec/executor/template": CONTAINERS},
        ),
        (
            "spark-submit",
            "executor",
            "2.5.2",
            'spec.executor.instances is "0"',
            {"spec/executor/instances": 0},
            {"spec/executor/instances": None},
        ),
        (
            "operator",
            "",
            "2.5",
            f'metadata.name is "{"a" * 57}"',
            {"metadata/name": "a" * 57},
            {"metadata/name": "a" * 56},
        ),
        (
            "operator",
            "",
            "2.4",
            "spec.executor.template is missing, and Spark Operator 2.4.0 cannot do without it",
            {},
            {"spec/executor/template": CONTAINERS},
        ),
        (
            "operator",
            "",
            "2.5.2",
            "the server has no image",
            {
                "spec/image": None,
                "spec/executor/template": {
                    "spec": {"containers": [{"name": "spark-kubernetes-executor", "image": "i"}]}
                },
            },
            {},
        ),
        (
            "operator",
            "",
            "2.5.2",
            "spec.dynamicAllocation.maxExecutors is 2, less than minExecutors, 5",
            {"spec/dynamicAllocation": {"enabled": True, "minExecutors": 5, "maxExecutors": 2}},
            {"spec/dynamicAllocation": {"enabled": False, "minExecutors": 5, "maxExecutors": 2}},
        ),
        (
            "operator",
            "",
            "2.5.2",
            'spec.sparkConf["spark.master"] is not allowed',
            {"spec/sparkConf/spark.master": "x"},
            {},
        ),
        (
            "spark",
            "executor",
            "2.5.2",
            "spec.executor.template has no spec.containers, so Spark cannot read it",
            {"spec/executor/template": {"spec": {}}},
            {"spec/executor/template": CONTAINERS},
        ),
        (
            "spark",
            "executor",
            "2.5.2",
            'metadata.labels["spark-role"]: Spark sets the label spark-role itself',
            {"metadata/labels": {"spark-role": "x"}},
            {"metadata/labels": {"role": "x"}},
        ),
    ],
)
def test_a_spark_connect_never_runs_and_its_opposite_does(
    by: str, role: str, operator: str, sentence: str, bad: dict[str, Any], good: dict[str, Any]
) -> None:
    assert verdicts(changed(CONNECT, bad), operator) == [(by, role, sentence)]
    assert verdicts(changed(CONNECT, good), operator) == []
