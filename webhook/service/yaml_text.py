"""YAML read safely: no objects, no duplicate or mistaken keys, and bounds on what a small text can grow to."""

from collections.abc import Hashable
from typing import Any, Final

import yaml

#: Depth at which nesting ends: libyaml composes by recursion on the C stack, and crashes the process far deeper.
MAX_DEPTH: Final = 100
#: Nodes of a document, each alias counted as often as it is used, so that nested aliases cannot grow without bound.
MAX_NODES: Final = 2_000_000


class YAMLFaultError(ValueError):
    """The text cannot be read; the message says where and why."""


def documents(text: bytes) -> list[Any]:
    """The documents in `text` (UTF-8), as JSON-like values; dates stay strings. Raises YAMLFaultError."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise YAMLFaultError(f"line {line}: nested deeper than {MAX_DEPTH}")
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise YAMLFaultError(f"{place}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        # A scalar that only looks like a number reaches Python's own conversion, which raises a bare ValueError.
        raise (
            error if isinstance(error, YAMLFaultError) else YAMLFaultError("not YAML: " + " ".join(str(error).split()))
        ) from None


class _Loader(yaml.CSafeLoader):
    """The safe loader on libyaml, which also refuses duplicate keys, keys that are no strings, and runaway aliases."""

    def get_node(self) -> yaml.Node:
        node = super().get_node()
        if node is None:  # pragma: no cover, only asked for where a document is
            raise yaml.YAMLError("no document")
        if _size(node, {}) > MAX_NODES:
            raise _fault("its aliases expand to too much", node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _fault("a key that is not a string: put it in quotes", key_node)
            if key in seen:
                raise _fault(f'the key "{key}" stands here twice', key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)


# No manifest holds a date, so what looks like one is a string.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _fault(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes `node` expands to; a node that holds itself counts as too many."""
    if id(node) not in known:
        known[id(node)] = MAX_NODES + 1
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]
