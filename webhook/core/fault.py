"""What is wrong with a document, as one clause with the field at fault in front."""

import re
from typing import Final

from msgspec import DecodeError

_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


def clause(error: DecodeError, whole: str) -> str:
    """The decoder's message with the field at fault in front, as a path from the root; `whole` names the root."""
    fault, _, place = str(error).partition(" - at `")
    path = place.split("$")[-1].removesuffix("`")
    missing = _MISSING.fullmatch(fault)
    if missing:
        return f"{path}.{missing[1]}: required, but missing".removeprefix(".")
    fault = fault.replace("`", "")
    if not fault.startswith("JSON"):
        fault = fault[:1].lower() + fault[1:]
    return f"{path.removeprefix('.') or whole}: {fault}"
