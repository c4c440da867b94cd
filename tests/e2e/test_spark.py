"""Spark's own client against a real API server and scheduler: every pod that it makes is placed."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.component import Component
from tests.e2e.control_plane import ControlPlane
from tests.e2e.model_nodes import ModelNodes
from tests.e2e.release import Release, scheduling
from tests.e2e.spark_pods import placement
from webhook.core import names

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("spark")]

EXECUTORS = 5
#: How an API server that does not complete ports refuses the Service that Spark applies, after it has accepted the driver.
REFUSED_SERVICE = "associative list with keys has an element that omits key field"
#: The permissions that the Spark Operator gives to the ServiceAccount of a driver.
RIGHTS = [
    {"apiGroups": [""], "resources": ["pods", "services", "configmaps", "persistentvolumeclaims"], "verbs": ["*"]}
]


@pytest.fixture(scope="module", autouse=True)
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with scheduling(control_plane, tmp_path_factory.mktemp("node")) as started:
        yield started


@pytest.fixture
def nodes(control_plane: ControlPlane) -> Iterator[ModelNodes]:
    with ModelNodes(control_plane) as made:
        made.await_scheduler()
        yield made


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace that has opted in, with a ServiceAccount for Spark."""
    made = control_plane.create_namespace("spark", {names.PROFILE_LABEL: "advised"})
    account = {"metadata": {"name": "spark"}, "automountServiceAccountToken": False}
    control_plane.create(f"/api/v1/namespaces/{made}/serviceaccounts", account)
    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{made}"
    control_plane.create(f"{rights}/roles", {"metadata": {"name": "spark"}, "rules": RIGHTS})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "spark"}
    subjects = [{"kind": "ServiceAccount", "name": "spark", "namespace": made}]
    binding = {"metadata": {"name": "spark"}, "roleRef": reference, "subjects": subjects}
    control_plane.create(f"{rights}/rolebindings", binding)
    yield made
    control_plane.remove_pods(made)


def configuration(control_plane: ControlPlane, namespace: str, authentication: str) -> dict[str, str]:
    """What the Spark Operator would pass to Spark; `authentication` is the prefix of the mode's settings."""
    labels = {names.LAUNCHED_BY_OPERATOR: "true", names.APP_NAME: "pi", names.SUBMISSION_ID: str(uuid4())}
    roles = ("driver", "executor")
    passed = {f"spark.kubernetes.{role}.label.{key}": value for role in roles for key, value in labels.items()}
    return {
        "spark.master": f"k8s://{control_plane.url}",
        "spark.app.name": "pi",
        "spark.kubernetes.namespace": namespace,
        "spark.kubernetes.container.image": "example.org/spark:3.5.2",
        "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
        f"spark.kubernetes.authenticate.{authentication}caCertFile": str(control_plane.ca),
        f"spark.kubernetes.authenticate.{authentication}oauthToken": control_plane.token(namespace, "spark"),
        "spark.driver.memory": "512m",
        "spark.ui.enabled": "false",
        **passed,
    }


def pods(control_plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control_plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    return found


def summary(pod: dict[str, Any]) -> tuple[str, str, str]:
    """A pod's role, the id of its executor, and its mode."""
    labels, record = pod["metadata"]["labels"], placement(pod) or ""
    return labels[names.SPARK_ROLE], labels.get(names.SPARK_EXEC_ID, ""), record.split(",")[0]


def environment() -> dict[str, str]:
    return os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "KUBECONFIG": os.devnull}


def test_a_driver_by_spark_submit_in_cluster_mode(
    control_plane: ControlPlane, nodes: ModelNodes, namespace: str
) -> None:
    found = importlib.util.find_spec("pyspark")
    assert found
    assert found.origin
    command = [str(Path(found.origin).parent / "bin/spark-submit"), "--deploy-mode", "cluster"]
    settings = configuration(control_plane, namespace, "submission.")
    settings["spark.kubernetes.submission.waitAppCompletion"] = "false"
    for key, value in settings.items():
        command += ["--conf", f"{key}={value}"]
    command += ["--class", "org.apache.spark.examples.SparkPi", "local:///opt/spark/examples/jars/spark-examples.jar"]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    refused = not control_plane.version.completes_ports and REFUSED_SERVICE in ran.stderr
    assert refused or ran.returncode == 0, ran.stderr
    counts = nodes.settled(namespace, 1)
    assert counts["ecs-amd64"] + counts["ecs-arm64"] == 1
    assert [summary(pod) for pod in pods(control_plane, namespace)] == [("driver", "", "mode=ecs-only")]


def test_executors_by_dynamic_allocation_in_client_mode(
    control_plane: ControlPlane, nodes: ModelNodes, namespace: str, tmp_path: Path
) -> None:
    settings = configuration(control_plane, namespace, "") | {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.scheduler.minRegisteredResourcesRatio": "0",
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.initialExecutors": "1",
        "spark.dynamicAllocation.maxExecutors": str(EXECUTORS),
    }
    command = [sys.executable, str(Path(__file__).with_name("spark_session.py")), json.dumps(settings)]
    session = Component(command, tmp_path / "session.log", environment())
    try:
        session.start(lambda: len(pods(control_plane, namespace)) == EXECUTORS, timeout=120)
        assert nodes.settled(namespace, EXECUTORS) == {"eci-amd64": EXECUTORS}
        placed = sorted(summary(pod) for pod in pods(control_plane, namespace))
        assert placed == [("executor", str(number), "mode=eci-only") for number in range(1, EXECUTORS + 1)]
    finally:
        session.stop()
