"""JSON Patch (RFC 6902) and JSON Pointer (RFC 6901), as far as adding needs them."""

from typing import Any

from msgspec import Struct


class PatchOperation(Struct, frozen=True):
    """One operation of a JSON Patch: `op` is `add` or `replace`, `path` a JSON Pointer, `value` any JSON value."""

    op: str
    path: str
    value: Any


def pointer(parent: str, key: str) -> str:
    """The JSON Pointer of `key` below `parent`, with `~` and `/` in the key escaped (RFC 6901 section 3)."""
    return f"{parent}/{key.replace('~', '~0').replace('/', '~1')}"


def add(path: str, value: Any) -> PatchOperation:
    """Adds `value` at `path`; a member of an object that stands there is replaced (RFC 6902 section 4.1)."""
    return PatchOperation("add", path, value)


def append(path: str, value: Any) -> PatchOperation:
    """Appends `value` to the array at `path`, which has to exist (RFC 6902 section 4.1)."""
    return PatchOperation("add", f"{path}/-", value)
