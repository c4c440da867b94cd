"""Trials of pods by a real scheduler: on ECS nodes alone, on virtual nodes alone, and on twins of both.

All nodes are there at once. A pod is tried in stands, which are groups of nodes: a nodeSelector of its own confines it to one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx

from tests.e2e.control_plane import ControlPlane
from tests.e2e.drawn_pods import VALUES
from tests.e2e.model_nodes import Model, ModelNodes
from tests.scheduler import Node

#: Values of other labels, which cases ask for.
_OTHER_LABELS: Final = {
    "topology.kubernetes.io/zone": "cn-beijing-i",
    "node.kubernetes.io/instance-type": "ecs.g7.xlarge",
}
_STAND, _TRIAL = "tests/stand", "tests/trial"


class Stand(StrEnum):
    """A group of nodes."""

    ECS = "ecs"
    """One ECS node for each value that its label with the key of the virtual node's may have."""
    ECI = "eci"
    """A virtual node."""
    TWINS = "twins"
    """An ECS node without that label and a virtual node, which differ in nothing else."""


@dataclass(frozen=True)
class VirtualNode:
    """What makes a node virtual: the label, and a taint."""

    label: tuple[str, str]
    taint: tuple[str, str, str]

    @property
    def twins(self) -> tuple[Node, Node]:
        """The nodes of the stand of twins, the ECS node first, with the taints that close nodes."""
        common = {"kubernetes.io/arch": "amd64", **self.common}
        taints = (self.taint,) if self.taint[2] != "PreferNoSchedule" else ()
        return Node("ecs", common), Node("eci", dict([*common.items(), self.label]), taints)

    @property
    def common(self) -> dict[str, str]:
        """The labels that all nodes have."""
        return {key: value for key, value in _OTHER_LABELS.items() if key != self.label[0]}


@dataclass(frozen=True)
class Trial:
    """A pod, and the stand in which it is tried."""

    name: str
    pod: dict[str, Any]
    node: VirtualNode
    stand: Stand


def homes(control_plane: ControlPlane, trials: Sequence[Trial]) -> dict[tuple[str, Stand], str]:
    """For the name and the stand of each trial the side on which the scheduler bound its pod: `ecs`, `eci` or `pending`.

    It is `refused` if the API server refuses the pod.
    """
    numbers = {node: number for number, node in enumerate(dict.fromkeys(trial.node for trial in trials))}
    models = {name: model for node, number in numbers.items() for name, model in _models(node, number).items()}
    namespace = control_plane.create_namespace("standings")
    found = {}
    with ModelNodes(control_plane, models) as nodes:
        nodes.await_scheduler()
        for index, trial in enumerate(trials):
            body = _confined(trial.pod, f"{numbers[trial.node]}-{trial.stand}", index)
            answer = control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods", json=body)
            if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
                found[trial.name, trial.stand] = "refused"
            else:
                answer.raise_for_status()
        nodes.settled(namespace, len(trials) - len(found))
        for pod, home in nodes.homes(namespace):
            trial = trials[int(pod["metadata"]["labels"][_TRIAL])]
            found[trial.name, trial.stand] = home.split("-")[0]
        control_plane.remove_pods(namespace)
    return found


def _models(node: VirtualNode, number: int) -> dict[str, Model]:
    """The nodes of all stands for one kind of virtual node. Their names begin with their side."""
    key, value = node.label
    taints = (dict(zip(("key", "value", "effect"), node.taint, strict=True)),)
    found = {f"ecs-{number}-{own}".lower(): ({} if own is None else {key: own}, Stand.ECS, ()) for own in VALUES}
    found[f"ecs-{number}-twin"] = {}, Stand.TWINS, ()
    both = {
        f"eci-{number}": ({key: value}, Stand.ECI, taints),
        f"eci-{number}-twin": ({key: value}, Stand.TWINS, taints),
    }
    return {
        name: Model("amd64", 1000, node.common | own | {_STAND: f"{number}-{stand}"}, tainted)
        for name, (own, stand, tainted) in {**found, **both}.items()
    }


def _confined(pod: dict[str, Any], stand: str, index: int) -> dict[str, Any]:
    """What the scheduler reads of `pod`, confined to a stand. The pod is so small that the room on nodes does not count."""
    spec = {key: pod["spec"].get(key) for key in ("affinity", "tolerations")}
    spec["nodeSelector"] = (pod["spec"].get("nodeSelector") or {}) | {_STAND: stand}
    requests = {"requests": {"cpu": "1m", "memory": "1Mi"}}
    spec["containers"] = [{"name": "spark", "image": "none", "resources": requests}]
    return {"metadata": {"name": f"trial-{index}", "labels": {_TRIAL: f"{index}"}}, "spec": spec}
