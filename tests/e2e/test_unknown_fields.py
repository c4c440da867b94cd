"""A real API server drops exactly those fields that are named as unknown."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.operator_definitions import RELEASES, collection, defined, document, fields, served
from tools.crd_fields import Branch, tree
from webhook.spark.field_table import split
from webhook.spark.unknown_fields import unknown
from webhook.spark.versions import OPERATORS

pytestmark = pytest.mark.needs("control-plane")

NEWEST = OPERATORS[-1]
KINDS = RELEASES[NEWEST]
ACCEPTED: dict[str, Any] = {
    "": {"any": {"thing": 1}},
    "object": {"any": {"thing": 1}},
    "boolean": True,
    "string": "a",
    "int32": 2000,
    "int64": 1,
    "int-or-string": "a",
    "quantity": "1Gi",
}


@pytest.fixture(scope="module", autouse=True)
def kinds(control_plane: ControlPlane) -> Iterator[None]:
    """The kinds of the newest release, served by the API server."""
    with served(control_plane, NEWEST):
        yield


def drawn(branch: Branch, chance: random.Random) -> Any:
    """An accepted value with some of the known fields, some unknown ones, and free keys."""
    base, many = split(branch.entry.type)
    if many:
        one = branch._replace(entry=type(branch.entry)(base, enum=branch.entry.enum))
        inner = [drawn(one, chance) for _ in range(chance.randint(0, 1 if branch.entry.keys else 2))]
        return inner if many == "[]" else {f"key-{number}": one for number, one in enumerate(inner)}
    if branch.fields is None:
        return chance.choice(branch.entry.enum) if branch.entry.enum else ACCEPTED[base]
    names = [name for name, one in branch.fields.items() if one.entry.required or chance.random() < 0.5]
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
    for _ in range(40):
        metadata = {"name": "a", "label": {}}
        spec = drawn(fields(kind, NEWEST)["spec"], chance)
        sent = document(kind, NEWEST, spec, metadata=metadata, Spec={}, tolerations=[])
        stored = control_plane.create(f"{collection(kind, NEWEST)}?dryRun=All", sent)
        found = [re.sub(r'\["([^"]*)"\]', r".\1", one.path) for one in unknown(sent, kind, NEWEST)]
        assert sorted(found) == sorted(dropped(sent, stored))
        deep += sum("." in path.removeprefix("spec.") for path in found)
    # Each document has one unknown field in its metadata. The others are inside the spec.
    assert deep > 50


@pytest.mark.parametrize("kind", KINDS)
def test_the_tool_reads_from_a_definition_what_is_in_the_table(kind: str) -> None:
    assert tree([defined(kind, NEWEST)])[kind] == KINDS[kind]
