"""What `explain` prints for programs: everything as JSON or YAML, or only the patches."""

import json
from typing import Any

import msgspec

from webhook.cli.explain import words
from webhook.cli.pod_text import yaml_text
from webhook.cli.terminal import console
from webhook.core.patch import Change
from webhook.core.profile import CompiledProfile
from webhook.explain.explanation import Explanation, PodExplanation
from webhook.explain.outcome import NoProfile


def print_json(explained: Explanation) -> None:
    """Prints everything as one JSON document."""
    console.file.write(json.dumps(_document(explained), indent=2, ensure_ascii=False) + "\n")


def print_yaml(explained: Explanation) -> None:
    """Prints everything as one YAML document."""
    console.file.write(yaml_text(_document(explained)))


def print_patches(explained: Explanation) -> None:
    """Prints the JSON Patch of each pod on a line of its own, as the service sends it; `[]` if it sends none."""
    console.file.write("".join(f"{one.patch.decode()}\n" for one in explained.outcomes))


def _document(explained: Explanation) -> dict[str, Any]:
    workloads = [
        {
            "file": one.file,
            "kind": one.workload.kind,
            "namespace": one.workload.namespace,
            "name": one.workload.name,
            "profile": one.profile_name,
            "notes": list(one.workload.notes),
            "pods": [_pod(pod, one.profile) for pod in one.pods],
        }
        for one in explained.workloads
    ]
    return {"policy": explained.policy, "workloads": workloads}


def _pod(one: PodExplanation, profile: CompiledProfile | NoProfile) -> dict[str, Any]:
    outcome, decision = one.outcome, one.outcome.decision
    told: dict[str, Any] = {"title": one.pod.title, "count": one.pod.count}
    if outcome.skipped is not None:
        told["skippedReason"] = words.skipped(outcome.skipped)
    elif decision is not None and isinstance(profile, CompiledProfile):
        placement = decision.placement
        told |= {
            "role": placement.role.value,
            "verdict": placement.verdict.value,
            "mode": str(placement.mode),
            "origin": placement.origin.value,
            "source": words.source(decision.pod, profile, placement),
            "placed": placement.placed,
            "reason": placement.reason.value if placement.reason else "",
            "changes": [_change(change) for change in outcome.added],
            "leftAlone": [_change(change) for change in outcome.kept],
        }
    told |= {"warnings": list(outcome.warnings), "denied": outcome.denied}
    return told | {"patch": json.loads(outcome.patch), "before": outcome.before, "after": outcome.after}


def _change(one: Change) -> dict[str, Any]:
    told = msgspec.to_builtins(one)
    return {name: told[name] for name in ("kind", "key", "value", "operation", "reason")}
