"""What the chart's values.schema.json refuses of values, in the words of the policy file's faults."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from webhook.chart.defaults import values_schema
from webhook.core.schema import API_VERSION, FORMS, ONLY_VERSION
from webhook.service.policy_file import Fault, beginning, path_of

#: What is said of a key that is not there.
MISSING: Final = "required, but missing"
_REGISTRY: Final = r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?"
_PATH: Final = "[a-z0-9]+([._-]+[a-z0-9]+)*"
#: What the patterns of the schema accept, in words. Those of the policy are in FORMS.
WORDS: Final[Mapping[str, str]] = {
    **FORMS,
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$": "lowercase letters, digits and hyphens, or an empty string",
    r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$": "lowercase letters, digits, hyphens and dots, or an empty string",
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "lowercase letters, digits, hyphens and dots",
    r"^(v?[0-9]+\.[0-9]+(\.[0-9]+.*)?)?$": "a version such as 1.30, or an empty string",
    rf"^({_REGISTRY}/)?{_PATH}(/{_PATH})*$": "a lowercase repository without https:// and without a tag",
    rf"^({_REGISTRY}(/{_PATH})*/?)?$": "a lowercase registry without https://, or an empty string",
    r"^(sha256:[0-9a-f]{64})?$": "sha256: and 64 hexadecimal digits, or an empty string",
    r"^[1-9][0-9]?%$|^100%$": "a percentage from 1% to 100%",
    r"^([0-9]+(h|m|s))+$": "a duration such as 720h or 1h30m",
    r"^[1-9][0-9]*[hd]$": "hours or days such as 6h or 2d",
    r"^[a-zA-Z_][a-zA-Z0-9_]*$": "letters, digits and underscores, with no digit in front",
    r"^([0-9]+(y|w|d|h|m|s|ms))+$": "a duration such as 30s",
}
_TYPES: Final = {
    "object": "a map",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "null": "null",
}
_NUMBERS: Final = {"integer": "a whole number", "number": "a number"}
#: The bounds of numbers, of strings, and of the entries of lists and maps.
_BOUNDS: Final = {
    "exclusiveMinimum": "above {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entry",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} entry",
    "maxProperties": "at most {} entries",
}


def violations(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each part of `values` that the schema refuses; a missing one as MISSING says."""
    told = set()
    for error in Draft7Validator(_with_whole_patterns(values_schema())).iter_errors(values):
        for fault in _faults(error):
            # There is an error for each missing key, which does not say which key it is.
            if fault not in told:
                told.add(fault)
                yield fault


def _with_whole_patterns(schema: Any) -> Any:
    """`schema` with patterns whose `$` means the end alone, as in Go. To Python it also means a line feed there."""
    if isinstance(schema, list):
        return [_with_whole_patterns(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {_whole(pattern): _with_whole_patterns(one) for pattern, one in value.items()}
        if key == "patternProperties"
        else _whole(value)
        if key == "pattern" and isinstance(value, str)
        else _with_whole_patterns(value)
        for key, value in schema.items()
    }


def _whole(pattern: str) -> str:
    return pattern.replace("$", r"\Z")


def _faults(error: ValidationError) -> Iterator[Fault]:
    place = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        key, schema = str(error.instance), error.schema
        accepted = _accepted(schema if isinstance(schema, dict) else {})
        yield Fault((*place, key), f"{path_of(place)}: found {beginning(key)}; accepted: {accepted}")
        return
    for part, sentence in _OF_KEYWORD.get(str(error.validator), _of_value)(error):
        yield Fault((*place, *part), f"{path_of((*place, *part)) or 'the values'}: {sentence}")


_Parts = Iterator[tuple[tuple[str, ...], str]]


def _of_value(error: ValidationError) -> _Parts:
    schema: Any = error.schema
    yield (), f"found {beginning(error.instance)}; accepted: {_accepted(schema)}"


def _of_unknown_keys(error: ValidationError) -> _Parts:
    schema: Any = error.schema
    found: Any = error.instance
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    # What does not match a pattern is told of by `propertyNames`.
    if not patterns:
        for key in found:
            if key not in known:
                yield (key,), f"unknown key; accepted: {', '.join(known) or 'none'}"


def _of_required(error: ValidationError) -> _Parts:
    found: Any = error.instance
    required: Any = error.validator_value
    for key in required:
        if key not in found:
            yield (key,), MISSING


def _of_dependencies(error: ValidationError) -> _Parts:
    found: Any = error.instance
    dependencies: Any = error.validator_value
    for key, needed in dependencies.items():
        for other in needed if key in found else ():
            if other not in found:
                yield (other,), f"required with {key}, but missing"


def _of_unique_items(_: ValidationError) -> _Parts:
    yield (), "found an entry twice; accepted: each at most once"


_OF_KEYWORD: Final[Mapping[str, Callable[[ValidationError], _Parts]]] = {
    "additionalProperties": _of_unknown_keys,
    "required": _of_required,
    "dependencies": _of_dependencies,
    "uniqueItems": _of_unique_items,
}


def _accepted(schema: Mapping[str, Any]) -> str:
    """What `schema` accepts."""
    if schema.get("const") == API_VERSION:
        return ONLY_VERSION
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return ", or ".join(_accepted(one) for one in schema[several])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [_TYPES.get(kind) or _NUMBERS[kind] for kind in kinds]
    pattern = str(schema.get("pattern", "")).replace(r"\Z", "$")
    if pattern:
        words = [WORDS[pattern]]
    if "minLength" in schema:
        words = ["a string that is not empty"]
    bounds = [told.format(schema[bound]) for bound, told in _BOUNDS.items() if bound in schema]
    if not words:
        return ", ".join(bounds)
    return ", ".join([" or ".join(words), *bounds])
