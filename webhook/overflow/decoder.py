"""Reading answers of the API server. Users write parts of them that nobody reads, and none of these may be a fault."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import DecodeError

from certs.cluster_errors import ClusterError

_T = TypeVar("_T")

#: How deep the fields that are read can be, and more. The API server accepts `managedFields` as deep as users like.
_DEEPEST: Final = 100
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


class UnreadableError(ClusterError):
    """The API server answered what is not an object of the kind that was asked for."""


def decoded(read: Callable[[bytes], _T], content: bytes, what: str) -> _T:
    """What `read` finds in the answer `content`. Raises UnreadableError, which says that it could not do `what`."""
    try:
        try:
            return read(content)
        except RecursionError:
            return read(shallow(content))
    except (DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(f"could not {what}: the answer cannot be read: {error}") from None


def shallow(content: bytes) -> bytes:
    """The JSON text `content` with objects and lists that are nested too deep made empty."""
    parts: list[bytes] = []
    start = depth = 0
    for token in _TOKEN.finditer(content):
        if token[0] in b"{[":
            depth += 1
            if depth == _DEEPEST + 1:
                parts.append(content[start : token.end()])
        elif token[0] in b"}]":
            if depth == _DEEPEST + 1:
                start = token.start()
            depth -= 1
    return b"".join([*parts, content[start:]])
