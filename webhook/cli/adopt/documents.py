"""What `adopt` prints for programs."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from webhook.adopt.verdict import AdoptionVerdict, PodAdoption
from webhook.cli.adopt import words
from webhook.cli.adopt.assessment import Application, Assessment
from webhook.cli.explain.documents import frame, heading, json_text
from webhook.cli.explain.words import what
from webhook.cli.terminal import console


def print_json(assessments: Collection[Assessment], written: Collection[str], faults: Collection[str]) -> None:
    """Prints all applications as one JSON document, with those `faults` that belong to no source, too."""
    applications = [_application(found, one) for found in assessments for one in found.applications]
    policies = {found.context: found.explained.policy for found in assessments}
    document = frame(next(iter(assessments)).explained) if len(assessments) == 1 else {"policies": policies}
    document |= {
        "applications": applications,
        "totals": _totals(assessments),
        "written": list(written),
        "faults": [*(fault for found in assessments for fault in found.faults), *faults],
    }
    console.file.write(json_text(document))


def _application(found: Assessment, one: Application) -> dict[str, Any]:
    told = {"context": found.context} if found.context else {}
    told |= heading(one.explained)
    return told | {
        "verdict": one.adoption.verdict.value,
        "pods": [_pod(pod) for pod in one.adoption.pods],
        "cuts": [{"lines": [cut.first, cut.last], "path": cut.path} for cut in one.cuts],
        "left": [{"path": left.path, "line": left.line, "why": left.why.value} for left in one.left],
        "notes": [*words.notable(one), *one.explained.workload.notes],
    }


def _pod(one: PodAdoption) -> dict[str, Any]:
    placement = one.decision.placement if one.decision else None
    return {
        "title": one.explained.pod.title,
        "count": one.explained.pod.count,
        "verdict": one.verdict.value,
        "fate": one.explained.fate.value,
        "ownPlacement": bool(one.own),
        "mode": str(placement.mode) if placement else "",
        "reason": placement.reason.value if placement and placement.reason else "",
        "adds": [what(change) for change in one.adds],
        "wins": words.wins(one),
    }


def _totals(assessments: Collection[Assessment]) -> dict[str, int]:
    applications = [one for found in assessments for one in found.applications]
    verdicts = Counter(one.adoption.verdict for one in applications)
    cuts = [slim.cuts for found in assessments for _, slim in found.files if slim.cuts]
    return {
        "applications": len(applications),
        **{verdict.value: verdicts[verdict] for verdict in AdoptionVerdict},
        "withoutOwnPlacement": sum(one.adoption.bare for one in applications),
        "files": len(cuts),
        "lines": sum(map(words.number_of_lines, cuts)),
    }
