"""A burst of executors, as fast as the API server can send them to the webhook."""

import re
from pathlib import Path

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures, scaled
from tests.e2e.release import serving
from tests.e2e.reliability.load import Load
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

CONNECTIONS = 64
HISTOGRAM = r'apiserver_admission_webhook_admission_duration_seconds_{}\{{name="eci-only[^}}]*\}} (\S+)'


def test_a_burst_of_executors_is_placed_to_the_last(
    control_plane: ControlPlane, figures: Figures, tmp_path: Path
) -> None:
    namespace = control_plane.create_namespace("spark", {names.PROFILE_LABEL: "eci-only"})
    with serving(control_plane, control_plane.create_namespace("placement"), tmp_path) as release:
        pids = [pod.pid for pod in release.pods]
        before, earlier = [resident_mib(pid) for pid in pids], webhook_calls(control_plane)
        with Load(control_plane, namespace, scaled(20_000), CONNECTIONS) as load:
            pass
        after = [resident_mib(pid) for pid in pids]
        assert [pod.pid for pod in release.pods if pod.running] == pids
    outcome = load.outcome
    seconds, count = (now - then for now, then in zip(webhook_calls(control_plane), earlier, strict=True))
    row: dict[str, object] = {"executors": outcome.admissions, "failed": outcome.failed, "not placed": outcome.unplaced}
    row |= {"connections": CONNECTIONS, "a second": round(outcome.rate)}
    latencies = {f"p{share}": f"{outcome.milliseconds(share / 100):.0f} ms" for share in (50, 99)}
    webhook = {"the webhook's part": f"{1000 * seconds / count:.1f} ms"}
    memory = {"MiB before": whole(before), "MiB after": whole(after)}
    figures.add("burst", row | latencies | webhook | memory)
    assert outcome.failures == {}
    assert outcome.unplaced == 0
    assert outcome.admissions >= scaled(20_000)


def resident_mib(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def whole(figures: list[float]) -> str:
    return " and ".join(f"{one:.0f}" for one in figures)


def webhook_calls(control_plane: ControlPlane) -> tuple[float, float]:
    """How long the API server has waited for the webhook, in seconds, and how often."""
    text = control_plane.http.get("/metrics").text
    seconds, count = (sum(map(float, re.findall(HISTOGRAM.format(part), text))) for part in ("sum", "count"))
    return seconds, count
