"""The API server's clock, as it is read off its answers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.overflow import clock
from webhook.overflow.clock import ServerClock

START = datetime(2027, 1, 1, tzinfo=UTC)


class Times:
    """The true time of the API server, and the monotonic clock of this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(clock, "monotonic", lambda: 5000 + self.seconds)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    @property
    def date(self) -> str:
        return format_datetime(self.now.replace(microsecond=0), usegmt=True)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1.5)), min_size=1, max_size=20))
def test_the_clock_is_never_ahead_and_less_than_two_seconds_behind(answers: list[tuple[float, float]]) -> None:
    """Answers come some time apart, and each is under way for some time."""
    with pytest.MonkeyPatch.context() as patch:
        times, read = Times(patch), ServerClock()
        for apart, under_way in answers:
            times.seconds += apart
            date = times.date
            times.seconds += under_way
            read.hear(date)
            behind = (times.now - read.now()) / timedelta(seconds=1)
            assert -1e-5 <= behind < 2.5 + 1e-5


def test_a_clock_that_is_set_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    times, read = Times(monkeypatch), ServerClock()
    for minutes in (0, 1, -1, 0):
        read.hear(format_datetime(times.now + timedelta(minutes=minutes), usegmt=True))
        assert read.now() == times.now + timedelta(minutes=minutes)


def test_the_age_of_a_moment_is_never_too_high(monkeypatch: pytest.MonkeyPatch) -> None:
    times, read = Times(monkeypatch), ServerClock()
    assert read.age(START - timedelta(hours=1)) == 0, "no answer has come yet"
    read.hear(times.date)
    assert read.age(None) == 0
    assert read.age(START + timedelta(minutes=1)) == 0
    times.seconds = 10
    assert read.age(START) == 9


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Jan 2027 00:00:00 GMT"])
def test_an_answer_without_a_date_says_nothing(date: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    times, read = Times(monkeypatch), ServerClock()
    read.hear(times.date)
    read.hear(date)
    assert read.now() == START


@pytest.mark.parametrize("date", [None, "", "now", "Fri, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_as_good_as_none(date: str | None) -> None:
    read = ServerClock()
    read.hear(date)
    assert read.age(START) == 0
