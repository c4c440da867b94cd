"""Version 0.1.0 and this one answer the same reviews under the same policy. The processes of 0.1.0 judge."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import helm_python
import pytest
import yaml

from tests.admission_reviews import review
from tests.captured_reviews import REVIEWS
from tests.cases import CASES
from tests.chart.manifests import CHART
from tests.e2e.upgrades import former
from tests.e2e.upgrades.answers import Running, running
from tests.live_service import ROOT

GUIDE: Final = (ROOT / "docs/upgrading.md").read_text(encoding="utf-8")
#: The reasons that 0.1.0 did not have. `too-large` alone changes what becomes of a pod.
OWN: Final = ("own-requirement", "own-preference")
TOO_LARGE: Final = "too-large"
PROFILES: Final = ("nightly", "mixed", "watched", "strict", "default")
_RECORD: Final = re.compile(r"(mode=[^,]+,profile=[^,]+),policy=[0-9a-f]{8}(?:,reason=([^\",]+))?")
_SERIES: Final = re.compile(r"^# TYPE (\S+) \S+$", re.MULTILINE)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy file that the chart of 0.1.0 makes of the values."""
    folder = tmp_path_factory.mktemp("policy")
    (file := folder / "policy.yaml").write_text(_policy(former.unpacked(folder).chart), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> Iterator[tuple[Running, Running]]:
    """The processes of 0.1.0 and of this version."""
    old = former.unpacked(tmp_path_factory.mktemp("former"))
    with ExitStack() as ends:
        first, second = (
            ends.enter_context(running(packages, policy, tmp_path_factory.mktemp("service")))
            for packages in (old.packages, ROOT)
        )
        yield first, second


def test_every_difference_is_one_that_the_guide_names(both: tuple[Running, Running]) -> None:
    """All captured reviews and all pods of the cases, under profiles with all modes and most keys."""
    old, new = both
    differences: Counter[str] = Counter()
    for sent in _reviews():
        for profile in PROFILES:
            before, after = old.answer(profile, sent), new.answer(profile, sent)
            reason = _reason(after)
            if reason == TOO_LARGE:
                assert "patch" not in after
            else:
                assert _without_reason(before) == _without_reason(after)
            if reason != _reason(before):
                differences[reason] += 1
                (added,) = set(after["warnings"]) - set(before.get("warnings", []))
                assert reason == TOO_LARGE or " does not decide: " in added
            else:
                assert before.get("warnings") == after.get("warnings")
    assert set(differences) == {*OWN, TOO_LARGE}
    assert [one for one in differences if f"`{one}`" not in GUIDE] == []


def test_a_replica_of_then_that_starts_again_during_the_upgrade_reads_what_it_read_before(policy: Path) -> None:
    """The ConfigMap comes before the new replicas, so the new chart may put no key into it that the values do not have."""
    assert _policy(CHART) == policy.read_text(encoding="utf-8")


def test_every_metric_of_then_is_there_and_the_guide_names_the_new_ones(both: tuple[Running, Running]) -> None:
    before, after = (set(_SERIES.findall(one.metrics())) for one in both)
    assert before - after == set()
    added = {one for one in after - before if not one.endswith("_created")}
    assert [one for one in sorted(added) if f"`{one}`" not in GUIDE] == []


def _policy(chart: Path) -> str:
    """The policy file that a chart makes of the values."""
    with helm_python.Chart.load(chart) as loaded:
        texts = loaded.render(former.VALUES, name="placing", namespace="placing")
    made = yaml.safe_load(texts["spark-eci-webhook/templates/configmap-policy.yaml"])
    return str(made["data"]["policy.yaml"])


def _reviews() -> list[dict[str, Any]]:
    captured = [json.loads(one.read_text(encoding="utf-8")) for one in REVIEWS]
    return captured + [json.loads(review(case.pod)) for case in CASES]


def _reason(response: dict[str, Any]) -> str:
    found = _RECORD.search(response.get("auditAnnotations", {}).get("placement", ""))
    return (found and found[2]) or ""


def _without_reason(response: dict[str, Any]) -> dict[str, Any]:
    """What becomes of the pod: all but the warnings, the digest of the policy, and the reason."""
    kept = {key: value for key, value in response.items() if key != "warnings"}
    return dict(json.loads(_RECORD.sub(r"\1", json.dumps(kept))))
