"""The table of fields that the tool makes from CustomResourceDefinitions, and the table of the project."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.live_service import ROOT
from tools.crd_fields import QUANTITY, merged, releases, text, tree, update, update_apache
from webhook.spark import manifest
from webhook.spark.apache import resources, schema
from webhook.spark.field_table import FILE, Table, known, release, table
from webhook.spark.versions import OPERATORS

TEXT = {"type": "string"}
#: What the table has of it.
STRING = {"type": "string"}


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def definition(kind: str, **spec: Any) -> dict[str, Any]:
    """A CustomResourceDefinition with an older version that is not stored."""
    root = an_object(
        apiVersion=TEXT, kind=TEXT, metadata={"type": "object"}, spec=an_object(**spec), status=an_object(a=TEXT)
    )
    schemas = {"v1": an_object(spec=an_object(old=TEXT)), "v2": root}
    versions = [
        {"name": name, "storage": name == "v2", "schema": {"openAPIV3Schema": schema}}
        for name, schema in schemas.items()
    ]
    return {"spec": {"names": {"kind": kind}, "versions": versions}}


def entries(*definitions: dict[str, Any], **later: dict[str, Any]) -> dict[str, Any]:
    """The table's objects but ObjectMeta and the root: of release 1.0.0, and of later ones such as `v1_1_0`."""
    found = {release("1.0.0"): tree(definitions)}
    found |= {release(name[1:].replace("_", ".")): tree([one]) for name, one in later.items()}
    objects = msgspec.json.decode(msgspec.json.encode(merged(found).objects))
    return {name: fields for name, fields in objects.items() if ".spec" in name}


def test_every_kind_of_schema_is_read() -> None:
    found = entries(
        definition(
            "Job",
            text=TEXT,
            inner=an_object(a=TEXT, empty=an_object()),
            texts={"type": "array", "items": TEXT},
            many={"type": "array", "items": an_object(b=TEXT)},
            labels={"type": "object", "additionalProperties": TEXT},
            named={"type": "object", "additionalProperties": an_object(c=TEXT)},
            free={"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"d": TEXT}},
            either={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, TEXT]},
            nested={"type": "array", "items": {"type": "array", "items": an_object(e=TEXT)}},
            number={"type": "number"},
            int64={"type": "integer", "format": "int64"},
            bare={"type": "integer"},
            bounded={"type": "integer", "format": "int32", "minimum": 0, "maximum": 9},
            listed={"type": "array", "items": {"type": "string", "enum": ["a", "b"], "default": "a"}},
            sized={"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a", "default": "a"},
            quantity={"x-kubernetes-int-or-string": True, "pattern": QUANTITY},
            keyed={
                "type": "array",
                "items": an_object(b=TEXT, f=TEXT) | {"required": ["f"]},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["b"],
            },
        )
    )
    assert found == {
        "Job.spec": {
            "bare": {"type": "integer"},
            "bounded": {"type": "int32", "minimum": 0, "maximum": 9},
            "either": {"type": "int-or-string"},
            "free": {"type": "object"},
            "inner": {"type": "Job.spec.inner"},
            "int64": {"type": "int64"},
            "keyed": {"type": "Job.spec.keyed[]", "keys": ["b"]},
            "labels": {"type": "string{}"},
            "listed": {"type": "string[]", "enum": ["a", "b"]},
            "many": {"type": "Job.spec.many[]"},
            "named": {"type": "Job.spec.named{}"},
            "nested": {"type": "Job.spec.nested[][]"},
            "number": {"type": "number"},
            "quantity": {"type": "quantity"},
            "sized": {"type": "string", "default": "a", "shortest": 1, "longest": 9, "pattern": "^a"},
            "text": STRING,
            "texts": {"type": "string[]"},
        },
        "Job.spec.inner": {"a": STRING, "empty": {"type": "Job.spec.inner.empty"}},
        "Job.spec.inner.empty": {},
        "Job.spec.keyed": {"b": STRING, "f": {"type": "string", "required": True}},
        "Job.spec.many": {"b": STRING},
        "Job.spec.named": {"c": STRING},
        "Job.spec.nested": {"e": STRING},
    }


def test_metadata_is_known_and_the_status_is_not_looked_into() -> None:
    made = merged({release("1.0.0"): tree([definition("Job")])})
    root = {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": {"type": "Job.metadata"},
        "spec": {"type": "Job.spec"},
        "status": {},
    }
    assert msgspec.to_builtins(made.objects["Job"]) == root
    assert {"name", "labels", "ownerReferences", "managedFields"} < made.objects["Job.metadata"].keys()


def test_equal_objects_are_stored_once_under_the_shortest_path() -> None:
    same = an_object(x=TEXT)
    found = entries(
        definition("A", deep=an_object(one=same), items={"type": "array", "items": same}), definition("B", two=same)
    )
    assert found == {
        "A.spec": {"deep": {"type": "A.spec.deep"}, "items": {"type": "A.spec.items[]"}},
        "A.spec.deep": {"one": {"type": "A.spec.items"}},
        "A.spec.items": {"x": STRING},
        "B.spec": {"two": {"type": "A.spec.items"}},
    }


def test_a_field_names_the_releases_that_have_it() -> None:
    found = entries(
        definition("Job", always=TEXT, gone=TEXT, typed=an_object(a=TEXT)),
        v1_1_0=definition("Job", always=TEXT, new=an_object(a=TEXT), short=TEXT, typed=an_object(a=TEXT, b=TEXT)),
        v1_2_0=definition("Job", always=TEXT, new=an_object(a=TEXT), typed=an_object(a=TEXT, b=TEXT)),
    )
    assert found == {
        "Job.spec": {
            "always": STRING,
            "gone": {"type": "string", "until": "1.0.0"},
            "new": {"type": "Job.spec.new", "since": "1.1.0"},
            "short": {"type": "string", "since": "1.1.0", "until": "1.1.0"},
            "typed": {"type": "Job.spec.typed"},
        },
        "Job.spec.new": {"a": STRING},
        "Job.spec.typed": {"a": STRING, "b": {"type": "string", "since": "1.1.0"}},
    }


def test_a_field_that_changes_has_an_entry_for_each_form() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    changes = (
        definition("Job", a=an_object(b=TEXT), c=TEXT),
        definition("Job", a=free),
        definition("Job", a=free, c=TEXT),
    )
    first, second, third = changes
    found = entries(first, v1_1_0=second, v1_2_0=third)
    assert found == {
        "Job.spec": {
            "a": [{"type": "Job.spec.a", "until": "1.0.0"}, {"type": "object", "since": "1.1.0"}],
            "c": [{"type": "string", "until": "1.0.0"}, {"type": "string", "since": "1.2.0"}],
        },
        "Job.spec.a": {"b": STRING},
    }


def test_the_table_gives_back_what_each_release_has() -> None:
    rule = {"type": "integer", "minimum": 1}
    made = {
        release("1.0.0"): tree([definition("Job", a=an_object(b=TEXT, c=rule), d=TEXT)]),
        release("1.1.0"): tree([definition("Job", a=an_object(b=TEXT, c=TEXT)), definition("Other", d=TEXT)]),
        release("1.2.0"): tree([definition("Job", a=an_object(b=TEXT, c=rule) | {"required": ["b"]}, d=TEXT)]),
    }
    assert releases(merged(made)) == made


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "string", "x-kubernetes-validations": []}, "x-kubernetes-validations"),
        ({"type": "object", "properties": {"b": {"oneOf": []}}}, "oneOf"),
        ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, "x-kubernetes-list-type: set"),
    ],
)
def test_a_rule_that_nothing_checks_is_refused(schema: dict[str, Any], named: str) -> None:
    place = "Job.spec.a.b" if "properties" in schema else "Job.spec.a"
    with pytest.raises(ValueError, match=rf"^{re.escape(f'{place}: unknown keywords: {named}')}$"):
        tree([definition("Job", a=schema)])


def test_the_order_of_updates_does_not_matter(tmp_path: Path) -> None:
    made = {
        "2.9.0": definition("Job", a=TEXT, both=an_object(x=TEXT)),
        "2.10.0": definition("Job", b=TEXT, both=an_object(x=TEXT, y=TEXT)),
    }
    for version, one in made.items():
        (tmp_path / version).mkdir()
        (tmp_path / version / "job.yaml").write_text(yaml.safe_dump(one))
    for order in ("2.9.0", "2.10.0"), ("2.10.0", "2.9.0"), ("2.9.0", "2.10.0", "2.9.0"):
        file = tmp_path / "-".join(order)
        for version in order:
            update(file, release(version), tmp_path / version)
    assert len({file.read_text() for file in tmp_path.iterdir() if file.is_file()}) == 1
    found = json.loads((tmp_path / "2.9.0-2.10.0").read_text())
    assert found["releases"] == ["2.9.0", "2.10.0"]
    assert found["objects"]["Job.spec"]["b"] == {"type": "string", "since": "2.10.0"}


def test_a_folder_without_definitions_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.crd_fields", "2.5.2", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{tmp_path}: contains no file that ends in .yaml\n")


@pytest.mark.parametrize("file", [FILE, schema.FILE])
def test_the_table_of_the_project_is_what_the_tool_writes(file: Path) -> None:
    written = msgspec.json.decode(file.read_bytes(), type=Table)
    assert text(merged(releases(written))) == file.read_text(encoding="utf-8")


def test_each_served_version_of_apaches_operator_is_a_kind(tmp_path: Path) -> None:
    one = definition("Job", new=TEXT)
    for version in one["spec"]["versions"]:
        version["served"] = True
    one["spec"]["versions"].append({"name": "v0", "served": False, "storage": False})
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(one))
    file = tmp_path / "table.json"
    update_apache(file, release("1.0.0"), tmp_path)
    found = json.loads(file.read_text())
    assert list(found["kinds"]) == ["Job of v1", "Job of v2"]
    assert [list(found["objects"][f"Job of {version}.spec"]) for version in ("v1", "v2")] == [["old"], ["new"]]
    # The definition of v1 leaves these out.
    assert {"apiVersion", "kind", "metadata"} < set(found["objects"]["Job of v1"])


def test_the_table_of_the_project_has_every_known_release() -> None:
    assert [release(one) for one in table().releases] == list(OPERATORS)


@pytest.mark.parametrize(
    ("view", "names"),
    [
        (manifest.ApplicationSpec, ["SparkApplication.spec"]),
        (manifest.ScheduledSpec, ["ScheduledSparkApplication.spec"]),
        (manifest.ConnectSpec, ["SparkConnect.spec"]),
        (manifest.DynamicAllocation, ["SparkApplication.spec.dynamicAllocation"]),
        (manifest.Dependencies, ["SparkApplication.spec.deps"]),
        (manifest.PodPart, ["SparkApplication.spec.driver", "SparkApplication.spec.executor"]),
    ],
)
def test_the_views_from_which_pods_are_derived_read_fields_that_the_table_has(
    view: type[msgspec.Struct], names: list[str]
) -> None:
    newest = known(OPERATORS[-1])
    read = {field.encode_name for field in msgspec.structs.fields(view)}
    assert read <= {field for name in names for field in newest[name]}


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (resources.AppSpec, "SparkApplication of v1.spec"),
        (resources.RoleSpec, "SparkApplication of v1.spec.driverSpec"),
        (resources.ClusterSpec, "SparkCluster of v1.spec"),
        (resources.Workers, "SparkCluster of v1.spec.clusterTolerations.instanceConfig"),
        (resources.SetSpec, "SparkCluster of v1.spec.masterSpec.statefulSetSpec"),
    ],
)
def test_so_do_those_of_apaches_operator(view: type[msgspec.Struct], name: str) -> None:
    fields = known(release("1.0.0"), schema.FILE)[name]
    assert {field.encode_name for field in msgspec.structs.fields(view)} <= set(fields)
