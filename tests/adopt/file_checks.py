"""Checks what adopt did to a file: the lines that went, and what the document lost. Each complaint is a sentence."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import yaml

JSON = dict[str, Any]
#: The fields in which people write placement. Everything else stays as it was.
_PLACEMENT: Final = frozenset({"tolerations", "affinity", "nodeSelector", "annotations", "labels"})
_PROPERTIES: Final = (".annotation.", ".label.", ".node.selector.")


def lines(old: bytes, new: bytes, cuts: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Whether `new` is `old` without the lines that `cuts` name, from the first to the last of each."""
    before = old.splitlines(keepends=True)
    named = {number for first, last in cuts for number in range(first, last + 1)}
    if not named <= set(range(1, len(before) + 1)):
        yield f"the cuts name lines that do not exist: {max(named)} of {len(before)}"
    kept = [line for number, line in enumerate(before, 1) if number not in named]
    if b"".join(kept) != new:
        yield "the file is not the old one without the lines that the cuts name"
    if not _is_subsequence(new.splitlines(keepends=True), before):
        yield "the file has lines that the old one did not have"
    for number in sorted(named):
        if before[number - 1].strip().startswith(b"#"):
            yield f"line {number} is a comment, and is cut"


def _is_subsequence(one: Sequence[Any], other: Sequence[Any]) -> bool:
    rest = iter(other)
    return all(line in rest for line in one)


def documents(old: bytes, new: bytes) -> Iterator[str]:
    """Whether PyYAML reads the same documents from both, apart from placement that the new ones lack."""
    before, after = (list(yaml.safe_load_all(one)) for one in (old, new))
    if len(before) != len(after):
        yield f"the file had {len(before)} documents, and has {len(after)}"
    for number, (one, other) in enumerate(zip(before, after, strict=False), 1):
        yield from (f"document {number}: {told}" for told in _lost(one, other, ()))


def _lost(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _lost_keys(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lost_items(old, new, path)
    elif old != new:
        yield f"{'.'.join(path)}: was {old!r}, and is {new!r}"


def _lost_keys(old: JSON, new: JSON, path: tuple[str, ...]) -> Iterator[str]:
    if list(new) != [key for key in old if key in new]:
        yield f"{'.'.join(path)}: keys are new, or in another order"
    for key, value in old.items():
        inner = *path, str(key)
        if key in new:
            yield from _lost(value, new[key], inner)
        elif not _only_placement(value, inner):
            yield f"{'.'.join(inner)} is gone"


def _lost_items(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[str]:
    if len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _lost(one, other, (*path, str(number)))
    elif not _is_placement(path) or not new or not _is_subsequence(new, old):
        yield f"{'.'.join(path)}: items are gone that are no placement, or all, or some are new"


def _is_placement(path: tuple[str, ...]) -> bool:
    last = path[-1] if path else ""
    by_property = last.startswith("spark.kubernetes.") and any(one in last for one in _PROPERTIES)
    return by_property or not _PLACEMENT.isdisjoint(path)


def _only_placement(value: Any, path: tuple[str, ...]) -> bool:
    """Whether a value holds nothing but placement."""
    if _is_placement(path):
        return True
    if isinstance(value, dict):
        return all(_only_placement(one, (*path, str(key))) for key, one in value.items())
    return False
