"""`make fields VERSION=2.5.2 CRDS=FOLDER`: writes the fields of one release of the Spark Operator into the table.

With `--apache`, the release is one of Apache's operator, and its table holds no other.

The folder holds the operator's CustomResourceDefinitions, as its chart has them. Taken are the names of the fields and
the rules for their values, but not the descriptions. What other releases have stays in the table.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import yaml

from webhook.spark.apache import schema
from webhook.spark.field_table import FILE, SCALARS, Entries, Entry, Table, entries_of, release, split, value_of
from webhook.spark.versions import OperatorVersion


class Branch(NamedTuple):
    """A field in one release."""

    entry: Entry
    """The rules for its value. If that has known fields, `type` is only `[]` for a list, `{}` for a map, or empty."""
    fields: "Tree | None" = None
    """The fields of its value, of each item of its list, or of each value of its map; None if none are known."""


#: The fields of an object.
Tree = Mapping[str, Branch]
#: The fields of each kind in each release.
Releases = Mapping[OperatorVersion, Tree]

#: What a schema may contain. Other keywords, such as x-kubernetes-validations, would need code that checks them.
_KEYWORDS: Final = frozenset(
    {
        *("additionalProperties", "anyOf", "default", "description", "enum", "format", "items", "maxLength", "maximum"),
        *("minLength", "minimum", "pattern", "properties", "required", "type", "x-kubernetes-int-or-string"),
        *("x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type"),
        "x-kubernetes-preserve-unknown-fields",
    }
)
#: The pattern that controller-gen writes for a Quantity.
QUANTITY: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)


def _any(*names: str) -> dict[str, Branch]:
    return dict.fromkeys(names, Branch(Entry()))


_STRINGS: Final = Branch(Entry("string{}"))
_OWNER: Final = _any("apiVersion", "blockOwnerDeletion", "controller", "kind", "name", "uid")
#: ObjectMeta v1 meta. A CRD leaves it out, because the API server knows it.
_METADATA: Final = Branch(
    Entry(),
    {
        **_any("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName"),
        **_any("generation", "managedFields", "name", "namespace", "resourceVersion", "selfLink", "uid"),
        "annotations": _STRINGS,
        "labels": _STRINGS,
        "ownerReferences": Branch(Entry("[]"), _OWNER),
    },
)
#: What a CRD may leave out, because every object has it.
_TYPE: Final = {**_any("apiVersion", "kind"), "metadata": _METADATA}


def tree(definitions: Iterable[Mapping[str, Any]]) -> Tree:
    """The kinds of one release, each with its fields; `definitions` are its CustomResourceDefinitions.

    Raises ValueError if a schema has a keyword that is not known here.
    """
    return {one["spec"]["names"]["kind"]: Branch(Entry(), _root(one)) for one in definitions}


def served(definitions: Iterable[Mapping[str, Any]]) -> Tree:
    """The kinds of one release of Apache's operator in each version that is served, such as `SparkCluster of v1`."""
    return {
        f"{one['spec']['names']['kind']} of {version['name']}": Branch(Entry(), {**_TYPE, **_root_in(one, version)})
        for one in definitions
        for version in one["spec"]["versions"]
        if version["served"]
    }


def _root(definition: Mapping[str, Any]) -> Tree:
    (version,) = (one for one in definition["spec"]["versions"] if one["storage"])
    return _root_in(definition, version)


def _root_in(definition: Mapping[str, Any], version: Mapping[str, Any]) -> Tree:
    schema = version["schema"]["openAPIV3Schema"]
    # Nobody writes the status by hand. The API server says itself what is missing in the metadata.
    own = {"metadata": _METADATA, "status": Branch(Entry())}
    read = {name: one for name, one in schema["properties"].items() if name not in own}
    found = _fields({**schema, "properties": read}, definition["spec"]["names"]["kind"])
    return {name: own.get(name) or found[name] for name in schema["properties"]}


def _fields(schema: Mapping[str, Any], path: str) -> Tree:
    required = schema.get("required", ())
    found = {name: _branch(one, f"{path}.{name}") for name, one in schema.get("properties", {}).items()}
    return {name: one._replace(entry=_changed(one.entry, required=name in required)) for name, one in found.items()}


def _branch(schema: Mapping[str, Any], path: str) -> Branch:
    """What a structural schema says (Kubernetes: specifying a structural schema)."""
    unknown = schema.keys() - _KEYWORDS
    if unknown or schema.get("x-kubernetes-list-type") == "set":
        raise ValueError(f"{path}: unknown keywords: {', '.join(sorted(unknown)) or 'x-kubernetes-list-type: set'}")
    if "items" in schema:
        keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        return _many(_branch(schema["items"], f"{path}[]"), "[]", keys)
    if isinstance(schema.get("additionalProperties"), dict):
        return _many(_branch(schema["additionalProperties"], f"{path}{{}}"), "{}", ())
    type_ = _type(schema)
    if type_ == "object" and not (schema.keys() & {"x-kubernetes-preserve-unknown-fields", "additionalProperties"}):
        return Branch(Entry(), _fields(schema, path))
    return Branch(
        Entry(
            type=type_,
            default=schema.get("default"),
            enum=tuple(schema.get("enum", ())),
            minimum=schema.get("minimum"),
            maximum=schema.get("maximum"),
            shortest=schema.get("minLength", 0),
            longest=schema.get("maxLength"),
            pattern="" if type_ == "quantity" else schema.get("pattern", ""),
        )
    )


def _many(inner: Branch, many: str, keys: tuple[str, ...]) -> Branch:
    return inner._replace(entry=_changed(inner.entry, type=inner.entry.type + many, default=None, keys=keys))


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity" if schema.get("pattern") == QUANTITY else "int-or-string"
    name = str(schema.get("type", ""))
    return str(schema["format"]) if name == "integer" and schema.get("format") in SCALARS else name


def _changed(entry: Entry, **changes: Any) -> Entry:
    return msgspec.structs.replace(entry, **changes)


def releases(table: Table) -> Releases:
    """What `merged` was given to make `table`."""

    def expanded(fields: Entries, version: OperatorVersion) -> Tree:
        return {
            name: branch(entry, version)
            for name in fields
            for entry in entries_of(fields, name)
            if entry.holds(version)
        }

    def branch(entry: Entry, version: OperatorVersion) -> Branch:
        value, entry = value_of(entry.type), _changed(entry, since="", until="")
        if value is None:
            return Branch(entry)
        return Branch(_changed(entry, type=value.many), expanded(table.objects[value.object], version))

    return {version: expanded(table.kinds, version) for version in map(release, table.releases)}


def merged(found: Releases) -> Table:
    """The table of all releases."""
    objects = _Objects()
    kinds = objects.entries({version: found[version] for version in sorted(found)}, ())
    return Table([str(version) for version in sorted(found)], objects.named(kinds), objects.all_named())


class _Objects:
    """The different objects of a table. Until all are known, an entry has a number in place of an object's name."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[tuple[str, Entry | tuple[Entry, ...]], ...], int] = {}
        self._paths: dict[int, tuple[str, ...]] = {}

    def entries(self, found: Releases, path: tuple[str, ...]) -> dict[str, Entry | tuple[Entry, ...]]:
        """The fields of the object at `path`, which has the fields `found`."""
        names = sorted({name for fields in found.values() for name in fields})
        entries = {name: tuple(self._runs(found, name, (*path, name))) for name in names}
        return {name: one if len(one) > 1 else one[0] for name, one in entries.items()}

    def _runs(self, found: Releases, name: str, path: tuple[str, ...]) -> Iterator[Entry]:
        """An entry for each run of releases in which the field is the same."""
        branches = {version: fields[name] for version, fields in found.items() if name in fields}
        number = self._number(branches, path)
        every = list(found)
        for entry, run in groupby(every, lambda version: self._entry(branches.get(version), number)):
            if entry is not None:
                versions = list(run)
                since = "" if versions[0] == every[0] else str(versions[0])
                until = "" if versions[-1] == every[-1] else str(versions[-1])
                yield _changed(entry, since=since, until=until)

    @staticmethod
    def _entry(branch: Branch | None, number: str) -> Entry | None:
        if branch is None or branch.fields is None:
            return branch and branch.entry
        return _changed(branch.entry, type=number + branch.entry.type)

    def _number(self, branches: Mapping[OperatorVersion, Branch], path: tuple[str, ...]) -> str:
        """The number of the object that is the value of a field; empty if it is no object in any release."""
        inner = {version: one.fields for version, one in branches.items() if one.fields is not None}
        if not inner:
            return ""
        many = next(branches[version].entry.type for version in inner)
        entries = self.entries(inner, (*path[:-1], path[-1] + many))
        number = self._numbers.setdefault(tuple(entries.items()), len(self._numbers))
        self._paths[number] = min(self._paths.get(number, path), path, key=lambda one: (len(one), one))
        return str(number)

    def named(self, entries: Entries) -> dict[str, Entry | tuple[Entry, ...]]:
        """The entries with the names of their objects."""
        return {
            name: self._named(one) if isinstance(one, Entry) else tuple(map(self._named, one))
            for name, one in entries.items()
        }

    def _named(self, entry: Entry) -> Entry:
        base, many = split(entry.type)
        return _changed(entry, type=self._name(int(base)) + many) if base.isdigit() else entry

    def all_named(self) -> dict[str, dict[str, Entry | tuple[Entry, ...]]]:
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


def _block(entries: Entries, indent: int) -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(msgspec.to_builtins(one))}" for name, one in sorted(entries.items())]
    start = "\n" + " " * indent
    return "{" + start + f",{start}".join(lines) + start[:-2] + "}"


def update(file: Path, version: OperatorVersion, folder: Path) -> None:
    """Writes the fields of a release, whose CustomResourceDefinitions are in `folder`, into the table `file`."""
    found = dict(releases(msgspec.json.decode(file.read_bytes(), type=Table))) if file.exists() else {}
    found[version] = tree(_definitions(folder))
    file.write_text(text(merged(found)), encoding="utf-8")


def update_apache(file: Path, version: OperatorVersion, folder: Path) -> None:
    """Writes the table `file` of Apache's operator in a release, whose CustomResourceDefinitions are in `folder`."""
    file.write_text(text(merged({version: served(_definitions(folder))})), encoding="utf-8")


def _definitions(folder: Path) -> list[Mapping[str, Any]]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SystemExit(f"{folder}: contains no file that ends in .yaml")
    return [yaml.load(one.read_bytes(), yaml.CSafeLoader) for one in files]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Writes the fields of one release of the operator into the table.")
    arguments.add_argument("version", type=release, help="the release, in full, for example 2.5.2")
    arguments.add_argument("folder", type=Path, help="the folder with the YAML files of its CustomResourceDefinitions")
    arguments.add_argument("--apache", action="store_true", help="the operator is Apache's: its table is another file")
    given = arguments.parse_args()
    if given.apache:
        update_apache(schema.FILE, given.version, given.folder)
    else:
        update(FILE, given.version, given.folder)
