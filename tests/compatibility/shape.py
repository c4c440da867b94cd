"""The shape of JSON, and of a JSON Schema, as lines: a path, and what stands there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}
#: Between a path and its default.
DEFAULT: Final = ": default "
#: Constraints of a JSON Schema that say what is accepted.
_CONSTRAINTS: Final = (
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "dependencies",
    "not",
)


def lines_of(
    documents: Iterable[Any], *, maps: Iterable[str] = (), others: Iterable[str] = (), words: Iterable[str] = ()
) -> Iterator[str]:
    """The paths in all of `documents` with the types found there; `?` says that a path is not always there.

    `maps` has the paths of objects whose keys are data: `*` stands for them. `others` has the paths of what Kubernetes
    defines, which is not looked into. The strings at the paths that end in one of `words` are listed, too.
    """
    listed = tuple(words)
    kinds: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    found: set[str] = set()
    for document in documents:
        for path, value in _walk("", document, frozenset(maps), frozenset(others)):
            kinds[path].add(_TYPES[type(value)])
            counts[path] += 1
            objects[path] += len(value) if path in maps else isinstance(value, dict)
            if value and isinstance(value, str) and path.endswith(listed):
                found.add(f"{path}: string {value}")
    for path, types in kinds.items():
        within = path.rpartition(".")[0]
        missing = path.rpartition(".")[1] and not path.endswith("[]") and counts[path] < objects[within]
        yield f"{path or '.'}{'?' if missing else ''}: {' or '.join(sorted(types))}"
    yield from found


def _walk(path: str, value: Any, maps: frozenset[str], others: frozenset[str]) -> Iterator[tuple[str, Any]]:
    yield path, value
    if path in others:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(f"{path}.{'*' if path in maps else key}", inner, maps, others)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(f"{path}[]", inner, maps, others)


def lines_of_schema(schema: dict[str, Any]) -> Iterator[str]:
    """The keys that a JSON Schema accepts, each with what it accepts there."""
    yield from _accepted("", schema, schema, ())


def _accepted(path: str, schema: Any, root: dict[str, Any], within: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in within:
            yield from _accepted(path, root["$defs"][name] | _without_ref(schema), root, (*within, name))
        return
    kinds = schema.get("type", [])
    told = [" or ".join([kinds] if isinstance(kinds, str) else kinds)]
    told += [f"{key} {schema[key]}" for key in _CONSTRAINTS if key in schema]
    yield f"{path or '.'}: {', '.join(one for one in told if one) or 'any'}"
    yield from (f"{path}: value {one}" for one in schema.get("enum", ()))
    # That of an object repeats those of its keys.
    if not isinstance(schema.get("default", {}), dict):
        yield f"{path}{DEFAULT}{schema['default']}"
    for key in schema.get("required", ()):
        yield f"{path}.{key} is required"
    for key, inner in schema.get("properties", {}).items():
        yield from _accepted(f"{path}.{key}", inner, root, within)
    for pattern, inner in schema.get("patternProperties", {}).items():
        yield from _accepted(f"{path}.<{pattern}>", inner, root, within)
    yield from _accepted(f"{path}.*", schema.get("additionalProperties"), root, within)
    yield from _accepted(f"{path}, each key", schema.get("propertyNames"), root, within)
    yield from _accepted(f"{path}[]", schema.get("items"), root, within)
    for several in ("oneOf", "anyOf"):
        for inner in schema.get(several, ()):
            yield from _accepted(path, inner, root, within)
    yield from _accepted(path, schema.get("then"), root, within)


def _without_ref(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$ref"}
