"""How fast pods are opened."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.overflow import token_bucket
from webhook.overflow.token_bucket import TokenBucket


@given(st.floats(1, 200), st.lists(st.floats(0, 3), min_size=1, max_size=300))
def test_in_any_time_no_more_permits_are_valid_than_the_rate_and_a_seconds_reserve(
    most: float, pauses: list[float]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        now = 1000.0
        patch.setattr(token_bucket, "monotonic", lambda: now)
        limit = TokenBucket(most)
        valid = []
        for pause in pauses:
            now += pause
            valid.append(now + limit.take())
    assert all(one <= other for one, other in pairwise(valid))
    for index, begin in enumerate(valid):
        for number, end in enumerate(valid[index:], 1):
            assert number <= (end - begin) * most + max(1.0, most) + 1 + 1e-3
