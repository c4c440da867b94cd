"""What `explain` prints for programs: everything as one document, or only the patches."""

import json
from typing import Any, Final

import msgspec

from webhook.cli.explain import words
from webhook.cli.explain.text import spark_version
from webhook.cli.terminal import console
from webhook.core.patch import Change
from webhook.core.profile import CompiledProfile
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate, NoProfile
from webhook.spark.workloads import Refusal

#: The last character that JSON can write as one escape.
_BASIC: Final = 0xFFFF


def document(explained: Explanation) -> dict[str, Any]:
    """Everything, JSON-like."""
    workloads = [
        heading(one)
        | {
            "sparkVersion": spark_version(one.workload),
            "refused": [_refusal(refusal) for refusal in one.workload.refused],
            "notes": list(one.workload.notes),
            "pods": [_pod(pod, one.profile) for pod in one.pods],
        }
        for one in explained.workloads
    ]
    return frame(explained) | {"workloads": workloads} | rest(explained)


def print_patches(explained: Explanation) -> None:
    """Prints the JSON Patch of each pod on a line of its own, as the service sends it; `[]` if it sends none."""
    console.file.write("".join(f"{one.outcome.patch.decode()}\n" for one in explained.pods))


def json_text(value: Any) -> str:
    """`value` as JSON that controls no terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not text.replace("\n", "").isprintable():
        # JSON itself escapes only the first 32 characters.
        text = "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)
    return f"{text}\n"


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= _BASIC else json.dumps(char)[1:-1]


def frame(explained: Explanation) -> dict[str, Any]:
    """What every document begins with: the policy and the versions."""
    versions = explained.versions
    return {
        "policy": explained.policy,
        "operatorVersion": str(versions.operator),
        "sparkVersion": versions.spark or "",
    }


def heading(one: WorkloadExplanation) -> dict[str, Any]:
    """What every workload begins with: its file, its name and its profile."""
    return {
        "file": one.file,
        "group": one.workload.group,
        "kind": one.workload.kind,
        "namespace": one.workload.namespace,
        "name": one.workload.name,
        "profile": one.profile_name,
        "profileAssumed": one.assumed,
        "operator": one.workload.operator,
    }


def rest(explained: Explanation) -> dict[str, Any]:
    """What every document ends with: what the files contain besides, and what cannot be explained."""
    passed_over = {"otherKinds": explained.other_kinds, "notKubernetes": explained.other_documents}
    if explained.runs:
        passed_over["runs"] = explained.runs
    return {"passedOver": passed_over, "faults": list(explained.faults)}


def _refusal(one: Refusal) -> dict[str, str]:
    return {"by": one.by.value, "role": one.role, "sentence": one.sentence, "accepted": one.accepted}


def _pod(one: PodExplanation, profile: CompiledProfile | NoProfile) -> dict[str, Any]:
    outcome, decision = one.outcome, one.outcome.decision
    told: dict[str, Any] = {"title": one.pod.title, "count": one.pod.count, "fate": one.fate.value}
    told |= {"placed": one.fate is Fate.PLACED}
    if outcome.skipped is not None:
        told["skippedReason"] = words.hinted(outcome)
    elif decision is not None and isinstance(profile, CompiledProfile):
        placement = decision.placement
        told |= {
            "role": placement.role.value,
            "verdict": "never-runs" if one.refused else placement.verdict.value,
            "mode": str(placement.mode),
            "origin": placement.origin.value,
            "source": words.source(decision.pod, profile, placement),
            "reason": placement.reason.value if placement.reason else "",
            "delay": f"{placement.wait.after}s" if placement.wait else "",
            "changes": [_change(change) for change in outcome.added],
            "leftAlone": [_change(change) for change in outcome.kept],
        }
    told |= {"warnings": list(outcome.warnings), "denied": outcome.denied}
    return told | {"patch": json.loads(outcome.patch), "before": outcome.before, "after": outcome.after}


def _change(one: Change) -> dict[str, Any]:
    told = msgspec.to_builtins(one)
    return {name: told[name] for name in ("kind", "key", "value", "operation", "reason")}
