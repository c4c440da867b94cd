"""A real API server refuses exactly those values that are named as violations."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.operator_definitions import RELEASES, collection, document, fields, served
from tools.crd_fields import Branch
from webhook.spark.field_table import split
from webhook.spark.schema_violations import violations
from webhook.spark.versions import OPERATORS, OperatorVersion

pytestmark = pytest.mark.needs("control-plane")

#: The releases between which the rules for the fields differ most.
JUDGED = (OPERATORS[0], OPERATORS[-1])
#: Values of every type. What is accepted in one place is refused in another.
VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2.0, 2.5, 1023, 49152, 2**31, -(2**31), -(2**31) - 1, 2**63, 1e25, True, False, None),
    *("", "a", "b", "Aa_", "-", "1\n", "512m", "1.5Gi", "x" * 400, "TCP", "cluster", "Scala", "True"),
    *([], ["a"], [1], [None], {}, {"a": "b"}, {"a": 1}, {"a": None}),
)
USUAL: dict[str, tuple[Any, ...]] = {
    "": (1, {"any": 1}),
    "object": ({"any": {"thing": 1}}, {}),
    "boolean": (True, False),
    "string": ("a", "b"),
    "int32": (1, 1024),
    "int64": (1, 7),
    "int-or-string": (1, "a"),
    "quantity": (1, "1Gi"),
}


@pytest.fixture(scope="module", autouse=True)
def kinds(control_plane: ControlPlane) -> Iterator[None]:
    """The kinds of the releases, served by the API server."""
    with ExitStack() as ends:
        for version in JUDGED:
            ends.enter_context(served(control_plane, version))
        yield


def drawn(branch: Branch, chance: random.Random, values: Sequence[Any], wrong: float) -> Any:
    """A value; the part `wrong` of all values in it is drawn from `values`, and of all required fields is left out."""
    if chance.random() < wrong:
        return chance.choice(values)
    base, many = split(branch.entry.type)
    if many:
        one = branch._replace(entry=type(branch.entry)(base, enum=branch.entry.enum))
        inner = [drawn(one, chance, values, wrong) for _ in range(chance.randint(0, 3))]
        return inner if many == "[]" else {f"key-{number}": one for number, one in enumerate(inner)}
    if branch.fields is None:
        return chance.choice(branch.entry.enum or USUAL[base])
    often = min(0.35, 3 / max(len(branch.fields), 1))
    return {
        name: drawn(one, chance, values, wrong)
        for name, one in branch.fields.items()
        if chance.random() < (1 - wrong if one.entry.required else often)
    }


def refused(control_plane: ControlPlane, sent: dict[str, Any], path: str) -> set[str]:
    """The paths that the API server names if it is sent a document; empty if it accepts the document."""
    answer = control_plane.http.post(f"{path}?dryRun=All", json=sent)
    if answer.is_success:
        return set()
    assert answer.status_code == 422, answer.text
    found: set[str] = set()
    repeated: dict[str, set[str]] = {}
    for cause in answer.json()["details"]["causes"]:
        field, message = cause["field"], cause["message"]
        if field == "<nil>":
            # Some messages of one violation name it only in their text.
            named = re.search(r' in (spec\S*)$|"(spec\S*)" must', message)
            assert named is not None, message
            field = named[1] or named[2]
        if message.startswith("Duplicate"):
            repeated[field] = set(re.findall(r'"(\w+)":', message))
        else:
            found.add(field)
    # It also compares items that lack a key, or have one of a wrong type. Those are refused already.
    for field, keys in repeated.items():
        if keys not in ({"protocol"}, set()) and not any(f"{field}.{key}" in found for key in keys):
            found.add(field)
    return found


def named(sent: dict[str, Any], kind: str, version: OperatorVersion) -> set[str]:
    """The paths of the violations, as the API server writes them."""
    found = [re.sub(r'\["([^"]*)"\]', r".\1", one.path) for one in violations(sent, kind, version)]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize(("version", "kind"), [(version, kind) for version in JUDGED for kind in RELEASES[version]])
def test_the_api_server_refuses_exactly_what_is_named(
    control_plane: ControlPlane, version: OperatorVersion, kind: str
) -> None:
    chance = random.Random(f"{version} {kind}")  # noqa: S311
    values = VALUES if control_plane.version.accepts_empty_strings else [one for one in VALUES if one != ""]
    numbers: Counter[bool] = Counter()
    for number in range(120):
        wrong = (0, 0.01, 0.05)[number % 3]
        sent = document(kind, version, drawn(fields(kind, version)["spec"], chance, values, wrong) or {})
        found = named(sent, kind, version)
        answered = refused(control_plane, sent, collection(kind, version))
        if control_plane.version.names_items_by_index:
            assert found == answered, sent
        else:
            assert {re.sub(r"\[\d+\]", "", one) for one in found} == {
                re.sub(r"\[\d+\]", "", one) for one in answered
            }, sent
        numbers[bool(found)] += 1
    assert min(numbers[True], numbers[False]) > 15
