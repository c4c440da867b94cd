"""YAML, read with limits: only values that JSON has, no duplicate keys, and no growth through aliases.

The values are built from libyaml's events. PyYAML's nodes and constructors would take five times as long.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

from webhook.core.text import cut, one_line

#: The deepest nesting, through aliases too. libyaml recurses on the C stack: far deeper nesting crashes the process.
MAX_DEPTH: Final = 100
#: The most nodes of a document. An alias counts as often as it is used, because nested aliases grow exponentially. Each
#: 100 characters of a string count as one more node, because an alias repeats them too.
MAX_NODES: Final = 2_000_000
_CHARACTERS: Final = 100
#: The most characters of a number: Python refuses to print a number of some thousand digits.
MAX_DIGITS: Final = 100

_TAG: Final = "tag:yaml.org,2002:"
#: The tags of JSON's types. YAML has others, such as !!binary and !!set.
_ACCEPTED: Final = ("str", "int", "float", "bool", "null", "seq", "map")
_KINDS: Final = {"seq": "sequence", "map": "mapping"}
_MERGE: Final = "merge"
#: What a text without quotes may mean, by its first character. Kubernetes has no dates, so text that looks like a date
#: stays a string. So does a single =.
_PLAIN: Final = {
    first: [
        (tag.removeprefix(_TAG), pattern.match) for tag, pattern in found if not tag.endswith(("timestamp", "value"))
    ]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_constructor: Final = yaml.constructor.SafeConstructor()
_CONVERSIONS: Final = {
    "int": _constructor.construct_yaml_int,
    "float": _constructor.construct_yaml_float,
    "bool": _constructor.construct_yaml_bool,
}


class YAMLFaultError(ValueError):
    """The text cannot be read; the message says where and why."""


def documents(text: bytes) -> list[Any]:
    """The documents in `text` (UTF-8), with the types of JSON; dates stay strings. Raises YAMLFaultError."""
    return list(stream(text))


def stream(text: bytes, most: int = MAX_NODES, reader: "type[Documents] | None" = None) -> Iterator[Any]:
    """Yields the documents in `text`, each of at most `most` nodes, as `documents` does, or as `reader` reads them."""
    try:
        yield from (reader or Documents)(text, most)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise YAMLFaultError(f"{place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YAMLFaultError("not YAML: " + " ".join(str(error).split())) from None


class _Anchored:
    """The value of an anchor, how many nodes it expands to, and how deep they nest."""

    __slots__ = ("depth", "nodes", "value")

    def __init__(self, value: Any, nodes: int, depth: int) -> None:
        self.value, self.nodes, self.depth = value, nodes, depth


class Documents:
    """The documents of a text, one after the other. Subclasses may read scalars, keys and merged maps in other ways."""

    def __init__(self, text: bytes, most: int) -> None:
        self._next: Callable[[], Any] = yaml.CSafeLoader(text).get_event
        self._most = most
        self._root: Any = None
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._deepest = 0

    def __iter__(self) -> Iterator[Any]:
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._nodes = {}, 0
                self._root = self._next()
                yield self._value(self._root, 0)

    def _value(self, event: Any, depth: int) -> Any:
        """The value that begins with `event`, in as many collections as `depth` says."""
        self._nodes += 1
        if self._nodes > self._most:
            raise self._too_many()
        if type(event) is yaml.AliasEvent:
            return self._alias(event, depth)
        if event.anchor is None:
            return self._plain(event, depth)
        if event.anchor in self._anchors:
            raise fault_at(f'duplicate anchor "{one_line(cut(event.anchor, MAX_DIGITS))}"', event)
        self._anchors[event.anchor] = None
        before, outer = self._nodes, self._deepest
        self._deepest = depth
        value = self._plain(event, depth)
        self._anchors[event.anchor] = _Anchored(value, self._nodes - before, self._deepest - depth)
        self._deepest = max(self._deepest, outer)
        return value

    def _alias(self, event: Any, depth: int) -> Any:
        if event.anchor not in self._anchors:
            raise fault_at("found undefined alias", event)
        found = self._anchors[event.anchor]
        if found is None:
            raise fault_at("found an alias inside its own anchor", event)
        self._nodes += found.nodes
        if self._nodes > self._most:
            raise self._too_many()
        self._deepest = max(self._deepest, depth + found.depth)
        if self._deepest > MAX_DEPTH:
            raise fault_at(f"its aliases nest deeper than {MAX_DEPTH}", self._root)
        return found.value

    def _too_many(self) -> yaml.MarkedYAMLError:
        return fault_at(f"too many YAML nodes, with all aliases expanded; accepted: at most {self._most}", self._root)

    def _plain(self, event: Any, depth: int) -> Any:
        if type(event) is yaml.ScalarEvent:
            self._nodes += len(event.value) // _CHARACTERS
            return self.scalar(event)
        if depth == MAX_DEPTH:
            raise fault_at(f"nested deeper than {MAX_DEPTH}", event)
        self._deepest = max(self._deepest, depth + 1)
        if type(event) is yaml.SequenceStartEvent:
            _check_tag(event, "seq")
            return self._sequence(depth + 1)
        _check_tag(event, "map")
        return self._mapping(depth + 1)

    def _sequence(self, depth: int) -> list[Any]:
        found = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            found.append(self._value(event, depth))
        return found

    def _mapping(self, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is yaml.ScalarEvent and tag_of(event) == _MERGE:
                value_event = self._next()
                for one in _sources(value_event, self._value(value_event, depth)):
                    self.check_merged(own, one, event)
                    merged.update(one)
                continue
            key = self._key(event, depth)
            if key in own:
                raise fault_at(f'duplicate key "{one_line(cut(key, MAX_DIGITS))}"', event)
            own[key] = self._value(self._next(), depth)
        return merged | own if merged else own

    def _key(self, event: Any, depth: int) -> str:
        key = None
        if not isinstance(event, yaml.CollectionStartEvent):
            key = self.key(self._value(event, depth), getattr(event, "value", ""))
        if key is None:
            raise fault_at("a key that is not a string: put it in quotes", event)
        return key

    def scalar(self, event: Any) -> Any:
        """The value of a scalar. Raises yaml.MarkedYAMLError."""
        return _scalar(event, tag_of(event))

    def key(self, value: Any, text: str) -> str | None:  # noqa: ARG002
        """The key that a scalar with `value` is, which stands there as `text`; None if it cannot be one."""
        return value if isinstance(value, str) else None

    def check_merged(self, own: dict[str, Any], merged: dict[str, Any], event: Any) -> None:
        """Raises yaml.MarkedYAMLError if the key << at `event`, after the keys of `own`, cannot merge `merged`."""


def tag_of(event: Any) -> str:
    """The tag of a scalar, without YAML's own prefix: its own, or that of what its text means without quotes."""
    tag, text = event.tag, event.value
    if tag is not None and tag != "!":
        return str(tag).removeprefix(_TAG)
    return tag_without_quotes(text) if event.implicit[0] else "str"


def tag_without_quotes(text: str) -> str:
    """The tag of what a text without quotes means, without YAML's own prefix."""
    for name, matches in _PLAIN.get(text[:1], ()):
        if matches(text):
            return str(name)
    return "str"


def _scalar(event: Any, tag: str) -> Any:
    if tag == "str":
        return event.value
    if tag == "null":
        return None
    if tag not in _CONVERSIONS:
        _check_tag(event, "str", tag)
    if len(event.value) > MAX_DIGITS:
        raise fault_at(f"found !!{tag} of {len(event.value)} characters; accepted: at most {MAX_DIGITS}", event)
    try:
        # Python's conversions raise several kinds of errors; here they are one.
        return _CONVERSIONS[tag](yaml.ScalarNode(tag, event.value))
    except (ValueError, LookupError):
        raise fault_at(f'found "{one_line(event.value)}"; accepted: a value of type !!{tag}', event) from None


def _check_tag(event: Any, kind: str, tag: str | None = None) -> None:
    """Raises the error for a tag that is not accepted, or not for a value of this `kind` (`str`, `seq` or `map`)."""
    tag = tag or str(event.tag or "!").removeprefix(_TAG)
    if tag in ("!", kind):
        return
    if tag not in _ACCEPTED:
        shown = one_line(cut(f"!!{tag}" if _TAG in str(event.tag or _TAG) else tag, MAX_DIGITS))
        raise fault_at(f"found the tag {shown}; accepted: {', '.join(f'!!{name}' for name in _ACCEPTED)}", event)
    raise fault_at(f"expected a {_KINDS.get(tag, 'scalar')} node, but found {_KINDS.get(kind, 'scalar')}", event)


def _sources(event: Any, value: Any) -> list[dict[str, Any]]:
    """The maps that a key `<<` with `value` merges; of two with the same key, the last one wins."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise fault_at("expected a mapping or list of mappings for merging", event)
    # The first map of a list wins (YAML 1.1: merge key).
    return found[::-1]


def fault_at(problem: str, where: Any) -> yaml.MarkedYAMLError:
    """The error that says that there is a `problem` at the event `where`."""
    return yaml.constructor.ConstructorError(None, None, problem, where.start_mark)
