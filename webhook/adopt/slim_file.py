"""A file of applications without what the webhook adds to their pods anyway."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Final

import msgspec

from webhook.adopt.cuts import Cut, Left, LeftReason
from webhook.adopt.file_replacement import replace_file
from webhook.adopt.lines import ObstacleError, Path, Text
from webhook.adopt.proof import Place
from webhook.adopt.slim_document import SlimDocument
from webhook.adopt.yaml_tree import Document, trees
from webhook.service.yaml_loader import YAMLFaultError, documents
from webhook.spark.field_paths import of_field

__all__ = ["Cut", "Left", "LeftReason", "SlimFile", "replace_file", "slim"]

#: The fields whose keys are free.
_FREE_KEYS: Final = ("sparkConf", "labels", "annotations", "nodeSelector")


@dataclass(frozen=True, slots=True)
class SlimFile:
    """A file without what the webhook adds anyway."""

    content: bytes
    """What the file should contain: what it contained, if there are no cuts."""
    cuts: tuple[Cut, ...] = ()
    left: tuple[Left, ...] = ()
    """What stays, although the webhook adds the same or nearly the same."""


def slim(content: bytes, place: Place) -> SlimFile:
    """The YAML or JSON in `content`, without the lines of what the webhook adds to the pods of its applications anyway.

    `place` explains the applications of one document. What is cut is proven by it: without these lines, the pods after
    the webhook are equivalent. All other bytes stay. JSON is never cut, nor is anything in a text that cannot be read.
    """
    read, obstacle = _read(content)
    text = None
    if obstacle is None:
        try:
            text = Text(content)
        except ObstacleError as error:
            obstacle = error.why
    found = _documents(content, read, place, text, obstacle) if read else []
    slimmed = _proven(content, found, text)
    numbered = [(number, one) for number, one in enumerate((one for one in found if not one.empty), 1)]
    cuts = [cut for number, one in numbered for cut in _cuts(number, one)]
    left = [Left(number, _shown(path), line + 1, why) for number, one in numbered for path, line, why in one.left]
    return SlimFile(
        slimmed, tuple(sorted(cuts, key=lambda one: one.first)), tuple(sorted(left, key=lambda one: one.line))
    )


def _read(content: bytes) -> tuple[list[Any], LeftReason | None]:
    """The documents in `content`, none if it cannot be read, and why no line can be cut."""
    with suppress(msgspec.DecodeError, RecursionError):
        if content.lstrip()[:1] == b"{":
            return [msgspec.json.decode(content)], LeftReason.JSON
    try:
        return documents(content), None
    except YAMLFaultError:
        return [], None


def _documents(
    content: bytes, read: list[Any], place: Place, text: Text | None, obstacle: LeftReason | None
) -> list[SlimDocument]:
    """Each document of `read`, with the lines in which it stands."""
    parsed = _trees(content)
    if len(parsed) != len(read):
        return [SlimDocument(one, place, None, None, range(0), obstacle) for one in read]
    starts = [0, *(one.line for one in parsed[1:]), len(text.lines) if text else 0]
    return [
        SlimDocument(one, place, tree.root, text, range(first, end), obstacle)
        for one, tree, (first, end) in zip(read, parsed, pairwise(starts), strict=True)
    ]


def _trees(content: bytes) -> list[Document]:
    """The positions in `content`; none if it is JSON that is no YAML, such as one with surrogate pairs."""
    try:
        documents(content)
    except YAMLFaultError:
        return []
    return trees(content)


def _proven(content: bytes, found: Sequence[SlimDocument], text: Text | None) -> bytes:
    """`content` without what is cut from the documents, which is proven by reading it again."""
    while text is not None and any(one.removed for one in found):
        slimmed = text.without({line for one in found for path in one.removed for line in one.lines_of(path)})
        read, _ = _read(slimmed)
        if len(read) == len(found):
            unlike = [one for one, now in zip(found, read, strict=True) if not one.is_placed_alike(now)]
        else:
            unlike = list(found)
        if not unlike:
            return slimmed
        for one in unlike:
            one.leave()
    return content


def _cuts(number: int, document: SlimDocument) -> Iterator[Cut]:
    """Yields a cut for each run of lines that go from the document with this number."""
    for path in document.removed:
        # The lines of one run differ from their indexes by the same.
        for _, run in groupby(enumerate(document.lines_of(path)), key=lambda one: one[1] - one[0]):
            lines = [line for _, line in run]
            yield Cut(number, _shown(path), lines[0] + 1, lines[-1] + 1)


def _shown(path: Path) -> str:
    """`path` as sentences write it. Its keys are names of fields, or keys that the profile has, too."""
    shown, before = "", None
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif before in _FREE_KEYS:
            shown += f"[{json.dumps(step)}]"
        else:
            shown = of_field(shown, step)
        before = step
    return shown
