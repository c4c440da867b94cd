"""What `explain` prints for people: text, and diffs alone."""

from collections import Counter
from typing import Final

from webhook.cli.explained import Explained, ExplainedPod, ExplainedWorkload
from webhook.cli.outcome import Outcome
from webhook.cli.page import Page
from webhook.cli.pod_text import diff_lines
from webhook.core.explanation import Explanation
from webhook.core.placement import NONE, Placement, Verdict


def print_text(explained: Explained) -> None:
    """Prints everything there is to say, and how many pods that is."""
    for one in explained.workloads:
        page = Page()
        head(page, one)
        for pod in one.pods:
            _pod(page, pod)
        page.print()
    page = Page()
    page.line(total(explained), "bold")
    page.print()


def print_diffs(explained: Explained) -> None:
    """Prints the scheduling part of each pod that is changed, before and after."""
    for one in explained.workloads:
        page = Page()
        for pod in one.pods:
            name = f"{one.workload.namespace}/{pod_name(pod.outcome)}"
            page.lines(diff_lines(pod.outcome.before, pod.outcome.after, name))
        page.print()


def head(page: Page, one: ExplainedWorkload) -> None:
    """Adds what is said of a workload as a whole."""
    work = one.workload
    profile = f", profile {one.profile}" if one.profile else ""
    page.line(f"{work.kind} {work.namespace}/{work.name} in {one.file}{profile}", "bold")
    for note in work.notes:
        page.line(f"note: {note}", "dim", indent=2)
    page.line()


def pod_name(outcome: Outcome) -> str:
    """The pod's name, or its generateName."""
    metadata = outcome.before["metadata"]
    return str(metadata.get("name") or metadata.get("generateName") or "")


def _pod(page: Page, one: ExplainedPod) -> None:
    outcome = one.outcome
    count = f" ({one.pod.count})" if one.pod.count else ""
    title = f"{one.pod.title}{count} {pod_name(outcome)}"
    if outcome.placement is None or outcome.explanation is None:
        page.line(f"{title}: left alone", "bold", indent=2)
        page.line(outcome.skipped, indent=4)
    else:
        _placement(page, title, outcome.placement, outcome.explanation)
    for warning in outcome.warnings:
        page.line(f"! {warning}", "yellow", indent=4)
    if outcome.denied:
        page.line(f"x denied: {outcome.denied}", "red", indent=4)
    page.line()
    if lines := diff_lines(outcome.before, outcome.after):
        page.lines(lines, indent=4)
        page.line()


def _placement(page: Page, title: str, placement: Placement, explanation: Explanation) -> None:
    kept = "" if explanation.placed else ", but keeps its own placement"
    observed = placement.verdict is Verdict.OBSERVE
    page.line(f"{title}: {placement.mode}, from the {explanation.origin}{kept}", "bold", indent=2)
    page.line(explanation.source, indent=4)
    if observed:
        page.line("the rule only observes: it decides, counts and logs, and changes nothing", indent=4)
    if placement.verdict is Verdict.DENY:
        return
    for remark in explanation.changes:
        page.line(f"{'~ would add ' if observed else '+ '}{remark.what} ({remark.why})", "green", indent=4)
    for remark in explanation.left_alone:
        page.line(f"= {remark.what} ({remark.why})", "dim", indent=4)


def total(explained: Explained) -> str:
    """How many there were, and what became of them."""
    outcomes = explained.outcomes
    applications = sum(one.workload.kind.startswith("S") for one in explained.workloads)
    counts = [_counted(applications, "application")] if applications else []
    counts.append(_counted(len(outcomes), "pod"))
    fates = Counter(map(fate, outcomes))
    parts = [f"{fates[fate]} {fate}" for fate in _FATES if fates[fate] or fate == _PLACED]
    if warned := sum(bool(one.warnings) for one in outcomes):
        parts.append(f"{warned} with warnings")
    over = f"; {_counted(explained.passed_over, 'document')} of other kinds" if explained.passed_over else ""
    return f"{', '.join(counts)}: {', '.join(parts)}{over}"


_PLACED: Final = "placed"
_FATES: Final = (_PLACED, "observed", "left alone", "denied")


def fate(outcome: Outcome) -> str:
    """What becomes of a pod: `placed`, `observed`, `left alone` or `denied`."""
    if outcome.denied:
        return "denied"
    if outcome.placement is None or outcome.placement.mode == NONE:
        return "left alone"
    return "observed" if outcome.placement.verdict is Verdict.OBSERVE else _PLACED


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
