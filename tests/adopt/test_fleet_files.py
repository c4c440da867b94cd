"""The files of the fleet mean what was drawn: PyYAML, which others than adopt use too, reads the same from them."""

from collections import Counter
from typing import Any

import yaml

from tests.adopt.documents import KINDS
from tests.adopt.fleet import FILES, Drawn, fleet
from tests.adopt.placements import MODES
from tests.adopt.policies import POLICIES, parsed

FLEET = fleet("adopt")


def applications(content: bytes) -> list[Any]:
    """The applications in a file, in their order."""
    found: list[Any] = []
    for document in yaml.safe_load_all(content):
        if document is not None:
            found += document["items"] if document["kind"] == "List" else [document]
    return [one for one in found if "spec" in one]


def test_a_reader_gets_what_was_drawn() -> None:
    drawn: dict[tuple[str, str], list[Drawn]] = {}
    for one in FLEET.applications:
        drawn.setdefault((one.policy, one.file), []).append(one)
    read = {
        (policy, name): applications(content)
        for policy, files in FLEET.files.items()
        for name, content in files.items()
        if name != "namespaces.yaml"
    }
    assert read == {where: [one.document for one in those] for where, those in drawn.items()}
    assert len(read) == FILES


def test_a_seed_always_draws_the_same() -> None:
    assert fleet("adopt", 20).files == fleet("adopt", 20).files != fleet("another", 20).files


def test_a_smaller_fleet_is_the_beginning_of_a_larger_one() -> None:
    for policy, files in fleet("adopt", 50).files.items():
        assert files.items() <= FLEET.files[policy].items()


def test_every_policy_can_be_read() -> None:
    assert {name: sorted(parsed(name).profiles) for name in POLICIES if name != "built-in"} == {
        name: sorted(policy["profiles"]) for name, policy in POLICIES.items() if name != "built-in"
    }


def test_everything_is_drawn() -> None:
    """So that each is adopted at least five times."""
    kinds = Counter((one.group, one.kind) for one in FLEET.applications)
    told = Counter(fact for one in FLEET.applications for fact in one.facts)
    by_hand = Counter(fact for one in FLEET.applications for hand in one.roles for fact in hand.facts)
    assert kinds.keys() == KINDS.keys()
    assert min(kinds.values()) > 20
    assert {f"same {mode}" for mode in MODES} | {f"other {mode}" for mode in MODES} | {"bare"} <= by_hand.keys()
    assert min(by_hand.values()) >= 5, by_hand
    for fact in ("CRLF", "no final newline", "documents", "List", "JSON", "merge key", "many comments", "much flow"):
        assert told[fact] >= 5, fact
    assert sum(one.never is not None for one in FLEET.applications) >= 10
