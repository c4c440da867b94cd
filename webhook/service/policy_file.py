"""The policy file: YAML, read safely and whole, with every fault in it told at once."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from webhook.core.policy import Policy
from webhook.core.schema import FORMS, PolicySchema
from webhook.service.yaml_loader import YAMLFaultError, documents

#: A policy of a thousand profiles takes a few hundred KB.
MAX_BYTES: Final = 4 * 1024 * 1024

_TYPES: Final = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "model_type": "a map",
    "tuple_type": "a list",
}


class PolicyError(Exception):
    """The policy file cannot be used; `faults` holds one sentence for each thing that is wrong with it."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load_policy(path: Path | None) -> Policy:
    """The policy in the file at `path`, or the built-in one where `path` is None. Raises PolicyError."""
    if path is None:
        return Policy()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    return parse_policy(text, str(path))


def parse_policy(text: bytes, name: str) -> Policy:
    """The policy that the YAML in `text` states; `name` is what faults call it. Raises PolicyError."""
    if len(text) > MAX_BYTES:
        raise PolicyError([f"{name}: larger than {MAX_BYTES // 1024**2} MiB, the most that is read"])
    try:
        found = documents(text)
    except YAMLFaultError as fault:
        raise PolicyError([f"{name}: {fault}"]) from None
    if len(found) > 1:
        raise PolicyError([f"{name}: holds {len(found)} YAML documents; accepted: one"])
    document = found[0] if found else None
    try:
        # In JSON a list may stand for a tuple and a string for an enumeration, which strict models refuse from Python.
        return Policy.model_validate_json(json.dumps({} if document is None else document))
    except ValidationError as error:
        raise PolicyError([f"{name}: {fault}" for fault in _faults(error)]) from None


def _faults(error: ValidationError) -> list[str]:
    """One sentence for each fault: the path in the file, what was found, what is accepted."""
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    # Of a list whose entries are at fault pydantic also says that it is too short.
    found = [
        fault for fault in error.errors(include_url=False) if not (fault["type"] == "too_short" and fault["input"])
    ]
    return [_sentence(dict(fault), schema) for fault in found]


def _sentence(fault: dict[str, Any], schema: dict[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    location: tuple[str | int, ...] = (*fault["loc"], *context.get("within", ()))
    if location and location[-1] == "[key]":
        found, where = json.dumps(location[-2]), _path(location[:-2])
    else:
        found, where = _found(fault["input"]), _path(location)
    match kind:
        case "extra_forbidden":
            return f"{where}: unknown key; accepted: {', '.join(_keys(location[:-1], schema))}"
        case "missing":
            return f"{where}: required, but missing"
    accepted = _accepted(kind, context)
    if accepted is None:
        return f"{where}: {fault['msg']}" if where else str(fault["msg"])
    return f"{where or 'the file'}: found {found}; accepted: {accepted}"


def _accepted(kind: str, context: dict[str, Any]) -> str | None:
    """What pydantic accepts where it found a fault of `kind`; None where its message says so itself."""
    match kind:
        case "enum":
            return str(context["expected"]).replace("'", "").replace(" or ", ", ")
        case "string_pattern_mismatch":
            return FORMS[context["pattern"]]
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "string_too_short":
            return "a string that is not empty"
        case "too_short":
            return "at least one entry"
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than_equal":
            return f"{context['le']} or less"
    return _TYPES.get(kind)


def _path(location: tuple[str | int, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in location)
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return f'"{key}"' if "." in key else key


def _found(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    limit = 60
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _keys(location: tuple[str | int, ...], schema: dict[str, Any]) -> list[str]:
    """The keys that the model at `location` takes, read off its JSON Schema."""
    here = schema
    for part in location:
        if isinstance(part, int):
            here = here["items"]
        else:
            here = here.get("properties", {}).get(part) or here["additionalProperties"]
        if "$ref" in here:
            here = schema["$defs"][here["$ref"].rsplit("/", 1)[1]]
    return list(here["properties"])
