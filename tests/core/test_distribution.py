"""Shares of applications and of executors."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.distribution import WHOLE, application, apportion, in_rollout
from webhook.core.executor_number import executor_number
from webhook.core.pod import ObjectMeta, OwnerReference
from webhook.core.selectors import APPLICATION_LABELS, OLD_APPLICATION_LABELS


@st.composite
def shares(draw: st.DrawFn) -> list[int]:
    """One to ten percentages that add up to 100."""
    cuts = draw(st.sets(st.integers(1, WHOLE - 1), max_size=9))
    return [after - before for before, after in pairwise([0, *sorted(cuts), WHOLE])]


@given(shares())
def test_after_any_number_of_executors_each_share_is_met_within_one(percents: list[int]) -> None:
    given_to = Counter[int]()
    for count, index in enumerate(apportion(percents), start=1):
        given_to[index] += 1
        for one, percent in enumerate(percents):
            assert abs(given_to[one] - Fraction(percent * count, WHOLE)) < 1
    assert [given_to[index] for index in range(len(percents))] == percents


@given(shares(), st.integers(0, 400))
def test_going_round_again_keeps_each_share_within_one(percents: list[int], count: int) -> None:
    sequence = apportion(percents)
    given_to = Counter(sequence[number % WHOLE] for number in range(count))
    for one, percent in enumerate(percents):
        assert abs(given_to[one] - Fraction(percent * count, WHOLE)) < 1


def test_taking_the_share_furthest_behind_would_not_do() -> None:
    """Why it is Tijdeman's rule: the greedy one is more than an executor off."""
    percents = [1, 3, 35, 27, 33, 1]
    worst = Fraction(0)
    given_to = [0] * len(percents)
    for count in range(1, WHOLE + 1):
        behind = max(range(len(percents)), key=lambda one: Fraction(percents[one] * count, WHOLE) - given_to[one])
        given_to[behind] += 1
        worst = max(
            [worst, *(abs(given - Fraction(percents[one] * count, WHOLE)) for one, given in enumerate(given_to))]
        )
    assert worst >= 1


def test_a_new_version_moves_no_application_and_no_executor() -> None:
    assert [number for number in range(20) if in_rollout("etl", f"a-{number}", 50)] == [
        0, 1, 3, 6, 11, 13, 15, 16, 17, 18, 19
    ]  # fmt: skip
    assert in_rollout("etl", "\ud800", WHOLE)
    for percents, sequence in (
        ([100], "0" * 100),
        ([30, 70], "1011011101" * 10),
        (
            [1, 3, 35, 27, 33, 1],
            "2432432432423424324324324231423424324234234234212432432432432402342432432423423423425423423423142342",
        ),
    ):
        assert "".join(map(str, apportion(percents))) == sequence


def test_raising_a_rollout_only_adds_applications() -> None:
    names = [f"etl-{index}" for index in range(500)]
    chosen = [{name for name in names if in_rollout("etl", name, percent)} for percent in range(WHOLE + 1)]
    assert chosen[0] == set()
    assert chosen[WHOLE] == set(names)
    assert all(fewer <= more for fewer, more in pairwise(chosen))


def test_a_rollout_takes_about_its_share() -> None:
    """The names are fixed, so this cannot fail by chance."""
    names = [f"job-{index}" for index in range(10_000)]
    for percent in (1, 25, 50, 90):
        taken = sum(in_rollout("analytics", name, percent) for name in names)
        assert abs(taken - percent * 100) < 300


def test_namespaces_are_told_apart() -> None:
    names = [f"job-{index}" for index in range(200)]
    assert {name for name in names if in_rollout("a", name, 50)} != {
        name for name in names if in_rollout("b", name, 50)
    }


@pytest.mark.parametrize("run", ["29400000", "1763800000", "1763800000123", "1763800000123456", "1763800000123456789"])
def test_every_run_of_a_scheduled_application_goes_the_same_way(run: str) -> None:
    """The operator names a run after its schedule, with the time behind, in minutes to nanoseconds."""
    for index in range(50):
        assert in_rollout("etl", f"nightly-{index}-{run}", 50) == in_rollout("etl", f"nightly-{index}", 50)


def test_other_numbers_belong_to_the_name() -> None:
    taken = {in_rollout("etl", f"backfill-{year}", 50) for year in range(1990, 2030)}
    assert taken == {True, False}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (
            {
                "spark-app-selector": "spark-1",
                "spark-app-name": "pi",
                "sparkoperator.k8s.io/connect-name": "notebooks",
                "sparkoperator.k8s.io/app-name": "etl",
            },
            "etl",
        ),
        (
            {
                "spark-app-selector": "spark-1",
                "spark-app-name": "pi",
                "sparkoperator.k8s.io/connect-name": "notebooks",
                "sparkoperator.k8s.io/app-name": "",
            },
            "notebooks",
        ),
        ({"spark-app-selector": "spark-1", "spark-app-name": "pi"}, "pi"),
        ({"spark-app-selector": "spark-1"}, "spark-1"),
        ({}, ""),
    ],
)
def test_the_most_telling_label_names_the_application(labels: dict[str, str], name: str) -> None:
    assert application(labels, OLD_APPLICATION_LABELS) == name


DRIVER, EXECUTOR = (
    {"spark-app-selector": "spark-1", "spark-app-name": name} for name in ("of-the-submission", "of-the-program")
)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({}, "spark-1"),
        ({"spark.operator/spark-app-name": "pi"}, "pi"),
        ({"sparkoperator.k8s.io/connect-name": "notebooks"}, "notebooks"),
        ({"sparkoperator.k8s.io/connect-name": "notebooks", "sparkoperator.k8s.io/app-name": "etl"}, "etl"),
    ],
)
def test_a_driver_and_its_executors_agree_even_if_spark_names_them_differently(
    labels: dict[str, str], name: str
) -> None:
    assert [application(pod | labels, APPLICATION_LABELS) for pod in (DRIVER, EXECUTOR)] == [name, name]


def test_masters_and_workers_belong_to_their_cluster() -> None:
    assert application({"spark.operator/spark-cluster-name": "prod"}, APPLICATION_LABELS) == "prod"


OWNED = [OwnerReference("ReplicaSet", "w"), OwnerReference("StatefulSet", "prod-worker")]


@pytest.mark.parametrize(
    ("labels", "name", "owners", "number"),
    [
        ({"spark-exec-id": "7"}, "x-exec-7", None, 7),
        ({"spark-exec-id": "7", "apps.kubernetes.io/pod-index": "2"}, "prod-worker-3", OWNED, 7),
        ({"spark-exec-id": "EXECID", "apps.kubernetes.io/pod-index": "2"}, "prod-worker-3", OWNED, 3),
        ({"apps.kubernetes.io/pod-index": "x"}, "prod-worker-3", OWNED, 4),
        ({}, "prod-worker-0", OWNED, 1),
        ({}, "prod-worker-12", OWNED, 13),
        ({}, "prod-worker-12", None, None),
        ({}, "prod-worker-12", OWNED[:1], None),
        ({}, "prod-worker-x", OWNED, None),
        ({}, "prod-worker-", OWNED, None),
        ({}, "prod-workers-1", OWNED, None),
        ({}, None, OWNED, None),
        ({"spark-exec-id": "EXECID"}, "spark-x-exec-abcde", None, None),
        ({"spark-exec-id": "\u0663"}, "x", None, None),
        ({"spark-exec-id": "-1"}, "x", None, None),
        ({"spark-exec-id": f"{10**17 + 1}"}, "x", None, 10**17 + 1),
        ({"spark-exec-id": f"{10**18}"}, "x", None, None),
        (None, None, [], None),
    ],
)
def test_an_executor_has_sparks_number_or_its_ordinal_and_one(
    labels: dict[str, str] | None, name: str | None, owners: list[OwnerReference] | None, number: int | None
) -> None:
    assert executor_number(ObjectMeta(name=name, labels=labels, owner_references=owners)) == number


@pytest.mark.parametrize("digits", [8, 10, 13, 16, 19])
def test_only_the_end_of_a_name_is_taken_for_the_time_of_a_run(digits: int) -> None:
    run = f"-{'1' * digits}"
    for name in ("etl", "etl-12345678", "e" * 100_000, "-1" * 100_000):
        assert [in_rollout("a", name + run, percent) for percent in range(WHOLE + 1)] == [
            in_rollout("a", name + "-12345678", percent) for percent in range(WHOLE + 1)
        ]
