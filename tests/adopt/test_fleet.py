"""A fleet of files is adopted: no application is placed otherwise, and no byte changes but the lines that go.

The judges are not of this project: Spark's own builders make the pods before and after (see spark_pods for which), and
the service answers their reviews. PyYAML reads the files, and jsonpatch applies the answers. What adopt reports is compared
with what follows from these.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.adopt import adoption_checks, placement_checks
from tests.adopt.adoption import Adoption, adopt
from tests.adopt.fleet import Drawn, fleet
from tests.adopt.placement_checks import Judged
from tests.adopt.policies import POLICIES
from tests.adopt.service_answers import Service
from tests.adopt.spark_pods import Made, made
from tests.spark.judge.spark import Spark, installed

pytestmark = [pytest.mark.needs("spark"), pytest.mark.needs("spark-4")]

JSON = dict[str, Any]
SEED = os.environ.get("FLEET_SEED", "adopt")
#: `make fleet` draws all 500.
FILES = int(os.environ.get("FLEET_FILES", "250"))
#: Spark 4 judges one of so many applications, and Spark 3.5 all.
SPARK_4 = int(os.environ.get("FLEET_SPARK_4", "3"))
FLEET = fleet(SEED, FILES)
SERVICES = {policy: Service(policy) for policy in POLICIES}
VERSIONS = pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Adoption]:
    return adopt(FLEET, tmp_path_factory.mktemp("fleet"))


@pytest.fixture(scope="module")
def judged(adopted: dict[str, Adoption], tmp_path_factory: pytest.TempPathFactory) -> list[list[Judged]]:
    """The applications for each version of Spark."""
    folders = [tmp_path_factory.mktemp("judge") for _ in range(2)]
    drawn = [FLEET.applications, FLEET.applications[::SPARK_4]]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_judged, installed(), drawn, [adopted] * 2, folders))


def _judged(jars: Path, applications: list[Drawn], adopted: dict[str, Adoption], folder: Path) -> list[Judged]:
    slimmed = [adopted[one.policy].slimmed(one) for one in applications]
    changed = [(one, new) for one, new in zip(applications, slimmed, strict=True) if one.document != new]
    documents = [one.document for one in applications] + [new for _, new in changed]
    pods = made(documents, Spark.found(jars), folder)
    before = {id(one): found for one, found in zip(applications, pods, strict=False)}
    after = before | {id(one): found for (one, _), found in zip(changed, pods[len(applications) :], strict=True)}
    return [_case(one, adopted[one.policy], (before[id(one)], after[id(one)])) for one in applications]


def _case(drawn: Drawn, adoption: Adoption, pods: tuple[Made, Made]) -> Judged:
    told = adoption.written.applications[drawn.key], adoption.again.applications[drawn.key]
    return Judged.by(SERVICES[drawn.policy], drawn, pods, told)


def complaints(check: Callable[[Judged], Iterator[str]], cases: list[Judged]) -> str:
    """What a check has against applications, the first few of them."""
    told = [f"{one.drawn}\n    {'; '.join(found)}" for one in cases if (found := list(check(one)))]
    return "\n".join([f"{len(told)} of {len(cases)} applications", *told[:8]] if told else told)


@pytest.mark.parametrize("check", adoption_checks.CHECKS, ids=lambda check: str(check.__name__))
@pytest.mark.parametrize("policy", list(POLICIES))
def test_files_are_adopted(
    adopted: dict[str, Adoption], policy: str, check: Callable[[Adoption, Sequence[Drawn]], Iterator[str]]
) -> None:
    assert list(check(adopted[policy], FLEET.applications)) == []


@VERSIONS
def test_only_applications_that_are_drawn_so_never_run(judged: list[list[Judged]], version: int) -> None:
    found = {one.drawn.key: set(one.made[0].never) for one in judged[version]}
    assert found == {one.drawn.key: {one.drawn.never[1]} if one.drawn.never else set() for one in judged[version]}


@VERSIONS
@pytest.mark.parametrize("check", placement_checks.CHECKS, ids=lambda check: str(check.__name__))
def test_applications_are_placed_as_before(
    judged: list[list[Judged]], version: int, check: Callable[[Judged], Iterator[str]]
) -> None:
    assert complaints(check, judged[version]) == ""


def test_much_is_cut(adopted: dict[str, Adoption]) -> None:
    """So that the tests above are about something."""
    cut = [one for one in adopted.values() for told in one.written.applications.values() if told["cuts"]]
    verdicts = Counter(told["verdict"] for one in adopted.values() for told in one.written.applications.values())
    assert len(cut) > len(FLEET.applications) / 3
    assert min(verdicts.values()) > len(FLEET.applications) / 10
