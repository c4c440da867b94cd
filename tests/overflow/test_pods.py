"""When a pod became Unschedulable, by its own times."""

from datetime import timedelta

import pytest

from tests.overflow.stored_pods import MOMENT, stored

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "created", "found"),
    [
        (MOMENT, None, MOMENT),
        (MOMENT, "2026-12-31T23:00:00Z", MOMENT),
        (MOMENT - HOUR, "2027-01-01T00:00:00Z", MOMENT),
        (MOMENT + HOUR, "2027-01-01T00:00:00Z", MOMENT + HOUR),
        (MOMENT, "99999-01-01T00:00:00Z", MOMENT),
        (MOMENT, "2027-01-01T01:00:00", MOMENT),
        (None, "2027-01-01T00:00:00Z", None),
    ],
)
def test_a_pod_did_not_wait_before_it_was_created(said: object, created: str | None, found: object) -> None:
    assert stored("a", transition=said, created=created).transition == found  # type: ignore[arg-type]
