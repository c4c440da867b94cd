"""The places of a document as sentences write them, such as `spec.volumes[0].name` or `spec.driver.labels["a"]`."""

import json
import re
from typing import Final

from webhook.core.text import cut, one_line

#: The longest key that is shown. The longest known name has 47 characters.
MOST_CHARACTERS: Final = 64
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def of_field(path: str, key: object) -> str:
    """The path of a field of the object at `path`; a name that is no plain word stands in brackets, as in JSON."""
    if isinstance(key, str) and len(key) <= MOST_CHARACTERS and _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return of_key(path, key)


def of_key(path: str, key: object) -> str:
    """The path of a free key of the map at `path`, on one line, and cut if it is too long."""
    shown = one_line(cut(key, MOST_CHARACTERS)) if isinstance(key, str) else f"a key of the type {type(key).__name__}"
    return f"{path}[{json.dumps(shown, ensure_ascii=False)}]"
