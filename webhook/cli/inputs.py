"""Reads the files that a user names into policies, workloads and namespaces."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from webhook.cli.terminal import InputError, working
from webhook.core.policy import Policy
from webhook.service.policy_file import PolicyError, load_policy
from webhook.service.yaml_loader import YAMLFaultError, documents
from webhook.spark.documents import ManifestError, UnknownKindError, read
from webhook.spark.workloads import Namespace, Workload

_SUFFIXES: Final = (".yaml", ".yml", ".json")
#: The most that one file may hold: far more than a thousand applications.
_MAX_BYTES: Final = 64 * 1024**2


@dataclass(slots=True)
class Inputs:
    """The contents of the files."""

    workloads: list[tuple[str, Workload]] = field(default_factory=list)
    """Each with the name of its file."""
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    skipped: int = 0
    """The number of objects of other kinds that were skipped."""


def read_policy(file: Path | None) -> Policy:
    """The policy in `file`, or the built-in policy. Raises InputError with a sentence for each fault."""
    try:
        return load_policy(file)
    except PolicyError as error:
        raise InputError(*error.faults) from None


def read_inputs(files: Sequence[str], namespace: str, *, skip_other_kinds: bool = False) -> Inputs:
    """The contents of `files`. `-` is standard input, and a folder means all YAML and JSON files in it.

    Objects that name no namespace are in `namespace`.

    Raises InputError with a sentence for each document that cannot be read.
    """
    if not files:
        raise InputError("nothing to read: name a file or folder with -f, or - for standard input")
    found = Inputs()
    faults: list[str] = []
    for name in [name for file in files for name in _files(file)]:
        with working(f"reading {name}"):
            listed = _documents(name)
            for number, document in enumerate(listed, 1):
                where = name if len(listed) == 1 else f"{name}, document {number}"
                try:
                    unread = _take(found, name, read(document, namespace), skip_other_kinds=skip_other_kinds)
                    faults.extend(f"{where}: {fault}" for fault in unread)
                except RecursionError:
                    faults.append(f"{where}: lists nested too deeply")
    if faults:
        raise InputError(*faults)
    if not found.workloads:
        raise InputError(f"{', '.join(files)}: contains no application and no pod")
    return found


def _take(
    found: Inputs, name: str, objects: Iterable[Workload | Namespace | ManifestError], *, skip_other_kinds: bool
) -> Iterator[str]:
    """Adds the objects to `found`, and yields a sentence for each that cannot be read."""
    for one in objects:
        match one:
            case Workload():
                found.workloads.append((name, one))
            case Namespace():
                found.namespaces[one.name] = one
            case UnknownKindError() if skip_other_kinds:
                found.skipped += 1
            case UnknownKindError():
                yield f"{one}; --skip-other-kinds skips such documents"
            case ManifestError():
                yield str(one)


def _files(name: str) -> Iterator[str]:
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        yield name
        return
    files = sorted(str(file) for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    if not files:
        raise InputError(f"{name}: contains no file that ends in {', '.join(_SUFFIXES)}")
    yield from files


def _documents(name: str) -> list[Any]:
    """The documents in one file without empty ones, which a `---` at either end makes."""
    content = _content(name)
    # JSON first: it is faster, and YAML refuses some JSON, such as surrogate pairs.
    with suppress(msgspec.DecodeError, RecursionError):
        if content.lstrip()[:1] == b"{":
            return [msgspec.json.decode(content)]
    try:
        return [document for document in documents(content) if document is not None]
    except YAMLFaultError as error:
        raise InputError(f"{name}: {error}") from None


def _content(name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{name}: too large; accepted: at most {_MAX_BYTES // 1024**2} MiB")
    return content
