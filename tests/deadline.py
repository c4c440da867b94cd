"""Waiting for conditions."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], timeout: float = 180) -> None:
    """Returns once `condition` is true; fails if it is not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain"
        time.sleep(0.05)
