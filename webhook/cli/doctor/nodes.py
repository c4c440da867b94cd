"""Are there virtual nodes, with the label and a taint that the policy names?"""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Observed, modes_of, profile_label
from webhook.core.policy import Policy
from webhook.core.text import listed
from webhook.core.virtual_node import Taint

JSON = dict[str, Any]

_CHECK: Final = "virtual nodes"
_SHOWN: Final = 300


def check_nodes(observed: Observed) -> Iterator[Finding]:
    """Judges the cluster's nodes by the policy's virtual node, which its label tells, and its first taint."""
    if isinstance(observed.nodes, Unknown):
        yield observed.nodes.finding(_CHECK, "kubectl auth can-i list nodes")
        return
    policy = observed.policy or Policy()
    label, taints = policy.virtual_node.label, policy.virtual_node.taints
    labelled = [node for node in observed.nodes if _labels(node).get(label.key) == label.value]
    bare = [_name(node) for node in labelled if not any(_tainted(node, taint) for taint in taints)]
    unlabelled = [_name(node) for node in observed.nodes if node not in labelled and _tainted(node, taints[0])]
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
        needed = _opens_eci(observed, policy)
        sentence = f"no node has the label {label.key}={label.value}"
        sentence += ", so pods that need ECI stay Pending" if needed else ""
        fix = f"kubectl get nodes --selector {label.key}={label.value}"
        yield Finding(_CHECK, Level.FAULT if needed else Level.WARNING, sentence, fix)
    good = [_name(node) for node in labelled if _name(node) not in bare]
    if good:
        start = f"nodes with the label {label.key}={label.value} and the taint {written}: "
        yield Finding(_CHECK, Level.OK, listed(start, good, _SHOWN))


def _opens_eci(observed: Observed, policy: Policy) -> bool:
    namespaces = [] if isinstance(observed.namespaces, Unknown) else observed.namespaces
    return any(mode.opens_eci for one in namespaces for mode in modes_of(policy, profile_label(one) or ""))


def _name(node: JSON) -> str:
    return str(node["metadata"]["name"])


def _labels(node: JSON) -> dict[str, str]:
    return node["metadata"].get("labels") or {}


def _tainted(node: JSON, wanted: Taint) -> bool:
    return any(
        taint["key"] == wanted.key
        and taint["effect"] == wanted.effect
        and (wanted.value is None or (taint.get("value") or "") == wanted.value)
        for taint in node["spec"].get("taints") or ()
    )


def _written(taint: Taint) -> str:
    return f"{taint.key}{'' if taint.value is None else f'={taint.value}'}:{taint.effect}"
