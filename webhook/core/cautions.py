"""Values of a policy that are accepted but look like mistakes."""

import re
from collections.abc import Iterator
from typing import Final

from webhook.core import eci_annotations, names
from webhook.core.modes import SchedulingMode, Side
from webhook.core.overflow import OverflowLimits
from webhook.core.policy import MOST_PROFILES, Policy
from webhook.core.rules import Rule
from webhook.core.selectors import Role
from webhook.core.virtual_node import TaintEffect, VirtualNode

#: All known ids have this form, but it is not documented. So another form causes a warning, not an error.
_IMAGE_CACHE_ID: Final = re.compile(r"imc-[a-z0-9]{20}")
#: The mode in which labels are added that outrank affinity.
_VIRTUAL_ONLY: Final = next(mode for mode in SchedulingMode if mode.requires is Side.VIRTUAL)
#: What is told of a file that `is_empty`.
EMPTY: Final = "sets nothing, so the built-in policy is in force"


def is_empty(policy: Policy) -> bool:
    """Whether the file of `policy` has no key but apiVersion: it may be empty by mistake."""
    return policy.model_fields_set <= {"api_version"}


def cautions(policy: Policy) -> list[str]:
    """A sentence for each value of `policy` that is accepted but looks like a mistake, with its place in front."""
    found = []
    if len(policy.profiles) > MOST_PROFILES:
        found.append(
            f"profiles: found {len(policy.profiles)}; the chart accepts at most {MOST_PROFILES}, because etcd cannot "
            "store a MutatingWebhookConfiguration with many more entries"
        )
    found += _selects_nothing(policy)
    found += _limits_nothing(policy)
    found += _closes_nothing(policy)
    found += _apart(policy)
    for where, rule in policy.rules():
        of_rule = (*_snapshots(rule), *_annotations(rule), *_never_added(rule, policy.virtual_node))
        found += [f"{where}.{one}" for one in of_rule]
    return found


def _selects_nothing(policy: Policy) -> Iterator[str]:
    """Yields a sentence for each alternative that no pod can meet."""
    for selector in policy.selector.selectors:
        role = dict(selector.labels).get(names.SPARK_ROLE)
        if role is not None and role not in selector.roles:
            accepted = ", ".join(selector.roles)
            yield f'selector: {names.SPARK_ROLE} is "{role}", which selects no pod; accepted: {accepted}'


def _limits_nothing(policy: Policy) -> Iterator[str]:
    """Yields a sentence for each profile with limits for an overflow controller that the policy does not have."""
    for name, profile in policy.profiles.items() if policy.overflow is None else ():
        if profile.overflow != OverflowLimits():
            yield f"profiles.{name}.overflow: limits nothing without the policy's key overflow"


def _closes_nothing(policy: Policy) -> Iterator[str]:
    """Yields a sentence if the taint by which virtual nodes are known keeps no pod off, and pods may wait for them."""
    first = policy.virtual_node.taints[0]
    if policy.overflow is not None and first.effect is TaintEffect.PREFER_NO_SCHEDULE:
        yield f"virtualNode.taints[0]: {first.effect} keeps no pod off, so pods that wait may run on ECI all the same"


def _apart(policy: Policy) -> Iterator[str]:
    """Yields a sentence for each profile of which some applications get one rule without the other.

    An application has one place in all rollouts, so those of the smaller one are all in the larger one.
    """
    for name, profile in policy.profiles.items():
        less, more = sorted(Role, key=lambda role: profile.rule(role).rollout)
        both, one = profile.rule(less).rollout, profile.rule(more).rollout
        if one == both:
            continue
        rollouts = f"{more}.rollout is {one} and {less}.rollout is {both}"
        shared = f"{both} % of applications get both rules, and another" if both else "no application gets both, and"
        yield f"profiles.{name}: {rollouts}, so {shared} {one - both} % get only that of the {more}"


def _snapshots(rule: Rule) -> Iterator[str]:
    for index, snapshot in enumerate(rule.image_cache.snapshots):
        if not _IMAGE_CACHE_ID.fullmatch(snapshot.id):
            told = f'"{snapshot.id}" does not look like an image cache id (imc- and 20 lowercase letters or digits)'
            yield f"imageCache.snapshots[{index}].id: {told}"


def _annotations(rule: Rule) -> Iterator[str]:
    for place, annotations in rule.annotation_maps():
        for key in annotations:
            if key.startswith(names.ECI_PREFIX) and key not in eci_annotations.KNOWN:
                yield f"{place}: {key} is not a known annotation of ECI"


def _never_added(rule: Rule, node: VirtualNode) -> Iterator[str]:
    """Yields a sentence for each label that outranks affinity, and that no pod gets without asking for a mode."""
    for place, labels, modes in rule.label_maps():
        if all(mode.requires is not Side.VIRTUAL for mode in modes):
            for key in node.outranking(labels):
                yield f"{place}: {key} is added only in the mode {_VIRTUAL_ONLY}, which these pods do not have"
