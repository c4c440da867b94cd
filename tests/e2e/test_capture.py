"""The reviews of Spark 4 in tests/reviews are what real Spark and a real API server send."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.capture import NAMESPACE, REVIEWS, reviews
from tests.e2e.control_plane import ControlPlane
from tests.e2e.kubernetes_version import without_version
from tests.e2e.spark_client import SparkClient
from tests.spark.judge.spark import installed
from webhook.core import names

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("spark"), pytest.mark.needs("spark-4")]

#: What is random, or the time or port of a run. Spark numbers some variables in the order of a hash.
CHANGING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{16}|(?<=:)\d{5}$|(?<=port=)\d{5}$|(?<=JAVA_OPT_)\d+"
)


@pytest.fixture(scope="module")
def captured(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("capture")
    with SparkClient(installed()[1], folder / "spark") as client:
        found = reviews(control_plane, client, folder)
    yield {file: json.loads(body) for file, body in found.items()}
    control_plane.remove_pods(NAMESPACE)


def comparable(value: Any) -> Any:
    """A part of a review without what changes from run to run."""
    match value:
        case dict():
            return {key: comparable(inner) for key, inner in value.items()}
        case list():
            return sorted((comparable(inner) for inner in value), key=str)
        case str():
            return CHANGING.sub("*", value)
    return value


def test_the_stored_reviews_are_what_spark_makes_now(captured: dict[str, Any]) -> None:
    """`make reviews` writes them anew."""
    stored = {file.name: json.loads(file.read_bytes()) for file in REVIEWS.glob("spark-4*.json")}
    assert {file: comparable(without_version(review)) for file, review in stored.items()} == {
        file: comparable(without_version(review)) for file, review in captured.items()
    }


def test_spark_names_an_application_in_its_driver_by_the_submission_and_in_executors_by_the_program(
    captured: dict[str, Any],
) -> None:
    """Only the label spark-app-selector is the same."""
    labels = {
        file.split("-", 2)[2]: review["request"]["object"]["metadata"]["labels"] for file, review in captured.items()
    }
    for way, submitted, program in (
        ("apache", "spark", "spark-pi"),
        ("kubeflow", "kubeflow-pi", "spark-pi"),
        ("spark", "spark-pi", "monthly-report"),
    ):
        driver, executor = labels[f"{way}-driver.json"], labels[f"{way}-executor-1.json"]
        assert (driver[names.SPARK_APP_NAME], executor[names.SPARK_APP_NAME]) == (submitted, program)
        assert driver[names.SPARK_APP_SELECTOR] == executor[names.SPARK_APP_SELECTOR]
