"""The short form of `make attack`: every family for some seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.attacker import Attacker
from tests.attack.attacker import attacker as started
from tests.attack.families import FAMILIES
from tests.attack.judge import SHORT, judge


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    with started() as found:
        yield found


@pytest.mark.parametrize("family", FAMILIES)
def test_no_attack_stops_the_service_or_takes_its_memory(family: str, attacker: Attacker, tmp_path: Path) -> None:
    """Peak and rest of memory, the longest turn of the event loop, lost reviews, answers, log and end of the process."""
    assert judge(family, SHORT, attacker, tmp_path).faults == []
