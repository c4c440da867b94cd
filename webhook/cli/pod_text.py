"""The scheduling part of a pod: as YAML, and before and after as a coloured diff."""

import difflib
from typing import Any, Final

import yaml

from webhook.explain.outcome import scheduling_part

_STYLES: Final = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}


def diff_lines(before: dict[str, Any], after: dict[str, Any], name: str = "") -> list[tuple[str, str]]:
    """The scheduling parts of two states of a pod as the lines of one unified diff, each with its style.

    None where they are the same. `name` stands in the head, with `before` and `after`.
    """
    old, new = scheduling_part(before), scheduling_part(after)
    if old == new:
        return []
    start = f"{name} " if name else ""
    lines = difflib.unified_diff(yaml_lines(old), yaml_lines(new), f"{start}before", f"{start}after", n=3, lineterm="")
    return [(line, next((style for start, style in _STYLES.items() if line.startswith(start)), "")) for line in lines]


def yaml_text(value: Any) -> str:
    """`value` as YAML, in the order of its keys."""
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, width=200, allow_unicode=True))


def yaml_lines(value: dict[str, Any]) -> list[str]:
    """`value` as lines of YAML; none where it is empty."""
    return yaml_text(value).splitlines() if value else []
