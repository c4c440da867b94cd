"""What the API server refuses of an application by its schema.

A real API server was the judge: with the operator's own definitions of all releases it named the same paths of
thousands of random documents.
"""

import math
from typing import Any

import pytest
import yaml

from tests.spark.test_refusals import APPLICATION, CONNECT, SCHEDULE, changed
from webhook.spark.field_table import known, release, split, value_of
from webhook.spark.schema_violations import Violation, named, violations
from webhook.spark.versions import OPERATORS, OperatorVersion

NEWEST = OPERATORS[-1]
TEXTS = {"SparkApplication": APPLICATION, "ScheduledSparkApplication": SCHEDULE, "SparkConnect": CONNECT}


def found(
    changes: dict[str, Any], kind: str = "SparkApplication", version: OperatorVersion = NEWEST
) -> list[tuple[str, str]]:
    """The sentence of each violation of a valid document with `changes`, with what is accepted."""
    every = list(violations(changed(TEXTS[kind], changes), kind, version))
    assert all(one.sentence.startswith(one.path) for one in every)
    return [(one.sentence, one.accepted) for one in every]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("version", OPERATORS, ids=str)
def test_a_valid_document_has_no_violations(kind: str, version: OperatorVersion) -> None:
    if kind != "SparkConnect" or version >= (2, 3):
        assert found({}, kind, version) == []


CASES: list[tuple[str, Any, str, str, Any]] = [
    ("spec/driver/memory", 512, "spec.driver.memory is a number, 512", 'a string, such as "512"', "512m"),
    ("spec/sparkVersion", 3.5, "spec.sparkVersion is a number, 3.5", 'a string, such as "3.5"', "3.5"),
    (
        "spec/driver/labels",
        {"a": True},
        'spec.driver.labels["a"] is a boolean, true',
        'a string, such as "true"',
        {"a": None},
    ),
    ("spec/sparkConf", {"a.b": []}, 'spec.sparkConf["a.b"] is a list', "a string", {"a.b": ""}),
    ("spec/arguments", [1], "spec.arguments[0] is a number, 1", 'a string, such as "1"', ["1"]),
    ("spec/arguments", ["a", None], "spec.arguments[1] is null", "a string", ["a"]),
    ("spec/arguments", "a", 'spec.arguments is a string, "a"', "a list", None),
    ("spec/driver/tolerations", {}, "spec.driver.tolerations is a map", "a list", []),
    ("spec/driver/tolerations", [None], "spec.driver.tolerations[0] is null", "a map", None),
    ("spec/driver/hostNetwork", "yes", 'spec.driver.hostNetwork is a string, "yes"', "true or false", True),
    ("spec/driver/template", 3, "spec.driver.template is a number, 3", "a map", {"any": [None]}),
    ("spec/executor/instances", 0, "spec.executor.instances is 0", "1 or more", 1),
    ("spec/executor/instances", "2", 'spec.executor.instances is a string, "2"', "an integer, 1 or more", 2.0),
    ("spec/executor/instances", 1.5, "spec.executor.instances is 1.5", "an integer, 1 or more", None),
    ("spec/executor/instances", 2**31, "spec.executor.instances is 2147483648", "at most 2147483647", 2**31 - 1),
    ("spec/failureRetries", -(2**31) - 1, "spec.failureRetries is -2147483649", "at least -2147483648", -(2**31)),
    ("spec/failureRetries", True, "spec.failureRetries is a boolean, true", "an integer", 0),
    ("spec/timeToLiveSeconds", 2**63, f"spec.timeToLiveSeconds is {2**63}", f"at most {2**63 - 1}", 2**63 - 1),
    ("spec/timeToLiveSeconds", math.nan, "spec.timeToLiveSeconds is nan", "an integer", None),
    (
        "spec/monitoring",
        {"exposeDriverMetrics": True, "exposeExecutorMetrics": True, "prometheus": {"jmxExporterJar": "a", "port": 80}},
        "spec.monitoring.prometheus.port is 80",
        "1024 to 49151",
        {"exposeDriverMetrics": True, "exposeExecutorMetrics": True},
    ),
    ("spec/mode", "Cluster", 'spec.mode is "Cluster"', '"cluster" or "client"', "cluster"),
    ("spec/type", "", 'spec.type is ""', '"Java", "Python", "Scala" or "R"', "R"),
    ("spec/pythonVersion", 3, "spec.pythonVersion is a number, 3", '"2" or "3"', "3"),
    (
        "spec/volumes",
        [{"name": "a", "hostPath": {}}],
        "spec.volumes[0].hostPath.path is missing",
        "a string",
        [{"name": "a"}],
    ),
    (
        "spec/driver/gpu",
        {"name": "a"},
        "spec.driver.gpu.quantity is missing",
        "an integer",
        {"name": "a", "quantity": 1},
    ),
    (
        "spec/driver/envSecretKeyRefs",
        {"A": {"name": "a"}},
        'spec.driver.envSecretKeyRefs["A"].key is missing',
        "a string",
        {"A": None},
    ),
    (
        "spec/batchSchedulerOptions",
        {"resources": {"cpu": "much"}},
        'spec.batchSchedulerOptions.resources["cpu"] is "much"',
        "a quantity, such as 2, 500m or 4Gi",
        {"resources": {"cpu": "500m", "memory": 1, "a": 1.0, "b": "1e3"}},
    ),
    (
        "spec/batchSchedulerOptions",
        {"resources": {"cpu": "1\n"}},
        'spec.batchSchedulerOptions.resources["cpu"] is "1?"',
        "a quantity, such as 2, 500m or 4Gi",
        None,
    ),
    (
        "spec/driver/sidecars",
        [{"name": "a", "env": [{"name": "A"}, {"name": "B"}, {"name": "A"}, {"name": "A"}]}],
        'spec.driver.sidecars[0].env[2] has the name of an earlier one: "A"',
        "each name once",
        [{"name": "a", "env": [{"name": "A"}, {"name": "B"}]}, {"name": "a"}],
    ),
    (
        "spec/driver/sidecars",
        [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80.0, "protocol": "TCP"}]}],
        'spec.driver.sidecars[0].ports[1] has the containerPort and protocol of an earlier one: 80, "TCP"',
        "each containerPort and protocol once",
        [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}],
    ),
    ("metadata/labels", {"a": 1}, 'metadata.labels["a"] is a number, 1', 'a string, such as "1"', {"a": None}),
    ("metadata/annotations", [], "metadata.annotations is a list", "a map", {}),
    ("status", "x", "", "", None),
    ("spec/unknown", 1, "", "", None),
]


@pytest.mark.parametrize(("path", "bad", "sentence", "accepted", "good"), CASES)
def test_a_violation_and_its_opposite(path: str, bad: Any, sentence: str, accepted: str, good: Any) -> None:
    assert found({path: bad}) == ([(sentence, accepted)] if sentence else [])
    assert found({path: good}) == []


def test_a_null_is_dropped_before_the_document_is_checked() -> None:
    document = changed(APPLICATION, {})
    document["spec"] |= {
        "mode": None,
        "image": None,
        "sparkConf": None,
        "driver": {"cores": None, "labels": {"a": None}},
    }
    assert list(violations(document, "SparkApplication", NEWEST)) == []
    document["spec"]["driver"] = None
    assert list(violations(document, "SparkApplication", NEWEST)) == [
        Violation("spec.driver", "spec.driver is missing", "a map", missing=True)
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "sentences"),
    [
        ("ScheduledSparkApplication", {"spec/schedule": None}, ["spec.schedule is missing"]),
        ("ScheduledSparkApplication", {"spec/template/executor/cores": 0}, ["spec.template.executor.cores is 0"]),
        ("ScheduledSparkApplication", {"spec/concurrencyPolicy": "Any"}, []),
        (
            "SparkConnect",
            {"spec/sparkVersion": None, "spec/server/cores": 0},
            ["spec.sparkVersion is missing", "spec.server.cores is 0"],
        ),
        ("SparkConnect", {"spec/executor/instances": 0}, []),
        ("SparkConnect", {"spec/executor/instances": -1}, ["spec.executor.instances is -1"]),
    ],
)
def test_each_kind_has_its_own_rules(kind: str, changes: dict[str, Any], sentences: list[str]) -> None:
    assert [sentence for sentence, _ in found(changes, kind)] == sentences


def test_rules_of_a_later_release_do_not_hold_before() -> None:
    twice = [{"name": "a", "env": [{"name": "A"}, {"name": "A"}]}]
    changes = {"spec/driver/hostAliases": [{"hostnames": ["a"]}], "spec/driver/sidecars": twice}
    assert found(changes, version=release("2.1.0")) == []
    for version in OPERATORS[1:]:
        assert [sentence for sentence, _ in found(changes, version=version)] == [
            "spec.driver.hostAliases[0].ip is missing",
            'spec.driver.sidecars[0].env[1] has the name of an earlier one: "A"',
        ]
    assert found({"spec/suspend": "yes"}, version=release("2.3.9")) == []
    assert len(found({"spec/suspend": "yes"}, version=release("2.4.0"))) == 1


def test_a_kind_that_a_release_does_not_have_is_one_violation() -> None:
    expected = Violation("kind", "Spark Operator 2.2.1 has no SparkConnect", "2.3.0 or newer")
    assert list(violations({"spec": 1}, "SparkConnect", release("2.2.1"))) == [expected]
    assert list(violations({"spec": 1}, "Pod", NEWEST)) == []


@pytest.mark.parametrize(
    ("kind", "version", "changes", "paths"),
    [
        ("SparkApplication", "2.5.2", {"spec/type": None, "spec/sparkVersion": None}, []),
        ("SparkApplication", "2.5.2", {"spec/mainApplicationFile": None}, []),
        ("SparkApplication", "2.3.0", {"spec/type": None}, ["spec.type"]),
        ("SparkApplication", "2.3.0", {"spec/type": ""}, ["spec.type"]),
        ("SparkApplication", "2.5.2", {"spec/type": "", "spec/mode": ""}, []),
        ("SparkApplication", "2.5.2", {"spec/monitoring": {"exposeDriverMetrics": True}}, []),
        ("SparkApplication", "2.5.2", {"spec/type": 1}, ["spec.type"]),
        (
            "SparkApplication",
            "2.5.2",
            {"spec/driver/affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
            ["spec.driver.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"],
        ),
        (
            "SparkApplication",
            "2.5.2",
            {"spec/volumes": [{"cephfs": {}}, {"rbd": {}}, {"scaleIO": {}}, {"nfs": {}}, {"ephemeral": {}}]},
            ["spec.volumes[0].cephfs.monitors", "spec.volumes[1].rbd.monitors", "spec.volumes[2].scaleIO.secretRef"],
        ),
        ("ScheduledSparkApplication", "2.1.0", {"spec/template/sparkVersion": None}, []),
        ("ScheduledSparkApplication", "2.1.0", {"spec/template/mode": ""}, ["spec.template.mode"]),
        ("SparkConnect", "2.5.2", {"spec/sparkVersion": None}, []),
        ("SparkConnect", "2.4.0", {"spec/sparkVersion": None}, ["spec.sparkVersion"]),
    ],
)
def test_what_the_operators_webhook_fills_in_is_not_named(
    kind: str, version: str, changes: dict[str, Any], paths: list[str]
) -> None:
    """The webhook writes its own form of an object, in which no field is missing, before the schema is checked."""
    assert [one.path for one in named(changed(TEXTS[kind], changes), kind, release(version))] == paths


def test_many_violations_are_counted() -> None:
    for number, last in (
        (8, "spec.arguments[7] is a number, 1"),
        (9, "one more field is missing or of a wrong value"),
        (10_008, "10,000 more fields are missing or of a wrong value"),
    ):
        sentences = named(changed(APPLICATION, {"spec/arguments": [1] * number}), "SparkApplication", NEWEST)
        assert (len(sentences), sentences[-1].sentence) == (min(number, 9), last)


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ({"spec": []}, ["spec is a list"]),
        ({"spec": {1, 2}}, ["spec is of the type set"]),
        (
            {"spec": {"driver": 1, "executor": "a", 1: 2}},
            ["spec.driver is a number, 1", 'spec.executor is a string, "a"'],
        ),
        (
            {"spec": {"executor": {}, "driver": {"memory": 10**5000}}},
            ["spec.driver.memory is a number, of more than 64 bits"],
        ),
        ({"spec": {"executor": {}, "driver": {"cores": 10**5000}}}, ["spec.driver.cores is of more than 64 bits"]),
        ({"spec": {"executor": {}, "driver": {"cores": math.inf}}}, ["spec.driver.cores is inf"]),
        (
            {"spec": {"executor": {}, "driver": {"labels": {"x" * 1_000_000: 1, 5: 1, "a\nb": 1}}}},
            [
                f'spec.driver.labels["{"x" * 63}…"] is a number, 1',
                'spec.driver.labels["a key of the type int"] is a number, 1',
                'spec.driver.labels["a?b"] is a number, 1',
            ],
        ),
        ({"spec": {"executor": {}, "driver": {}, "mode": "\x1b" * 1_000_000}}, [f'spec.mode is "{"?" * 63}…"']),
        (
            {"spec": {"executor": {}, "driver": {"sidecars": [{"name": "a", "env": [{"name": []}, 1, {"name": []}]}]}}},
            [
                "spec.driver.sidecars[0].env[0].name is a list",
                "spec.driver.sidecars[0].env[1] is a number, 1",
                "spec.driver.sidecars[0].env[2].name is a list",
            ],
        ),
    ],
)
def test_hostile_documents_give_bounded_sentences(document: Any, sentences: list[str]) -> None:
    assert [one.sentence for one in named(document, "SparkApplication", NEWEST)] == sentences


def test_deep_nesting_is_looked_into_only_as_far_as_fields_are_known() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"driver": deep, "spec": [deep]}
    assert found({"spec/driver/template": deep, "spec/driver/nodeSelector": deep}) == [
        ('spec.driver.nodeSelector["driver"] is a map', "a string"),
        ('spec.driver.nodeSelector["spec"] is a list', "a string"),
    ]


def test_a_default_stands_for_a_field_that_is_required() -> None:
    text = "{name: a, ports: [{port: 1, protocol: TCP}, {port: 1}]}"
    ports = {"spec": yaml.safe_load(text)}
    assert found({"spec/server/service": ports}, "SparkConnect") == [
        (
            'spec.server.service.spec.ports[1] has the port and protocol of an earlier one: 1, "TCP"',
            "each port and protocol once",
        )
    ]


def test_every_required_list_or_pointer_is_known_to_be_written_as_null() -> None:
    """Go writes a struct as an empty object, and a list as null. A definition does not tell a struct from a pointer."""
    structs = {"spec", "template", "driver", "executor", "server", "preference", "podAffinityTerm"}
    found = {
        f"{name.removesuffix('[]').rpartition('.')[2]}.{field}"
        for name, fields in known(NEWEST).items()
        for field, entry in fields.items()
        if entry.required and (split(entry.type)[1] or value_of(entry.type)) and field not in structs
    }
    assert found == {
        "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
        "cephfs.monitors",
        "rbd.monitors",
        "scaleIO.secretRef",
    }
