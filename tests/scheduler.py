"""The Kubernetes scheduler's rules for node affinity, nodeSelector and taints, written independently of the core.

Sources: Kubernetes documentation, Assigning Pods to Nodes, and Taints and Tolerations.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()

    @property
    def virtual(self) -> bool:
        return self.labels.get("type") == "virtual-kubelet"


VIRTUAL_TAINT = ("virtual-kubelet.io/provider", "alibabacloud", "NoSchedule")
NODES = (
    Node("ecs-amd64", {"kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": "h"}),
    Node("ecs-typed", {"kubernetes.io/arch": "amd64", "type": "ecs", "topology.kubernetes.io/zone": "i"}),
    Node("ecs-number", {"kubernetes.io/arch": "amd64", "type": "7"}),
    Node("ecs-arm64", {"kubernetes.io/arch": "arm64"}),
    Node("ecs-tainted", {"kubernetes.io/arch": "amd64"}, (("dedicated", "ads", "NoSchedule"),)),
    Node("virtual", {"kubernetes.io/arch": "amd64", "type": "virtual-kubelet"}, (VIRTUAL_TAINT,)),
    Node(
        "virtual-arm",
        {"kubernetes.io/arch": "arm64", "type": "virtual-kubelet", "topology.kubernetes.io/zone": "i"},
        (VIRTUAL_TAINT, ("kubernetes.io/arch", "arm64", "NoSchedule")),
    ),
)


def feasible(pod: Any, nodes: Iterable[Node] = NODES) -> set[str]:
    """The names of the nodes to which the scheduler would bind `pod` if they had room."""
    return {node.name for node in nodes if _selected(pod, node) and _tolerated(pod, node)}


def score(pod: Any, node: Node) -> int:
    """The sum of the weights of the preferences that `node` meets."""
    preferred = _node_affinity(pod).get("preferredDuringSchedulingIgnoredDuringExecution") or []
    return sum(one["weight"] for one in preferred if _term(one["preference"], node))


def _node_affinity(pod: Any) -> Any:
    return (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}


def _selected(pod: Any, node: Node) -> bool:
    selector = pod["spec"].get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    required = _node_affinity(pod).get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = (required or {}).get("nodeSelectorTerms")
    return not terms or any(_term(term, node) for term in terms)


def _term(term: Any, node: Node) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    return bool(expressions or fields) and (
        all(meets(one, node.labels) for one in expressions)
        and all(meets(one, {"metadata.name": node.name}) for one in fields)
    )


def meets(requirement: Any, labels: dict[str, str]) -> bool:
    """Whether `labels` meet one NodeSelectorRequirement."""
    value, values = labels.get(requirement["key"]), requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return _number(value) is not None and int(value or "") > int(values[0])
        case "Lt":
            return _number(value) is not None and int(value or "") < int(values[0])
    raise AssertionError(requirement)


def _number(value: str | None) -> int | None:
    try:
        return int(value or "")
    except ValueError:
        return None


def _tolerated(pod: Any, node: Node) -> bool:
    tolerations = pod["spec"].get("tolerations") or []
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in node.taints)


def _tolerates(toleration: Any, taint: tuple[str, str, str]) -> bool:
    key, value, effect = taint
    if toleration.get("effect") not in (None, "", effect):
        return False
    if toleration.get("key") in (None, ""):
        return bool(toleration.get("operator") == "Exists")
    if toleration["key"] != key:
        return False
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return (toleration.get("value") or "") == value
    return False
