"""Real Spark with dynamic allocation: a job that is larger than ECS, in the mode that opens the virtual node late."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.model_nodes import MODELS, Model, ModelNodes
from tests.e2e.overflow_controller import OverflowController, overflow_controller, policy_of
from tests.e2e.release import Release, scheduling
from tests.e2e.spark_applications import dynamic_allocation, spark
from tests.e2e.spark_client import SparkClient
from tests.e2e.spark_kubelet import SparkKubelet
from tests.e2e.spark_namespace import SparkNamespace
from tests.e2e.spark_pods import placement
from tests.spark.judge.spark import installed
from webhook.core import names
from webhook.core.selectors import Alternative

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("spark")]

ECS_PLACES, ON_ECI, AFTER = 2, 2, 3
EXECUTORS = ECS_PLACES + ON_ECI
#: The driver takes one CPU of ECS.
NODES = {"ecs": Model("amd64", 1 + ECS_PLACES), "eci": MODELS["eci-amd64"]}
PROFILES = {"strict": {"driver": {"mode": "ecs-only"}, "executor": {"mode": "ecs-then-eci", "after": f"{AFTER}s"}}}
SMALL = {
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}
NUMBERS = range(12)
#: A task goes on once so many executors are at work, with a task each: a job of such tasks never ends on ECS alone. It says which
#: executor it ran on, and the square of its number. It ends with its executor.
TASK = f"""
touch "$0/$SPARK_EXECUTOR_ID"
until [ "$(ls "$0" | wc -l)" -ge {EXECUTORS} ]; do kill -0 $PPID || exit 1; sleep 0.1; done
while read number; do echo "$SPARK_EXECUTOR_ID $((number * number))"; done
"""

Pod = dict[str, Any]


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The service for all Spark pods, and the scheduler."""
    folder, selector = tmp_path_factory.mktemp("node"), {"anyOf": [Alternative.SPARK]}
    with scheduling(control_plane, folder, PROFILES, selector, overflow=True) as started:
        yield started


@pytest.fixture(scope="module")
def controller(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverflowController]:
    """The overflow controller with the policy of the service."""
    policy = policy_of(release.control_plane, release.namespace)
    folder = tmp_path_factory.mktemp("controller")
    with overflow_controller(release.control_plane, release.namespace, policy, folder) as started:
        yield started


@pytest.fixture
def nodes(control_plane: ControlPlane) -> Iterator[ModelNodes]:
    with ModelNodes(control_plane, NODES) as made:
        made.await_scheduler()
        yield made


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[SparkNamespace]:
    made = SparkNamespace(control_plane, control_plane.create_namespace("spark", {names.PROFILE_LABEL: "strict"}))
    made.prepare()
    yield made
    control_plane.remove_pods(made.name)


def test_a_job_larger_than_ecs_finishes_once_its_last_executors_are_opened(
    release: Release,
    controller: OverflowController,
    nodes: ModelNodes,
    namespace: SparkNamespace,
    tmp_path: Path,
) -> None:
    """The job has a result only if all its executors run at once, and ECS has places for half of them."""
    before, jars, at_work = opened(controller), installed()[0], tmp_path / "at-work"
    at_work.mkdir()
    with ExitStack() as ends:
        client = ends.enter_context(SparkClient(jars, tmp_path / "client"))
        kubelet = ends.enter_context(SparkKubelet(release.node, namespace.name, jars))
        application = spark(client.version, "squares", dynamic_allocation(EXECUTORS) | SMALL)
        driver = application.driver(namespace, client)
        session = ends.enter_context(application.context(namespace, client, driver))
        lines = [line.split() for line in session.pipe(NUMBERS, ["sh", "-c", TASK, str(at_work)], timeout=600)]
        homes = {pod["metadata"]["name"]: home for pod, home in nodes.homes(namespace.name)}
    assert sorted(int(square) for _, square in lines) == [number**2 for number in NUMBERS]
    assert {executor for executor, _ in lines} == {str(number + 1) for number in range(EXECUTORS)}
    versions = kubelet.watch.versions
    bound = first(versions, lambda pod: "nodeName" in pod["spec"])
    record = f"mode=ecs-then-eci,profile=strict,policy={digest(controller)}"
    executors = [pod for pod in bound if pod["metadata"]["labels"][names.SPARK_ROLE] == "executor"]
    assert [
        (homes[pod["metadata"]["name"]], pod["metadata"]["labels"][names.OVERFLOW_LABEL], placement(pod))
        for pod in executors
    ] == [("ecs", names.WAITING, record)] * ECS_PLACES + [("eci", names.OPENED, f"{record},opened")] * ON_ECI
    refused = {pod["metadata"]["uid"]: pod for pod in first(versions, lambda pod: scheduled(pod)["status"] == "False")}
    for pod in executors[ECS_PLACES:]:
        since = scheduled(refused[pod["metadata"]["uid"]])
        assert since["reason"] == "Unschedulable"
        assert moment(scheduled(pod)) - moment(since) >= timedelta(seconds=AFTER)
    assert opened(controller) - before == ON_ECI


def opened(controller: OverflowController) -> float:
    """How many pods the controller has opened."""
    return controller.metrics().get('opened_total{profile="strict"}', 0)


def digest(controller: OverflowController) -> str:
    """The digest of the controller's policy."""
    (series,) = (one for one in controller.metrics() if one.startswith("policy_info{"))
    return series.split('"')[1]


def first(versions: list[Pod], applies: Callable[[Pod], bool]) -> list[Pod]:
    """The first version of each pod to which something applies, in the order in which they were stored."""
    found: dict[str, Pod] = {}
    for pod in versions:
        if applies(pod):
            found.setdefault(pod["metadata"]["uid"], pod)
    return list(found.values())


def scheduled(pod: Pod) -> dict[str, str]:
    """The pod's condition PodScheduled."""
    conditions = pod["status"].get("conditions", [])
    return next((one for one in conditions if one["type"] == "PodScheduled"), {"status": "Unknown"})


def moment(condition: dict[str, str]) -> datetime:
    return datetime.fromisoformat(condition["lastTransitionTime"])
