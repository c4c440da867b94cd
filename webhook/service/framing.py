"""The headers around a body. What another server might understand differently is refused (RFC 9112)."""

from collections.abc import Iterable
from typing import Final

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
#: The most digits of a Content-Length.
_DIGITS: Final = 18


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers behind a body go: nowhere."""

    def append(self, _trailer: tuple[bytes, bytes]) -> None:
        """Drops it."""


#: uvicorn appends trailers to the headers of a request, where nobody reads them.
TRAILERS: Final = _Trailers()


def fault(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What is wrong with `headers` (names in lower case), as a sentence; empty if nothing is."""
    for name, value in headers:
        if name in _FRAMING:
            if name == b"content-length":
                if len(value) > _DIGITS:
                    return f"Content-Length: found {len(value)} characters; accepted: at most {_DIGITS}"
            elif value.lower() != b"chunked":
                return "Transfer-Encoding: found another coding than chunked; accepted: chunked"
    return ""


def length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The bytes of the body as `headers` announce them, which `fault` finds nothing wrong with; 0 if they do not."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return 0
