"""Two webhooks for one pod, this one and the Spark Operator's, called in both orders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.operator_webhook import Application, operator_webhook
from tests.e2e.release import serving
from tests.e2e.spark_pods import placement, spark_pod
from tests.virtual_node import TOLERATION
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

#: API servers call webhooks in the order of the names of their configurations. This one's is `spark-placement`.
BEFORE, AFTER = "spark-operator-webhook", "spark-zz-operator-webhook"
DEDICATED = {"key": "dedicated", "operator": "Equal", "value": "spark", "effect": "NoSchedule"}
ZONE = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["cn-hangzhou-h"]}
RACK = {"key": "rack", "operator": "In", "values": ["7"]}
VIRTUAL = {"key": "type", "operator": "In", "values": ["virtual-kubelet"]}
NOT_VIRTUAL = {**VIRTUAL, "operator": "NotIn"}
SPREAD = {
    "preferredDuringSchedulingIgnoredDuringExecution": [
        {
            "weight": 10,
            "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}},
        }
    ]
}
APPLICATION: Application = {
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [ZONE]}, {"matchExpressions": [RACK]}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 5, "preference": {"matchExpressions": [RACK]}}
            ],
        },
        "podAntiAffinity": SPREAD,
    },
    "tolerations": [DEDICATED],
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "schedulerName": "volcano",
}


@pytest.fixture(scope="module", autouse=True)
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The chart with its default values."""
    namespace = control_plane.create_namespace("placement")
    with serving(control_plane, namespace, tmp_path_factory.mktemp("node"), replicas=1):
        yield


def store(
    control_plane: ControlPlane, folder: Path, name: str, profile: str, application: Application
) -> dict[str, Any]:
    """The stored executor after both webhooks, once the API server knows both configurations."""
    namespace = control_plane.create_namespace("spark", {names.PROFILE_LABEL: profile})
    pods = f"/api/v1/namespaces/{namespace}/pods"

    def both() -> bool:
        tried = control_plane.create(f"{pods}?dryRun=All", spark_pod())
        return DEDICATED in tried["spec"]["tolerations"] and placement(tried) is not None

    with operator_webhook(control_plane, folder, name, namespace, application):
        wait_for(both)
        return control_plane.create(pods, spark_pod())


def tolerations(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """A pod's tolerations, except those that every pod gets."""
    return [one for one in pod["spec"]["tolerations"] if not one.get("key", "").startswith("node.kubernetes.io/")]


@pytest.mark.parametrize("name", [BEFORE, AFTER])
def test_a_required_affinity_stands_beside_the_users_own(
    control_plane: ControlPlane, tmp_path: Path, name: str
) -> None:
    stored = store(control_plane, tmp_path, name, "eci-only", APPLICATION)
    terms = [{"matchExpressions": [ZONE, VIRTUAL]}, {"matchExpressions": [RACK, VIRTUAL]}]
    own = APPLICATION["affinity"]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert stored["spec"]["affinity"] == {**own, "nodeAffinity": {**own["nodeAffinity"], **required}}
    assert sorted(tolerations(stored), key=str) == sorted([DEDICATED, TOLERATION], key=str)
    assert stored["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert stored["spec"]["schedulerName"] == "volcano"


@pytest.mark.parametrize("name", [BEFORE, AFTER])
def test_a_preferred_affinity_stands_beside_the_users_own(
    control_plane: ControlPlane, tmp_path: Path, name: str
) -> None:
    stored = store(control_plane, tmp_path, name, "ecs-first", APPLICATION)
    own = APPLICATION["affinity"]["nodeAffinity"]
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    added = {"weight": 1, "preference": {"matchExpressions": [NOT_VIRTUAL]}}
    node_affinity = {**own, preferred: [*own[preferred], added]}
    assert stored["spec"]["affinity"] == {**APPLICATION["affinity"], "nodeAffinity": node_affinity}
    assert sorted(tolerations(stored), key=str) == sorted([DEDICATED, TOLERATION], key=str)


@pytest.mark.parametrize("name", [BEFORE, AFTER])
def test_without_an_affinity_of_the_users_ours_stands_alone(
    control_plane: ControlPlane, tmp_path: Path, name: str
) -> None:
    stored = store(control_plane, tmp_path, name, "eci-only", {"tolerations": [DEDICATED]})
    term = {"matchExpressions": [VIRTUAL]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert stored["spec"]["affinity"] == {"nodeAffinity": required}
    assert sorted(tolerations(stored), key=str) == sorted([DEDICATED, TOLERATION], key=str)


@pytest.mark.parametrize("name", [BEFORE, AFTER])
def test_ecs_only_holds_against_a_toleration_of_the_users(
    control_plane: ControlPlane, tmp_path: Path, name: str
) -> None:
    """The first call sees a pod without the toleration. The second call sees what the operator has added."""
    stored = store(control_plane, tmp_path, name, "ecs-only", {"tolerations": [DEDICATED, TOLERATION]})
    term = {"matchExpressions": [NOT_VIRTUAL]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert stored["spec"]["affinity"] == {"nodeAffinity": required}
    assert tolerations(stored) == [DEDICATED, TOLERATION]


def test_a_toleration_that_the_user_names_too_is_there_once(control_plane: ControlPlane, tmp_path: Path) -> None:
    """This is the order of the chart's name. In the other order, the operator would append its toleration unchecked."""
    stored = store(control_plane, tmp_path, BEFORE, "eci-only", {"tolerations": [DEDICATED, TOLERATION]})
    assert tolerations(stored) == [DEDICATED, TOLERATION]
