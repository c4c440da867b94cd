"""`make fields VERSION=2.5.2 CRDS=FOLDER`: writes the fields of one release of the Spark Operator into the table.

The folder holds the operator's CustomResourceDefinitions, as its chart has them. Only the names of fields are taken.
What other releases have stays in the table.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import yaml

from webhook.spark.field_table import FILE, Entry, Table, Value, release, value_of
from webhook.spark.versions import OperatorVersion


class Branch(NamedTuple):
    """The value of a field that has fields itself."""

    many: str
    """`[]` for a list, `{}` for a map with free keys, and empty for one object."""
    fields: "Tree"


#: The fields of an object. None stands for a value without fields, or with free ones.
Tree = Mapping[str, Branch | None]
#: The fields of each kind in each release.
Releases = Mapping[OperatorVersion, Tree]


def _plain(*names: str) -> dict[str, Branch | None]:
    return dict.fromkeys(names)


_OWNER: Final = _plain("apiVersion", "blockOwnerDeletion", "controller", "kind", "name", "uid")
#: ObjectMeta v1 meta. A CRD leaves it out, because the API server knows it.
_METADATA: Final = Branch(
    "",
    {
        **_plain("annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers"),
        **_plain("generateName", "generation", "labels", "name", "namespace", "resourceVersion", "selfLink", "uid"),
        "managedFields": None,
        "ownerReferences": Branch("[]", _OWNER),
    },
)


def tree(definitions: Iterable[Mapping[str, Any]]) -> Tree:
    """The kinds of one release, each with its fields; `definitions` are its CustomResourceDefinitions."""
    return {one["spec"]["names"]["kind"]: Branch("", dict(_root(one))) for one in definitions}


def _root(definition: Mapping[str, Any]) -> Iterator[tuple[str, Branch | None]]:
    (version,) = (one for one in definition["spec"]["versions"] if one["storage"])
    for name, schema in version["schema"]["openAPIV3Schema"]["properties"].items():
        # Nobody writes the status by hand.
        yield name, None if name == "status" else _METADATA if name == "metadata" else _branch(schema)


def _branch(schema: Mapping[str, Any]) -> Branch | None:
    """The fields of a structural schema (Kubernetes: specifying a structural schema)."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return None
    for key, many in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            inner = _branch(schema[key]) if isinstance(schema[key], dict) else None
            return inner._replace(many=many) if inner and not inner.many else None
    if schema.get("type") != "object":
        return None
    return Branch("", {name: _branch(one) for name, one in schema.get("properties", {}).items()})


def releases(table: Table) -> Releases:
    """What `merged` was given to make `table`."""

    def expanded(fields: Mapping[str, Entry], version: OperatorVersion) -> Tree:
        return {name: branch(entry, version) for name, entry in fields.items() if entry.is_in(version)}

    def branch(entry: Entry, version: OperatorVersion) -> Branch | None:
        value = value_of(entry.type)
        return value and Branch(value.many, expanded(table.objects[value.object], version))

    return {version: expanded(table.kinds, version) for version in map(release, table.releases)}


def merged(found: Releases) -> Table:
    """The table of all releases. Raises ValueError if a field is gone in one release and back in a later one.

    If a field has free keys in one release and known ones in another, the table holds free ones.
    """
    objects = _Objects()
    kinds = objects.entries({version: found[version] for version in sorted(found)}, ())
    return Table([str(version) for version in sorted(found)], objects.named(kinds), objects.all_named())


class _Objects:
    """The different objects of a table. Until all are known, an entry has a number in place of an object's name."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[tuple[str, Entry], ...], int] = {}
        self._paths: dict[int, tuple[str, ...]] = {}

    def entries(self, found: Releases, path: tuple[str, ...]) -> dict[str, Entry]:
        """The fields of the object at `path`, which has the fields `found`."""
        names = sorted({name for fields in found.values() for name in fields})
        return {name: self._entry(found, name, (*path, name)) for name in names}

    def _entry(self, found: Releases, name: str, path: tuple[str, ...]) -> Entry:
        places = [place for place, fields in enumerate(found.values()) if name in fields]
        if any(after - before > 1 for before, after in pairwise(places)):
            raise ValueError(f"{'.'.join(path)} is gone in one release and back in a later one")
        every = list(found)
        return Entry(
            type=self._type({every[place]: found[every[place]][name] for place in places}, path),
            since=str(every[places[0]]) if places[0] else "",
            until=str(every[places[-1]]) if places[-1] < len(every) - 1 else "",
        )

    def _type(self, found: Mapping[OperatorVersion, Branch | None], path: tuple[str, ...]) -> str:
        branches = {version: branch for version, branch in found.items() if branch is not None}
        shapes = {branch.many for branch in branches.values()}
        if len(branches) < len(found) or len(shapes) > 1:
            return ""
        (many,) = shapes
        inner = {version: branch.fields for version, branch in branches.items()}
        entries = self.entries(inner, (*path[:-1], path[-1] + many))
        number = self._numbers.setdefault(tuple(entries.items()), len(self._numbers))
        self._paths[number] = min(self._paths.get(number, path), path, key=lambda one: (len(one), one))
        return f"{number}{many}"

    def named(self, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """The entries with the names of their objects."""
        types = {name: self._named(value_of(one.type)) for name, one in entries.items()}
        return {name: msgspec.structs.replace(one, type=types[name]) for name, one in entries.items()}

    def _named(self, value: Value | None) -> str:
        return self._name(int(value.object)) + value.many if value else ""

    def all_named(self) -> dict[str, dict[str, Entry]]:
        """All objects by name."""
        return {self._name(number): self.named(dict(entries)) for entries, number in self._numbers.items()}

    def _name(self, number: int) -> str:
        return ".".join(self._paths[number])


def text(table: Table) -> str:
    """The table as a file, with one field on each line."""
    objects = {f"    {json.dumps(name)}": _block(fields, 6) for name, fields in sorted(table.objects.items())}
    return "".join(
        [
            f'{{\n  "releases": {json.dumps(table.releases)},\n',
            f'  "kinds": {_block(table.kinds, 4)},\n',
            '  "objects": {\n',
            ",\n".join(f"{name}: {block}" for name, block in objects.items()),
            "\n  }\n}\n",
        ]
    )


def _block(entries: Mapping[str, Entry], indent: int) -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(msgspec.to_builtins(one))}" for name, one in sorted(entries.items())]
    start = "\n" + " " * indent
    return "{" + start + f",{start}".join(lines) + start[:-2] + "}"


def update(file: Path, version: OperatorVersion, folder: Path) -> None:
    """Writes the fields of a release, whose CustomResourceDefinitions are in `folder`, into the table `file`."""
    found = dict(releases(msgspec.json.decode(file.read_bytes(), type=Table))) if file.exists() else {}
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SystemExit(f"{folder}: contains no file that ends in .yaml")
    found[version] = tree(yaml.load(one.read_bytes(), yaml.CSafeLoader) for one in files)
    file.write_text(text(merged(found)), encoding="utf-8")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Writes the fields of one release of the operator into the table.")
    arguments.add_argument("version", type=release, help="the release, in full, for example 2.5.2")
    arguments.add_argument("folder", type=Path, help="the folder with the YAML files of its CustomResourceDefinitions")
    given = arguments.parse_args()
    update(FILE, given.version, given.folder)
