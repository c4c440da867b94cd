"""YAML as Helm reads and writes it: the rules of go-yaml 2, which differ from PyYAML's for text without quotes.

Source: go.yaml.in/yaml/v2 2.4 (resolve.go, decode.go, encode.go), by way of sigs.k8s.io/yaml 1.6 (yaml.go).
"""

import math
import re
from collections.abc import Mapping
from functools import cmp_to_key
from typing import Any, Final

from webhook.core.text import cut, one_line
from webhook.service.yaml_loader import MAX_DIGITS, Documents, fault_at, tag_of, tag_without_quotes

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
#: JSON, to which Helm converts YAML, has no such numbers.
_NO_NUMBERS: Final = frozenset(f"{sign}.{word}" for word in ("inf", "Inf", "INF") for sign in ("", "+", "-")) | {
    ".nan",
    ".NaN",
    ".NAN",
}
#: The forms of whole numbers, each with its base. `0b-1` is one, too.
_WHOLE: Final = (
    (re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"0b([-+])([01]+)"), 2),
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)"), 10),
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINT: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
#: Text that go-yaml reads as a string, and yet writes with quotes.
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
#: What go-yaml writes as it is, and readers refuse or take for the end of a line.
_BREAKS: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_DIGITS: Final = re.compile("[0-9]*")
_ENDING: Final = re.compile("[0-9]*$")
#: From here on Go writes a number as 1e+21.
_EXPONENT: Final = 1e21
_KINDS: Final[Mapping[str, Any]] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}


class HelmDocuments(Documents):
    """The documents of a file of values. A map may have no key twice, although Helm takes the last one."""

    def scalar(self, event: Any) -> Any:
        """The value of a scalar, with numbers as JSON has them. Raises yaml.MarkedYAMLError."""
        text = event.value
        if event.tag in (None, "!"):
            value = meaning(text) if event.implicit[0] else text
        elif (tag := tag_of(event)) in _KINDS:
            value = meaning(text)
            if not isinstance(value, _KINDS[tag]) or (isinstance(value, bool) and tag != "bool"):
                found = one_line(cut(text, MAX_DIGITS))
                raise fault_at(f'found "{found}"; accepted: a value of type !!{tag}', event)
        else:
            value = super().scalar(event)
        if isinstance(value, float) and not math.isfinite(value):
            raise fault_at(f'found "{text}"; accepted: a number that JSON has', event)
        return value

    def key(self, value: Any, text: str) -> str | None:
        """The key that a scalar with `value` is: Helm makes a string of true, false and a whole number.

        Numbers in other forms are refused, because Helm writes some of them in a way that nobody expects.
        """
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and text == str(value):
            return text
        return super().key(value, text)

    def check_merged(self, own: dict[str, Any], merged: dict[str, Any], event: Any) -> None:
        """Raises yaml.MarkedYAMLError if Helm would replace keys in front of a key <<, which others do not."""
        if twice := own.keys() & merged.keys():
            shown = ", ".join(sorted(one_line(cut(key, MAX_DIGITS)) for key in twice))
            raise fault_at(f"<< after {shown}, which it has, too; accepted: << in front of the other keys", event)


def meaning(text: str) -> str | bool | float | None:
    """What a `text` without quotes means to go-yaml; numbers are 64-bit floats, and whole ones are ints."""
    if text in _WORDS:
        return _WORDS[text]
    if text in _NO_NUMBERS:
        return math.nan if "n" in text.lower()[1:2] else math.inf
    if not text[:1] or text[0] not in "+-.0123456789":
        return text
    # Behind a point in front, an underscore has to be between digits.
    if text[0] == "." and not _POINT.fullmatch(text):
        return text
    plain = text.replace("_", "")
    number = _whole(plain)
    if number is None and _FLOAT.fullmatch(plain):
        number = float(plain)
        if math.isinf(number):
            return text
    if number is None:
        return text
    return int(number) if number.is_integer() and abs(number) < _EXPONENT else number


def reaches_service(text: str) -> bool:
    """Whether the service reads `text` as it is from the ConfigMap that the chart writes."""
    if _BREAKS.search(text):
        return False
    without_quotes = meaning(text) is text and not _BASE_60.fullmatch(text)
    return not without_quotes or tag_without_quotes(text) not in ("int", "float", "bool", "merge")


def in_order(value: Any) -> Any:
    """`value` (JSON-like) with the keys of each map in the order in which go-yaml writes them.

    For some sets of keys that begin with digits its comparison contradicts itself, and the order may be another one.
    """
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=cmp_to_key(_compare))}
    return [in_order(one) for one in value] if isinstance(value, list) else value


def _compare(one: str, other: str) -> int:
    """Below 0 if go-yaml writes the key `one` before `other`: numbers count as numbers, and letters come last."""
    index = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if index is None:
        return len(one) - len(other)
    a, b = one[index], other[index]
    if a.isalpha() or b.isalpha():
        return ord(a) - ord(b) if a.isalpha() and b.isalpha() else int(a.isalpha()) - int(b.isalpha())
    # A zero inside of a number counts, and one in front of it does not.
    inside = "0" in (a, b) and bool(_ENDING.findall(one[:index])[0].strip("0"))
    numbers = [_DIGITS.findall(text, index)[0] for text in (one, other)]
    values = [int(f"{int(inside)}{digits}" or "0") for digits in numbers]
    return values[0] - values[1] or len(numbers[0]) - len(numbers[1]) or ord(a) - ord(b)


def _whole(plain: str) -> float | None:
    """The whole number that `plain` is; None if it is none, or none of 64 bits."""
    for form, base in _WHOLE:
        if found := form.fullmatch(plain):
            digits = found[2].lstrip("0") or "0"
            # No number of 64 bits is longer.
            if len(digits) > 64:  # noqa: PLR2004
                return None
            number = int(digits, base)
            if found[1] == "-":
                number = -number
            in_bits = -(2**63) <= number < (2**63 if found[1] else 2**64)
            return float(number) if in_bits else None
    return None
