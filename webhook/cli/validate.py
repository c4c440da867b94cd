"""`validate` and `schema`: show what a policy file does, and what it may contain."""

import json
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from webhook.cli.inputs import read_policy
from webhook.cli.terminal import console, errors
from webhook.core.distribution import WHOLE
from webhook.core.policy import ExecutorRule, Policy, Role, Rule, Unplaceable
from webhook.core.schema import PolicySchema


def print_policy(file: Path | None) -> None:
    """Prints what the profiles of the policy in `file`, or of the built-in policy, do. Raises InputError."""
    policy = read_policy(file)
    console.print(_summary(policy))
    console.print(_table(policy))
    for caution in policy.cautions():
        errors.print(f"warning: {file}: {caution}")


def print_schema() -> None:
    """Prints the JSON Schema of the policy file."""
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    console.file.write(json.dumps(schema, indent=2) + "\n")


def _summary(policy: Policy) -> str:
    """What applies to all profiles."""
    node = policy.virtual_node
    labels = ", ".join(f"{key}={value}" for key, value in policy.selector.match_labels.items())
    taints = ", ".join(
        f"{taint.key}{'' if taint.value is None else '=' + taint.value}:{taint.effect}" for taint in node.taints
    )
    return (
        f"policy {policy.digest}\n"
        f"pods: {labels}\n"
        f"virtual nodes: {node.label.key}={node.label.value}, tainted {taints}\n"
        f"kept off ECI: pods with {', '.join(node.unsupported) or 'nothing'}"
    )


def _table(policy: Policy) -> Table:
    table = Table()
    for heading in ("profile", "role", "mode", "node affinity", "annotations on ECI"):
        table.add_column(heading, overflow="fold")
    for name, profile in policy.profiles.items():
        first = f"{name}\noverride {'allowed' if profile.allow_override else 'refused'}"
        for who, rule in [*_parts(profile.driver), *_parts(profile.executor)]:
            cells = (first, who, _mode(rule), _affinity(policy, rule), _annotations(policy, rule))
            table.add_row(*map(Text, cells))
            first = ""
        table.add_section()
    return table


def _parts(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule, or if it has a mix, one rule for each share of it, each with the name of its pods."""
    if not isinstance(rule, ExecutorRule):
        yield Role.DRIVER.value, rule
    elif not rule.mix:
        yield Role.EXECUTOR.value, rule
    else:
        for share in rule.mix:
            changed = {"mode": share.mode, "annotations": {**rule.annotations, **share.annotations}}
            yield f"{Role.EXECUTOR}, {share.percent} %", rule.model_copy(update=changed)


def _mode(rule: Rule) -> str:
    lines = [rule.mode.value]
    if rule.rollout < WHOLE:
        lines.append(f"for {rule.rollout} % of applications")
    if rule.observe:
        lines.append("observed, not changed")
    if rule.unplaceable is Unplaceable.DENY:
        lines.append("denied if unplaceable")
    return "\n".join(lines)


def _affinity(policy: Policy, rule: Rule) -> str:
    mode, label = rule.mode, policy.virtual_node.label
    if mode.requires is not None:
        closed = "" if mode.opens_eci else " if the pod tolerates their taint"
        return f"required {label.key} {mode.requires.operator} [{label.value}]{closed}"
    if mode.prefers is not None:
        return f"preferred, weight {rule.weight}: {label.key} {mode.prefers.operator} [{label.value}]"
    return "none: the ResourcePolicy decides" if mode.needs_ack_scheduler else "none"


def _annotations(policy: Policy, rule: Rule) -> str:
    if not rule.mode.opens_eci:
        return ""
    keys = policy.virtual_node.image_cache
    lines = [f"{keys.snapshot}={one.id} for {one.image}" for one in rule.image_cache.snapshots]
    if rule.image_cache.auto:
        lines.append(f"{keys.auto}=true" + (" for other images" if lines else ""))
    return "\n".join([*lines, *(f"{key}={value}" for key, value in rule.annotations.items())])
