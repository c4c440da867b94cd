"""Where a real scheduler binds pods after the webhook: ECS nodes with eight places, and two virtual nodes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures
from tests.e2e.model_nodes import ECS_PLACES, ModelNodes
from tests.e2e.release import Release, scheduling
from tests.e2e.spark_pods import placement, spark_pod
from webhook.core import names
from webhook.core.modes import SchedulingMode, Side

pytestmark = pytest.mark.needs("control-plane")

TWELVE = ECS_PLACES + 4


@dataclass(frozen=True)
class Cluster:
    """Model nodes under a real scheduler, and a namespace for each profile that a test asks for."""

    control_plane: ControlPlane
    nodes: ModelNodes
    namespaces: list[str]

    def namespace(self, profile: str) -> str:
        made = self.control_plane.create_namespace("spark", {names.PROFILE_LABEL: profile})
        self.namespaces.append(made)
        return made

    def create(self, namespace: str, pod: dict[str, Any], pods: int = 1) -> None:
        for _ in range(pods):
            self.control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)

    def placed(self, namespace: str, pod: dict[str, Any], pods: int = 1) -> Counter[str]:
        """Creates some pods, one after another, and returns their numbers by model of node."""
        self.create(namespace, pod, pods)
        return self.nodes.settled(namespace, pods)


@pytest.fixture(scope="module", autouse=True)
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with scheduling(control_plane, tmp_path_factory.mktemp("node")) as started:
        yield started


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    with ModelNodes(control_plane) as nodes:
        nodes.await_scheduler()
        made = Cluster(control_plane, nodes, [])
        yield made
        for namespace in made.namespaces:
            control_plane.remove_pods(namespace)


def on_ecs(counts: Counter[str]) -> int:
    return counts["ecs-amd64"] + counts["ecs-arm64"]


@pytest.mark.parametrize("mode", SchedulingMode)
def test_the_pods_of_each_mode_run_where_its_entry_says(mode: SchedulingMode, cluster: Cluster) -> None:
    """The ACK scheduler's choice by ResourcePolicy is not tested: the scheduler here is Kubernetes' own."""
    namespace = cluster.namespace(mode)
    first = cluster.placed(namespace, spark_pod())
    if mode.prefers is not None:
        assert first["eci-amd64"] == (mode.prefers is Side.VIRTUAL)
    cluster.create(namespace, spark_pod(), TWELVE - 1)
    counts = cluster.nodes.settled(namespace, TWELVE)
    if not mode.opens_eci:
        assert counts == {"ecs-amd64": 4, "ecs-arm64": 4, "pending": 4}
    elif mode.requires is Side.VIRTUAL:
        assert counts == {"eci-amd64": TWELVE}
    else:
        assert on_ecs(counts) + counts["eci-amd64"] == TWELVE


def test_ecs_only_keeps_a_pod_off_eci_that_tolerates_everything(cluster: Cluster) -> None:
    pod = spark_pod()
    pod["spec"]["tolerations"] = [{"operator": "Exists"}]
    counts = cluster.placed(cluster.namespace("ecs-only"), pod, TWELVE)
    assert counts == {"ecs-amd64": 4, "ecs-arm64": 4, "pending": 4}


def test_eci_only_lands_on_the_arm_virtual_node_where_the_pod_asks_for_it(cluster: Cluster) -> None:
    pod = spark_pod()
    pod["spec"]["nodeSelector"] = {"kubernetes.io/arch": "arm64"}
    pod["spec"]["tolerations"] = [{"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}]
    assert cluster.placed(cluster.namespace("eci-only"), pod, TWELVE) == {"eci-arm64": TWELVE}


def test_ecs_first_starts_on_ecs_and_overflows_to_eci(cluster: Cluster, figures: Figures) -> None:
    """The scheduler decides how much of ECS is filled first, because the preference is one score among others."""
    namespace = cluster.namespace("ecs-first")
    counts: Counter[str] = Counter()
    while not counts["eci-amd64"]:
        cluster.create(namespace, spark_pod())
        counts = cluster.nodes.settled(namespace, counts.total() + 1)
    first = on_ecs(counts)
    assert 1 <= first <= ECS_PLACES
    cluster.create(namespace, spark_pod(), 2 * TWELVE - counts.total())
    counts = cluster.nodes.settled(namespace, 2 * TWELVE)
    assert counts["pending"] == 0
    assert counts["eci-amd64"] >= 2 * TWELVE - ECS_PLACES
    assert on_ecs(counts) + counts["eci-amd64"] == 2 * TWELVE
    row = {"places on ECS": ECS_PLACES, "executors": 2 * TWELVE, "on ECS before the first on ECI": first}
    figures.add("ecs-first", {**row, "on ECS in the end": on_ecs(counts), "on ECI": counts["eci-amd64"], "pending": 0})


def test_driver_and_executors_go_by_their_own_rules(cluster: Cluster) -> None:
    namespace = cluster.namespace("advised")
    assert on_ecs(cluster.placed(namespace, spark_pod("driver"))) == 1
    cluster.create(namespace, spark_pod(), TWELVE)
    counts = cluster.nodes.settled(namespace, TWELVE + 1)
    assert (on_ecs(counts), counts["eci-amd64"]) == (1, TWELVE)


def test_a_driver_waits_for_ecs_while_its_executors_overflow(cluster: Cluster) -> None:
    namespace = cluster.namespace("default")
    cluster.placed(cluster.namespace("ecs-only"), spark_pod(), ECS_PLACES)
    cluster.create(namespace, spark_pod("driver"))
    cluster.create(namespace, spark_pod(), 3)
    assert cluster.nodes.settled(namespace, 4) == {"eci-amd64": 3, "pending": 1}


@pytest.mark.parametrize("unseen", ["namespace", "pod"])
def test_a_pod_that_the_webhook_never_saw_stays_on_ecs(cluster: Cluster, unseen: str) -> None:
    pod = spark_pod()
    if unseen == "pod":
        del pod["metadata"]["labels"][names.LAUNCHED_BY_OPERATOR]
        namespace = cluster.namespace("eci-only")
    else:
        namespace = cluster.control_plane.create_namespace("spark")
        cluster.namespaces.append(namespace)
    assert cluster.placed(namespace, pod, TWELVE) == {"ecs-amd64": 4, "ecs-arm64": 4, "pending": 4}
    stored = cluster.control_plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert {placement(one) for one in stored} == {None}
