"""Where the values of a YAML text stand, by the marks of libyaml's events.

libyaml counts lines and columns from 0, and columns in characters. A block collection ends for it at the next token, so
here it ends with its last scalar.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Position = tuple[int, int]
_MERGE: Final = "<<"


@dataclass(slots=True)
class Node:
    """A value, and where it stands."""

    start: Position
    """Line and column of its first character, of its tag if it has one."""
    end: Position
    """Line and column behind its last character. A block scalar ends with the lines that are empty behind it."""
    anchor: bool = False
    alias: bool = False
    flow: bool = False
    """Whether it is a collection in flow style."""
    block_scalar: bool = False
    """Whether it is, or ends with, a scalar in block style."""
    tagged: bool = False
    entries: "dict[str, tuple[Node, Node]] | None" = None
    """If it is a mapping: its keys, and the nodes of each key and its value. Keys that are aliases are left out."""
    items: "list[Node] | None" = None
    """If it is a sequence: its items."""
    merges: bool = False
    """Whether it is a mapping with a merge key."""
    parts: "list[Node]" = field(default_factory=list)
    """The nodes in it, keys too, in the order of the text."""

    def walk(self) -> "Iterator[Node]":
        """Yields this node, and all nodes in it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a text."""

    line: int
    """The line on which it begins: of its directives, of `---`, or of its value."""
    root: Node


def trees(content: bytes) -> list[Document]:
    """The documents in `content`, which the project's loader has read without a fault."""
    events: Iterator[Any] = yaml.parse(content, Loader=yaml.CSafeLoader)
    found = []
    for event in events:
        if type(event) is yaml.DocumentStartEvent:
            mark: Any = event.start_mark
            found.append(Document(mark.line, _node(next(events), events)))
    return found


def _node(event: Any, events: Iterator[Any]) -> Node:
    """The node that begins with `event`."""
    start, end = event.start_mark, event.end_mark
    node = Node((start.line, start.column), (end.line, end.column))
    if type(event) is yaml.AliasEvent:
        node.alias = True
        return node
    node.anchor, node.tagged = event.anchor is not None, event.tag is not None
    if type(event) is yaml.ScalarEvent:
        node.block_scalar = event.style in ("|", ">")
        return node
    node.flow = event.flow_style
    last = (_items if type(event) is yaml.SequenceStartEvent else _entries)(node, events)
    if node.flow:
        node.end = last.end_mark.line, last.end_mark.column
    elif node.parts:
        node.end, node.block_scalar = node.parts[-1].end, node.parts[-1].block_scalar
    return node


def _items(node: Node, events: Iterator[Any]) -> Any:
    node.items = node.parts
    while type(event := next(events)) is not yaml.SequenceEndEvent:
        node.parts.append(_node(event, events))
    return event


def _entries(node: Node, events: Iterator[Any]) -> Any:
    node.entries = {}
    while type(event := next(events)) is not yaml.MappingEndEvent:
        key, value = _node(event, events), _node(next(events), events)
        node.parts += key, value
        if key.alias:
            continue
        if _merges(event):
            node.merges = True
        else:
            node.entries[event.value] = key, value
    return event


def _merges(event: Any) -> bool:
    """Whether the key `event` is a merge key (YAML 1.1: merge key language-independent type)."""
    if event.tag not in (None, "!"):
        return str(event.tag).endswith(":merge")
    return bool(event.implicit[0]) and event.value == _MERGE
