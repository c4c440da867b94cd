"""Nodes without machines: enough for a real scheduler to decide where pods would run."""

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Self

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.virtual_node import TAINT

NODES = "/api/v1/nodes"
_ARM = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Model:
    """One kind of node, as a scheduler sees it."""

    arch: str
    cpu: int = 4
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()


#: The models by name. The ECS nodes have room for four pods of one CPU each.
MODELS = {
    "ecs-amd64": Model("amd64"),
    "ecs-arm64": Model("arm64"),
    "eci-amd64": Model("amd64", 1000, {"type": "virtual-kubelet"}, (TAINT,)),
    "eci-arm64": Model("arm64", 1000, {"type": "virtual-kubelet"}, (TAINT, _ARM)),
}
ECS_PLACES = 8
#: Two nodes that differ only in what makes a node virtual, and have room for every pod.
TWINS = {"ecs": Model("amd64", 1000), "eci": Model("amd64", 1000, {"type": "virtual-kubelet"}, (TAINT,))}
_series = count(1)
#: Seconds within which a scheduler tries a pod again if there is room for it: its back-off begins at one second.
_SECOND_THOUGHTS = 4


class ModelNodes:
    """One node of each model, with new names. ECS nodes come first, so that no scheduler sees only the others."""

    def __init__(self, control_plane: ControlPlane, models: dict[str, Model] = MODELS) -> None:
        self._control_plane = control_plane
        self._models = models
        series = next(_series)
        self._names = {f"{name}-{series}": name for name in models}

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.push(self)
            for name, model in self._names.items():
                self._create(name, self._models[model])
            ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            self._control_plane.http.delete(f"{NODES}/{name}")

    def _create(self, name: str, model: Model) -> None:
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": model.arch}
        ready = {"type": "Ready", "status": "True", "reason": "Played", "message": "a node of the tests"}
        capacity = {"cpu": f"{model.cpu}", "memory": f"{4 * model.cpu}Gi", "pods": "5000"}
        self._control_plane.create(
            NODES,
            {
                "metadata": {"name": name, "labels": labels | model.labels},
                "status": {"capacity": capacity, "allocatable": capacity, "conditions": [ready]},
            },
        )
        # Admission has added the taint not-ready. A controller would remove it.
        self._control_plane.patch(f"{NODES}/{name}", {"spec": {"taints": list(model.taints) or None}})

    def await_scheduler(self) -> None:
        """Waits until the scheduler knows the present state of every node. For each node it creates a pod that may run only there.

        Before that, the scheduler may find pods unschedulable although there is room.
        """
        namespace = self._control_plane.create_namespace("probes")
        for name, model in self._names.items():
            taints = self._models[model].taints
            spec = {
                "nodeSelector": {"kubernetes.io/hostname": name},
                # It does not tolerate not-ready, so a scheduler that still sees this taint does not bind it.
                "tolerations": [{"key": taint["key"], "operator": "Exists"} for taint in taints],
                "containers": [{"name": "probe", "image": "none"}],
            }
            probe = {"metadata": {"name": name}, "spec": spec}
            self._control_plane.create(f"/api/v1/namespaces/{namespace}/pods", probe)
        wait_for(lambda: all(_bound(pod) for pod in self._pods(namespace)))
        self._control_plane.remove_pods(namespace)
        wait_for(lambda: not self._pods(namespace))

    def settled(self, namespace: str, pods: int) -> Counter[str]:
        """Waits until each of `total` pods is bound or unschedulable; returns their numbers by model, and `pending`."""
        wait_for(partial(self._decided, namespace, pods))
        counts = self._count(namespace)
        # The scheduler tries a pod again when it sees more room, so its first result may change.
        while counts["pending"]:
            time.sleep(_SECOND_THOUGHTS)
            before, counts = counts, self._count(namespace)
            if counts == before:
                break
        return counts

    def homes(self, namespace: str) -> list[tuple[dict[str, Any], str]]:
        """Each pod of a namespace, and the model of node to which it is bound, or `pending`."""
        return [(pod, self._names.get(_bound(pod), "pending")) for pod in self._pods(namespace)]

    def _decided(self, namespace: str, pods: int) -> bool:
        found = self._pods(namespace)
        return len(found) == pods and all(_bound(pod) or _unschedulable(pod) for pod in found)

    def _count(self, namespace: str) -> Counter[str]:
        return Counter(model for _, model in self.homes(namespace))

    def _pods(self, namespace: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._control_plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return found


def _bound(pod: dict[str, Any]) -> str:
    return str(pod["spec"].get("nodeName", ""))


def _unschedulable(pod: dict[str, Any]) -> bool:
    return any(
        (one["type"], one["status"], one.get("reason")) == ("PodScheduled", "False", "Unschedulable")
        for one in pod.get("status", {}).get("conditions", [])
    )
