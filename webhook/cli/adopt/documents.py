"""What `adopt` prints for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from webhook.adopt.verdict import AdoptionVerdict, PodAdoption
from webhook.cli.adopt import words
from webhook.cli.adopt.assessment import Application, Assessment
from webhook.cli.explain.documents import frame, heading, json_text
from webhook.cli.explain.words import what
from webhook.cli.terminal import console


def print_json(
    assessments: Sequence[Assessment], written: Sequence[str], faults: Sequence[str], *, several: bool
) -> None:
    """Prints all applications as one JSON document, which has one for each source in it if there are `several`.

    `written` are the names of the files that were written, and `faults` are those that belong to no source.
    """
    made = [_document(one) for one in assessments]
    if several:
        document: dict[str, Any] = {"contexts": made, "faults": list(faults)}
    else:
        (document,) = made
        document |= {"written": list(written), "faults": [*document["faults"], *faults]}
    console.file.write(json_text(document))


def _document(found: Assessment) -> dict[str, Any]:
    context = {"context": found.context} if found.context else {}
    return (
        context
        | frame(found.explained)
        | {
            "applications": [_application(one) for one in found.applications],
            "totals": _totals(found),
            "faults": list(found.faults),
        }
    )


def _application(one: Application) -> dict[str, Any]:
    return heading(one.explained) | {
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
        "ownPlacement": one.placed_by_hand,
        "mode": str(placement.mode) if placement else "",
        "reason": placement.reason.value if placement and placement.reason else "",
        "adds": [what(change) for change in one.adds],
        "wins": words.wins(one),
    }


def _totals(found: Assessment) -> dict[str, int]:
    verdicts = Counter(one.adoption.verdict for one in found.applications)
    cuts = [slim.cuts for _, slim in found.files if slim.cuts]
    return {
        "applications": len(found.applications),
        **{verdict.value: verdicts[verdict] for verdict in AdoptionVerdict},
        "withoutOwnPlacement": sum(one.adoption.bare for one in found.applications),
        "files": len(cuts),
        "lines": sum(map(words.number_of_lines, cuts)),
    }
