"""The lines on which values of a YAML or JSON text stand, as an editor counts them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

#: The way to a value from its document: keys of maps and indexes of lists.
Path = tuple[str | int, ...]

#: What libyaml takes for a line break, and which of these an editor does.
_BREAKS: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_OF_EDITORS: Final = ("\r\n", "\n", "\r")
#: What the loader's sentences begin with, and how they end if a character is not accepted: with its place in bytes.
_LINE: Final = re.compile(r"line ([0-9]{1,9}), column [0-9]+: ")
_POSITION: Final = re.compile(r"not YAML: unacceptable character #x[0-9a-f]+: .*, position ([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text."""

    document: int
    """The number of the document, from 0; empty ones count."""
    path: Path = ()


@dataclass(slots=True)
class _Wanted:
    """A value whose line is looked for, and those inside it."""

    line: int | None = None
    """Its line, from 0, as libyaml counts; None if it has not been found."""
    inside: "dict[str | int, _Wanted]" = field(default_factory=dict)

    def forget(self) -> None:
        """Forgets the lines of what is inside."""
        for one in self.inside.values():
            one.line = None
            one.forget()


class TextLines:
    """The lines of a text, from 1."""

    def __init__(self, text: str) -> None:
        """Reads nothing yet."""
        self._text = text
        self._lines: list[int] | None = None

    def nearest(self, places: Sequence[Place]) -> list[int | None]:
        """The line of the value at each of `places`, or of the nearest value around it that is written out.

        None if the document cannot be read as YAML. The text is read once, whatever the number of places.
        """
        return [self._of_editor(found[-1]) if found else None for found in self._found(places)]

    def exact(self, places: Sequence[Place]) -> list[int | None]:
        """The line of the value at each of `places`; None if it is not written there."""
        found = self._found(places)
        return [
            self._of_editor(lines[-1]) if len(lines) == len(place.path) + 1 else None
            for lines, place in zip(found, places, strict=True)
        ]

    def of_yaml_fault(self, fault: str) -> int | None:
        """The line that the loader's sentence about the text names; None if it names none."""
        if found := _LINE.match(fault):
            return self._of_editor(int(found[1]) - 1)
        if found := _POSITION.match(fault):
            before = self._text.encode()[: int(found[1])].decode(errors="ignore")
            return self._of_editor(sum(1 for _ in _BREAKS.finditer(before)))
        return None

    def _found(self, places: Sequence[Place]) -> list[list[int]]:
        """For each place the lines of the values that lead to it, from the document on, as far as they are there."""
        roots: dict[int, _Wanted] = {}
        ways = []
        for place in places:
            way = [roots.setdefault(place.document, _Wanted())]
            for step in place.path:
                way.append(way[-1].inside.setdefault(step, _Wanted()))
            ways.append(way)
        if roots:
            self._read(roots)
        found = []
        for way in ways:
            lines = []
            for one in way:
                if one.line is None:
                    break
                lines.append(one.line)
            found.append(lines)
        return found

    def _read(self, roots: dict[int, _Wanted]) -> None:
        """Sets the lines of what is wanted of each document. Nothing is built of the text, so it takes little time."""
        number, last = 0, max(roots)
        try:
            events: Iterator[Any] = yaml.parse(self._text.encode(), Loader=yaml.CSafeLoader)
            for event in events:
                if type(event) is yaml.DocumentStartEvent:
                    value = next(events)
                    _visit(roots.get(number), value.start_mark.line, value, events)
                    number += 1
                    if number > last:
                        return
        except (yaml.YAMLError, RecursionError):
            # JSON may be no YAML. What comes before stays right.
            return

    def _of_editor(self, line: int) -> int:
        """The line, from 1, as an editor counts, of one as libyaml counts, from 0."""
        if self._lines is None:
            self._lines = [1]
            for found in _BREAKS.finditer(self._text):
                self._lines.append(self._lines[-1] + (found[0] in _OF_EDITORS))
        return self._lines[min(line, len(self._lines) - 1)]


def _visit(wanted: _Wanted | None, line: int, event: Any, events: Iterator[Any]) -> None:
    """Reads the value that begins with `event`, on `line`, to its end."""
    if wanted is not None:
        # JSON may have a key twice, and then the last one counts.
        wanted.forget()
        wanted.line = line
        if wanted.inside and isinstance(event, yaml.CollectionStartEvent):
            for step, at, value in _entries(event, events):
                _visit(None if step is None else wanted.inside.get(step), at, value, events)
            return
    depth = int(isinstance(event, yaml.CollectionStartEvent))
    while depth:
        event = next(events)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)


def _entries(event: Any, events: Iterator[Any]) -> Iterator[tuple[str | int | None, int, Any]]:
    """Yields each entry of a collection: its key or index, its line, and the event with which its value begins.

    Whoever takes an entry reads its value to the end.
    """
    index = 0
    while not isinstance(first := next(events), yaml.CollectionEndEvent):
        if type(event) is yaml.SequenceStartEvent:
            yield index, first.start_mark.line, first
            index += 1
        else:
            # A key is a scalar, or an alias of one.
            yield getattr(first, "value", None), first.start_mark.line, next(events)
