"""Where a real scheduler binds pods after the webhook: ECS nodes with eight places, and two virtual nodes."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures
from tests.e2e.model_nodes import ECS_PLACES, MODELS, TWINS, Model, ModelNodes
from tests.e2e.release import Release, scheduling
from tests.e2e.spark_pods import placement, spark_pod
from tests.scheduler import Node, meets, score
from webhook.core import names
from webhook.core.modes import SchedulingMode, Side

pytestmark = pytest.mark.needs("control-plane")

TWELVE = ECS_PLACES + 4
#: The modes that need no overflow controller, which is not there.
AT_ONCE = [mode for mode in SchedulingMode if not mode.waits]
PREFERRING = [mode for mode in AT_ONCE if mode.prefers is not None]
#: For each mode that prefers, a profile whose preference weighs 20.
WEIGHED = {f"{mode}-weighed": {"executor": {"mode": str(mode), "weight": 20}} for mode in PREFERRING}


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
    with scheduling(control_plane, tmp_path_factory.mktemp("node"), WEIGHED) as started:
        yield started


@contextmanager
def _cluster(control_plane: ControlPlane, models: dict[str, Model]) -> Iterator[Cluster]:
    with ModelNodes(control_plane, models) as nodes:
        nodes.await_scheduler()
        made = Cluster(control_plane, nodes, [])
        yield made
        for namespace in made.namespaces:
            control_plane.remove_pods(namespace)


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    with _cluster(control_plane, MODELS) as made:
        yield made


@pytest.fixture
def twins(control_plane: ControlPlane) -> Iterator[Cluster]:
    """One ECS node and one virtual node that differ in nothing else."""
    with _cluster(control_plane, TWINS) as made:
        yield made


def on_ecs(counts: Counter[str]) -> int:
    return counts["ecs-amd64"] + counts["ecs-arm64"]


@pytest.mark.parametrize("mode", AT_ONCE)
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


def _of(side: Side) -> dict[str, Any]:
    """The term that selects the nodes of a side."""
    return {"matchExpressions": [{"key": "type", "operator": side.operator, "values": ["virtual-kubelet"]}]}


def _requiring(side: Side) -> dict[str, Any]:
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_of(side)]}}


def _preferring(side: Side, weight: int) -> dict[str, Any]:
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "preference": _of(side)}]}


def _reason(pod: dict[str, Any]) -> str | None:
    """The reason in the record of a stored pod."""
    return dict(field.split("=") for field in (placement(pod) or "").split(",")).get("reason")


@pytest.mark.parametrize("mode", PREFERRING)
@pytest.mark.parametrize("reason", ["own-requirement", "own-preference", None])
def test_a_pod_with_an_affinity_of_its_own_runs_where_its_record_says(
    mode: SchedulingMode, reason: str | None, cluster: Cluster
) -> None:
    """Its affinity is for the kind of node that the mode does not prefer; without a reason it weighs less than the mode."""
    (other,) = set(Side) - {mode.prefers}
    own = {
        "own-requirement": _requiring(other),
        "own-preference": _preferring(other, 100),
        None: _preferring(other, 5),
    }
    pod = spark_pod()
    pod["spec"]["affinity"] = {"nodeAffinity": own[reason]}
    namespace = cluster.namespace(f"{mode}-weighed")
    cluster.placed(namespace, pod)
    ((stored, home),) = cluster.nodes.homes(namespace)
    side = mode.prefers if reason is None else other
    assert (_reason(stored), home.split("-")[0]) == (reason, "eci" if side is Side.VIRTUAL else "ecs")


def test_a_node_selector_for_virtual_nodes_leads_to_eci_where_ecs_is_preferred(cluster: Cluster) -> None:
    for mode in (mode for mode in PREFERRING if mode.prefers is Side.OTHERS):
        pod = spark_pod()
        pod["spec"]["nodeSelector"] = {"type": "virtual-kubelet"}
        namespace = cluster.namespace(mode)
        cluster.placed(namespace, pod)
        assert [(_reason(stored), home) for stored, home in cluster.nodes.homes(namespace)] == [
            ("own-requirement", "eci-amd64")
        ]


REQUIREMENTS: list[dict[str, Any]] = [
    *(
        {"key": "type", "operator": "In", "values": values}
        for values in (["virtual-kubelet"], ["virtual-kubelet", "ecs"])
    ),
    *({"key": "type", "operator": "NotIn", "values": values} for values in (["virtual-kubelet"], ["ecs"])),
    *({"key": "type", "operator": operator} for operator in ("Exists", "DoesNotExist")),
    {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
]
ECS, ECI = (Node(name, {"kubernetes.io/arch": "amd64"} | model.labels) for name, model in TWINS.items())


def _drawn(draw: random.Random) -> list[dict[str, Any]]:
    """One to four preferred terms, each of which is empty or matches one of the two nodes."""
    terms: list[dict[str, Any]] = []
    wanted = draw.randint(1, 4)
    while len(terms) < wanted:
        term = draw.sample(REQUIREMENTS, draw.choice((0, 1, 1, 2)))
        if any(all(meets(one, node.labels) for one in term) for node in (ECS, ECI)):
            terms.append({"weight": draw.randint(1, 100), "preference": {"matchExpressions": term}})
    return terms


@pytest.mark.parametrize("mode", PREFERRING)
def test_the_scheduler_adds_up_weights_as_the_record_does(mode: SchedulingMode, twins: Cluster) -> None:
    """Pods with preferences drawn at random. The scheduler's other scores tip a balance that is nearly even."""
    draw, pods = random.Random(20), 40  # noqa: S311
    namespace = twins.namespace(f"{mode}-weighed")
    for _ in range(pods):
        pod = spark_pod()
        pod["spec"]["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": _drawn(draw)}}
        twins.create(namespace, pod)
    twins.nodes.settled(namespace, pods)
    judged = Counter[str | None]()
    for stored, home in twins.nodes.homes(namespace):
        reason = _reason(stored)
        less, most = sorted((score(stored, ECS), score(stored, ECI)))
        if less <= most * 0.8:
            side = Side.VIRTUAL if home == "eci" else Side.OTHERS
            assert (side is mode.prefers) == (reason is None), stored["spec"]["affinity"]
            judged[reason] += 1
    assert judged.keys() == {None, "own-preference"}
    assert min(judged.values()) >= 8
    assert judged.total() >= 25
