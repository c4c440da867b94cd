"""Overlays: JSON documents that change other JSON documents.

Maps are merged, and any other value replaces what is there. A key that ends in `+` appends to a list, a key that ends in
`*` and a number makes a list with the value that many times, and the value `<absent>` removes its key.
"""

import copy
import re
from typing import Any, Final

ABSENT: Final = "<absent>"
_REPEATED: Final = re.compile(r"(.*)\*([0-9]+)")


def overlaid(base: Any, overlay: Any) -> Any:
    """`base` changed by `overlay`. Raises KeyError if a key to remove or a list to extend is not there."""
    if not isinstance(overlay, dict):
        return overlay
    found = dict(base) if isinstance(base, dict) else {}
    for key, value in overlay.items():
        if value == ABSENT:
            del found[key]
        elif repeated := _REPEATED.fullmatch(key):
            found[repeated[1]] = [copy.deepcopy(value) for _ in range(int(repeated[2]))]
        elif key.endswith("+"):
            found[key[:-1]] = found[key[:-1]] + value
        else:
            found[key] = overlaid(found.get(key), value)
    return found


def difference(base: Any, wanted: Any) -> Any:
    """The overlay that changes `base` into `wanted`."""
    if not (isinstance(base, dict) and isinstance(wanted, dict)):
        return wanted
    found: dict[str, Any] = {key: ABSENT for key in base if key not in wanted}
    for key, value in wanted.items():
        if key not in base or value != base[key]:
            start = base.get(key)
            if start and isinstance(start, list) and isinstance(value, list) and value[: len(start)] == start:
                found[f"{key}+"] = value[len(start) :]
            else:
                found[key] = difference(start, value)
    return found
