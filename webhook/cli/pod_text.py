"""The scheduling part of a pod as YAML, and two states of it as a coloured diff."""

import difflib
from enum import StrEnum
from typing import Any, Final

import yaml

from certs.encoding import is_encodable
from webhook.explain.outcome import changed_labels, scheduling_part


class DiffPart(StrEnum):
    """What a line of a unified diff is."""

    HEAD = "head"
    """The names of the two states."""
    PLACE = "place"
    """Where the lines that follow stand."""
    ADD = "add"
    REMOVE = "remove"
    SAME = "same"


_STYLES: Final = {DiffPart.HEAD: "bold", DiffPart.PLACE: "cyan", DiffPart.ADD: "green", DiffPart.REMOVE: "red"}
_PARTS: Final = {"@": DiffPart.PLACE, "+": DiffPart.ADD, "-": DiffPart.REMOVE, " ": DiffPart.SAME}
#: How many lines the head has.
_HEAD: Final = 2


def diff_lines(before: dict[str, Any], after: dict[str, Any], name: str = "") -> list[tuple[str, str]]:
    """The lines of `diff`, each with its style."""
    return [(line, _STYLES.get(part, "")) for line, part in diff(before, after, name)]


def diff(before: dict[str, Any], after: dict[str, Any], name: str = "") -> list[tuple[str, DiffPart]]:
    """The lines of one unified diff of the scheduling parts and changed labels of two states of a pod.

    The diff is empty if the parts are equal. `name` is in its head, with `before` and `after`.
    """
    labels = changed_labels(before, after)
    old, new = scheduling_part(before, labels), scheduling_part(after, labels)
    if old == new:
        return []
    one, other = (yaml_text(part).splitlines() if part else [] for part in (old, new))
    start = f"{name} " if name else ""
    lines = list(difflib.unified_diff(one, other, f"{start}before", f"{start}after", lineterm=""))
    return [(line, DiffPart.HEAD if at < _HEAD else _PARTS[line[0]]) for at, line in enumerate(lines)]


def yaml_text(value: Any) -> str:
    """`value` as YAML that controls no terminal, in the order of its keys."""
    text = _dumped(value, as_it_is=True)
    return text if text.replace("\n", "").isprintable() and is_encodable(text) else _dumped(value, as_it_is=False)


def _dumped(value: Any, *, as_it_is: bool) -> str:
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, width=200, allow_unicode=as_it_is))
