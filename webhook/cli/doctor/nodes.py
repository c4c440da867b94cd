"""Checks that there are virtual nodes with the label and a taint of the policy."""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, LIMIT, Finding, Level, Unknown, known, labels_of, name_of
from webhook.cli.doctor.snapshot import ClusterSnapshot
from webhook.core.text import listed
from webhook.core.virtual_node import Taint, VirtualNode

_CHECK: Final = "virtual nodes"


def check_nodes(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Does each virtual node have the label of the policy, and one of its taints?

    A node with the label, or with the first taint, is a virtual node. The other taints may be on ECS nodes too.
    """
    if isinstance(snapshot.nodes, Unknown):
        yield snapshot.nodes.finding(_CHECK)
        return
    virtual_node = snapshot.policy.virtual_node
    key, value, (first, *_) = virtual_node.label.key, virtual_node.label.value, virtual_node.taints
    label, taints = f"{key}={value}", " or ".join(map(_written, virtual_node.taints))
    good, untainted, unlabelled = [], [], []
    for node in snapshot.nodes:
        labelled = labels_of(node).get(key) == value
        if labelled and any(_has(node, taint) for taint in virtual_node.taints):
            good.append(name_of(node))
        elif labelled:
            untainted.append(name_of(node))
        elif _has(node, first):
            unlabelled.append(name_of(node))
    if unlabelled:
        start = f"nodes with the taint {_written(first)} but without the label {label}: "
        fix = f"kubectl label node {unlabelled[0]} {label}"
        yield Finding(_CHECK, Level.FAULT, listed(start, unlabelled, LIMIT), fix)
    if untainted:
        start = f"nodes with the label {label} but without the taint {taints}, so any pod may run there: "
        fix = f"kubectl taint node {untainted[0]} {_written(first)}"
        yield Finding(_CHECK, Level.WARNING, listed(start, untainted, LIMIT), fix)
    if not (good or untainted or unlabelled):
        needed = any(mode.opens_eci for one in known(snapshot.namespaces) for mode in snapshot.modes(one))
        sentence = f"no node has the label {label}{', so pods that need ECI stay Pending' if needed else ''}"
        fix = f"kubectl get nodes --selector {label}"
        yield Finding(_CHECK, Level.FAULT if needed else Level.WARNING, sentence, fix)
    if good:
        yield Finding(_CHECK, Level.OK, listed(f"nodes with the label {label} and the taint {taints}: ", good, LIMIT))


def is_virtual(node: JSON, virtual_node: VirtualNode) -> bool:
    """Whether a node has the label of virtual nodes, or the first of their taints."""
    label = virtual_node.label
    return labels_of(node).get(label.key) == label.value or _has(node, virtual_node.taints[0])


def _has(node: JSON, wanted: Taint) -> bool:
    return any(
        taint["key"] == wanted.key
        and taint["effect"] == wanted.effect
        and (wanted.value is None or taint.get("value", "") == wanted.value)
        for taint in node["spec"].get("taints") or ()
    )


def _written(taint: Taint) -> str:
    return f"{taint.key}{'' if taint.value is None else f'={taint.value}'}:{taint.effect}"
