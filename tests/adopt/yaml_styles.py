"""Writes documents as YAML in many styles, by chance: what people write, and what only the syntax allows."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

Path = tuple[str | int, ...]
_PLAIN = re.compile(r"(?!(true|false|null|yes|no|on|off|y|n)$)[A-Za-z][A-Za-z0-9./_-]*", re.IGNORECASE)
_COMMENTS = "# ECI", "# key: value", "#", "# - {a: [", "#\u3042 '\""


class Styles:
    """Writes documents.

    A tidy text has no anchors, and no flow style but on one line. A collection is in flow style only if `whole` says
    that it is cut as a whole, or not at all.
    """

    def __init__(self, random: Random, whole: Callable[[Path], bool], *, tidy: bool) -> None:
        self._random, self._whole, self._tidy = random, whole, tidy
        self._step = random.choice((1, 2, 4))
        self._anchored: list[tuple[str, Any]] = []

    def text(self, document: Any) -> bytes:
        """The text of a document."""
        lines = self._block(document, 0, ())
        if self._chance(4):
            lines = ["---", *lines, "..."]
        end = self._random.choice(("\n", "\n", "\r\n"))
        text = end.join(lines) + (end if self._chance(2) else "")
        return ("\ufeff" * self._chance(8) + text).encode()

    def _chance(self, one_in: int) -> bool:
        return self._random.randrange(one_in) == 0

    def _block(self, value: Any, indent: int, path: Path) -> list[str]:
        """The lines of a collection in block style."""
        found: list[str] = []
        entries = list(value.items() if isinstance(value, dict) else enumerate(value))
        if isinstance(value, dict) and self._chance(2):
            self._random.shuffle(entries)
        for step, one in entries:
            found += self._between(indent)
            if isinstance(value, dict):
                found += self._entry(step, one, indent, (*path, step))
            else:
                found += self._item(one, indent, (*path, step))
        return found + (self._between(indent) if path else [])

    def _between(self, indent: int) -> list[str]:
        """Comments and empty lines."""
        if not self._chance(6):
            return []
        # Behind a block scalar, only what is at the very left is surely no text.
        at = 0 if self._tidy else self._random.choice((0, indent, indent + 3))
        return self._random.choice(([""], ["", " " * at], [" " * at + self._random.choice(_COMMENTS)]))

    def _behind(self, spaces: tuple[str, ...] = (" ", "  ", "\t")) -> str:
        return self._random.choice(spaces) + self._random.choice(_COMMENTS) if self._chance(8) else ""

    def _entry(self, key: str, value: Any, indent: int, path: Path) -> list[str]:
        start = " " * indent + self._key(key)
        if not self._tidy and self._chance(20):
            start = " " * indent + f"? {self._key(key)}\n" + " " * indent
            return [*start.split("\n")[:1], *self._valued(" " * indent + ":", value, indent + 2, path)]
        return self._valued(start + ":", value, indent + self._step, path)

    def _valued(self, start: str, value: Any, indent: int, path: Path) -> list[str]:
        """The lines of an entry that begins with `start`."""
        if isinstance(value, str) and self._chance(6):
            style = self._random.choice(("|-", ">-", "|1-"))
            text = " " * (indent if style != "|1-" else len(start) - len(start.lstrip()) + 1)
            return [f"{start} {style}{self._behind()}", text + value]
        mark = self._anchor(value)
        if mark.startswith("*"):
            return [f"{start} {mark}{self._behind()}"]
        start += f" {mark}" if mark else ""
        if isinstance(value, dict | list) and value and not self._is_flow(path):
            at = indent if isinstance(value, dict) or self._chance(2) else indent - self._step
            return [start + self._behind(), *self._block(value, max(at, 0), path)]
        return [*self._inline(f"{start} ", value, indent)]

    def _item(self, value: Any, indent: int, path: Path) -> list[str]:
        start = " " * indent + "-" + " " * self._random.choice((1, 1, 1, 3))
        mark = self._anchor(value)
        if mark.startswith("*"):
            return [start + mark + self._behind()]
        if not isinstance(value, dict | list) or not value or self._is_flow(path):
            return [*self._inline(start + (f"{mark} " if mark else ""), value, indent + 1)]
        if mark or self._chance(8):
            # A tab must not follow a dash.
            return [(start + mark).rstrip() + self._behind((" ",)), *self._block(value, indent + self._step, path)]
        first, *rest = self._without_start(self._block(value, len(start), path))
        return [start + first[len(start) :], *rest]

    def _without_start(self, lines: list[str]) -> list[str]:
        """`lines` from the first one that has more than a comment."""
        while not lines[0].strip() or lines[0].lstrip().startswith("#"):
            lines = lines[1:]
        return lines

    def _inline(self, start: str, value: Any, indent: int) -> list[str]:
        text = self._flow(value)
        if not self._tidy and self._chance(4):
            text = text.replace(", ", ",\n" + " " * (indent + 1))
        return (start + text + self._behind()).split("\n")

    def _is_flow(self, path: Path) -> bool:
        return self._chance(3) and self._whole(path) if self._tidy else self._chance(6)

    def _flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._key(key)}: {self._flow(one)}" for key, one in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        return self._scalar(value)

    def _key(self, key: str) -> str:
        return self._scalar(key)

    def _scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        style = self._random.randrange(4)
        if _PLAIN.fullmatch(value) and style > 1:
            return value
        return "'" + value.replace("'", "''") + "'" if style == 0 else json.dumps(value)

    def _anchor(self, value: Any) -> str:
        """An anchor for `value`, an alias, or nothing."""
        if self._tidy:
            return ""
        for name, one in self._anchored:
            if one == value and type(one) is type(value) and self._chance(2):
                return f"*{name}"
        if not self._chance(40):
            return ""
        name = f"a{len(self._anchored)}"
        self._anchored.append((name, value))
        return f"&{name}"
