"""Reads the files that a user names into workloads and namespaces."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from webhook.cli.documents_of_file import TEMPLATE, documents_of, is_of_another_program, is_yaml_of_another_program
from webhook.cli.files import STANDARD_INPUT, File, files
from webhook.cli.terminal import InputError, working
from webhook.core.names import PROFILE_LABEL
from webhook.core.text import one_line
from webhook.spark.documents import ManifestError, UnknownKindError, read
from webhook.spark.versions import Versions, operator_version
from webhook.spark.workloads import Namespace, Workload

#: The most that one file may hold: far more than a thousand applications.
_MAX_BYTES: Final = 64 * 1024**2
#: What is told of files that hold nothing to explain.
NOTHING: Final = "contains no application and no pod"
#: A version of Spark, such as 3.5.2, or a vendor's 3.5.1-amzn-0. It is the value of a label.
_SPARK_VERSION: Final = re.compile(r"(?=.{3,63}$)[0-9]+\.[0-9]+(\.[0-9]+)?([-._][0-9A-Za-z]+)*")


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file that holds workloads, as it was when it was read."""

    file: File
    content: bytes
    workloads: tuple[tuple[int, Workload], ...]
    """Each with the number of its document; documents that hold nothing do not count."""


class TooManyWorkloadsError(Exception):
    """There are more workloads than should be taken."""


@dataclass(slots=True)
class Inputs:
    """The contents of the files."""

    versions: Versions = field(default_factory=Versions)
    workloads: list[tuple[str, Workload]] = field(default_factory=list)
    """Each with the name of its file."""
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    other_kinds: int = 0
    """The number of objects of kinds that have no Spark pods."""
    other_documents: int = 0
    """The number of documents in folders that are no Kubernetes objects, such as the values of a chart."""
    runs: int = 0
    """The number of applications in a cluster that are runs of a schedule which is read itself."""
    faults: list[str] = field(default_factory=list)
    """A sentence for each file and document that cannot be read."""
    namespace: str = "default"
    """The namespace of objects that name none."""
    most: int | None = None
    """The most workloads that are taken; None for any number."""
    files: list[FileContent] = field(default_factory=list)
    """The files that the workloads come from; empty if they come from a cluster."""

    def take(self, name: str, objects: Iterable[Workload | Namespace | ManifestError]) -> Iterator[str]:
        """Adds the objects, which are in the file `name`, and yields a sentence for each that cannot be read.

        Raises TooManyWorkloadsError at the first one beyond `most`.
        """
        for one in objects:
            match one:
                case Workload() if len(self.workloads) == self.most:
                    raise TooManyWorkloadsError
                case Workload():
                    self.workloads.append((name, one))
                case Namespace():
                    self._add(one)
                case UnknownKindError():
                    self.other_kinds += 1
                case ManifestError():
                    yield str(one)

    def _add(self, one: Namespace) -> None:
        """Adds a namespace; of several with its name the last one, which knows the profiles that all of them name."""
        before = self.namespaces.get(one.name)
        if before is not None:
            known = before.profiles or (before.labels.get(PROFILE_LABEL),)
            named = dict.fromkeys(name for name in (*known, one.labels.get(PROFILE_LABEL)) if name is not None)
            one = replace(one, profiles=tuple(named))
        self.namespaces[one.name] = one


def read_versions(operator: str | None, spark: str | None) -> Versions:
    """The versions that the options --operator-version and --spark-version name. Raises InputError."""
    if spark is not None and not _SPARK_VERSION.fullmatch(spark):
        raise InputError(f'--spark-version: found "{spark}"; accepted: a version such as 3.5.2 or 4.0.1')
    if operator is None:
        return Versions(spark=spark)
    try:
        return Versions(operator_version(operator), spark)
    except ValueError as error:
        raise InputError(f"--operator-version: {error}") from None


def read_inputs(
    names: Sequence[str], namespace: str, versions: Versions | None = None, ignore: Sequence[str] = ()
) -> Inputs:
    """The contents of the files that `names` mean, as far as they can be read; see `files` for folders and `ignore`.

    Objects that name no namespace are in `namespace`, and their pods are those that `versions` make. It is a fault if
    there is neither an application nor a pod.

    Raises InputError if `names` is empty.
    """
    if not names:
        raise InputError("nothing to read: name a file or folder with -f, or - for standard input")
    listed, faults = files(names, ignore)
    found = Inputs(versions or Versions(), faults=faults, namespace=namespace)
    with working(f"reading {listed[0].name}" if listed else "reading") as tell:
        for number, file in enumerate(listed, 1):
            # The number first, because a line is cut at the end of the terminal.
            tell(f"reading {number} of {len(listed)}: {file.name}" if len(listed) > 1 else f"reading {file.name}")
            _read(found, file)
    return _not_empty(found, ", ".join(names))


def read_text(name: str, content: bytes, namespace: str, most: int) -> tuple[Inputs, list[tuple[int, Any]]]:
    """What `read_inputs` reads of a file `name` with this content, if the file is named itself, and its documents.

    The documents are those before the first fault, each with its number in the text, from 0. Empty ones, which a `---`
    at either end makes, are left out. Raises TooManyWorkloadsError if there are more than `most` workloads.
    """
    found = Inputs(namespace=namespace, most=most)
    documents = _read_content(found, File(name), content)
    return _not_empty(found, name), documents


def _not_empty(found: Inputs, names: str) -> Inputs:
    """`found`, with a fault if there is nothing in the files `names`."""
    if not found.workloads and not found.faults:
        found.faults.append(f"{one_line(names)}: {NOTHING}")
    return found


def _read(found: Inputs, file: File) -> None:
    """Adds the contents of `file` to `found`."""
    try:
        content = _content(file)
    except _UnreadableError as error:
        found.faults.append(f"{file.name}: {error}")
    else:
        _read_content(found, file, content)


def _read_content(found: Inputs, file: File, content: bytes) -> list[tuple[int, Any]]:
    """Adds `content`, that of `file`, to `found`; returns its documents."""
    documents, fault = documents_of(content)
    several = len(documents) > 1 or (documents and fault)
    workloads: list[tuple[int, Workload]] = []
    for number, (_, document) in enumerate(documents, 1):
        if file.in_folder and is_of_another_program(document):
            found.other_documents += 1
            continue
        where = f"{file.name}, document {number}" if several else file.name
        before = len(found.workloads)
        try:
            unread = found.take(file.name, read(document, found.namespace, found.versions))
            found.faults.extend(one_line(f"{where}: {fault}") for fault in unread)
        except RecursionError:
            found.faults.append(f"{where}: lists nested too deeply")
        workloads += [(number, work) for _, work in found.workloads[before:]]
    if workloads:
        found.files.append(FileContent(file, content, tuple(workloads)))
    if fault and file.in_folder and is_yaml_of_another_program(content):
        found.other_documents += 1
    elif fault:
        where = f"{file.name}, document {len(documents) + 1}" if several else file.name
        hint = "; leave templates out with --ignore" if file.in_folder and TEMPLATE.search(content) else ""
        found.faults.append(one_line(f"{where}: {fault}{hint}"))
    return documents


class _UnreadableError(Exception):
    """A file cannot be read; the message is a clause."""


def _content(file: File) -> bytes:
    try:
        if file.path == STANDARD_INPUT:
            content = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(file.path).open("rb") as opened:
                content = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise _UnreadableError(f"too large; accepted: at most {_MAX_BYTES // 1024**2} MiB")
    return content
