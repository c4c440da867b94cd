"""The places of the chart's values that its schema knows, and those that a set of values fills."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.chart.manifests import CHART

Node = dict[str, Any]
SCHEMA: Node = json.loads((CHART / "values.schema.json").read_text())


@dataclass(frozen=True)
class Place:
    """A place in a set of values."""

    kind: str
    """The place as the schema knows it, `[]` for any entry of a list and `*` for any name: `policy.profiles.*.driver.mode`."""
    keys: tuple[str | int, ...]
    value: Any
    nodes: tuple[Node, ...]
    """What the schema says of the place: alternatives."""

    @property
    def pointer(self) -> str:
        """The place as the validator of the schema writes it."""
        return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in self.keys)

    @property
    def names(self) -> set[str]:
        """The keys that the schema names there, if it allows no others; empty if it does."""
        closed = [node for node in self.nodes if "properties" in node]
        if not closed or any(node.get("additionalProperties", True) is not False for node in closed):
            return set()
        if any("patternProperties" in node for node in closed):
            return set()
        return {name for node in closed for name in node["properties"]}


def kinds() -> set[str]:
    """Every place that the schema knows which has no place below it."""
    return {kind for kind, leaf in _kinds(SCHEMA, "") if leaf}


def places(values: Any) -> Iterator[Place]:
    """Every place that `values` fill, the root first."""
    return _places(tuple(_alternatives(SCHEMA)), values, "", ())


def _alternatives(node: Node) -> Iterator[Node]:
    """A node without references and conditions: one for each alternative."""
    while "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        node = SCHEMA["$defs"][node["$ref"].removeprefix("#/$defs/")] | rest
    inner = node.get("anyOf") or node.get("oneOf") or ([node["then"]] if "then" in node else [])
    if not inner:
        yield node
    for one in inner:
        yield from _alternatives(one)


def _below(node: Node) -> Iterator[tuple[str, Node]]:
    for name, one in node.get("properties", {}).items():
        yield f".{name}", one
    for one in node.get("patternProperties", {}).values():
        yield ".*", one
    if isinstance(node.get("items"), dict):
        yield "[]", node["items"]


def _kinds(node: Node, kind: str) -> Iterator[tuple[str, bool]]:
    for one in _alternatives(node):
        below = list(_below(one))
        yield kind.removeprefix("."), not below
        for step, inner in below:
            yield from _kinds(inner, kind + step)


def _places(nodes: tuple[Node, ...], value: Any, kind: str, keys: tuple[str | int, ...]) -> Iterator[Place]:
    yield Place(kind.removeprefix("."), keys, value, nodes)
    entries: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    for key, one in entries:
        steps = ("[]",) if isinstance(key, int) else (f".{key}", ".*")
        for step in steps:
            found = [inner for node in nodes for name, inner in _below(node) if name == step]
            if found:
                inner = tuple(one for node in found for one in _alternatives(node))
                yield from _places(inner, one, kind + step, (*keys, key))
                break
