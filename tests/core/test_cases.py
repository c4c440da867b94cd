"""Every case through the core: the whole pod after the patch, the warnings, and a second pass."""

import pytest

from tests.admission_reviews import answer, patched
from tests.cases import CASES, Case
from webhook.core.modes import SchedulingMode


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_pod_becomes_what_the_case_expects(case: Case) -> None:
    response = answer(case.pod, case.policy)
    assert patched(case.pod, response) == case.expected, f"tests/cases: {case.name}: if this is right, run make golden"
    assert response.get("warnings", []) == case.warnings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_second_pass_changes_nothing(case: Case) -> None:
    response = answer(case.expected, case.policy)
    assert "patch" not in response
    assert response.get("warnings", []) == case.warnings


def test_every_mode_has_its_case_for_driver_and_executor() -> None:
    found = {case.name for case in CASES if case.name.startswith("mode-")}
    wanted = {f"mode-{mode}-{role}" for mode in SchedulingMode for role in ("driver", "executor")}
    assert found == wanted, "tests/cases/modes.yaml: run make golden"
