"""Waiting for what comes in its own time."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], timeout: float = 60) -> None:
    """Return once `condition` holds; fail where it does not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain"
        time.sleep(0.05)
