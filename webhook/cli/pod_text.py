"""The scheduling part of a pod as YAML, and two states of it as a coloured diff."""

import difflib
from typing import Any, Final

import yaml

from certs.encoding import is_encodable
from webhook.explain.outcome import changed_labels, scheduling_part

_STYLES: Final = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}


def diff_lines(before: dict[str, Any], after: dict[str, Any], name: str = "") -> list[tuple[str, str]]:
    """The lines of one unified diff of the scheduling parts and changed labels of two states of a pod, each styled.

    The diff is empty if the parts are equal. `name` is in its head, with `before` and `after`.
    """
    labels = changed_labels(before, after)
    old, new = scheduling_part(before, labels), scheduling_part(after, labels)
    if old == new:
        return []
    one, other = (yaml_text(part).splitlines() if part else [] for part in (old, new))
    start = f"{name} " if name else ""
    lines = difflib.unified_diff(one, other, f"{start}before", f"{start}after", lineterm="")
    return [(line, next((style for start, style in _STYLES.items() if line.startswith(start)), "")) for line in lines]


def yaml_text(value: Any) -> str:
    """`value` as YAML that controls no terminal, in the order of its keys."""
    text = _dumped(value, as_it_is=True)
    return text if text.replace("\n", "").isprintable() and is_encodable(text) else _dumped(value, as_it_is=False)


def _dumped(value: Any, *, as_it_is: bool) -> str:
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, width=200, allow_unicode=as_it_is))
