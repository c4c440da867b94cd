"""One installed chart, one controller with its account, and one virtual node for all tests of the package."""

from collections.abc import Iterator

import pytest

from tests.chart.manifests import FULLNAME
from tests.e2e.control_plane import ControlPlane
from tests.e2e.model_nodes import MODELS, Model, ModelNodes
from tests.e2e.overflow.placement.profiles import PROFILES
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import Witness
from tests.e2e.overflow_controller import OverflowController, policy_of
from tests.e2e.release import Release, scheduling

ACCOUNT = f"{FULLNAME}-overflow"
#: ECS has no room for a pod, unless a test adds a node. So a pod that ECI is closed to is Unschedulable.
NODES = {"ecs-full": Model("amd64", 0), "eci-amd64": MODELS["eci-amd64"]}


@pytest.fixture(scope="package")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with scheduling(control_plane, tmp_path_factory.mktemp("node"), PROFILES, overflow=True) as started:
        yield started


@pytest.fixture(scope="package")
def nodes(release: Release) -> Iterator[ModelNodes]:
    with ModelNodes(release.control_plane, NODES) as made:
        made.await_scheduler()
        yield made


@pytest.fixture(scope="package")
def controller(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverflowController]:
    """Runs under the chart's policy, with the chart's account for it, which has no other rights."""
    control_plane, folder = release.control_plane, tmp_path_factory.mktemp("overflow")
    policy = folder / "policy.yaml"
    policy.write_text(policy_of(control_plane, release.namespace))
    kubeconfig = control_plane.service_account_kubeconfig(release.namespace, ACCOUNT)
    started = OverflowController(policy, kubeconfig, release.namespace, folder, "--lease", ACCOUNT)
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="package")
def witness(control_plane: ControlPlane) -> Iterator[Witness]:
    with Witness(control_plane) as watching:
        yield watching
    assert watching.news() == []


@pytest.fixture(scope="package")
def package_stage(
    release: Release,
    controller: OverflowController,
    witness: Witness,
    nodes: ModelNodes,  # noqa: ARG001, they are there
) -> Stage:
    return Stage(release.control_plane, release, controller, witness)


@pytest.fixture
def stage(package_stage: Stage) -> Iterator[Stage]:
    """The cluster for one test. At its end, nothing may have happened that the witness objects to."""
    yield from _played_on(package_stage)


@pytest.fixture(scope="module")
def shared_stage(package_stage: Stage) -> Iterator[Stage]:
    """Likewise for the tests of a module that look at the same pods."""
    yield from _played_on(package_stage)


def _played_on(stage: Stage) -> Iterator[Stage]:
    yield stage
    stage.witness.catch_up()
    stage.clear()
    assert stage.witness.news() == []
