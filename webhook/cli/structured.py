"""What `explain` prints for programs: everything as JSON or YAML, or the patches alone."""

import json
from typing import Any

from webhook.cli.explained import Explained, ExplainedPod, ExplainedWorkload
from webhook.cli.pod_text import yaml_text
from webhook.cli.terminal import console
from webhook.core.explanation import Remark


def print_json(explained: Explained) -> None:
    """Prints everything as one JSON document."""
    _write(json.dumps(_document(explained), indent=2, ensure_ascii=False) + "\n")


def print_yaml(explained: Explained) -> None:
    """Prints everything as one YAML document."""
    _write(yaml_text(_document(explained)))


def print_patches(explained: Explained) -> None:
    """Prints the JSON Patch of each pod on a line of its own, as the service sends it; `[]` where it sends none."""
    _write("".join(f"{one.patch.decode()}\n" for one in explained.outcomes))


def _write(text: str) -> None:
    console.file.write(text)


def _document(explained: Explained) -> dict[str, Any]:
    return {"policy": explained.policy, "workloads": [_workload(one) for one in explained.workloads]}


def _workload(one: ExplainedWorkload) -> dict[str, Any]:
    work = one.workload
    return {
        "file": one.file,
        "kind": work.kind,
        "namespace": work.namespace,
        "name": work.name,
        "profile": one.profile,
        "notes": list(work.notes),
        "pods": [_pod(pod) for pod in one.pods],
    }


def _pod(one: ExplainedPod) -> dict[str, Any]:
    outcome, placement, explanation = one.outcome, one.outcome.placement, one.outcome.explanation
    told: dict[str, Any] = {"title": one.pod.title, "count": one.pod.count}
    if placement is None or explanation is None:
        told["leftAloneWhole"] = outcome.skipped
    else:
        told |= {
            "role": placement.role.value,
            "verdict": placement.verdict.value,
            "mode": placement.mode,
            "origin": explanation.origin.value,
            "source": explanation.source,
            "placed": explanation.placed,
            "reason": placement.reason.value if placement.reason else "",
            "changes": _remarks(explanation.changes),
            "leftAlone": _remarks(explanation.left_alone),
        }
    told |= {"warnings": list(outcome.warnings), "denied": outcome.denied}
    return told | {"patch": json.loads(outcome.patch), "before": outcome.before, "after": outcome.after}


def _remarks(remarks: tuple[Remark, ...]) -> list[dict[str, str]]:
    return [{"what": one.what, "why": one.why} for one in remarks]
