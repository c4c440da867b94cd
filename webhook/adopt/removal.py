"""What is left of a document if some of its values are removed."""

from collections.abc import Collection, Iterable
from typing import Any

from webhook.adopt.lines import Path


def at(document: Any, path: Path) -> Any:
    """The value at `path`."""
    for step in path:
        document = document[step]
    return document


def whole(document: Any, paths: Iterable[Path]) -> set[Path]:
    """The outermost paths that go if `paths` go: a map or list goes if nothing would be left in it."""
    gone = set(paths)
    waiting = {path[:-1] for path in gone}
    while waiting:
        # The deepest first, so that all that goes in a map is known.
        path = max(waiting, key=len)
        waiting.discard(path)
        found = at(document, path)
        steps: Iterable[str | int] = found if isinstance(found, dict) else range(len(found))
        if path and all((*path, step) in gone for step in steps):
            gone.add(path)
            waiting.add(path[:-1])
    return {path for path in gone if not any(path[:size] in gone for size in range(len(path)))}


def without(document: Any, paths: Collection[Path]) -> Any:
    """A copy of `document` without the values at `paths`, none of which is in another one. Nothing is changed."""
    if not paths:
        return document
    inner: dict[str | int, list[Path]] = {}
    gone = set()
    for first, *rest in paths:
        if rest:
            inner.setdefault(first, []).append(tuple(rest))
        else:
            gone.add(first)
    if isinstance(document, dict):
        return {
            key: without(value, inner[key]) if key in inner else value
            for key, value in document.items()
            if key not in gone
        }
    return [
        without(value, inner[index]) if index in inner else value
        for index, value in enumerate(document)
        if index not in gone
    ]
