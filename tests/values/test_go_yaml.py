"""Text without quotes means what it means to Helm, and reaches the service as it is or is refused."""

import json

import helm_python
import pytest

from tests.values.helm import by_helm, by_us, merged
from webhook.chart.go_yaml import meaning, reaches_service
from webhook.chart.values_file import parse_values
from webhook.service.policy_file import PolicyError

NUMBERS = [
    "0",
    "1",
    "-1",
    "+1",
    "01",
    "08",
    "017",
    "0o17",
    "0O7",
    "0x1F",
    "0X1f",
    "-0x1",
    "0b11",
    "0B1",
    "0b2",
    "0b-1",
    "-0b1",
    "1_0",
    "1__0",
    "1_",
    "_1",
    "1.",
    ".5",
    ".5_0",
    "._5",
    "-.5_0",
    "1.5",
    "1e3",
    "1e+3",
    "1E3",
    "1.e3",
    ".5e1",
    "12:30",
    "1:2:3.5",
    "2020-01-01",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
    "1e21",
    "1e-7",
    "0.1",
    "-0",
    "-0.0",
    "0x",
    "0b",
    "0b_",
    "+",
    ".",
    "..",
]
WORDS = [
    "y",
    "Y",
    "yes",
    "Yes",
    "yEs",
    "on",
    "off",
    "N",
    "no",
    "~",
    "null",
    "Null",
    "nUll",
    "true",
    "TRUE",
    "tRue",
    "=",
    "<<",
    "a",
    "1a",
    ".a",
]


@pytest.mark.parametrize("text", [*NUMBERS, *WORDS, '"y"', "'1'", "!!str 1", "!!int '7'", "!!float 1", "!!bool yes"])
def test_text_means_what_it_means_to_helm(text: str) -> None:
    values = f"a: {text}\nb: [{text}]\n"
    assert _floats(parse_values(values.encode(), "x").values) == _floats(merged(values))


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "!!int a", "!!float true", "!!null 1", "!!bool 1"])
def test_text_that_helm_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(helm_python.HelmError):
        merged(f"a: {text}")
    with pytest.raises(PolicyError):
        parse_values(f"a: {text}".encode(), "x")


@pytest.mark.parametrize("key", ["on", "no", "True", "1", "-1", "a", "'1'", "2020-01-01"])
def test_keys_are_helms(key: str) -> None:
    assert parse_values(f"{key}: x".encode(), "x").values == merged(f"{key}: x")


def test_text_that_does_not_reach_the_service_is_refused_and_no_other() -> None:
    texts = [
        *NUMBERS,
        *WORDS,
        "a: b",
        "- a",
        "#",
        "two\nlines\n",
        " a",
        "a ",
        "\t",
        "é",
        "\x01",
        "\x7f",
        "a\u2028b",
        "\u0085",
    ]
    for text in texts:
        values = json.dumps({"policy": {"profiles": {"mine": {"driver": {"annotations": {"a/b": text}}}}}})
        theirs, ours = by_helm(values), by_us(values)
        if reaches_service(text):
            assert ours == theirs, text
        else:
            assert isinstance(ours, str), text
            # Some reach it changed, which is worse than not at all.
            assert theirs != by_us(values.replace(json.dumps(text), '"x"')), text
    assert [text for text in NUMBERS if not reaches_service(text)] == ["._5", "0x", "0b_"][2:]


def test_a_number_is_a_float_of_64_bits_as_in_go() -> None:
    assert [meaning(text) for text in ("9007199254740993", "1e21", "7.0")] == [9007199254740992, 1e21, 7]
    assert isinstance(meaning("7.0"), int)


def _floats(value: object) -> object:
    """`value` with floats for numbers: JSON has one kind, and Go writes large ones with fewer digits than Python."""
    if isinstance(value, dict):
        return {key: _floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_floats(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
