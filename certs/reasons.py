"""Why a call failed, without what Python and the libraries write around it."""

import re
from typing import Final

#: Where in the source of Python an error of TLS came up, and what encloses it in the text of other errors.
_SOURCE: Final = re.compile(r"\s*\(_ssl\.c:\d+\).*", re.DOTALL)
#: The rest of OpenSSL's name of an error.
_NAME: Final = re.compile(r"^[A-Z0-9_]+\] ")
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}


def cause(text: str) -> str:
    """The last clause of an error of a library, on one line, without brackets and quotes that nothing opens."""
    last = _SOURCE.sub("", " ".join(text.split())).rstrip(". ").rpartition(": ")[2]
    found = _NAME.sub("", last)
    while found and _is_unbalanced(found, found[-1]):
        found = found[:-1]
    return found.rstrip(". ")


def _is_unbalanced(text: str, last: str) -> bool:
    if last in _CLOSING:
        return text.count(last) > text.count(_CLOSING[last])
    return last in "'\"" and text.count(last) % 2 == 1
