"""What `explain` prints for people: text, and diffs alone."""

from collections import Counter

from webhook.cli.explain import words
from webhook.cli.page import Page
from webhook.cli.pod_text import diff_lines
from webhook.core.patch import Kind
from webhook.core.profile import CompiledProfile
from webhook.core.review import Decision
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate, Outcome


def print_text(explained: Explanation) -> None:
    """Prints everything there is to say, and how many pods that is."""
    for one in explained.workloads:
        page = Page()
        head(page, one)
        for pod in one.pods:
            _pod(page, pod, one)
        page.print()
    page = Page()
    page.line(total(explained), "bold")
    page.print()


def print_diffs(explained: Explanation) -> None:
    """Prints the scheduling part of each pod that is changed, before and after."""
    for one in explained.workloads:
        page = Page()
        for pod in one.pods:
            name = f"{one.workload.namespace}/{pod_name(pod.outcome)}"
            page.lines(diff_lines(pod.outcome.before, pod.outcome.after, name))
        page.print()


def head(page: Page, one: WorkloadExplanation) -> None:
    """Adds what is said of a workload as a whole."""
    work = one.workload
    profile = f", profile {one.profile_name}" if one.profile_name else ""
    page.line(f"{work.kind} {work.namespace}/{work.name} in {one.file}{profile}", "bold")
    for note in work.notes:
        page.line(f"note: {note}", "dim", indent=2)
    page.line()


def pod_name(outcome: Outcome) -> str:
    """The pod's name, or its generateName."""
    metadata = outcome.before["metadata"]
    return str(metadata.get("name") or metadata.get("generateName") or "")


def _pod(page: Page, one: PodExplanation, explained: WorkloadExplanation) -> None:
    outcome = one.outcome
    count = f" ({one.pod.count})" if one.pod.count else ""
    title = f"{one.pod.title}{count} {pod_name(outcome)}"
    if outcome.skipped is not None:
        page.line(f"{title}: left alone", "bold", indent=2)
        page.line(words.skipped(outcome.skipped), indent=4)
    elif outcome.decision is not None:
        _decision(page, title, outcome, outcome.decision, explained)
    for warning in outcome.warnings:
        page.line(f"! {warning}", "yellow", indent=4)
    if outcome.denied:
        page.line(f"x denied: {outcome.denied}", "red", indent=4)
    page.line()
    if lines := diff_lines(outcome.before, outcome.after):
        page.lines(lines, indent=4)
        page.line()


def _decision(page: Page, title: str, outcome: Outcome, decision: Decision, explained: WorkloadExplanation) -> None:
    placement = decision.placement
    kept = "" if placement.placed else ", but keeps its own placement"
    page.line(f"{title}: {placement.mode}, from the {placement.origin}{kept}", "bold", indent=2)
    if isinstance(explained.profile, CompiledProfile):
        page.line(words.source(decision.pod, explained.profile, placement), indent=4)
    observed = outcome.fate is Fate.OBSERVED
    if observed:
        page.line("the rule only observes: it decides, counts and logs, and changes nothing", indent=4)
    terms = sum(len(one.terms) for one in decision.changes if one.kind is Kind.REQUIRED)
    for what, why in words.remarks(outcome.added, terms):
        page.line(f"{'~ would add ' if observed else '+ '}{what} ({why})", "green", indent=4)
    for what, why in words.remarks(outcome.kept, terms):
        page.line(f"= {what} ({why})", "dim", indent=4)


def total(explained: Explanation) -> str:
    """How many there were, and what became of them."""
    outcomes = explained.outcomes
    applications = sum(one.workload.kind.startswith("S") for one in explained.workloads)
    counts = [_counted(applications, "application")] if applications else []
    counts.append(_counted(len(outcomes), "pod"))
    fates = Counter(one.fate for one in outcomes)
    parts = [f"{fates[fate]} {fate}" for fate in Fate if fates[fate] or fate is Fate.PLACED]
    if warned := sum(bool(one.warnings) for one in outcomes):
        parts.append(f"{warned} with warnings")
    over = f"; {_counted(explained.passed_over, 'document')} of other kinds" if explained.passed_over else ""
    return f"{', '.join(counts)}: {', '.join(parts)}{over}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
