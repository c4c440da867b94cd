"""Short runs of `make fuzz` and `make soak`, and rotations under load."""

import asyncio
import os
from pathlib import Path

import uvloop

from tests.live_service import issue, service
from tests.reliability import fuzz, rotation, soak


def test_fuzzing_finds_no_5xx_no_crash_and_no_growth(tmp_path: Path) -> None:
    statuses, _, faults = fuzz.run(seed=20261122, count=10_000, folder=tmp_path)
    assert faults == []
    assert statuses.total() == 10_000
    assert {200, 400, 404, 405} <= statuses.keys()


def test_nothing_grows_under_mixed_load(tmp_path: Path) -> None:
    outcomes, _, _, faults = soak.run(seconds=16, folder=tmp_path)
    assert faults == []
    assert outcomes["as expected"] > 1000


def test_rotations_of_certificate_and_ca_fail_no_call(tmp_path: Path) -> None:
    """By default a tenth of the 20,000 calls of `make reliability`."""
    calls = round(20_000 * float(os.environ.get("RELIABILITY_SCALE", "0.1")))
    tls = issue(tmp_path / "tls")
    with (
        service(tls, tmp_path / "log", ["--reload-seconds", "0.1", "--log-rate", "1"], anew=True) as running,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        statuses, rotations = runner.run(rotation.rotate(running, calls))
    assert statuses.keys() == {200}
    assert statuses[200] >= calls
    assert rotations >= 3
