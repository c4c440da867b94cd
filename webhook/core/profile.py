"""A profile made ready: selectors, patterns and injected objects are built once, at start, not for each review."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import translate

from webhook.core import names
from webhook.core.distribution import apportion
from webhook.core.pod import NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, Toleration
from webhook.core.policy import ExecutorRule, Policy, Role, Rule, SchedulingMode, Unplaceable
from webhook.core.virtual_node import NodeLabel, Taint, Unsupported


@dataclass(frozen=True, slots=True)
class Directive:
    """What one mode asks of a pod."""

    mode: SchedulingMode
    tolerations: tuple[tuple[Taint, Toleration], ...] = ()
    """Each taint to tolerate, with the toleration that does it."""
    requirement: NodeSelectorRequirement | None = None
    """What every term of the required node affinity has to hold."""
    preference: PreferredSchedulingTerm | None = None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready for one role."""

    mode: SchedulingMode
    directives: Mapping[SchedulingMode, Directive]
    container: str
    """Name of the container whose image picks the snapshot."""
    snapshots: tuple[tuple[Callable[[str], object], str], ...]
    """Image patterns, each with the id of its image cache."""
    auto: bool
    annotations: Mapping[str, str]
    rollout: int
    observe: bool
    deny: bool
    """Whether a pod that cannot be placed is denied."""
    mix: tuple["CompiledRule", ...] = ()
    """For each of 100 executors the rule that it takes; empty where there is no mix."""


@dataclass(frozen=True, slots=True)
class CompiledProfile:
    """A profile made ready, with what the policy says for all profiles."""

    name: str
    digest: str
    selector: tuple[tuple[str, str], ...]
    allow_override: bool
    label: NodeLabel
    taints: tuple[Taint, ...]
    unsupported: frozenset[Unsupported]
    outranked_by: tuple[str, ...]
    image_cache_auto: str
    image_cache_snapshot: str
    image_cache_keys: frozenset[str]
    """Every key that says something of image caches: the configured ones, and ACK's old and new names."""
    rules: Mapping[Role, CompiledRule]


def compile_profile(policy: Policy, name: str) -> CompiledProfile:
    """The profile `name` of `policy`, made ready. Raises KeyError where there is none."""
    profile, node = policy.profiles[name], policy.virtual_node
    keys = node.image_cache
    containers = {Role.DRIVER: names.DRIVER_CONTAINER, Role.EXECUTOR: names.EXECUTOR_CONTAINER}
    return CompiledProfile(
        name=name,
        digest=policy.digest,
        selector=tuple(policy.selector.match_labels.items()),
        allow_override=profile.allow_override,
        label=node.label,
        taints=node.taints,
        unsupported=frozenset(node.unsupported),
        outranked_by=node.outranked_by,
        image_cache_auto=keys.auto,
        image_cache_snapshot=keys.snapshot,
        image_cache_keys=names.IMAGE_CACHE_KEYS | {keys.auto, keys.snapshot},
        rules={role: _compile_rule(profile.rule(role), container, policy) for role, container in containers.items()},
    )


def compile_policy(policy: Policy) -> dict[str, CompiledProfile]:
    """Every profile of `policy` by its name, made ready."""
    return {name: compile_profile(policy, name) for name in policy.profiles}


def _compile_rule(rule: Rule, container: str, policy: Policy) -> CompiledRule:
    compiled = _compile_one(rule, container, policy)
    if not isinstance(rule, ExecutorRule) or not rule.mix:
        return compiled
    parts = [
        replace(compiled, mode=share.mode, annotations={**rule.annotations, **share.annotations}) for share in rule.mix
    ]
    sequence = apportion([share.percent for share in rule.mix])
    return replace(compiled, mix=tuple(parts[index] for index in sequence))


def _compile_one(rule: Rule, container: str, policy: Policy) -> CompiledRule:
    return CompiledRule(
        mode=rule.mode,
        directives={mode: _directive(mode, rule.weight, policy) for mode in SchedulingMode},
        container=container,
        snapshots=tuple((re.compile(translate(one.image)).match, one.id) for one in rule.image_cache.snapshots),
        auto=rule.image_cache.auto,
        annotations=rule.annotations,
        rollout=rule.rollout,
        observe=rule.observe,
        deny=rule.unplaceable is Unplaceable.DENY,
    )


def _directive(mode: SchedulingMode, weight: int, policy: Policy) -> Directive:
    label = policy.virtual_node.label
    inside = NodeSelectorRequirement(key=label.key, operator="In", values=[label.value])
    outside = NodeSelectorRequirement(key=label.key, operator="NotIn", values=[label.value])
    tolerations = tuple((taint, _toleration(taint)) for taint in policy.virtual_node.taints)
    match mode:
        case SchedulingMode.ECS_ONLY:
            return Directive(mode, requirement=outside)
        case SchedulingMode.ECI_ONLY:
            return Directive(mode, tolerations, requirement=inside)
        case SchedulingMode.ECS_FIRST:
            return Directive(mode, tolerations, preference=_preferred(weight, outside))
        case SchedulingMode.ECI_FIRST:
            return Directive(mode, tolerations, preference=_preferred(weight, inside))
        case SchedulingMode.RESOURCE_POLICY:
            return Directive(mode, tolerations)


def _preferred(weight: int, requirement: NodeSelectorRequirement) -> PreferredSchedulingTerm:
    return PreferredSchedulingTerm(weight=weight, preference=NodeSelectorTerm(match_expressions=[requirement]))


def _toleration(taint: Taint) -> Toleration:
    if taint.value is None:
        return Toleration(key=taint.key, operator="Exists", effect=taint.effect.value)
    return Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect.value)
