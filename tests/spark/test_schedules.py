"""Schedules that the Spark Operator can read, and others."""

import pytest

from webhook.spark.schedules import is_schedule


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "0 2 * * *",
        "*/5 0-6 1,15 jan-MAR sun",
        "0 0 ? * 0,6",
        "5/15 * * * *",
        "@daily",
        "@every 1h30m",
        "@every 1.5h",
        "CRON_TZ=Asia/Tokyo 0 2 * * *",
        "TZ=UTC @hourly",
        "  0   2 * * * ",
    ],
)
def test_the_operator_reads_it(text: str) -> None:
    assert is_schedule(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 25 * * *",
        "60 * * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 7",
        "0 0 * * * *",
        "0 2 * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 * * SUN#1",
        "0 0 L * *",
        "@reboot",
        "@every 5",
        "@every",
        "{{ schedule }}",
        "9" * 5000 + " * * * *",
    ],
)
def test_the_operator_does_not_read_it(text: str) -> None:
    assert not is_schedule(text)
