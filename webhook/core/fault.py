"""What is wrong with a document, as one clause with the field at fault in front."""

import re
from typing import Final

from msgspec import DecodeError

_AT: Final = re.compile(r"^(?P<fault>.*?)(?: - at `(?P<place>.*?)\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


def clause(error: DecodeError, whole: str) -> str:
    """The decoder's message with the field at fault in front, as a path from the root; `whole` names the root."""
    match = _AT.match(str(error))
    fault, path = (match["fault"], match["path"] or "") if match else (str(error), "")
    field = path.removeprefix(".")
    missing = _MISSING.fullmatch(fault)
    if missing:
        return f"{field}.{missing[1]}: required, but missing".lstrip(".")
    fault = fault.replace("`", "")
    if not fault.startswith("JSON"):
        fault = fault[:1].lower() + fault[1:]
    return f"{field or whole}: {fault}"
