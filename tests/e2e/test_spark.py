"""Spark's own client against a real API server and scheduler: every pod that it makes is placed, for each selector."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.e2e.model_nodes import ModelNodes
from tests.e2e.release import Release, scheduling
from tests.e2e.spark_applications import WAYS, dynamic_allocation, spark, stateful_set
from tests.e2e.spark_client import SparkClient
from tests.e2e.spark_cluster import create_cluster
from tests.e2e.spark_namespace import SparkNamespace
from tests.e2e.spark_pods import placement
from tests.e2e.stateful_set import create_pods
from tests.spark.judge.spark import installed
from webhook.core import names
from webhook.core.distribution import in_rollout
from webhook.core.selectors import Alternative

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("spark"), pytest.mark.needs("spark-4")]

EXECUTORS = 3
PROFILES = {
    # The rules apply to half of the applications.
    "half": {role: {"mode": "eci-only", "rollout": 50} for role in ("driver", "executor")},
    "first": {
        "driver": {"mode": "ecs-only", "labels": {"elastic": "no"}, "always": {"labels": {"cost": "fixed"}}},
        "executor": {
            "mode": "eci-only",
            "labels": {"elastic": "yes"},
            "always": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}},
            "first": {"count": 2, "mode": "ecs-only"},
        },
    },
}
#: For each selector, a way to submit applications that it does not select; `spark` selects all of them.
OTHER = {"apache": "kubeflow", "kubeflow": "spark"}
DEFAULT_TOLERATIONS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]

versions = pytest.mark.parametrize("version", [0, 1], ids=["Spark 3.5", "Spark 4"])


@pytest.fixture(scope="module")
def selector(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, selector: str) -> Iterator[Release]:
    """The service with a policy for one alternative of the selector."""
    folder = tmp_path_factory.mktemp("node")
    with scheduling(control_plane, folder, PROFILES, {"anyOf": [selector]}) as started:
        yield started


def selected_by(*selectors: str) -> pytest.MarkDecorator:
    """Runs a test for policies with each of these selectors."""
    return pytest.mark.parametrize("selector", selectors, indirect=True)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SparkClient]]:
    """Spark 3.5 and Spark 4."""
    folder = tmp_path_factory.mktemp("spark")
    with ExitStack() as ends:
        yield [ends.enter_context(SparkClient(jars, folder / f"{number}")) for number, jars in enumerate(installed())]


@pytest.fixture
def client(clients: list[SparkClient], version: int) -> SparkClient:
    return clients[version]


@pytest.fixture
def nodes(control_plane: ControlPlane) -> Iterator[ModelNodes]:
    with ModelNodes(control_plane) as made:
        made.await_scheduler()
        yield made


@pytest.fixture
def namespace(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Iterator[SparkNamespace]:
    """A namespace with the ServiceAccounts of Spark that has opted in to the profile `advised`, or to the one given."""
    profile = getattr(request, "param", "advised")
    made = SparkNamespace(control_plane, control_plane.create_namespace("spark", {names.PROFILE_LABEL: profile}))
    made.prepare()
    yield made
    control_plane.remove_pods(made.name)


def summary(pod: dict[str, Any], home: str) -> tuple[str, str, str]:
    """A pod's role, its mode, and the kind of node that it runs on; the mode is empty if nothing was changed."""
    record = placement(pod)
    tolerations = [toleration["key"] for toleration in pod["spec"]["tolerations"]]
    if record is None:
        assert (tolerations, pod["spec"].get("affinity")) == (DEFAULT_TOLERATIONS, None)
    return pod["metadata"]["labels"][names.SPARK_ROLE], (record or "").split(",")[0], home.split("-", maxsplit=1)[0]


def homes(nodes: ModelNodes, namespace: SparkNamespace, pods: int) -> list[tuple[str, str, str]]:
    """The summaries of the pods of a namespace, once the scheduler has decided about all of them."""
    nodes.settled(namespace.name, pods)
    return sorted(summary(pod, home) for pod, home in nodes.homes(namespace.name))


def create_operator(namespace: SparkNamespace, pod: dict[str, Any]) -> None:
    """Creates the pod of an operator, which has only its role in the place of the labels of `pod`."""
    labels = pod["metadata"]["labels"] | {names.SPARK_ROLE: "operator"}
    spec = {"containers": [{"name": "operator", "image": "example.org/operator:1"}]}
    body = {"metadata": {"name": "operator", "labels": labels}, "spec": spec}
    namespace.control_plane.create(f"/api/v1/namespaces/{namespace.name}/pods", body)


@versions
@selected_by(*WAYS)
def test_driver_and_executors_of_a_selected_application_are_placed_and_nothing_else_is(
    selector: str, client: SparkClient, nodes: ModelNodes, namespace: SparkNamespace, tmp_path: Path
) -> None:
    """The driver by spark-submit or as Apache's operator makes it, and the executors by dynamic allocation."""
    application = WAYS[selector](client.version, "pi", dynamic_allocation(EXECUTORS), tmp_path / "selected")
    driver = application.driver(namespace, client)
    create_operator(namespace, driver)
    expected = [("driver", "mode=ecs-only", "ecs"), ("operator", "", "ecs")]
    if selector in OTHER:
        WAYS[OTHER[selector]](client.version, "other", {}, tmp_path / "other").driver(namespace, client)
        expected.append(("driver", "", "ecs"))
    with application.session(namespace, client, driver):
        expected += [("executor", "mode=eci-only", "eci")] * EXECUTORS
        assert homes(nodes, namespace, len(expected)) == sorted(expected)


def first_executors(nodes: ModelNodes, namespace: SparkNamespace, pods: int) -> list[tuple[str, ...]]:
    """What the profile `first` gives to each pod of a namespace, in the order of roles and executors' numbers."""
    nodes.settled(namespace.name, pods)
    found = []
    for pod, home in nodes.homes(namespace.name):
        role, mode, side = summary(pod, home)
        metadata = pod["metadata"]
        added = tuple(metadata["labels"].get(key, "") for key in ("elastic", "cost"))
        protected = metadata["annotations"].get("karpenter.sh/do-not-disrupt", "")
        number = metadata["name"].rpartition("-")[2] if role in ("executor", "worker") else ""
        found.append((role, number, mode, side, *added, protected))
    return sorted(found)


DRIVER = ("mode=ecs-only", "ecs", "", "fixed", "")
FIRST = ("mode=ecs-only", "ecs", "", "", "true")
LATER = ("mode=eci-only", "eci", "yes", "", "true")


@versions
@selected_by(Alternative.SPARK)
@pytest.mark.parametrize("namespace", ["first"], indirect=True)
def test_the_first_executors_by_dynamic_allocation_have_a_mode_of_their_own(
    client: SparkClient, nodes: ModelNodes, namespace: SparkNamespace
) -> None:
    application = spark(client.version, "pi", dynamic_allocation(EXECUTORS))
    driver = application.driver(namespace, client)
    with application.session(namespace, client, driver):
        assert first_executors(nodes, namespace, 1 + EXECUTORS) == [
            ("driver", "", *DRIVER),
            ("executor", "1", *FIRST),
            ("executor", "2", *FIRST),
            ("executor", "3", *LATER),
        ]


@selected_by(Alternative.SPARK)
@pytest.mark.parametrize("namespace", ["first"], indirect=True)
def test_the_first_executors_of_a_statefulset_have_a_mode_of_their_own(
    control_plane: ControlPlane, clients: list[SparkClient], nodes: ModelNodes, namespace: SparkNamespace
) -> None:
    """All have the id EXECID, so their ordinals count."""
    application = spark(clients[1].version, "pi", stateful_set(EXECUTORS))
    driver = application.driver(namespace, clients[1])
    with application.session(namespace, clients[1], driver):
        (stored,) = control_plane.get(f"/apis/apps/v1/namespaces/{namespace.name}/statefulsets")["items"]
        create_pods(control_plane, stored)
        assert first_executors(nodes, namespace, 1 + EXECUTORS) == [
            ("driver", "", *DRIVER),
            ("executor", "0", *FIRST),
            ("executor", "1", *FIRST),
            ("executor", "2", *LATER),
        ]


@selected_by(Alternative.CLUSTER)
@pytest.mark.parametrize("namespace", ["first"], indirect=True)
def test_the_first_workers_of_a_cluster_have_a_mode_of_their_own(
    clients: list[SparkClient], nodes: ModelNodes, namespace: SparkNamespace
) -> None:
    create_cluster(namespace, clients[1].version, "prod", workers=EXECUTORS)
    assert first_executors(nodes, namespace, 1 + EXECUTORS) == [
        ("master", "", *DRIVER),
        ("worker", "0", *FIRST),
        ("worker", "1", *FIRST),
        ("worker", "2", *LATER),
    ]


@selected_by(Alternative.CLUSTER)
def test_the_master_of_a_selected_cluster_is_placed_as_drivers_are_and_workers_as_executors(
    clients: list[SparkClient], nodes: ModelNodes, namespace: SparkNamespace
) -> None:
    master, *_ = create_cluster(namespace, clients[1].version, "prod", workers=EXECUTORS)
    create_operator(namespace, master)
    spark(clients[1].version, "other", {}).driver(namespace, clients[1])
    workers = [("worker", "mode=eci-only", "eci")] * EXECUTORS
    others = [("driver", "", "ecs"), ("operator", "", "ecs")]
    assert homes(nodes, namespace, 3 + EXECUTORS) == sorted([("master", "mode=ecs-only", "ecs"), *workers, *others])


@versions
@selected_by(Alternative.SPARK)
@pytest.mark.parametrize("namespace", ["half"], indirect=True)
def test_a_rollout_applies_to_driver_and_executors_alike_whatever_the_program_is_called(
    client: SparkClient, nodes: ModelNodes, namespace: SparkNamespace
) -> None:
    """Of the two names that Spark knows, the one is in the rollout, and the other is not."""
    drawn = [f"report-{number}" for number in range(50)]
    name, program = (
        next(one for one in drawn if in_rollout(namespace.name, one, 50) is inside) for inside in (True, False)
    )
    application = spark(client.version, name, dynamic_allocation(1), program=program)
    driver = application.driver(namespace, client)
    with application.session(namespace, client, driver):
        labels = {
            pod["metadata"]["labels"][names.SPARK_APP_NAME] for pod in namespace.await_pods(1, program, "executor")
        }
        assert (driver["metadata"]["labels"][names.SPARK_APP_NAME], labels) == (name, {program})
        applies = in_rollout(namespace.name, driver["metadata"]["labels"][names.SPARK_APP_SELECTOR], 50)
        mode, side = ("mode=eci-only", "eci") if applies else ("", "ecs")
        assert homes(nodes, namespace, 2) == [("driver", mode, side), ("executor", mode, side)]
