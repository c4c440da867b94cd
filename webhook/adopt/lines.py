"""The lines of a YAML text that only one entry of a map or list takes."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from webhook.adopt.cuts import LeftReason
from webhook.adopt.yaml_tree import Node

#: The way to a value from its document: keys of maps and indexes of lists.
Path = tuple[str | int, ...]

_NO_CONTENT: Final = re.compile(r"[ \t]*(#.*)?\r?\n?")
_DASH_ALONE: Final = re.compile(r"( *)(- +)*-[ \t]*(#.*)?\r?\n?")
#: What libyaml takes for a line break beside LF and CRLF: a lone CR, NEL, LS and PS.
_OTHER_BREAKS: Final = re.compile("\r(?!\n)|[\x85\u2028\u2029]")


class ObstacleError(Exception):
    """An entry cannot be cut."""

    def __init__(self, why: LeftReason) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a map, or an item of a list."""

    parent: Node
    first: Node
    """The key of the entry, or the item."""
    value: Node


class Text:
    """A text as lines, which are counted from 0.

    Raises ObstacleError if it has no lines as libyaml counts them.
    """

    def __init__(self, content: bytes) -> None:
        try:
            decoded = content.decode()
        except UnicodeDecodeError:
            raise ObstacleError(LeftReason.ENCODING) from None
        if _OTHER_BREAKS.search(decoded):
            raise ObstacleError(LeftReason.LINE_BREAK)
        self.lines = re.findall(r"[^\n]*\n|[^\n]+", decoded)

    def without(self, gone: Container[int], within: range | None = None) -> bytes:
        """The text without the lines `gone`, or of it the lines `within`."""
        lines = range(len(self.lines)) if within is None else within
        return "".join(self.lines[line] for line in lines if line not in gone).encode()

    def own_lines(self, entry: Entry) -> list[int]:
        """The lines that `entry` takes. Lines in between that are empty, or hold only a comment, are not among them.

        Raises ObstacleError if something else stands on one of the lines, or hangs on the entry.
        """
        inside = [*entry.first.walk(), *entry.value.walk()]
        for met, why in (
            (entry.parent.merges or any(one.merges for one in inside), LeftReason.MERGE),
            (any(one.anchor for one in inside), LeftReason.ANCHOR),
            (any(one.alias for one in inside), LeftReason.ALIAS),
            (entry.parent.flow or any(one.flow and one.start[0] != one.end[0] for one in inside), LeftReason.FLOW),
        ):
            if met:
                raise ObstacleError(why)
        first, last = self._first(entry), self._last(entry.value)
        taken = {first, *self._taken(entry.first), *self._taken(entry.value)}
        others = (line for line in range(first, last + 1) if line not in taken)
        if any(not _NO_CONTENT.fullmatch(self.lines[line]) for line in others):
            raise ObstacleError(LeftReason.SHARED_LINE)
        return sorted(taken)

    def _first(self, entry: Entry) -> int:
        """The line on which `entry` begins. Raises ObstacleError if something else begins on it."""
        line, column = entry.first.start
        if entry.parent.items is None:
            alone = not self.lines[line][:column].strip(" ")
        else:
            line = self._dash(entry.value)
            dash = self.lines[line][:column] if line == entry.value.start[0] else self.lines[line]
            found = _DASH_ALONE.fullmatch(dash)
            alone = found is not None and found[2] is None
        if not alone:
            raise ObstacleError(LeftReason.SHARED_LINE)
        return line

    def _last(self, value: Node) -> int:
        """The line on which `value` ends. Raises ObstacleError if something follows on it."""
        line, column = value.end
        if value.block_scalar:
            return self._end_of_block_scalar(value)
        if not _NO_CONTENT.fullmatch(self.lines[line][column:] if line < len(self.lines) else ""):
            raise ObstacleError(LeftReason.SHARED_LINE)
        return line

    def _end_of_block_scalar(self, node: Node) -> int:
        line, column = node.end
        # The mark stands at the beginning of the line behind the scalar, but at the end of a last line without a break.
        line -= column == 0
        while not self.lines[line].strip(" \t\r\n"):
            line -= 1
        return line

    def _taken(self, node: Node) -> Iterator[int]:
        """Yields the lines on which `node` has any character, from its first to its last."""
        if node.items is None and node.entries is None:
            first, last = node.start[0], self._end_of_block_scalar(node) if node.block_scalar else node.end[0]
            if node.tagged and not node.block_scalar and first != last:
                # Comments may stand between the tag and the value.
                raise ObstacleError(LeftReason.SHARED_LINE)
            yield from range(first, last + 1)
            return
        yield node.start[0]
        for part in node.parts:
            if node.items is not None and not node.flow:
                yield self._dash(part)
            yield from self._taken(part)

    def _dash(self, item: Node) -> int:
        """The line of the dash before an item of a list in block style."""
        line, column = item.start
        if self.lines[line][:column].rstrip(" \t").endswith("-"):
            return line
        while line > 0 and _NO_CONTENT.fullmatch(self.lines[line := line - 1]):
            pass
        return line


def entry_of(root: Node, path: Path) -> Entry:
    """The entry at `path`, which is not empty, of the document `root`.

    Raises ObstacleError if it is not written there, or an alias may use what is around it elsewhere.
    """
    found = Entry(root, root, root)
    for step in path:
        node = found.value
        if node.anchor:
            raise ObstacleError(LeftReason.ANCHOR)
        if node.alias:
            raise ObstacleError(LeftReason.ALIAS)
        if isinstance(step, int):
            item = (node.items or [])[step]
            found = Entry(node, item, item)
        elif step in (node.entries or {}):
            found = Entry(node, *(node.entries or {})[step])
        else:
            raise ObstacleError(LeftReason.MERGE if node.merges else LeftReason.ALIAS)
    return found


def line_of(root: Node, path: Path) -> int:
    """The line, from 0, of the value at `path`, or of the nearest value around it that is written out."""
    node, line = root, root.start[0]
    for step in path:
        items, entries = node.items or [], node.entries or {}
        if isinstance(step, int) and step < len(items):
            node = items[step]
            line = node.start[0]
        elif isinstance(step, str) and step in entries:
            key, node = entries[step]
            line = key.start[0]
        else:
            break
    return line
