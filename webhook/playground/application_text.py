"""A text of Kubernetes documents: what is in it, and the places that sentences about it are about."""

import re
from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.inputs import NOTHING, read_text
from webhook.core.text import one_line
from webhook.playground.named_path import named_path
from webhook.playground.text_lines import Path, Place, TextLines
from webhook.spark.documents import called

#: What sentences call the text.
FILE: Final = "application.yaml"
#: The namespace of objects that name none.
_NAMESPACE: Final = "default"
#: The keys with which the path of a sentence may begin.
_ROOTS: Final = frozenset({"apiVersion", "items", "kind", "metadata", "request", "spec"})
_WHERE: Final = re.compile(rf"{re.escape(FILE)}(?:, document ([0-9]+))?: ")
_ITEM: Final = re.compile(r"items\[([0-9]+)\]: ")
_UNKNOWN_KIND: Final = "unknown kind of "


class ApplicationText:
    """The text, read as the file `FILE`."""

    def __init__(self, text: str, most: int) -> None:
        """Reads `text`. Raises TooManyWorkloadsError if it holds more than `most` workloads."""
        self.inputs, self._documents = read_text(FILE, text.encode(), _NAMESPACE, most)
        self.lines = TextLines(text)

    def of_fault(self, sentence: str) -> Place | int | None:
        """The place that a fault of `inputs` is about, or its line; None if it is about none."""
        where = _WHERE.match(sentence)
        if where is None or sentence == f"{FILE}: {NOTHING}":
            return None
        number, rest = int(where[1] or 1), sentence[where.end() :]
        if number > len(self._documents):
            return self.lines.of_yaml_fault(rest)
        document, value = self._documents[number - 1]
        path, found, rest = _item(value, rest)
        if isinstance(found, dict) and isinstance(found.get("kind"), str):
            for start in (called(found), str(found["kind"])):
                rest = rest.removeprefix(one_line(f"{start}: "))
        inner = ("kind",) if rest.startswith(_UNKNOWN_KIND) else named_path(rest, found, _ROOTS)
        return Place(document, (*path, *inner))

    def of_refusal(self, index: int, sentence: str) -> Place | None:
        """The place of the field with which `sentence`, about a workload of `inputs`, begins; None if it names none."""
        document, path, found = self._object(index)
        inner = named_path(sentence, found, _ROOTS)
        return Place(document, (*path, *inner)) if inner else None

    def of_unexplained(self, index: int, sentence: str) -> Place:
        """The place that `sentence` is about, which says why a workload of `inputs` cannot be explained."""
        document, path, found = self._object(index)
        _, workload = self.inputs.workloads[index]
        rest = sentence.removeprefix(f"{FILE}: ").removeprefix(one_line(f"{workload.kind} {workload.name}: "))
        # The fields of a pod that an operator makes are none of the document.
        if workload.kind == "Pod":
            rest = rest.removeprefix(f"{workload.pods[0].title}: ")
        elif workload.kind != "AdmissionReview":
            return Place(document, path)
        return Place(document, (*path, *named_path(rest, found, _ROOTS)))

    def _object(self, index: int) -> tuple[int, Path, Any]:
        """The document of a workload, the path of its object in it, and the object."""
        number, workload = self.inputs.files[0].workloads[index]
        document, found = self._documents[number - 1]
        path = tuple(_steps(workload.indexes))
        for step in path:
            found = found[step]
        return document, path, found


def _steps(indexes: tuple[int, ...]) -> Iterator[str | int]:
    for index in indexes:
        yield from ("items", index)


def _item(document: Any, sentence: str) -> tuple[Path, Any, str]:
    """The path of the item of a list that `sentence` is about, the item, and the rest of the sentence."""
    path: list[str | int] = []
    while found := _ITEM.match(sentence):
        items = document.get("items") if isinstance(document, dict) else None
        kind = document.get("kind") if isinstance(document, dict) else None
        if not isinstance(items, list) or not isinstance(kind, str) or int(found[1]) >= len(items):
            break
        path += ("items", int(found[1]))
        # The items of a typed list may lack their kind.
        item, missing = items[int(found[1])], kind.removesuffix("List")
        document = {"kind": missing} | item if missing and isinstance(item, dict) else item
        sentence = sentence[found.end() :]
    return tuple(path), document, sentence
