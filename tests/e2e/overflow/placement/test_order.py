"""ECS strictly first: two ECS nodes with eight places, a virtual node, and executors in the mode ecs-then-eci."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.deadline import wait_for
from tests.e2e.figures import Figures
from tests.e2e.model_nodes import ECS_PLACES, MODELS, ModelNodes
from tests.e2e.overflow.placement.profiles import DELAY, LONGEST, of
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import NEVER, is_opened, label, node, on_eci, seconds_waited
from tests.e2e.spark_pods import spark_pod
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

ECS = {name: model for name, model in MODELS.items() if name.startswith("ecs-")}
ONE_MORE = {"ecs-more": MODELS["ecs-amd64"]}
EXECUTORS = 24


@pytest.fixture(autouse=True)
def ecs(stage: Stage) -> Iterator[None]:
    """Eight free places on ECS."""
    with ModelNodes(stage.control_plane, ECS) as nodes:
        nodes.await_scheduler()
        yield


def test_ecs_is_full_before_the_first_pod_runs_on_eci(stage: Stage, figures: Figures) -> None:
    namespace = stage.namespace(of("ecs-then-eci"))
    for _ in range(EXECUTORS):
        stage.create(namespace, spark_pod(), DELAY)
    stage.await_homes(namespace, ecs=ECS_PLACES, eci=EXECUTORS - ECS_PLACES)
    stored = {pod["metadata"]["uid"]: pod for pod in stage.pods(namespace)}
    assert Counter((label(pod), on_eci(pod), is_opened(pod)) for pod in stored.values()) == {
        (names.WAITING, False, False): ECS_PLACES,
        (names.OPENED, True, True): EXECUTORS - ECS_PLACES,
    }
    stage.witness.catch_up()
    bound: dict[str, bool] = {}
    for pod in stage.witness.versions:
        if pod["metadata"]["uid"] in stored and node(pod):
            bound.setdefault(pod["metadata"]["uid"], on_eci(pod))
    order = list(bound.values())
    first = order.index(True)
    assert order == [False] * ECS_PLACES + [True] * (EXECUTORS - ECS_PLACES)
    opened = [uid for uid, pod in stored.items() if is_opened(pod)]
    early = sum(seconds_waited(*stage.witness.opening(uid)) < DELAY for uid in opened)
    assert early == 0
    wait_for(lambda: stage.events().total() == EXECUTORS - ECS_PLACES)
    assert {reason for _, reason in stage.events()} == {"OverflowOpened"}
    row = {"places on ECS": ECS_PLACES, "executors": EXECUTORS, "on ECS before the first on ECI": first}
    counts = stage.homes(namespace)
    outcome = {"on ECS in the end": counts["ecs"], "on ECI": counts["eci"], "opened too early": early}
    figures.add("ecs-then-eci", {**row, **outcome, "pending": counts["pending"]})


def test_a_driver_runs_on_ecs_while_its_executors_overflow(stage: Stage) -> None:
    namespace = stage.namespace(of("ecs-then-eci"))
    driver = stage.create(namespace, spark_pod("driver"), NEVER)
    for _ in range(ECS_PLACES + 1):
        stage.create(namespace, spark_pod(), DELAY)
    late = stage.create(namespace, spark_pod("driver", "another"), NEVER)
    stage.await_homes(namespace, ecs=ECS_PLACES, eci=2, pending=1)
    assert node(stage.get(driver))
    stage.delete(driver)
    stage.await_bound(late)


def test_a_node_added_within_the_delay_takes_the_pods(stage: Stage) -> None:
    namespace = stage.namespace("longest")
    for _ in range(ECS_PLACES + 4):
        stage.create(namespace, spark_pod(), LONGEST)
    stage.await_unschedulable(namespace, 4)
    with ModelNodes(stage.control_plane, ONE_MORE):
        stage.await_homes(namespace, ecs=ECS_PLACES + 4)
        assert {label(pod) for pod in stage.pods(namespace)} == {names.WAITING}


def test_ecs_that_is_freed_within_the_delay_is_used(stage: Stage) -> None:
    namespace = stage.namespace("longest")
    for _ in range(ECS_PLACES + 2):
        stage.create(namespace, spark_pod(), LONGEST)
    stage.await_unschedulable(namespace, 2)
    finished, deleted = [pod["metadata"]["name"] for pod in stage.pods(namespace) if node(pod)][:2]
    stage.finish(f"/api/v1/namespaces/{namespace}/pods/{finished}")
    stage.delete(f"/api/v1/namespaces/{namespace}/pods/{deleted}")
    stage.await_homes(namespace, ecs=ECS_PLACES + 1)
    assert {label(pod) for pod in stage.pods(namespace)} == {names.WAITING}
