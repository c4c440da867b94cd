"""Applications whose fields are drawn in pairs: every two values of two dimensions are in one application together."""

import copy
import itertools
import random
from collections.abc import Iterator
from typing import Any, Final

from tests.spark.judge.dimensions import DIMENSIONS, IMAGE, JSON

NAMESPACE: Final = "jobs"
ENOUGH: Final = 160


def base(spark: str) -> JSON:
    """The application that fragments are merged into; it names the version `spark`."""
    return {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "pi", "namespace": NAMESPACE},
        "spec": {
            "type": "Scala",
            "mode": "cluster",
            "mainClass": "org.example.Pi",
            "mainApplicationFile": "local:///opt/pi.jar",
            "sparkVersion": spark,
            "image": IMAGE,
            "driver": {},
            "executor": {"instances": 2},
        },
    }


def merged(first: Any, second: Any) -> Any:
    """`second` merged into `first`: maps by key, lists one after another. None removes a field."""
    if isinstance(first, dict) and isinstance(second, dict):
        both = {key: merged(first.get(key), value) for key, value in second.items() if value is not None}
        return {key: value for key, value in first.items() if key not in second} | both
    if isinstance(first, list) and isinstance(second, list):
        return copy.deepcopy(first + second)
    return copy.deepcopy(second)


def application(choice: dict[str, str], spark: str, *more: JSON) -> JSON:
    """The application with a value of each dimension in `choice`, and the fragments `more`."""
    found = base(spark)
    for fragment in (*(DIMENSIONS[name][value] for name, value in choice.items()), *more):
        found = merged(found, fragment)
    return found


def pairwise(seed: str) -> list[dict[str, str]]:
    """Choices of values such that every two values of two dimensions are chosen together at least once."""
    draw = random.Random(seed)  # noqa: S311
    names = sorted(DIMENSIONS)
    missing = {
        ((a, one), (b, other))
        for a, b in itertools.combinations(names, 2)
        for one in DIMENSIONS[a]
        for other in DIMENSIONS[b]
    }
    chosen: list[dict[str, str]] = []
    while missing or len(chosen) < ENOUGH:
        row: dict[str, str] = {}
        if missing:
            row = dict(draw.choice(sorted(missing)))
        for name in draw.sample(names, len(names)):
            if name not in row:
                values = draw.sample(sorted(DIMENSIONS[name]), len(DIMENSIONS[name]))
                covered = {value: len(missing.intersection(_pairs(name, value, row))) for value in values}
                row[name] = max(values, key=covered.__getitem__)
        row = {name: row[name] for name in DIMENSIONS}
        missing -= {pair for name, value in row.items() for pair in _pairs(name, value, row)}
        chosen.append(row)
    return chosen


def _pairs(name: str, value: str, row: dict[str, str]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for other, its in row.items():
        if other != name:
            yield ((name, value), (other, its)) if name < other else ((other, its), (name, value))
