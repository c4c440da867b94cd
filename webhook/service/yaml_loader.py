"""YAML, read with limits: only values that JSON has, no duplicate keys, and no growth through aliases."""

from collections.abc import Hashable
from typing import Any, Final

import yaml

from webhook.core.text import cut, one_line

#: The deepest nesting, through aliases too. libyaml recurses on the C stack: far deeper nesting crashes the process.
MAX_DEPTH: Final = 100
#: The most nodes of a document. An alias counts as often as it is used, because nested aliases grow exponentially.
MAX_NODES: Final = 2_000_000
#: The most characters of a number: Python refuses to print a number of some thousand digits.
MAX_DIGITS: Final = 100

_TAG: Final = "tag:yaml.org,2002:"
#: The tags of JSON's types. YAML has others, such as !!binary and !!set.
_ACCEPTED: Final = ("str", "int", "float", "bool", "null", "seq", "map")


class YAMLFaultError(ValueError):
    """The text cannot be read; the message says where and why."""


def documents(text: bytes) -> list[Any]:
    """The documents in `text` (UTF-8), with the types of JSON; dates stay strings. Raises YAMLFaultError."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _fault(f"nested deeper than {MAX_DEPTH}", event)
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise YAMLFaultError(f"{place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YAMLFaultError("not YAML: " + " ".join(str(error).split())) from None


class _Loader(yaml.CSafeLoader):
    """The safe loader of libyaml, which also refuses tags that JSON lacks, duplicate keys and huge aliases."""

    def construct_document(self, node: yaml.Node) -> Any:
        size, depth = _extent(node, {})
        if size > MAX_NODES:
            raise _fault(f"its aliases expand to more than {MAX_NODES} nodes", node)
        if depth > MAX_DEPTH:
            raise _fault(f"its aliases nest deeper than {MAX_DEPTH}", node)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key_node, _ in node.value if node.id == "mapping" else ():
            if key_node.tag == f"{_TAG}merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _fault("a key that is not a string: put it in quotes", key_node)
            if key in seen:
                raise _fault(f'duplicate key "{key}"', key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_scalar_value(self, node: yaml.ScalarNode) -> object:
        """The number or boolean of `node`. Python's conversions raise several kinds of errors; here they are one."""
        kind = node.tag.removeprefix(_TAG)
        if len(node.value) > MAX_DIGITS:
            raise _fault(f"found !!{kind} of {len(node.value)} characters; accepted: at most {MAX_DIGITS}", node)
        try:
            return yaml.CSafeLoader.yaml_constructors[node.tag](self, node)
        except (ValueError, LookupError):
            raise _fault(f'found "{one_line(node.value)}"; accepted: a value of type !!{kind}', node) from None

    def refuse(self, node: yaml.Node) -> object:
        """Raises the error for a tag that is not accepted."""
        tag = one_line(cut(node.tag.replace(_TAG, "!!"), MAX_DIGITS))
        raise _fault(f"found the tag {tag}; accepted: {', '.join(f'!!{name}' for name in _ACCEPTED)}", node)


_Loader.yaml_constructors = {f"{_TAG}{name}": _Loader.yaml_constructors[f"{_TAG}{name}"] for name in _ACCEPTED}
_Loader.yaml_constructors |= {f"{_TAG}{name}": _Loader.construct_scalar_value for name in ("int", "float", "bool")}
_Loader.yaml_constructors[None] = _Loader.refuse
# Kubernetes has no dates, so text that looks like a date stays a string. So does a single =.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (f"{_TAG}timestamp", f"{_TAG}value")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _fault(problem: str, where: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, where.start_mark)  # type: ignore[arg-type]


def _extent(node: yaml.Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many nodes `node` expands to, and how deep they nest. A node that contains itself counts as too many.

    An alias comes after its anchor, whose extent is then in `known`. So the recursion is no deeper than the text.
    """
    if id(node) not in known:
        known[id(node)] = MAX_NODES + 1, 0
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        extents = [_extent(child, known) for child in children]
        depth = max((depth for _, depth in extents), default=0) + isinstance(node, yaml.CollectionNode)
        known[id(node)] = 1 + sum(size for size, _ in extents), depth
    return known[id(node)]
