"""CustomResourceDefinitions made from the project's table, so that an API server judges how documents are walked.

They have what the table says of the fields. Whether it says what the operator's own definitions say, they cannot judge.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import definition, served_by
from tools.crd_fields import QUANTITY, Branch, Tree, releases
from webhook.spark import applications
from webhook.spark.apache import schema as apache
from webhook.spark.field_table import Entry, split, table
from webhook.spark.versions import OPERATORS, OperatorVersion

VERSION = "v1"
RELEASES = releases(table())
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
_INTEGER_OR_STRING = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
_TYPES: dict[str, dict[str, Any]] = {
    "": _ANYTHING,
    "object": {"type": "object", **_ANYTHING},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "int-or-string": _INTEGER_OR_STRING,
    "quantity": {"pattern": QUANTITY, **_INTEGER_OR_STRING},
}
_RULES = {"minimum": "minimum", "maximum": "maximum", "shortest": "minLength", "longest": "maxLength"}


def group(version: OperatorVersion) -> str:
    """The API group of a release's kinds."""
    return f"operator-{version}.example.com".replace(".", "-", 2)


def collection(kind: str, version: OperatorVersion) -> str:
    """The path to which objects of a kind are sent."""
    return f"/apis/{group(version)}/{VERSION}/namespaces/default/{kind.lower()}s"


def fields(kind: str, version: OperatorVersion) -> Tree:
    """The fields of a kind."""
    found = RELEASES[version][kind].fields
    assert found is not None
    return found


def schema(branch: Branch) -> dict[str, Any]:
    """A structural schema for the value of a field."""
    base, many = split(branch.entry.type)
    found = (
        _object(branch.fields) if branch.fields is not None else _TYPES.get(base, {"type": base}) | _rules(branch.entry)
    )
    while many:
        many, last = many[:-2], many[-2:]
        found = {"type": "array", "items": found} if last == "[]" else {"type": "object", "additionalProperties": found}
    if keys := branch.entry.keys:
        found |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    return found


def _object(inner: Tree) -> dict[str, Any]:
    required = [name for name, one in inner.items() if one.entry.required]
    properties = {name: schema(one) for name, one in inner.items()}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _rules(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"enum": list(entry.enum)} if entry.enum else {}
    found |= {word: value for name, word in _RULES.items() if (value := getattr(entry, name)) not in (None, 0)}
    if entry.minimum == 0:
        found["minimum"] = 0
    if entry.pattern:
        found["pattern"] = entry.pattern
    if entry.default is not None:
        found["default"] = entry.default
    return found


def defined(kind: str, version: OperatorVersion) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind, in a group of this release."""
    return _defined(f"{group(version)}/{VERSION}", kind, fields(kind, version))


def _defined(group_version: str, kind: str, root: Tree) -> dict[str, Any]:
    name, version = group_version.split("/")
    made = definition(name, version, kind, schema(root["spec"]))
    whole = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    text = {"type": "string"}
    whole["properties"].update(apiVersion=text, kind=text, metadata={"type": "object"}, status=_ANYTHING)
    whole["required"] = ["spec"]
    return made


def of_operators() -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions of both operators' newest releases, in their own groups and versions."""
    for kind, version in applications.VERSIONS.items():
        made = _defined(version, kind, fields(kind, OPERATORS[-1]))
        # Kubernetes protects this group, so the operator's own definitions have this annotation too.
        approved = {"api-approved.kubernetes.io": "https://github.com/kubeflow/spark-operator/pull/1298"}
        yield made | {"metadata": made["metadata"] | {"annotations": approved}}
    (kinds,) = releases(table(apache.FILE)).values()
    for kind in ("SparkApplication", "SparkCluster"):
        made, *others = [
            _defined(version, kind, kinds[f"{kind} of {version.rpartition('/')[2]}"].fields or {})
            for version in apache.VERSIONS
        ]
        made["spec"]["versions"] += [one | {"storage": False} for other in others for one in other["spec"]["versions"]]
        yield made


def serve(control_plane: ControlPlane, definitions: Iterable[dict[str, Any]]) -> None:
    """Creates CustomResourceDefinitions, and returns once the API server serves every kind."""
    made = [control_plane.create(_DEFINITIONS, sendable(control_plane, one))["spec"] for one in definitions]
    for one in made:
        for version in one["versions"]:
            wait_for(partial(control_plane.serves, f"{one['group']}/{version['name']}", one["names"]["kind"]))


def sendable(control_plane: ControlPlane, made: dict[str, Any]) -> dict[str, Any]:
    """A definition as the API server accepts it."""
    return made if control_plane.version.accepts_empty_strings else dict(_without_empty_defaults(made))


def document(kind: str, version: OperatorVersion, spec: Any, **other: Any) -> dict[str, Any]:
    """An object of a kind."""
    head = {"apiVersion": f"{group(version)}/{VERSION}", "kind": kind, "metadata": {"name": "a"}}
    return head | {"spec": spec} | other


def _without_empty_defaults(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_empty_defaults(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: one for key, one in schema.items() if not (key == "default" and one == "")}
    return {key: _without_empty_defaults(one) for key, one in kept.items()}


@contextmanager
def served(control_plane: ControlPlane, version: OperatorVersion) -> Iterator[None]:
    """The API server serves the kinds of a release for the block."""
    with served_by(control_plane, [sendable(control_plane, defined(kind, version)) for kind in RELEASES[version]]):
        yield
