"""Pods with placement of their own, drawn at random: tolerations, nodeSelector, required and preferred node affinity.

The rules of the core know of one label only. They count everything else as satisfiable, and ordinary nodes as nodes that may have
any value of it. So that nodes can judge them, what is drawn is satisfiable on nodes with the values `VALUES` of that label, and on
nodes of the architecture amd64; and each preferred term matches a node without the label, or a virtual node, or is empty.
"""

import random
from typing import Any

from tests.scheduler import Node, meets
from tests.virtual_node import TAINT, TOLERATION

#: What ordinary nodes have as the label of virtual nodes: beyond, and between, the bounds below is always one of these.
VALUES = (None, "ecs", "2", "4", "7", "8", "12")
_BOUNDS = ("3", "5", "9")
_KEY, _VIRTUAL, _ARCH = "type", "virtual-kubelet", "kubernetes.io/arch"
#: A node without the label, and a virtual node.
SIDES = (Node("ecs", {_ARCH: "amd64"}), Node("eci", {_ARCH: "amd64", _KEY: _VIRTUAL}))
_TOLERATIONS: tuple[dict[str, Any], ...] = (
    TOLERATION,
    {"operator": "Exists"},
    {"key": TAINT["key"], "operator": "Exists"},
    {"key": TAINT["key"], "operator": "Equal", "value": TAINT["value"]},
    {"key": TAINT["key"], "operator": "Exists", "effect": "NoExecute"},
    {"key": TAINT["key"], "value": "azure", "effect": "NoSchedule"},
    {"key": "dedicated", "value": "spark", "effect": "NoSchedule"},
)
_OTHER_KEYS: tuple[dict[str, Any], ...] = (
    {"key": _ARCH, "operator": "In", "values": ["amd64", "arm64"]},
    {"key": _ARCH, "operator": "Exists"},
    {"key": "gpu", "operator": "DoesNotExist"},
)
_FIELDS = [{"key": "metadata.name", "operator": "NotIn", "values": ["absent"]}]


def drawn_placement(draw: random.Random) -> dict[str, Any]:
    """The part of a pod's spec that places it; any field may be absent."""
    found: dict[str, Any] = {}
    if draw.random() < 0.6:
        found["tolerations"] = draw.sample(_TOLERATIONS, draw.randint(1, 3))
    if draw.random() < 0.3:
        selectors = ({_KEY: _VIRTUAL}, {_KEY: "ecs"}, {_KEY: "7"}, {_ARCH: "amd64"})
        found["nodeSelector"] = dict(draw.choice(selectors))
    if draw.random() < 0.1:
        found["hostNetwork"] = True
    affinity: dict[str, Any] = {}
    if draw.random() < 0.5:
        terms = [_required_term(draw) for _ in range(draw.choice((1, 1, 2, 3)))]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if draw.random() < 0.7:
        terms = [_preferred_term(draw) for _ in range(draw.randint(1, 4))]
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = terms
    if affinity:
        found["affinity"] = {"nodeAffinity": affinity}
    return found


def _required_term(draw: random.Random) -> dict[str, Any]:
    if draw.random() < 0.05:
        return {}
    expressions = [_requirement(draw) for _ in range(draw.choice((1, 1, 1, 2, 2, 3)))]
    term: dict[str, Any] = {"matchExpressions": expressions + draw.sample(_OTHER_KEYS, draw.choice((0, 0, 1)))}
    return term | ({"matchFields": _FIELDS} if draw.random() < 0.1 else {})


def _preferred_term(draw: random.Random) -> dict[str, Any]:
    while True:
        among = [_requirement(draw), _requirement(draw), *_OTHER_KEYS]
        expressions = draw.sample(among, draw.choice((0, 1, 1, 1, 2)))
        if any(all(meets(one, node.labels) for one in expressions) for node in SIDES):
            return {"weight": draw.randint(1, 100), "preference": {"matchExpressions": expressions}}


def _requirement(draw: random.Random) -> dict[str, Any]:
    """A requirement on the label of virtual nodes."""
    operator = draw.choice(("In", "In", "NotIn", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
    found: dict[str, Any] = {"key": _KEY, "operator": operator}
    match operator:
        case "In" | "NotIn":
            found["values"] = draw.sample((_VIRTUAL, _VIRTUAL, "ecs", "7"), draw.randint(1, 2))
        case "Gt" | "Lt":
            found["values"] = [draw.choice(_BOUNDS)]
    return found
