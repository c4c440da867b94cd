"""Text that is safe and short enough to send: one line each, cut if it is too long."""

from collections.abc import Iterable
from typing import Final

#: The API server asks for warnings of at most 120 characters (Kubernetes: Dynamic Admission Control, response).
LIMIT: Final = 120


def one_line(text: str) -> str:
    """`text` with every character that could break a line or a terminal replaced by a question mark."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning and an ellipsis if it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def listed(start: str, entries: Iterable[str], limit: int = LIMIT) -> str:
    """`start` and as many `entries` as fit into `limit` characters, with the count of those that did not."""
    rest = list(entries)
    fitting, length = 0, len(start)
    for entry in rest:
        length += len(entry) + (2 if fitting else 0)
        if length > limit:
            break
        fitting += 1
    if fitting == len(rest):
        return start + ", ".join(rest)
    for shown in range(fitting, 0, -1):
        sentence = start + ", ".join([*rest[:shown], f"and {len(rest) - shown} more"])
        if len(sentence) <= limit:
            return sentence
    return f"{start}{len(rest)} more"
