"""The value of a document that a sentence about it names, such as `spec.volumes[0]` or `spec.driver.labels["a"]`."""

import json
import re
from typing import Any, Final

from webhook.core.text import cut, one_line
from webhook.playground.text_lines import Path
from webhook.spark.field_paths import MOST_CHARACTERS

_STEP: Final = re.compile(r'\.?(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]{1,9})\]|\[(?P<shown>"(?:[^"\\]|\\.)*")\]')


def named_path(sentence: str, document: Any, roots: frozenset[str]) -> Path:
    """The path with which `sentence` begins, as far as it exists in `document` (JSON-like).

    It is empty if the sentence does not begin with one of the keys `roots`.
    """
    path: list[str | int] = []
    value, at = document, 0
    while found := _STEP.match(sentence, at):
        if not path and found["key"] not in roots:
            break
        step = _step(found, value)
        if step is None:
            break
        path.append(step)
        value, at = value[step], found.end()
    return tuple(path)


def _step(found: re.Match[str], value: Any) -> str | int | None:
    """The key or index of `value` that a part of a path means; None if it has none, or several may be meant."""
    if found["index"] is not None:
        index = int(found["index"])
        return index if isinstance(value, list) and index < len(value) else None
    if not isinstance(value, dict):
        return None
    if found["key"] is not None:
        return found["key"] if found["key"] in value else None
    try:
        shown = json.loads(found["shown"])
    except ValueError:
        shown = found["shown"][1:-1]
    meant = [key for key in value if shown in (key, one_line(key), one_line(cut(key, MOST_CHARACTERS)))]
    return meant[0] if len(meant) == 1 else None
