"""The tables of docs/versions.md, made from what the tests ran and from what the code was read for."""

from collections.abc import Iterator
from typing import Final

import yaml

from tests.captured_reviews import REVIEWS
from tests.live_service import ROOT
from tests.modes_table import replaced
from webhook.spark.versions import OPERATORS

PAGE: Final = ROOT / "docs" / "versions.md"
MARKERS: Final = ("<!-- versions -->\n", "<!-- end of versions -->\n")
TRIED: Final = "**tried**"
READ: Final = "*read*"
#: Against which versions of Kubernetes the end-to-end tests ran, and when.
KUBERNETES: Final[dict[str, str]] = {
    str(version): when
    for version, when in yaml.safe_load((ROOT / "tests/e2e/versions.yaml").read_text(encoding="utf-8")).items()
}
#: The files that pin the Sparks that judge and make pods.
_LOCKS: Final = ("requirements-spark.lock", "requirements-spark-4.lock")
#: Ways to submit an application, by the third part of the name of a captured review, or none in the oldest ones.
_WAYS: Final = {
    "kubeflow": "kubeflow",
    "apache": "apache",
    "spark": "spark",
    "driver": "kubeflow",
    "executor": "kubeflow",
}


def sparks() -> list[str]:
    """The versions of Spark whose own code made the pods of tests, in order."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in _LOCKS]
    return [
        line.split("==")[1].split(" ")[0]
        for text in texts
        for line in text.splitlines()
        if line.startswith("pyspark==")
    ]


def _tables() -> Iterator[str]:
    yield "| Kubernetes | API server | scheduler | how |"
    yield "|---|---|---|---|"
    for version, when in KUBERNETES.items():
        how = (
            "the end-to-end tests, with every change"
            if when == "always"
            else "the end-to-end tests, at an earlier commit"
        )
        yield f"| {version} | {TRIED} | {TRIED} | {how} |"
    yield f"| others from 1.20 on | {READ} | {READ} | the changes between these versions, as far as the webhook depends on them |"
    yield ""
    yield "| Spark | spark-submit | labels of Kubeflow's operator | Apache's operator | pods derived by `explain` |"
    yield "|---|---|---|---|---|"
    captured = {(one.stem.split("-")[1], _WAYS.get(one.stem.split("-")[2], "")) for one in REVIEWS}
    for version in sparks():
        cells = [TRIED if (version, way) in captured else READ for way in ("spark", "kubeflow", "apache")]
        yield f"| {version} | {' | '.join(cells)} | {TRIED} |"
    yield f"| others from 3.0 on | {READ} | {READ} | {READ} | {READ} |"
    yield ""
    yield "| operator | its definitions and its own code | its labels on pods of real Spark |"
    yield "|---|---|---|"
    *others, newest = map(str, OPERATORS)
    yield f"| Kubeflow's {newest} | {READ} | {TRIED} |"
    yield f"| Kubeflow's {', '.join(others)} | {READ} | {READ} |"
    yield f"| Apache's 1.0.0 | {READ} | {TRIED} |"


def composed() -> str:
    """The page with current tables."""
    return replaced(PAGE.read_text(encoding="utf-8"), *MARKERS, "".join(f"{line}\n" for line in _tables()))


def rewrite() -> None:
    """Writes the current tables into the page."""
    PAGE.write_text(composed(), encoding="utf-8")
