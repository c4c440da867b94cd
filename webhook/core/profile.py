"""Compiled profiles: selectors, patterns and injected objects are built once, at start, not for each review."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache

from webhook.core import names
from webhook.core.additions import CompiledAdditions, compile_additions
from webhook.core.distribution import WHOLE, apportion
from webhook.core.modes import NONE, SchedulingMode, Side
from webhook.core.overflow import seconds
from webhook.core.pod import NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, Toleration
from webhook.core.policy import Policy
from webhook.core.rules import ExecutorRule, Rule, Unplaceable
from webhook.core.selectors import PodSelector, Role
from webhook.core.virtual_node import NodeLabel, Taint, Unsupported, VirtualNode


@dataclass(frozen=True, slots=True)
class Directive:
    """What one mode adds to a pod."""

    mode: SchedulingMode
    tolerations: tuple[tuple[Taint, Toleration], ...]
    """Each taint to tolerate, with the toleration that does it."""
    requirement: NodeSelectorRequirement | None
    """What every term of the required node affinity must contain."""
    preference: PreferredSchedulingTerm | None


@dataclass(frozen=True, slots=True)
class Wait:
    """What a pod waits for that the virtual node is closed to."""

    after: int
    """How many seconds it has to be unschedulable."""
    tolerations: tuple[tuple[Taint, Toleration], ...]
    """What opens it then: each taint to tolerate, with the toleration that does it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pods may be opened; None if there is no limit."""

    per_application: int | None
    per_namespace: int | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule of one role."""

    mode: SchedulingMode
    directives: Mapping[SchedulingMode, Directive]
    container: str
    """Name of the container whose image picks the snapshot."""
    snapshots: tuple[tuple[Callable[[str], object], str], ...]
    """Image patterns, each with the id of its image cache."""
    auto: bool
    additions: Mapping[SchedulingMode, CompiledAdditions]
    """For each mode what is added to pods that are placed in it."""
    always: CompiledAdditions
    """What is added to pods that cannot be placed."""
    rollout: int
    observe: bool
    deny: bool
    """Whether a pod that cannot be placed is denied."""
    wait: Wait
    """What a pod waits for, if its mode waits."""
    percent: int = WHOLE
    """If this is a share of a mix, its percentage."""
    mix: tuple["CompiledRule", ...] = ()
    """For each of 100 executors the rule that it takes; empty if there is no mix."""
    first: "CompiledRule | None" = None
    """The rule that the first executors take; None if there is none."""
    count: int = 0
    """How many executors are first."""

    @property
    def variants(self) -> "tuple[CompiledRule, ...]":
        """This rule and all those that executors take in place of it, each once."""
        first = () if self.first is None else (self.first,)
        return (self, *first, *{id(one): one for one in self.mix}.values())


@dataclass(frozen=True, slots=True)
class CompiledProfile:
    """A profile, with what the policy says for all profiles."""

    name: str
    selectors: tuple[PodSelector, ...]
    """A pod is selected if one of these selects it."""
    application_labels: tuple[str, ...]
    """The labels that name the application of a pod. The first one that a pod has counts."""
    allow_override: bool
    modes: Mapping[str, SchedulingMode]
    """The modes that a pod may ask for, by name."""
    limits: Limits
    label: NodeLabel
    taints: tuple[Taint, ...]
    unsupported: frozenset[Unsupported]
    outranked_by: tuple[str, ...]
    image_cache_auto: str
    image_cache_snapshot: str
    image_cache_keys: frozenset[str]
    """Every key of annotations for image caches: the configured ones, and ACK's old and new names."""
    rules: Mapping[Role, CompiledRule]
    records: Mapping[str, str]
    """For each mode, and for `none`, the record on a pod that is placed in that mode without a reason."""


def compile_profile(policy: Policy, name: str) -> CompiledProfile:
    """The profile `name` of `policy`. Raises KeyError if there is none."""
    profile, node = policy.profiles[name], policy.virtual_node
    keys = node.image_cache
    containers = {Role.DRIVER: names.DRIVER_CONTAINER, Role.EXECUTOR: names.EXECUTOR_CONTAINER}
    return CompiledProfile(
        name=name,
        selectors=policy.selector.selectors,
        application_labels=policy.selector.application_labels,
        allow_override=profile.allow_override,
        modes={mode.value: mode for mode in SchedulingMode if not mode.waits or policy.overflow is not None},
        limits=Limits(profile.overflow.max_per_application, profile.overflow.max_per_namespace),
        label=node.label,
        taints=node.taints,
        unsupported=frozenset(node.unsupported),
        outranked_by=node.outranked_by,
        image_cache_auto=keys.auto,
        image_cache_snapshot=keys.snapshot,
        image_cache_keys=names.IMAGE_CACHE_KEYS | {keys.auto, keys.snapshot},
        rules={role: _compile_rule(profile.rule(role), container, policy) for role, container in containers.items()},
        records={mode: f"mode={mode},profile={name},policy={policy.digest}" for mode in (*SchedulingMode, NONE)},
    )


def compile_policy(policy: Policy) -> dict[str, CompiledProfile]:
    """Every profile of `policy` by its name."""
    return {name: compile_profile(policy, name) for name in policy.profiles}


def _compile_rule(rule: Rule, container: str, policy: Policy) -> CompiledRule:
    compiled = _compile_one(rule, container, policy)
    if not isinstance(rule, ExecutorRule):
        return compiled
    if rule.first is not None:
        return replace(compiled, first=replace(compiled, mode=rule.first.mode), count=rule.first.count)
    if not rule.mix:
        return compiled
    parts = []
    for share in rule.mix:
        additions, always = compile_additions(rule.additions.merged(share.additions), policy.virtual_node)
        wait = compiled.wait if share.after is None else replace(compiled.wait, after=seconds(share.after))
        parts.append(
            replace(compiled, mode=share.mode, additions=additions, always=always, percent=share.percent, wait=wait)
        )
    sequence = _apportioned(tuple(share.percent for share in rule.mix))
    return replace(compiled, mix=tuple(parts[index] for index in sequence))


def _compile_one(rule: Rule, container: str, policy: Policy) -> CompiledRule:
    additions, always = compile_additions(rule.additions, policy.virtual_node)
    return CompiledRule(
        mode=rule.mode,
        directives=_directives(rule.weight, policy.virtual_node),
        container=container,
        snapshots=tuple((_matcher(one.image), one.id) for one in rule.image_cache.snapshots),
        auto=rule.image_cache.auto,
        additions=additions,
        always=always,
        rollout=rule.rollout,
        observe=rule.observe,
        deny=rule.unplaceable is Unplaceable.DENY,
        wait=Wait(seconds(rule.after), _opening(policy.virtual_node)),
    )


# Many profiles share their patterns and their weights.
@lru_cache(4096)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


@lru_cache(4096)
def _apportioned(percents: tuple[int, ...]) -> tuple[int, ...]:
    return apportion(percents)


@lru_cache(256)
def _directives(weight: int, node: VirtualNode) -> Mapping[SchedulingMode, Directive]:
    return {mode: _directive(mode, weight, node) for mode in SchedulingMode}


def _directive(mode: SchedulingMode, weight: int, node: VirtualNode) -> Directive:
    return Directive(
        mode,
        _opening(node) if mode.opens_eci else (),
        requirement=None if mode.requires is None else _requirement(mode.requires, node.label),
        preference=None if mode.prefers is None else _preferred(weight, _requirement(mode.prefers, node.label)),
    )


@lru_cache(256)
def _opening(node: VirtualNode) -> tuple[tuple[Taint, Toleration], ...]:
    return tuple((taint, _toleration(taint)) for taint in node.taints)


def _requirement(side: Side, label: NodeLabel) -> NodeSelectorRequirement:
    return NodeSelectorRequirement(key=label.key, operator=side.operator, values=[label.value])


def _preferred(weight: int, requirement: NodeSelectorRequirement) -> PreferredSchedulingTerm:
    return PreferredSchedulingTerm(weight=weight, preference=NodeSelectorTerm(match_expressions=[requirement]))


def _toleration(taint: Taint) -> Toleration:
    if taint.value is None:
        return Toleration(key=taint.key, operator="Exists", effect=taint.effect.value)
    return Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect.value)
