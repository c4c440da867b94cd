"""Unknown fields of applications.

The API server itself was the judge of the table: it named the same unknown fields of random applications.
"""

from typing import Any

import pytest
import yaml

from webhook.spark.field_table import release
from webhook.spark.unknown_fields import UnknownField, notes, unknown
from webhook.spark.versions import OPERATORS, OperatorVersion

NEWEST = OPERATORS[-1]
#: One field of each sort, all of them known.
KNOWN = """
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: a, labels: {any: b}, annotations: {any: b}, managedFields: [{any: 1}], ownerReferences: [{uid: u}]}
spec:
  type: Scala
  suspend: false
  sparkConf: {any.key: b}
  volumes: [{name: a, ephemeral: {volumeClaimTemplate: {metadata: {labels: {any: b}}, spec: {storageClassName: c}}}}]
  driver:
    template: {any: {thing: 1}}
    envSecretKeyRefs: {ANY: {name: a, key: b}}
    sidecars: [{name: a, resources: {limits: {any: 1}}, env: [{name: a, valueFrom: {fieldRef: {fieldPath: b}}}]}]
  executor:
    affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: []}]}}}
status: {any: {thing: 1}}
"""


def found(spec: str, kind: str = "SparkApplication", version: OperatorVersion = NEWEST) -> dict[str, tuple[str, ...]]:
    """The path of each unknown field of a `spec` in YAML, with the paths of what may be meant."""
    return {one.path: one.meant for one in unknown({"spec": yaml.safe_load(spec)}, kind, version)}


def test_known_fields_and_free_keys_are_not_named() -> None:
    assert list(unknown(yaml.safe_load(KNOWN), "SparkApplication", NEWEST)) == []


@pytest.mark.parametrize(
    ("spec", "path", "meant"),
    [
        ("{Driver: {}}", "spec.Driver", ["spec.driver"]),
        ("{driver: {nodeselector: {}}}", "spec.driver.nodeselector", ["spec.driver.nodeSelector"]),
        ("{driver: {node_selector: {}}}", "spec.driver.node_selector", ["spec.driver.nodeSelector"]),
        ("{executor: {toleration: []}}", "spec.executor.toleration", ["spec.executor.tolerations"]),
        ("{driver: {serviceAccountName: a}}", "spec.driver.serviceAccountName", ["spec.driver.serviceAccount"]),
        ("{volumes: [{}, {hostpath: {}}]}", "spec.volumes[1].hostpath", ["spec.volumes[1].hostPath"]),
        ("{volumes: [{hostPath: {Path: a}}]}", "spec.volumes[0].hostPath.Path", ["spec.volumes[0].hostPath.path"]),
        (
            "{driver: {envSecretKeyRefs: {A.B: {Key: a}}}}",
            'spec.driver.envSecretKeyRefs["A.B"].Key',
            ['spec.driver.envSecretKeyRefs["A.B"].key'],
        ),
    ],
)
def test_a_misspelt_field_names_the_field_that_is_meant(spec: str, path: str, meant: list[str]) -> None:
    assert found(spec) == {path: tuple(meant)}


@pytest.mark.parametrize(
    ("spec", "path", "meant"),
    [
        ("{tolerations: []}", "spec.tolerations", ["spec.driver.tolerations", "spec.executor.tolerations"]),
        ("{toleration: []}", "spec.toleration", ["spec.driver.tolerations", "spec.executor.tolerations"]),
        ("{memory: 1g}", "spec.memory", ["spec.driver.memory", "spec.executor.memory"]),
        ("{driver: {volumes: []}}", "spec.driver.volumes", ["spec.volumes"]),
        ("{driver: {instances: 1}}", "spec.driver.instances", ["spec.executor.instances"]),
        ("{driver: {jars: []}}", "spec.driver.jars", ["spec.deps.jars"]),
    ],
)
def test_a_field_in_the_wrong_place_names_the_nearest_places(spec: str, path: str, meant: list[str]) -> None:
    assert found(spec) == {path: tuple(meant)}


@pytest.mark.parametrize("field", ["resources", "replicas", "args", "spec", "xyz"])
def test_a_field_that_fits_nowhere_names_no_other(field: str) -> None:
    """A driver's `resources` are not those of the batch scheduler or of a sidecar."""
    assert found(f"{{driver: {{{field}: 1}}}}") == {f"spec.driver.{field}": ()}


def test_fields_of_the_root_and_of_the_metadata_are_named() -> None:
    document = {"driver": {}, "metadata": {"label": {}, "name": "a"}, "spec": {}}
    assert list(unknown(document, "SparkApplication", NEWEST)) == [
        UnknownField("driver", ("spec.driver",)),
        UnknownField("metadata.label", ("metadata.labels",)),
    ]


def test_an_application_without_its_template_is_told_where_the_template_is() -> None:
    assert found("{schedule: '@daily', mode: cluster, template: {schedule: a}}", "ScheduledSparkApplication") == {
        "spec.mode": ("spec.template.mode",),
        "spec.template.schedule": ("spec.schedule",),
    }


def test_each_kind_has_its_own_fields() -> None:
    spec = "{server: {template: {any: 1}, service: {spec: {ports: [{Port: 1}]}}}, mode: cluster}"
    assert found(spec, "SparkConnect") == {
        "spec.server.service.spec.ports[0].Port": ("spec.server.service.spec.ports[0].port",),
        "spec.mode": (),
    }


@pytest.mark.parametrize(
    ("kind", "spec", "first"),
    [
        ("SparkApplication", "{suspend: true}", "2.4.0"),
        ("SparkApplication", "{executor: {memoryLimit: 1g}}", "2.2.0"),
        ("SparkApplication", "{driver: {securityContext: {appArmorProfile: {}}}}", "2.1.1"),
        ("ScheduledSparkApplication", "{timeZone: UTC}", "2.2.0"),
        ("SparkConnect", "{server: {service: {}}}", "2.4.0"),
    ],
)
def test_a_field_of_a_later_release_names_that_release(kind: str, spec: str, first: str) -> None:
    document = {"spec": yaml.safe_load(spec)}
    since = release(first)
    before = [version for version in OPERATORS if version < since and (kind != "SparkConnect" or version >= (2, 3))]
    assert before
    for version in before:
        assert [(one.since, one.meant) for one in unknown(document, kind, version)] == [(since, ())]
    for version in set(OPERATORS) - set(before):
        assert list(unknown(document, kind, version)) == []


def test_a_kind_that_a_release_does_not_have_has_no_unknown_fields() -> None:
    assert found("{any: 1}", "SparkConnect", release("2.2.1")) == {}
    assert found("{any: 1}", "SparkConnect", release("2.3.0")) == {"spec.any": ()}
    assert found("{any: 1}", "Pod") == {}


def test_a_release_that_is_not_in_the_table_has_the_fields_of_the_one_before() -> None:
    assert found("{suspend: true}", version=release("2.3.9")) == {"spec.suspend": ()}
    assert found("{suspend: true, any: 1}", version=release("9.0.0")) == {"spec.any": ()}


def test_the_notes_are_sentences() -> None:
    document = {"spec": yaml.safe_load("{tolerations: [], suspend: true, xyz: 1}")}
    assert notes(document, "SparkApplication", release("2.3.0")) == [
        "spec.tolerations is no field of a SparkApplication, so it has no effect; "
        "known: spec.driver.tolerations, spec.executor.tolerations",
        "spec.suspend is no field of a SparkApplication before release 2.4.0 of the operator, so it has no effect",
        "spec.xyz is no field of a SparkApplication, so it has no effect",
    ]


def test_many_unknown_fields_are_counted() -> None:
    for number, last in (
        (8, "spec.k7 is no field of a SparkApplication, so it has no effect"),
        (9, "one more field is unknown, and has no effect"),
        (10_008, "10,000 more fields are unknown, and have no effect"),
    ):
        document = {"spec": {f"k{key}": 1 for key in range(number)}}
        sentences = notes(document, "SparkApplication", NEWEST)
        assert (len(sentences), sentences[-1]) == (min(number, 9), last)


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (None, []),
        ([], []),
        ({"spec": []}, []),
        ({"spec": {"driver": "a", "volumes": {"a": {"b": 1}}, "executor": None, "sparkConf": 1}}, []),
        ({"spec": {"volumes": [None, 1, [{"a": 1}]], "driver": {"envSecretKeyRefs": [1]}}}, []),
        ({"spec": {"a.b": 1, "a\nb": 1, 'a"b': 1, "": 1}}, ['spec["a.b"]', 'spec["a?b"]', 'spec["a\\"b"]', 'spec[""]']),
        ({1: 1, None: 1}, ['["a key of the type int"]', '["a key of the type NoneType"]']),
        ({"spec": {"x" * 1_000_000: 1}}, ['spec["' + "x" * 63 + '…"]']),
        ({"spec": {10**5000: 1}}, ['spec["a key of the type int"]']),
    ],
)
def test_hostile_documents_give_bounded_paths(document: Any, paths: list[str]) -> None:
    assert [one.path for one in unknown(document, "SparkApplication", NEWEST)] == paths


def test_deep_nesting_is_looked_into_only_as_far_as_fields_are_known() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"driver": deep, "spec": [deep]}
    assert found_paths({"spec": deep}) == ["spec.driver.driver", "spec.driver.spec", "spec.spec"]


def found_paths(document: Any) -> list[str]:
    return sorted(one.path for one in unknown(document, "SparkApplication", NEWEST))
