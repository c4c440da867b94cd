"""Spark's own builders judge the pods that are derived offline, and what is refused."""

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.spark.judge.applications import application as drawn_from
from tests.spark.judge.applications import pairwise
from tests.spark.judge.comparison import differences, disagreements, stored
from tests.spark.judge.dimensions import DIMENSIONS, ROLES
from tests.spark.judge.operator_submission import SUBMISSION_ID, SubmissionError, submission
from tests.spark.judge.refusals import ASSUMED, REFUSED
from tests.spark.judge.spark import Spark, installed
from webhook.spark.documents import read
from webhook.spark.versions import Versions
from webhook.spark.workloads import Workload

pytestmark = [pytest.mark.needs("spark"), pytest.mark.needs("spark-4")]

JSON = dict[str, Any]
SEED = os.environ.get("JUDGE_SEED", "spark")
#: How many drawn applications each fragment that may be refused is merged into.
REFUSED_WITH = 1
#: The first value of each dimension: what most applications have.
PLAIN = {name: next(iter(values)) for name, values in DIMENSIONS.items()}


@dataclass(frozen=True)
class Case:
    """An application and the answer of the judge."""

    title: str
    application: JSON
    judged: JSON
    version: str
    choice: dict[str, str]

    @property
    def workload(self) -> Workload:
        stored = self.application | {"status": {"submissionID": SUBMISSION_ID}}
        named = stored["spec"].get("sparkVersion") == self.version
        (found,) = read(stored, "default", Versions(spark=None if named else self.version))
        assert isinstance(found, Workload), found
        return found


def _drawn(spark: str) -> Iterator[tuple[str, JSON, dict[str, str]]]:
    rows = pairwise(SEED)
    for number, row in enumerate(rows):
        yield f"drawn {number}", drawn_from(row, spark), row
    draw = random.Random(SEED)  # noqa: S311
    for name, fragment in REFUSED.items():
        for row in (PLAIN, *draw.sample(rows, REFUSED_WITH)):
            yield f"{name}, {_short(row)}", drawn_from(row, spark, fragment), row
    for name, (fragment, _) in ASSUMED.items():
        yield name, drawn_from(PLAIN, spark, fragment), PLAIN
    # One value of one dimension at a time shows what each changes.
    yield "only what is plain", drawn_from(PLAIN, spark), PLAIN
    for name, values in DIMENSIONS.items():
        for value in list(values)[1:]:
            row = PLAIN | {name: value}
            yield f"only {name} = {value}", drawn_from(row, spark), row


def _short(row: dict[str, str]) -> str:
    told = [f"{name}={value}" for name, value in row.items() if value != PLAIN[name]]
    return "; ".join(told) or "nothing else"


def _judge(jars: Path, folder: Path) -> list[Case]:
    spark = Spark.found(jars)
    drawn = list(_drawn(spark.version))
    arguments: dict[int, list[str]] = {}
    failed: dict[int, JSON] = {}
    for number, (_, application, _) in enumerate(drawn):
        try:
            made = submission(application, str(folder / str(number)))
        except SubmissionError as error:
            failed[number] = {"refusal": {"role": "", "step": "operator", "messages": [str(error)]}}
            continue
        made.write()
        arguments[number] = made.arguments
    classes = folder / "classes"
    classes.mkdir()
    answers = dict(zip(arguments, spark.pods(list(arguments.values()), classes), strict=True)) | failed
    return [
        Case(title, application, answers[number], spark.version, row)
        for number, (title, application, row) in enumerate(drawn)
    ]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[list[Case]]:
    """All cases, for each version of Spark."""
    folders = [(jars, tmp_path_factory.mktemp("judge")) for jars in installed()]
    with ThreadPoolExecutor(len(folders)) as pool:
        return list(pool.map(lambda one: _judge(*one), folders))


@pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])
def test_the_pods_and_verdicts_of_explain_are_those_of_spark(judged: list[list[Case]], version: int) -> None:
    cases = judged[version]
    found: defaultdict[str, list[str]] = defaultdict(list)
    for case in cases:
        if case.title in ASSUMED:
            continue
        for one in disagreements(case.workload, case.judged):
            found[str(one)].append(case.title)
    # The least application stands for all in which the same field differs in the same way.
    told = [f"{one}\n    {len(titles)} applications: {min(titles, key=len)}" for one, titles in sorted(found.items())]
    assert not told, f"Spark {cases[0].version}, {len(cases)} applications:\n" + "\n".join(told)


@pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])
def test_only_fragments_of_refusals_are_refused(judged: list[list[Case]], version: int) -> None:
    """So every pair of values is in an application whose pods are compared."""
    cases = [case for case in judged[version] if case.title.startswith(("drawn ", "only "))]
    assert {case.title: (case.judged.get("refusal"), case.workload.refused) for case in cases} == {
        case.title: (None, ()) for case in cases
    }


@pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])
def test_what_is_assumed_to_be_there_is_told(judged: list[list[Case]], version: int) -> None:
    cases = {case.title: case for case in judged[version] if case.title in ASSUMED}
    assert cases.keys() == ASSUMED.keys()
    for title, (_, note) in ASSUMED.items():
        found = cases[title].workload
        assert cases[title].judged.get("refusal"), title
        assert (found.refused, note in found.notes) == ((), True), title


#: Dimensions that change nothing which is compared, and why.
UNCHANGED = {
    "dependencies": "pods download them when they start",
    "mode": "cluster is the default",
    "name properties": "the operator's --name wins, and Spark chooses the id of a submission",
    "program": "affects arguments of the container",
    **{f"{role} resources": "affects the container's resources" for role in ROLES},
    **{f"{role} template properties": "the operator overwrites them" for role in ROLES},
    **{f"{role} volumes": "the operator's webhook adds them" for role in ROLES},
    **{f"{role} webhook": "the operator's webhook applies them" for role in ROLES},
}


@pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])
def test_every_other_dimension_changes_what_spark_makes(judged: list[list[Case]], version: int) -> None:
    """So the comparison would notice if explain overlooked it."""
    plain = next(case for case in judged[version] if case.choice == PLAIN and case.title.startswith("only "))
    changing = {
        name
        for case in judged[version]
        if case.title.startswith("only ")
        for name, value in case.choice.items()
        if value != PLAIN[name] and _differs(plain.judged, case.judged)
    }
    assert set(DIMENSIONS) - changing == set(UNCHANGED)


def _differs(one: JSON, other: JSON) -> bool:
    if one.keys() != other.keys() or one["executors"] != other["executors"]:
        return True
    return any(list(differences(role, stored(one[role]), stored(other[role]))) for role in ROLES)
