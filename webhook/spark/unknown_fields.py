"""Fields of an application that the Spark Operator's resources do not have, so that they have no effect.

The API server drops them when the application is stored, except below `template`, which it does not look into.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from webhook.spark import field_paths
from webhook.spark.field_table import FILE, Value, entries_of, entry_in, known, table, value_of
from webhook.spark.versions import OperatorVersion

#: How many unknown fields of an application are named.
_MOST_NAMED: Final = 8
#: How many known fields are named for an unknown one.
_MOST_PLACES: Final = 3
#: How many steps away from an unknown field a known one may be. From an object to one inside it, and back, is one step.
_FARTHEST: Final = 2
#: A name that more kinds of objects have says nothing about where it belongs, such as `name` and `type`.
_TOO_COMMON: Final = 6
#: How alike two names are, as difflib counts it: one of the same object, and one elsewhere.
_ALIKE, _ALIKE_ELSEWHERE = 0.7, 0.85


class UnknownField(NamedTuple):
    """A field that a resource does not have."""

    path: str
    """Such as `spec.driver.nodeselector` or `spec.volumes[0].hostpath`."""
    meant: tuple[str, ...] = ()
    """The paths of known fields with the same name, or with a similar one, the nearest ones first."""
    since: OperatorVersion | None = None
    """The first release that has the field, if it is a later one."""
    until: OperatorVersion | None = None
    """The last release that had the field, if it is an earlier one."""


class _Around(NamedTuple):
    """An object of a document: its path, its name in the table, and the object around it."""

    path: str
    object: str
    outer: "_Around | None" = None


class _Found(NamedTuple):
    """An unknown key and the object that has it."""

    key: object
    around: _Around


def unknown(document: Any, kind: str, version: OperatorVersion, file: Path = FILE) -> Iterator[UnknownField]:
    """Yields each field of `document` (JSON-like) that its `kind` does not have in a release of the operator.

    `file` holds the table of the operator.

    Yields nothing if the operator has no such kind in that release. Values of a wrong type are not looked into: the API
    server refuses them.
    """
    if (resource := _resource(kind, version, file)) is not None:
        yield from map(resource.explained, resource.found(document))


def notes(document: Any, kind: str, version: OperatorVersion, file: Path = FILE) -> list[str]:
    """A sentence for each of the first unknown fields of `document`, and one with the number of all others."""
    if (resource := _resource(kind, version, file)) is None:
        return []
    rest = resource.found(document)
    sentences = [_sentence(resource.explained(one), kind) for one in islice(rest, _MOST_NAMED)]
    if more := sum(1 for _ in rest):
        fields = f"{more:,} more fields are unknown, and have" if more > 1 else "one more field is unknown, and has"
        sentences.append(f"{fields} no effect")
    return sentences


def _sentence(found: UnknownField, kind: str) -> str:
    start = f"{found.path} is no field of a {kind}"
    if found.since is not None:
        return f"{start} before release {found.since} of the operator, so it has no effect"
    if found.until is not None:
        return f"{start} after release {found.until} of the operator, so it has no effect"
    meant = f"; known: {', '.join(found.meant)}" if found.meant else ""
    return f"{start}, so it has no effect{meant}"


def _resource(kind: str, version: OperatorVersion, file: Path) -> "_Resource | None":
    entry = entry_in(table(file).kinds, kind, version)
    return None if entry is None else _prepared(entry.type, version, file)


@cache
def _prepared(root: str, version: OperatorVersion, file: Path) -> "_Resource":
    return _Resource(root, version, file)


class _Resource:
    """The fields of one kind in one release; `root` is the name of its outermost object in the table in `file`."""

    def __init__(self, root: str, version: OperatorVersion, file: Path) -> None:
        self._root, self._version, self._every = root, version, table(file).objects
        every = {
            name: {field: value_of(entry.type) for field, entry in fields.items()}
            for name, fields in known(version, file).items()
        }
        self._objects: dict[str, Mapping[str, Value | None]] = {}
        names = [root]
        while names:
            name = names.pop()
            if name not in self._objects:
                self._objects[name] = every[name]
                names.extend(value.object for value in every[name].values() if value is not None)
        self._folded = {name: {_folded(one): one for one in fields} for name, fields in self._objects.items()}
        self._holders = Counter(one for fields in self._folded.values() for one in fields)
        self._names = sorted(one for one, holders in self._holders.items() if holders <= _TOO_COMMON)

    def found(self, document: Any) -> Iterator[_Found]:
        """The unknown keys of a document."""
        return self._inside(document, _Around("", self._root))

    def _inside(self, value: Any, around: _Around) -> Iterator[_Found]:
        """The unknown keys of `value`, which should be the object that `around` names."""
        if not isinstance(value, dict):
            return
        fields = self._objects[around.object]
        for key, inner in value.items():
            if key not in fields:
                yield _Found(key, around)
            elif inner and (known_value := fields[key]) is not None:
                path = field_paths.of_field(around.path, key)
                for where, one in _each(inner, known_value.many, path):
                    yield from self._inside(one, _Around(where, known_value.object, around))

    def explained(self, found: _Found) -> UnknownField:
        """An unknown key with what is known about it."""
        key, around = found
        path = field_paths.of_field(around.path, key)
        if not isinstance(key, str) or len(key) > field_paths.MOST_CHARACTERS:
            return UnknownField(path)
        entries = entries_of(self._every[around.object], key)
        for entry in entries:
            if entry.first is not None and self._version < entry.first:
                return UnknownField(path, since=entry.first)
        if entries:
            return UnknownField(path, until=entries[-1].last)
        return UnknownField(path, tuple(self._meant(_folded(key), around)[:_MOST_PLACES]))

    def _meant(self, name: str, around: _Around) -> list[str]:
        """The paths of the known fields that a folded `name` may stand for."""
        own = self._folded[around.object]
        if name in own:
            return [field_paths.of_field(around.path, own[name])]
        if elsewhere := self._nearest(name, around):
            return elsewhere
        if alike := get_close_matches(name, own, 1, _ALIKE):
            return [field_paths.of_field(around.path, own[alike[0]])]
        alike = get_close_matches(name, self._names, 1, _ALIKE_ELSEWHERE)
        return self._nearest(alike[0], around) if alike else []

    def _nearest(self, name: str, around: _Around) -> list[str]:
        """The paths of the fields with a folded `name` in the nearest objects around or inside; no list and no map.

        An object that is neither around nor inside counts only if no other has the name: `instances` of a driver are
        those of the executors, but `resources` of a driver are not those of a batch scheduler.
        """
        if self._holders[name] > _TOO_COMMON:
            return []
        nearest: list[tuple[int, str]] = []
        outer: _Around | None = around
        steps, passed = 0, set()
        while outer is not None and steps <= _FARTHEST:
            passed.add(outer.path)
            for here, down in self._within(outer, _FARTHEST - steps):
                field = self._folded[here.object].get(name)
                if field is not None and (not (steps and down) or self._holders[name] == 1):
                    nearest.append((steps + down, field_paths.of_field(here.path, field)))
            outer, steps = outer.outer, steps + 1
        least = min(nearest, default=(0, ""))[0]
        return [path for distance, path in sorted(nearest) if distance == least and path not in passed]

    def _within(self, around: _Around, most: int, down: int = 0) -> Iterator[tuple[_Around, int]]:
        """An object and those inside it, at most so many steps down, each with its number of steps."""
        yield around, down
        if down < most:
            for field, value in self._objects[around.object].items():
                if value is not None and not value.many:
                    yield from self._within(
                        _Around(field_paths.of_field(around.path, field), value.object), most, down + 1
                    )


def _each(value: Any, many: str, path: str) -> Iterator[tuple[str, Any]]:
    """The objects in the value of a field, each with its path: the value itself, or those of a list or map."""
    if not many:
        yield path, value
    elif many.endswith("[]") and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _each(one, many[:-2], f"{path}[{index}]")
    elif many.endswith("{}") and isinstance(value, dict):
        for name, one in value.items():
            yield from _each(one, many[:-2], field_paths.of_key(path, name))


def _folded(name: str) -> str:
    """A name without what people mix up: upper case, hyphens and underscores."""
    return name.replace("-", "").replace("_", "").casefold()
