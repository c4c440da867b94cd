"""Are there virtual nodes, with the label and a taint that the policy names?"""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, known, labels_of, name_of
from webhook.cli.doctor.snapshot import Snapshot, modes_of, profile_label
from webhook.core.text import listed
from webhook.core.virtual_node import Taint

_CHECK: Final = "virtual nodes"
_SHOWN: Final = 300


def check_nodes(snapshot: Snapshot) -> Iterator[Finding]:
    """Judges the cluster's nodes by the policy's virtual node, which its label tells, and its first taint."""
    if isinstance(snapshot.nodes, Unknown):
        yield snapshot.nodes.finding(_CHECK)
        return
    label, taints = snapshot.policy.virtual_node.label, snapshot.policy.virtual_node.taints
    labelled = [node for node in snapshot.nodes if labels_of(node).get(label.key) == label.value]
    bare = [name_of(node) for node in labelled if not any(_tainted(node, taint) for taint in taints)]
    unlabelled = [name_of(node) for node in snapshot.nodes if node not in labelled and _tainted(node, taints[0])]
    first, written = _written(taints[0]), " or ".join(map(_written, taints))
    if unlabelled:
        start = f"nodes with the taint {first} but without the label {label.key}={label.value}: "
        fix = f"kubectl label node {unlabelled[0]} {label.key}={label.value}"
        yield Finding(_CHECK, Level.FAULT, listed(start, unlabelled, _SHOWN), fix)
    if bare:
        start = f"nodes with the label {label.key}={label.value} but without the taint {written}, "
        start += "so any pod may run there: "
        yield Finding(_CHECK, Level.WARNING, listed(start, bare, _SHOWN), f"kubectl taint node {bare[0]} {first}")
    if not labelled and not unlabelled:
        namespaces = map(profile_label, known(snapshot.namespaces))
        needed = any(mode.opens_eci for profile in namespaces for mode in modes_of(snapshot.policy, profile or ""))
        sentence = f"no node has the label {label.key}={label.value}"
        sentence += ", so pods that need ECI stay Pending" if needed else ""
        fix = f"kubectl get nodes --selector {label.key}={label.value}"
        yield Finding(_CHECK, Level.FAULT if needed else Level.WARNING, sentence, fix)
    good = [name_of(node) for node in labelled if name_of(node) not in bare]
    if good:
        start = f"nodes with the label {label.key}={label.value} and the taint {written}: "
        yield Finding(_CHECK, Level.OK, listed(start, good, _SHOWN))


def _tainted(node: JSON, wanted: Taint) -> bool:
    return any(
        taint["key"] == wanted.key
        and taint["effect"] == wanted.effect
        and (wanted.value is None or (taint.get("value") or "") == wanted.value)
        for taint in node["spec"].get("taints") or ()
    )


def _written(taint: Taint) -> str:
    return f"{taint.key}{'' if taint.value is None else f'={taint.value}'}:{taint.effect}"
