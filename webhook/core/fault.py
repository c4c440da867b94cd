"""What is wrong with a document, as one clause with the field at fault in front."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import DecodeError

from webhook.core.text import cut, one_line

_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
#: msgspec's place for a value of a map: it does not tell the key.
_ANY_KEY: Final = "[...]"
_STEP: Final = re.compile(r"\[\.\.\.\]|\[\d+\]|[^.\[\]: ]+")
_FOUND: Final = re.compile(r", got (\w+)$")
#: msgspec's names for the types of JSON.
_TYPES: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    type(None): "null",
}
#: The most characters of a key that are shown.
_KEY: Final = 100


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


def with_keys(fault: str, document: Any) -> str:
    """`fault`, a clause about `document` (JSON-like), with the key of each map on the way to the value at fault.

    For example, `spec.sparkConf[...]: expected str, got int` becomes
    `spec.sparkConf["spark.executor.cores"]: expected str, got int`. The clause stays as it is if no value fits it.
    """
    found = _FOUND.search(fault)
    *before, after = fault.split(_ANY_KEY)
    if not before or found is None:
        return fault
    steps = _STEP.findall(fault.removesuffix(after) + after.partition(": ")[0])
    keys = next(_keys(document, steps, found[1]), None)
    if keys is None:
        return fault
    shown = (one_line(cut(json.dumps(key, ensure_ascii=False), _KEY)) for key in keys)
    return "".join(f"{path}[{key}]" for path, key in zip(before, shown, strict=True)) + after


def _keys(value: Any, steps: list[str], wanted: str) -> Iterator[tuple[str, ...]]:
    """Yields the keys of the maps on each way along `steps` from `value` to a value of the type `wanted`."""
    if not steps:
        if _TYPES.get(type(value)) == wanted:
            yield ()
        return
    step, *rest = steps
    if step == _ANY_KEY:
        for key, inner in value.items() if isinstance(value, dict) else ():
            for keys in _keys(inner, rest, wanted):
                yield (key, *keys)
    elif step.startswith("["):
        number = int(step[1:-1])
        if isinstance(value, list) and number < len(value):
            yield from _keys(value[number], rest, wanted)
    elif isinstance(value, dict) and step in value:
        yield from _keys(value[step], rest, wanted)
