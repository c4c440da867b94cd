"""Replicas are replaced while executors are created without a pause: no admission fails."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures, scaled
from tests.e2e.node import Pod
from tests.e2e.release import Release, serving
from tests.e2e.reliability.load import Load
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

CONNECTIONS = 16


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart with its default values, and therefore its default pauses. The switch sees readiness late."""
    with serving(
        control_plane, control_plane.create_namespace("placement"), tmp_path_factory.mktemp("node")
    ) as started:
        started.proxy.period, started.proxy.patience = 3, 0
        yield started


@pytest.fixture(autouse=True)
def whole(release: Release) -> Iterator[None]:
    """After each test, there are two replicas again."""
    yield
    release.mend()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    return control_plane.create_namespace("spark", {names.PROFILE_LABEL: "eci-only"})


def test_a_rolling_restart_fails_no_admission(release: Release, namespace: str, figures: Figures) -> None:
    """A Deployment with maxUnavailable 0 does the same. Nodes learn a second late that a pod is removed."""
    under_load("both replicas replaced in turn", release, namespace, figures, Release.end)


def test_sigterm_with_requests_in_flight_fails_no_admission(release: Release, namespace: str, figures: Figures) -> None:
    """Without a preStop pause, and with readiness as the only signal."""
    under_load("both replicas terminated with requests in flight", release, namespace, figures, terminate)


def under_load(event: str, release: Release, namespace: str, figures: Figures, end: Callable[..., None]) -> None:
    """Replaces each replica under load, ends the old one with `end`, and records what failed."""
    with Load(release.control_plane, namespace, scaled(10_000), CONNECTIONS) as load:
        for old in [*release.pods]:
            release.add_pod()
            wait_for(lambda: release.proxy.ready == len(release.pods))
            end(release, old)
            release.pods.remove(old)
            assert '"event":"stopped"' in old.log.read_text().replace(" ", "")
    outcome = load.outcome
    row = {"event": event, "admissions": outcome.admissions, "failed": outcome.failed, "not placed": outcome.unplaced}
    latencies = {f"p{share}": f"{outcome.milliseconds(share / 100):.0f} ms" for share in (50, 99)}
    figures.add("rollout", row | latencies)
    assert outcome.failures == {}
    assert outcome.unplaced == 0, _unanswered(release.control_plane)
    assert outcome.admissions >= scaled(10_000)


def _unanswered(control_plane: ControlPlane) -> list[str]:
    """What the API server logged about calls that the service did not answer."""
    return [line for line in control_plane.api_server_log.read_text().splitlines() if "alling webhook" in line]


def terminate(release: Release, old: Pod) -> None:
    """Stops the process until calls wait in it, so that it gets the signal and the calls at once."""
    os.kill(old.pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(old.pid, signal.SIGTERM)
    os.kill(old.pid, signal.SIGCONT)
    wait_for(lambda: not old.running)
    release.proxy.remove(old)
