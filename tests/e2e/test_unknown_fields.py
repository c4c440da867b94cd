"""A real API server drops exactly those fields that are named as unknown.

Its definitions are made from the project's table, so it judges how documents are walked, not what the table says.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import definition
from tools.crd_fields import Branch, Tree, releases, tree
from webhook.spark.field_table import table
from webhook.spark.unknown_fields import unknown
from webhook.spark.versions import OPERATORS

pytestmark = pytest.mark.needs("control-plane")

NEWEST = OPERATORS[-1]
GROUP, VERSION = "unknown-fields.example.com", "v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KINDS = releases(table())[NEWEST]


def schema(branch: Branch | None) -> dict[str, Any]:
    """A structural schema for the value of a field."""
    if branch is None:
        return {"x-kubernetes-preserve-unknown-fields": True}
    inner = {"type": "object", "properties": {name: schema(one) for name, one in branch.fields.items()}}
    if branch.many:
        form = {"type": "array", "items": inner} if branch.many == "[]" else {"additionalProperties": inner}
        return {"type": "object", **form}
    return inner


def fields(kind: str) -> Tree:
    """The fields of a kind."""
    root = KINDS[kind]
    assert root is not None
    return root.fields


def defined(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    made = definition(GROUP, VERSION, kind, schema(fields(kind)["spec"]))
    properties = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    text = {"type": "string"}
    properties.update(apiVersion=text, kind=text, metadata={"type": "object"}, status=schema(None))
    return made


@pytest.fixture(scope="module", autouse=True)
def served(control_plane: ControlPlane) -> Iterator[None]:
    """The kinds of the table, served by the API server."""
    with ExitStack() as ends:
        for kind in KINDS:
            name = control_plane.create(DEFINITIONS, defined(kind))["metadata"]["name"]
            ends.callback(control_plane.http.delete, f"{DEFINITIONS}/{name}")
        for kind in KINDS:
            wait_for(partial(control_plane.serves, f"{GROUP}/{VERSION}", kind))
        yield


def drawn(branch: Branch | None, chance: random.Random) -> Any:
    """A value with some of the known fields, some unknown ones, and free keys."""
    if branch is None:
        return chance.choice([1, "a", True, {"any": {"thing": 1}}, ["a", {"any": 1}]])
    if branch.many:
        inner = [drawn(branch._replace(many=""), chance) for _ in range(chance.randint(0, 2))]
        return inner if branch.many == "[]" else {f"key-{number}": one for number, one in enumerate(inner)}
    names = [name for name in branch.fields if chance.random() < 0.5]
    made = {name: drawn(branch.fields[name], chance) for name in names}
    while chance.random() < 0.1:
        misspelt = chance.choice([*branch.fields, "tolerations", "nodeSelector"]) + chance.choice(["s", "_x", "X"])
        if misspelt not in branch.fields:
            made[misspelt] = chance.choice([1, "a", {}, [], {"any": 1}])
    return made


def dropped(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths of what `after` lacks."""
    if isinstance(before, dict):
        for key, value in before.items():
            inner = f"{path}.{key}" if path else key
            if key in after:
                yield from dropped(value, after[key], inner)
            else:
                yield inner
    elif isinstance(before, list):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from dropped(one, other, f"{path}[{index}]")


@pytest.mark.parametrize("kind", KINDS)
def test_the_api_server_drops_exactly_the_fields_that_are_named(control_plane: ControlPlane, kind: str) -> None:
    chance = random.Random(kind)  # noqa: S311
    deep = 0
    for number in range(40):
        metadata = {"name": f"a{number}", "label": {}}
        document: dict[str, Any] = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata}
        document |= {"spec": drawn(fields(kind)["spec"], chance), "Spec": {}, "tolerations": []}
        stored = control_plane.create(
            f"/apis/{GROUP}/{VERSION}/namespaces/default/{kind.lower()}s?dryRun=All", document
        )
        found = sorted(one.path for one in unknown(document, kind, NEWEST))
        assert found == sorted(dropped(document, stored))
        deep += sum("." in path.removeprefix("spec.") for path in found)
    # Each document has one unknown field in its metadata. The others are inside the spec.
    assert deep > 50


@pytest.mark.parametrize("kind", KINDS)
def test_the_tool_reads_from_a_definition_what_is_in_the_table(kind: str) -> None:
    assert tree([defined(kind)])[kind] == KINDS[kind]
