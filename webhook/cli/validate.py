"""`validate` and `schema`: show what a policy file does, and what it may contain."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from webhook.cli.policies import read_policy, shown
from webhook.cli.policy_words import mode_words, of_profile, parts, taint_words
from webhook.cli.terminal import console, errors
from webhook.core.cautions import cautions
from webhook.core.modes import Side
from webhook.core.pod_metadata import Additions
from webhook.core.policy import MatchLabels, Policy
from webhook.core.rules import Rule
from webhook.core.schema import PolicySchema
from webhook.core.selectors import Alternative, PodSelector
from webhook.core.text import one_line


def print_policy(file: Path | None, values: Sequence[Path] = ()) -> None:
    """Prints what the profiles of the policy in `file`, or of `values`, or of the built-in policy, do.

    Raises InputError.
    """
    policy = read_policy(file, values)
    console.print(_summary(policy))
    console.print(_table(policy))
    if values:
        place = f"{', '.join(map(str, values))}: policy."
    elif file is not None:
        place = f"{shown(file)}: "
    else:
        return
    for caution in cautions(policy):
        errors.print(one_line(f"warning: {place}{caution}"))


def print_schema() -> None:
    """Prints the JSON Schema of the policy file."""
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    console.file.write(json.dumps(schema, indent=2) + "\n")


def _summary(policy: Policy) -> str:
    """What applies to all profiles."""
    node = policy.virtual_node
    taints = ", ".join(map(taint_words, node.taints))
    return "\n".join(
        [
            f"policy {policy.digest}{', the built-in one' if policy.digest == Policy().digest else ''}",
            *map(_selected, policy.selector.alternatives, policy.selector.selectors),
            f"virtual nodes: {node.label.key}={node.label.value}, tainted {taints}",
            f"kept off ECI: pods with {', '.join(node.unsupported) or 'nothing'}",
            f"overflow controller: {'off' if policy.overflow is None else 'on'}",
        ]
    )


def _selected(alternative: Alternative | MatchLabels, selector: PodSelector) -> str:
    """One line for an alternative: its labels and roles."""
    name = alternative if isinstance(alternative, Alternative) else "matchLabels"
    labels = ", ".join(key if value is None else f"{key}={value}" for key, value in selector.labels)
    return f"pods of {name}: {labels} ({', '.join(selector.roles)})"


def _table(policy: Policy) -> Table:
    table = Table()
    for heading in ("profile", "role", "mode", "node affinity", "labels and annotations"):
        table.add_column(heading, overflow="fold")
    for name, profile in policy.profiles.items():
        first = "\n".join((name, *of_profile(profile)))
        for who, rule, additions in [*parts(profile.driver), *parts(profile.executor)]:
            mode = "\n".join(mode_words(rule))
            table.add_row(*map(Text, (first, who, mode, _affinity(policy, rule), _additions(policy, rule, additions))))
            first = ""
        table.add_section()
    return table


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
    always, node = additions.always, policy.virtual_node
    withheld = [] if rule.mode.requires is Side.VIRTUAL else node.outranking({**additions.labels, **always.labels})
    lines = [*_entries("always label", always.labels, withheld), *_entries("always annotation", always.annotations)]
    if not rule.mode.opens_eci:
        return "\n".join(lines)
    keys = node.image_cache
    caches = [f"annotation {keys.snapshot}={one.id} for {one.image}" for one in rule.image_cache.snapshots]
    if rule.image_cache.auto:
        caches.append(f"annotation {keys.auto}=true" + (" for other images" if caches else ""))
    own = [*_entries("label", additions.labels, withheld), *_entries("annotation", additions.annotations)]
    return "\n".join([*lines, *caches, *own])


def _entries(kind: str, entries: Mapping[str, str], withheld: Collection[str] = ()) -> Iterator[str]:
    for key, value in entries.items():
        yield f"{kind} {key}={value}" + (" (only in modes that require virtual nodes)" if key in withheld else "")
