"""YAML as different people write it: a document's values in one person's style, with comments, anchors and block scalars."""

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tests.adopt.style import Style
from tests.adopt.yaml_marks import Alias, Anchor, Merge, holds_marks, plain

#: Text that may stand without quotes, apart from what YAML takes for another type.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/.$(](?:[-A-Za-z0-9_/.,:@+()$= ]*[-A-Za-z0-9_/.@+()$=])?")
_INDICATORS: Final = re.compile(r": | #|[,\[\]{}]|:$")
_COMMENTS: Final = (
    "spot is fine here",
    "TODO(wei): ask the platform team",
    "tolerations: []",
    "- key: virtual-kubelet.io/provider",
    "see https://wiki.example.com/spark#eci",
    "运行在弹性容器实例上",
    "do not change: {quota} [a, b] & *all",
    "'quoted' and \"quoted\"",
    "OPS-4711",
    "copied from the template of 2023",
)


@dataclass
class Hand:
    """Writes documents in a style."""

    style: Style
    draw: random.Random
    _comments: int = field(default=0)
    _anchors: int = field(default=0)

    def file(self, documents: list[Any]) -> bytes:
        """A file with `documents`."""
        lines: list[str] = []
        if self._chance(self.style.comments):
            lines += [self._comment(0), ""]
        directive = self._chance(self.style.odd)
        if directive:
            lines.append("%YAML 1.1")
        for index, document in enumerate(documents):
            if index or directive or self.draw.random() < 0.3:
                lines.append(self.draw.choice(("---", "---", "---", "--- # next")) if index else "---")
            lines += self._map(document, 0)
            if self._chance(self.style.comments):
                lines.append(self._comment(0))
            if self._chance(self.style.odd):
                lines.append("...")
        if self.draw.random() < 0.05:
            lines.append("---")
        text = self.style.lines.join(lines)
        # A literal text that ends with a newline needs it at the end of a file, too.
        if self.style.ends or list(yaml.safe_load_all(text)) != list(yaml.safe_load_all(text + "\n")):
            text += self.style.lines
        return ("\ufeff" if self.style.mark else "").encode() + text.encode()

    def json(self, document: Any) -> bytes:
        """A file with `document` as JSON."""
        text = json.dumps(plain(document), indent=self.draw.choice((None, 2, 4)), ensure_ascii=False)
        return (text + ("\n" if self.style.ends else "")).encode()

    def _chance(self, share: float) -> bool:
        return self.draw.random() < share

    def _comment(self, column: int) -> str:
        self._comments += 1
        mark = self.draw.choice(("# ", "# ", "# ", "#"))
        # YAML takes this character for the end of a line, and with it of the comment.
        end = "\u2028" if self._chance(self.style.odd / 4) else ""
        return " " * column + f"{mark}{self.draw.choice(_COMMENTS)} ({self._comments}){end}"

    def _trailing(self) -> str:
        return self.draw.choice(("  ", " ")) + self._comment(0) if self._chance(self.style.comments / 2) else ""

    def _around(self, column: int, *, first: bool, in_text: bool = False) -> list[str]:
        """Comments and empty lines before an entry of a collection."""
        lines = []
        if not first and self._chance(self.style.blanks):
            lines.append(self.draw.choice(("", "", " " * column)))
        if self._chance(self.style.comments):
            # Deeper than a block scalar's key, it would be part of the scalar.
            at = self.draw.choice((column, column, column, 0, column if in_text else column + 2))
            lines.append(self._comment(at))
        return lines

    def _map(self, value: Any, column: int, *, in_item: bool = False) -> list[str]:
        lines: list[str] = []
        entries: list[tuple[str, Any]] = []
        if isinstance(value, Merge):
            entries.append(("<<", Alias(value.name, value.base)))
            value = value.own
        entries += value.items()
        in_text = False
        for index, (key, one) in enumerate(entries):
            if not (in_item and index == 0):
                lines += self._around(column, first=index == 0, in_text=in_text)
            written = self._entry(key, one, column)
            in_text = isinstance(one, str) and len(written) > 1
            lines += written
        if self._chance(self.style.comments / 2):
            lines.append(self._comment(column))
        return lines

    def _entry(self, key: str, value: Any, column: int) -> list[str]:
        head = " " * column + ("<<" if key == "<<" else self._scalar(key, flow=False)) + ":"
        gap = " " * self.draw.choice((1, 2, 4)) if self.style.aligned and not isinstance(value, dict | list) else " "
        if isinstance(value, Anchor):
            head, value = f"{head} &{value.name}", value.value
        if isinstance(value, Merge) or (isinstance(value, dict | list) and value and not self._in_flow(value)):
            deeper = column + self.style.indent
            if isinstance(value, list):
                inner = self._sequence(value, column if self.style.flush else deeper)
            else:
                inner = self._map(value, deeper)
            return [head + self._trailing(), *inner]
        if isinstance(value, str) and self._in_block(value):
            return [f"{head} {self._block_mark(value)}", *self._block(value, column + self.style.indent)]
        if value is not None and self._chance(self.style.odd):
            return self._odd_entry(head, value, column)
        written = self._flow(value, column + self.style.indent)
        return [*(head + gap + written + self._trailing()).split("\n")]

    def _odd_entry(self, head: str, value: Any, column: int) -> list[str]:
        """An entry in a form that few people use."""
        written = self._flow(value, column + self.style.indent)
        form = self.draw.choice(("question mark", "own line", "anchor", "tag", "spaces"))
        if isinstance(value, Alias) and form in ("anchor", "tag"):
            form = "own line"
        if form == "question mark" and "&" not in head:
            before = " " * column
            lines = [f"{before}? {head.strip().removesuffix(':')}", f"{before}: {written}"]
        elif form == "anchor" and "&" not in head:
            self._anchors += 1
            lines = [f"{head} &v{self._anchors} {written}"]
        elif form == "tag" and isinstance(value, str):
            lines = [f"{head} !!str {written}"]
        elif form == "spaces":
            lines = [f"{head} {written}  "]
        else:
            lines = [head, " " * (column + self.style.indent) + written]
        return "\n".join(lines).split("\n")

    def _sequence(self, items: list[Any], column: int) -> list[str]:
        lines: list[str] = []
        dash = self.style.dash
        for index, item in enumerate(items):
            lines += self._around(column, first=index == 0)
            start = " " * column + dash
            value, anchor = item, ""
            if isinstance(item, Anchor):
                value, anchor = item.value, f"&{item.name}"
            if isinstance(value, dict) and value and not self._in_flow(value):
                if anchor or self._chance(0.02):
                    lines.append((" " * column + "- " + anchor).rstrip())
                    lines += self._map(value, column + len(dash))
                    continue
                first, *others = self._map(value, column + len(dash), in_item=True)
                lines += [start + first[len(start) :], *others]
            else:
                written = self._flow(value, column + self.style.indent + 2)
                lines += (start + (anchor + " " if anchor else "") + written + self._trailing()).split("\n")
        if self._chance(self.style.comments / 3):
            lines.append(self._comment(column))
        return lines

    def _in_flow(self, value: Any) -> bool:
        simple = not holds_marks(value) and len(json.dumps(value)) < 420
        return simple and self._chance(self.style.flow)

    def _flow(self, value: Any, column: int) -> str:
        """A scalar, an alias, or a collection in braces, which may be broken into several lines."""
        if isinstance(value, Alias):
            return f"*{value.name}"
        parts = list(self._parts(value))
        text = parts[0]
        across = len(parts) > 3 and self._chance(self.style.across)
        for part in parts[1:]:
            if across and text.endswith((", ", "[", "{")) and self._chance(0.5):
                text = f"{text.rstrip(' ')}{self._trailing()}\n{' ' * column}"
            text += part
        return text

    def _parts(self, value: Any) -> list[str]:
        """A collection in braces, in the parts between which a line may end."""
        if not isinstance(value, dict | list):
            return [self._scalar(value, flow=isinstance(value, str))]
        if not value:
            return ["[]" if isinstance(value, list) else "{}"]
        space = " " if self.style.spaced and isinstance(value, dict) else ""
        opened, closed = ("[", "]") if isinstance(value, list) else ("{" + space, space + "}")
        parts = [opened]
        items: list[tuple[str, Any]] = (
            [(f"{self._scalar(key, flow=True)}: ", one) for key, one in value.items()]
            if isinstance(value, dict)
            else [("", one) for one in value]
        )
        for index, (start, one) in enumerate(items):
            inner = self._parts(one)
            parts += [start + inner[0], *inner[1:]]
            if index + 1 < len(items):
                parts[-1] += ", "
        return [*parts, closed]

    def _scalar(self, value: Any, *, flow: bool) -> str:
        if value is None:
            return self.draw.choice(("null", "~"))
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            return str(value)
        if "\n" in value or _NEEDS_ESCAPES.search(value):
            return json.dumps(value, ensure_ascii=False)
        if not self.style.quote and not _needs_quotes(value) and not (flow and _INDICATORS.search(value)):
            return value
        quote = self.style.quote or self.draw.choice(("'", '"'))
        if quote == '"':
            return json.dumps(value, ensure_ascii=False)
        return "'" + value.replace("'", "''") + "'"

    def _in_block(self, value: str) -> bool:
        return "\n" in value or (len(value) > 60 and " " in value and self._chance(0.5))

    def _block_mark(self, value: str) -> str:
        style = "|" if "\n" in value else ">"
        return style + ("" if value.endswith("\n") else "-") + ("  # kept as it is" if self._chance(0.05) else "")

    def _block(self, value: str, column: int) -> list[str]:
        if "\n" in value:
            return [" " * column + line if line else "" for line in value.removesuffix("\n").split("\n")]
        lines: list[str] = []
        for word in value.split(" "):
            if lines and len(lines[-1]) + len(word) < column + 50:
                lines[-1] += " " + word
            else:
                lines.append(" " * column + word)
        return lines


_NEEDS_ESCAPES: Final = re.compile(r"[\x00-\x1f\x7f]")


def _needs_quotes(value: str) -> bool:
    if not _PLAIN.fullmatch(value) or _INDICATORS.search(value):
        return True
    return not isinstance(yaml.safe_load(value), str)
