"""The table of fields that the tool makes from CustomResourceDefinitions, and the table of the project."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.live_service import ROOT
from tools.crd_fields import merged, releases, text, tree, update
from webhook.spark import manifest
from webhook.spark.field_table import FILE, Table, known, release, table
from webhook.spark.versions import OPERATORS

TEXT = {"type": "string"}


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
    objects = msgspec.to_builtins(merged(found).objects)
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
        )
    )
    assert found == {
        "Job.spec": {
            "either": {},
            "free": {},
            "inner": {"type": "Job.spec.inner"},
            "labels": {},
            "many": {"type": "Job.spec.many[]"},
            "named": {"type": "Job.spec.named{}"},
            "nested": {},
            "text": {},
            "texts": {},
        },
        "Job.spec.inner": {"a": {}, "empty": {"type": "Job.spec.inner.empty"}},
        "Job.spec.inner.empty": {},
        "Job.spec.many": {"b": {}},
        "Job.spec.named": {"c": {}},
    }


def test_metadata_is_known_and_the_status_is_not_looked_into() -> None:
    made = merged({release("1.0.0"): tree([definition("Job")])})
    root = {
        "apiVersion": {},
        "kind": {},
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
        "A.spec.items": {"x": {}},
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
            "always": {},
            "gone": {"until": "1.0.0"},
            "new": {"type": "Job.spec.new", "since": "1.1.0"},
            "short": {"since": "1.1.0", "until": "1.1.0"},
            "typed": {"type": "Job.spec.typed"},
        },
        "Job.spec.new": {"a": {}},
        "Job.spec.typed": {"a": {}, "b": {"since": "1.1.0"}},
    }


def test_keys_that_are_free_in_one_release_are_free_in_the_table() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert entries(definition("Job", a=free), v1_1_0=definition("Job", a=an_object(b=TEXT))) == {"Job.spec": {"a": {}}}


def test_a_field_that_comes_back_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Job\.spec\.a is gone in one release and back in a later one$"):
        entries(definition("Job", a=TEXT), v1_1_0=definition("Job"), v1_2_0=definition("Job", a=an_object(b=TEXT)))


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
    assert found["objects"]["Job.spec"]["b"] == {"since": "2.10.0"}


def test_a_folder_without_definitions_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.crd_fields", "2.5.2", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{tmp_path}: contains no file that ends in .yaml\n")


def test_the_table_of_the_project_is_what_the_tool_writes() -> None:
    written = msgspec.json.decode(FILE.read_bytes(), type=Table)
    assert text(merged(releases(written))) == FILE.read_text(encoding="utf-8")


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
