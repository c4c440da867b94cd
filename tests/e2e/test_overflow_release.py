"""The overflow controller as the chart runs it: its arguments, account and policy are enough to open a pod that waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node, Pod
from tests.e2e.overflow_controller import installed_controller
from tests.e2e.release import installed
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

NAME = f"{FULLNAME}-overflow"
PROFILES = {"waits": {"executor": {"mode": "ecs-then-eci", "after": "1s"}}}
OPENING = {
    "key": "virtual-kubelet.io/provider",
    "operator": "Equal",
    "value": "alibabacloud",
    "effect": "NoSchedule",
}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


@contextmanager
def running(control_plane: ControlPlane, home: str, folder: Path, namespaces: list[str]) -> Iterator[Pod]:
    """Runs one replica of the installed chart's controller."""
    values = {"overflow": {"enabled": True, "namespaces": namespaces}, "policy": {"profiles": PROFILES}}
    with installed(control_plane, home, values), installed_controller(Node(control_plane, folder), home) as pod:
        yield pod


@pytest.mark.parametrize("limited", [False, True])
def test_the_installed_controller_opens_a_pod_that_waits(
    control_plane: ControlPlane, tmp_path: Path, *, limited: bool
) -> None:
    home = control_plane.create_namespace("placement")
    namespace = control_plane.create_namespace("spark", {names.PROFILE_LABEL: "waits"})
    with running(control_plane, home, tmp_path / "node", [namespace] if limited else []) as pod:
        path, before = unschedulable_pod(control_plane, namespace)
        wait_for(lambda: control_plane.get(path)["metadata"]["labels"][names.OVERFLOW_LABEL] == names.OPENED)
        after = control_plane.get(path)
        assert after["spec"] == before["spec"] | {"tolerations": [*before["spec"]["tolerations"], OPENING]}
        assert after["metadata"]["annotations"][names.PLACEMENT_ANNOTATION].endswith(f",{names.OPENED}")
        events = f"/api/v1/namespaces/{namespace}/events"
        wait_for(lambda: bool(control_plane.get(events)["items"]))
        assert [event["reason"] for event in control_plane.get(events)["items"]] == ["OverflowOpened"]
        lease = control_plane.get(f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/{NAME}")
        assert lease["spec"]["holderIdentity"]
        lines = httpx.get(f"http://{pod.address}:{pod.port('operations')}/metrics", timeout=60).text.splitlines()
        assert 'spark_eci_overflow_opened_total{profile="waits"} 1.0' in lines
        assert "is forbidden" not in pod.log.read_text()
    control_plane.remove_pods(namespace)


def unschedulable_pod(control_plane: ControlPlane, namespace: str) -> tuple[str, dict[str, Any]]:
    """Creates an executor as the webhook leaves it, which the scheduler could not place.

    Returns its path, and the pod as it was stored first: it may be opened soon.
    """
    pod: dict[str, Any] = {
        "metadata": {
            "name": "executor",
            "labels": {
                names.LAUNCHED_BY_OPERATOR: "true",
                names.SPARK_ROLE: "executor",
                names.OVERFLOW_LABEL: names.WAITING,
            },
            "annotations": {names.PLACEMENT_ANNOTATION: "mode=ecs-then-eci"},
        },
        "spec": {"automountServiceAccountToken": False, "containers": [{"name": "spark", "image": "spark:3.5"}]},
    }
    stored = control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    path = f"/api/v1/namespaces/{namespace}/pods/executor"
    control_plane.patch(f"{path}/status", {"status": {"conditions": [UNSCHEDULABLE]}})
    return path, stored
