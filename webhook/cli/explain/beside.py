"""Calls the Spark Operator's webhook and ours in both orders, and compares the results.

The API server calls mutating webhooks sorted by the names of their configurations. Ours asks to be called again if a
later one changed the pod (reinvocationPolicy IfNeeded); the operator's does not.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from webhook.cli.explain import words
from webhook.cli.explain.text import add_head, add_never_made, add_warnings, pod_name
from webhook.cli.pod_text import diff_lines
from webhook.cli.styled_lines import StyledLines
from webhook.core.node_affinity import reach
from webhook.core.pod import Pod
from webhook.core.profile import CompiledProfile
from webhook.core.tolerations import may_tolerate
from webhook.core.virtual_node import outranking
from webhook.explain.explanation import Explanation, PodExplanation
from webhook.explain.outcome import Outcome, changed_labels, outcome, scheduling_part
from webhook.spark.workloads import SparkPod, Workload

JSON = dict[str, Any]


class Agreement(StrEnum):
    """How the two orders compare."""

    ALIKE = "both orders give the same pod"
    ORDERED = "both orders give the same pod, except for the order and repetition of tolerations"
    SAME_NODES = "both orders allow the same nodes, in different ways"
    DIFFERENT = "the orders allow different nodes: our configuration's name must sort after the operator's"


@dataclass(frozen=True, slots=True)
class BothOrders:
    """The outcomes of one pod in both orders."""

    operator_first: Outcome
    ours_first: Outcome
    agreement: Agreement


def both_orders(workload: Workload, one: PodExplanation, profile: CompiledProfile) -> BothOrders | None:
    """The outcomes of a pod of `workload` in both orders; None if the operator's webhook does not change the pod."""
    operator = one.pod.operator
    if operator is None:
        return None
    once = outcome(workload, one.pod, profile, one.pod.created)
    between = operator(once.after)
    again = outcome(workload, one.pod, profile, between) if between != once.after else once
    return BothOrders(one.outcome, again, _agreement(one.outcome.after, again.after, profile))


def print_both_orders(explained: Explanation) -> bool:
    """Prints both orders for every pod; returns whether there are warnings."""
    warned = False
    for one in explained.workloads:
        told = StyledLines()
        add_head(told, one)
        for pod in one.pods:
            found = None
            if isinstance(one.profile, CompiledProfile) and not pod.refused:
                found = both_orders(one.workload, pod, one.profile)
            warned |= bool(pod.outcome.warnings) or (found is not None and found.agreement is Agreement.DIFFERENT)
            told.line(f"{pod.pod.title} {pod_name(pod.outcome)}", "bold", indent=2)
            if pod.refused:
                told.line("never runs", indent=4)
                add_never_made(told, pod, one.profile)
            elif found is None:
                _add_one_order(told, pod.outcome)
            else:
                _add_both_orders(told, pod.pod, found)
            told.line()
        told.print()
    return warned


def _add_one_order(told: StyledLines, found: Outcome) -> None:
    if found.decision is not None:
        mode = found.decision.placement.mode
        told.line(f"the Spark Operator's webhook does not change this pod: {mode}", indent=4)
    else:
        told.line(f"left alone, {words.hinted(found)}", indent=4)
    add_warnings(told, found)


def _add_both_orders(told: StyledLines, pod: SparkPod, found: BothOrders) -> None:
    for title, end in (
        ("the operator's webhook first, then ours", found.operator_first),
        ("ours first, then the operator's, then ours again", found.ours_first),
    ):
        mode = end.decision.placement.mode if end.decision else "left alone"
        told.line(f"{title}: {mode}", indent=4)
        told.lines(diff_lines(pod.created, end.after), indent=6)
        add_warnings(told, end, indent=6)
        told.line()
    bad = found.agreement is Agreement.DIFFERENT
    told.line(f"{'!' if bad else '='} {found.agreement}", "yellow" if bad else "green", indent=4)


def _agreement(one: JSON, other: JSON, profile: CompiledProfile) -> Agreement:
    if outranking(_labels(one), profile.outranked_by) != outranking(_labels(other), profile.outranked_by):
        return Agreement.DIFFERENT
    alike = not changed_labels(one, other)
    if alike and scheduling_part(one) == scheduling_part(other):
        return Agreement.ALIKE
    if alike and _unordered(one) == _unordered(other):
        return Agreement.ORDERED
    if _open_nodes(one, profile) == _open_nodes(other, profile):
        return Agreement.SAME_NODES
    return Agreement.DIFFERENT


def _labels(pod: JSON) -> dict[str, str]:
    return pod["metadata"].get("labels") or {}


def _unordered(pod: JSON) -> JSON:
    part = scheduling_part(pod)
    spec = part.get("spec", {})
    tolerations = {msgspec.json.encode(one, order="deterministic") for one in spec.get("tolerations", ())}
    return part | {"spec": spec | {"tolerations": tolerations}}


def _open_nodes(pod: JSON, profile: CompiledProfile) -> tuple[bool, bool]:
    """Whether virtual nodes are open to `pod`, and whether other nodes are, judged by the label and taints."""
    spec = msgspec.convert(pod, Pod).spec
    found = reach(spec, profile.label.key, profile.label.value)
    tolerated = all(any(may_tolerate(one, taint) for one in spec.tolerations or ()) for taint in profile.taints)
    return found.labelled and tolerated, found.others
