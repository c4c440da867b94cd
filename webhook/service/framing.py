"""The headers that say where a body ends. What another server might understand differently is refused (RFC 9112)."""

from typing import Final

#: The headers that this module judges.
HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})
#: The most digits of a Content-Length.
_DIGITS: Final = 18


def fault(name: bytes, value: bytes) -> str:
    """What is wrong with the header `name` (in lower case), as a sentence; empty if nothing is."""
    if name == b"content-length" and len(value) > _DIGITS:
        return f"Content-Length: found {len(value)} characters; accepted: at most {_DIGITS}"
    if name == b"transfer-encoding" and value.lower() != b"chunked":
        return "Transfer-Encoding: found another coding than chunked; accepted: chunked"
    return ""
