"""`validate` and `schema`: show what a policy file does, and what it may contain."""

import json
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from webhook.cli.inputs import read_policy
from webhook.cli.terminal import console, errors
from webhook.core.cautions import cautions
from webhook.core.distribution import WHOLE
from webhook.core.modes import Side
from webhook.core.pod_metadata import Additions
from webhook.core.policy import Policy
from webhook.core.rules import ExecutorRule, Rule, Unplaceable
from webhook.core.schema import PolicySchema
from webhook.core.selectors import PodSelector, Role


def print_policy(file: Path | None) -> None:
    """Prints what the profiles of the policy in `file`, or of the built-in policy, do. Raises InputError."""
    policy = read_policy(file)
    console.print(_summary(policy))
    console.print(_table(policy))
    for caution in cautions(policy):
        errors.print(f"warning: {file}: {caution}")


def print_schema() -> None:
    """Prints the JSON Schema of the policy file."""
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    console.file.write(json.dumps(schema, indent=2) + "\n")


def _summary(policy: Policy) -> str:
    """What applies to all profiles."""
    node = policy.virtual_node
    alternatives = " or ".join(map(_selected, policy.selector.selectors))
    taints = ", ".join(
        f"{taint.key}{'' if taint.value is None else '=' + taint.value}:{taint.effect}" for taint in node.taints
    )
    return (
        f"policy {policy.digest}\n"
        f"pods: {alternatives}\n"
        f"virtual nodes: {node.label.key}={node.label.value}, tainted {taints}\n"
        f"kept off ECI: pods with {', '.join(node.unsupported) or 'nothing'}"
    )


def _selected(selector: PodSelector) -> str:
    labels = ", ".join(key if value is None else f"{key}={value}" for key, value in selector.labels)
    return f"{labels} ({', '.join(selector.roles)})"


def _table(policy: Policy) -> Table:
    table = Table()
    for heading in ("profile", "role", "mode", "node affinity", "labels and annotations"):
        table.add_column(heading, overflow="fold")
    for name, profile in policy.profiles.items():
        first = f"{name}\noverride {'allowed' if profile.allow_override else 'refused'}"
        for who, rule, additions in [*_parts(profile.driver), *_parts(profile.executor)]:
            cells = (first, who, _mode(rule), _affinity(policy, rule), _additions(policy, rule, additions))
            table.add_row(*map(Text, cells))
            first = ""
        table.add_section()
    return table


def _parts(rule: Rule) -> Iterator[tuple[str, Rule, Additions]]:
    """The rule for each of its modes, with the name of its pods and what is added to them."""
    if not isinstance(rule, ExecutorRule):
        yield Role.DRIVER.value, rule, rule.additions
        return
    names: dict[tuple[str | int, ...], str] = {
        ("mix", index): f"{Role.EXECUTOR}, {share.percent} %" for index, share in enumerate(rule.mix)
    }
    if rule.first is not None:
        names["first",] = f"{Role.EXECUTOR}, first {rule.first.count}"
    for place, mode, additions in rule.variants():
        if place or not rule.mix:
            yield names.get(place, Role.EXECUTOR.value), rule.model_copy(update={"mode": mode}), additions


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


def _additions(policy: Policy, rule: Rule, additions: Additions) -> str:
    """What is added to the metadata of pods, first what is added wherever they run."""
    always = additions.always
    labels = {**additions.labels, **always.labels}
    withheld = () if rule.mode.requires is Side.VIRTUAL else policy.virtual_node.outranking(labels)
    lines = [
        f"{key}={value} (always)"
        for key, value in (*always.labels.items(), *always.annotations.items())
        if key not in withheld
    ]
    if not rule.mode.opens_eci:
        return "\n".join(lines)
    keys = policy.virtual_node.image_cache
    caches = [f"{keys.snapshot}={one.id} for {one.image}" for one in rule.image_cache.snapshots]
    if rule.image_cache.auto:
        caches.append(f"{keys.auto}=true" + (" for other images" if caches else ""))
    own = (*additions.labels.items(), *additions.annotations.items())
    return "\n".join([*lines, *caches, *(f"{key}={value}" for key, value in own if key not in withheld)])
