"""The policy file: YAML, read with limits, and one sentence for each fault in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from webhook.core.policy import LABELLED, NAMED, Policy
from webhook.core.schema import FORMS, ONLY_VERSION, PolicySchema
from webhook.core.text import cut
from webhook.service.yaml_loader import YAMLFaultError, stream

#: A policy of a thousand profiles takes a few hundred KB.
MAX_BYTES: Final = 4 * 1024 * 1024
#: The most nodes of the YAML, each alias written out. A policy of a thousand profiles takes 50,000.
MAX_NODES: Final = 150_000
#: The most profiles. A MutatingWebhookConfiguration, which has an entry for each, holds about 800 (etcd: 1.5 MiB).
MAX_PROFILES: Final = 5_000
#: The most faults that are told.
MAX_FAULTS: Final = 20

#: What is accepted, by pydantic's type of error; the names in braces are keys of the error's context.
_ACCEPTED: Final = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "model_type": "a map",
    "tuple_type": "a list",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "a string that is not empty",
    "too_short": "at least one entry",
    "too_long": "at most {max_length} entries",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
_NO_MORE: Final = object()
#: The most characters of a key that a fault repeats; the longest qualified name has 317.
_LONGEST_KEY: Final = 320
#: The most characters of a value that a fault repeats.
_LONGEST_VALUE: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document."""

    place: tuple[str | int, ...]
    """The keys and indexes from the root to what is at fault."""
    sentence: str
    """The place and what is wrong with it."""


class DocumentError(Exception):
    """A document is no policy; `faults` has what is wrong with it, and `more` is the number of those left out."""

    def __init__(self, faults: list[Fault], more: int = 0) -> None:
        super().__init__(*(fault.sentence for fault in faults))
        self.faults, self.more = faults, more

    @property
    def sentences(self) -> list[str]:
        """One sentence for each fault, and one for those left out."""
        return [*(fault.sentence for fault in self.faults), *([f"and {self.more} more faults"] if self.more else [])]


class PolicyError(Exception):
    """The policy file cannot be used; `faults` has one sentence for each fault, and the message one line.

    `places` has the keys and indexes that lead to the first of them, as far as they are known.
    """

    def __init__(self, faults: list[str], places: Sequence[tuple[str | int, ...]] = ()) -> None:
        super().__init__("\n".join(faults))
        self.faults, self.places = faults, tuple(places)


def load_policy(path: Path | None) -> Policy:
    """The policy in the file at `path`, or the built-in policy if `path` is None. Raises PolicyError."""
    if path is None:
        return Policy()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    return parse_policy(text, str(path))


def parse_policy(text: bytes, name: str) -> Policy:
    """The policy in the YAML `text`, which faults call `name`. Raises PolicyError."""
    if len(text) > MAX_BYTES:
        raise PolicyError([f"{name}: too large; accepted: at most {MAX_BYTES // 1024**2} MiB"])
    try:
        found = stream(text, MAX_NODES)
        document = next(found, None)
        if next(found, _NO_MORE) is not _NO_MORE:
            raise PolicyError([f"{name}: more than one YAML document; accepted: one"])
    except YAMLFaultError as fault:
        raise PolicyError([f"{name}: {fault}"]) from None
    try:
        return read_policy_document({} if document is None else document)
    except DocumentError as error:
        places = [fault.place for fault in error.faults]
        raise PolicyError([f"{name}: {sentence}" for sentence in error.sentences], places) from None


def read_policy_document(document: Any) -> Policy:
    """The policy that a document (JSON-like) states. Raises DocumentError."""
    profiles = document.get("profiles") if isinstance(document, dict) else None
    if isinstance(profiles, dict) and len(profiles) > MAX_PROFILES:
        told = f"profiles: found {len(profiles)} entries; accepted: at most {MAX_PROFILES}"
        raise DocumentError([Fault(("profiles",), told)])
    try:
        # Strict models accept a list for a tuple, and a string for an enumeration, from JSON but not from Python.
        return Policy.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise _document_error(error) from None


def _document_error(error: ValidationError) -> DocumentError:
    """The error with at most MAX_FAULTS faults: the path in the file, what was found, and what is accepted."""
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    # If entries of a list are invalid, pydantic also reports that the list is too short. If another key is, it reports
    # that it does not make the built-in profiles, which depend on such a key.
    faults = [
        fault
        for fault in error.errors(include_url=False)
        if not (fault["type"] == "too_short" and fault["input"]) and fault["type"] != "default_factory_not_called"
    ]
    told = [_fault(dict(fault), schema) for fault in faults[:MAX_FAULTS]]
    return DocumentError(told, len(faults) - len(told))


def _fault(fault: dict[str, Any], schema: dict[str, Any]) -> Fault:
    kind, context = fault["type"], fault.get("ctx", {})
    location: tuple[str | int, ...] = (*fault["loc"], *context.get("within", ()))
    named = NAMED in location
    location = tuple(part for part in location if part not in (NAMED, LABELLED))
    place = location
    if location and location[-1] == "[key]":
        place = location[:-1]
        found, where = json.dumps(cut(str(location[-2]), _LONGEST_KEY)), path_of(location[:-2])
    else:
        found, where = beginning(fault["input"]), path_of(location)
    if kind == "extra_forbidden":
        told = f"{where}: unknown key; accepted: {', '.join(_keys(location[:-1], schema)) or 'none'}"
        return Fault(place, told)
    if kind == "missing":
        return Fault(place, f"{where}: required, but missing")
    accepted = _accepted(kind, context)
    if accepted is not None and named:
        accepted += ", {matchLabels: …}"
    if accepted is None:
        return Fault(place, f"{where}: {fault['msg']}" if where else str(fault["msg"]))
    return Fault(place, f"{where or 'the file'}: found {found}; accepted: {accepted}")


def _accepted(kind: str, context: dict[str, Any]) -> str | None:
    """What is accepted in place of an error of `kind`; None if pydantic's message says it."""
    if kind == "literal_error":
        return ONLY_VERSION
    if kind == "enum":
        return str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "string_pattern_mismatch":
        return FORMS[context["pattern"]]
    return _ACCEPTED[kind].format(**context) if kind in _ACCEPTED else None


def beginning(value: Any) -> str:
    """`value` as JSON, cut if it is long."""
    text = ""
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        text += part
        if len(text) > _LONGEST_VALUE:
            break
    return cut(text, _LONGEST_VALUE)


def path_of(location: tuple[str | int, ...]) -> str:
    """The keys and indexes of `location` as sentences write them, such as `profiles.default.executor.mix[0].mode`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            key = cut(part, _LONGEST_KEY)
            path += f'."{key}"' if "." in key else f".{key}"
    return path.removeprefix(".")


def _keys(location: tuple[str | int, ...], schema: dict[str, Any]) -> list[str]:
    """The keys of the model at `location`, according to its JSON Schema."""
    here = schema
    for part in location:
        if isinstance(part, int):
            here = here["items"]
            # Of the forms that an entry may have, only a map has keys.
            here = here.get("oneOf", [here])[-1]
        else:
            here = here.get("properties", {}).get(part) or here["additionalProperties"]
        if "$ref" in here:
            here = schema["$defs"][here["$ref"].rsplit("/", 1)[1]]
    return list(here["properties"])
