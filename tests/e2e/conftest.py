"""The control plane that the end-to-end tests share, and the figures that they measure."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import PAGE, SCALE, Figures

FIGURES = pytest.StashKey[Figures]()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real etcd and API server, and a scheduler on request, for the whole run."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture(scope="session")
def ipv6_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """As `control_plane`, of a cluster without IPv4. Its tests also need the group `networks`."""
    folder = tmp_path_factory.mktemp("ipv6-control-plane")
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), folder, families=["IPv6"]) as started:
        yield started


@pytest.fixture(scope="session")
def dual_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """As `control_plane`, of a cluster with both families, IPv4 first. Its tests also need the group `networks`."""
    folder = tmp_path_factory.mktemp("dual-stack")
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), folder, families=["IPv4", "IPv6"]) as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fails a test that leaves etcd or the API server stopped, and starts them before fixtures and other tests need them."""
    control_plane: ControlPlane | None = getattr(item, "funcargs", {}).get("control_plane")
    try:
        return (yield)
    finally:
        if control_plane is not None and (ended := control_plane.mend()):
            pytest.fail(f"the test left stopped: {', '.join(ended)}")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Figures:
    """The figures of this run, printed at its end."""
    found = request.config.stash.setdefault(FIGURES, Figures())
    version = control_plane.get("/version")["gitVersion"]
    found.setting = (
        f"Kubernetes {version}, {os.cpu_count()} shared processors, loads at {SCALE:.0%} of their full size."
    )
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the tables."""
    found = config.stash.get(FIGURES, None)
    for name, table in found.texts().items() if found else ():
        terminalreporter.section(name)
        terminalreporter.write_line(table)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the tables into the page, if one is given and every test has passed."""
    found = session.config.stash.get(FIGURES, None)
    if PAGE and found and exitstatus == pytest.ExitCode.OK:
        found.write(Path(PAGE))
