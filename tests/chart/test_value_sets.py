"""The sets of values use every value of the chart, and its schema refuses each of their keys misspelled or of another type."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.manifests import CHART, refusal
from tests.chart.schema_paths import Place, kinds, places
from tests.chart.value_sets import SETS

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
#: Set by another value, and refused.
NEVER = {"policy.overflow"}
LONG = "500 profiles"
#: Values of every type of JSON but null, which means the default to Helm.
TYPES: dict[str, Any] = {
    "string": "wrong",
    "boolean": True,
    "number": 0.5,
    "array": ["wrong"],
    "object": {"wrong": "type"},
}
OTHER_CHARTS = "global"


def test_there_are_at_least_sixty_sets() -> None:
    assert len(SETS) >= 60


def test_the_sets_use_every_value_of_the_chart() -> None:
    used = {
        place.kind
        for values in SETS.values()
        for place in places(values)
        if place.value is not None and place.value != _default(place)
    }
    assert sorted(kinds() - NEVER - used) == []


@pytest.mark.parametrize("name", [name for name in SETS if SETS[name] and name != LONG])
def test_each_key_misspelled_is_refused_and_named(name: str) -> None:
    """A set gets all misspellings of its keys at once, because Helm names each."""
    values, expected = copy.deepcopy(SETS[name]), set()
    for place in list(places(values)):
        if isinstance(place.value, dict) and place.kind != OTHER_CHARTS:
            wrong = {one for key in place.value if key in place.names for one in misspellings(key)} - place.names
            expected |= {(place.pointer, one) for one in wrong}
            place.value.update(dict.fromkeys(wrong, "wrong"))
    assert expected
    assert expected <= unknown(refusal(values))


@pytest.mark.parametrize("key", DEFAULTS[OTHER_CHARTS])
def test_each_misspelled_key_for_all_charts_is_refused_and_named(key: str) -> None:
    # The template names one key, so each costs a run of Helm's engine.
    for wrong in list(misspellings(key))[::9]:
        assert f"global: unknown key {wrong}: use imageRegistry, " in refusal({OTHER_CHARTS: {wrong: "wrong"}})


@pytest.mark.parametrize("name", [name for name in SETS if SETS[name] and name != LONG])
def test_each_value_of_another_type_is_refused_and_named(name: str) -> None:
    values, expected = copy.deepcopy(SETS[name]), set()
    found = list(places(values))
    for place in found:
        wrong = _of_another_type(place)
        if wrong is not None and not any(one.keys[:-1] == place.keys for one in found if one.keys):
            _put(values, place.keys, wrong)
            expected.add(place.pointer)
    assert expected
    assert expected <= set(re.findall(r"at '(/.*?)': ", refusal(values)))


def misspellings(key: str) -> Iterator[str]:
    """The key without one letter, with two neighbours exchanged, and in other cases."""
    found = [key.upper(), key.capitalize(), key.lower(), re.sub("([A-Z])", r"_\1", key).lower(), f"{key}s"]
    for at in range(len(key)):
        found += [key[:at] + key[at + 1 :], key[:at] + key[at : at + 2][::-1] + key[at + 2 :]]
    yield from (one for one in found if one != key)


def unknown(sentence: str) -> set[tuple[str, str]]:
    """The keys that Helm calls unknown, each with the place of its map."""
    found = re.findall(r"at '(.*)': additional properties (.*) not allowed", sentence)
    return {(pointer, key) for pointer, keys in found for key in re.findall(r"'([^']*)'", keys)}


def _of_another_type(place: Place) -> Any:
    """A value of a type that the schema does not take at the place; None if it takes all."""
    allowed = {kind for node in place.nodes for kind in _types(node)}
    if "integer" in allowed:
        allowed.add("number")
    return next((value for kind, value in TYPES.items() if kind not in allowed), None)


def _types(node: dict[str, Any]) -> list[str]:
    if "type" in node:
        return [node["type"]] if isinstance(node["type"], str) else node["type"]
    return ["string"] if "enum" in node and all(isinstance(one, str) for one in node["enum"]) else list(TYPES)


def _default(place: Place) -> Any:
    found = DEFAULTS
    for key in place.keys:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found


def _put(values: Any, keys: tuple[str | int, ...], value: Any) -> None:
    for key in keys[:-1]:
        values = values[key]
    values[keys[-1]] = value
