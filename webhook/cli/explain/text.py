"""What `explain` prints for people: text, or only diffs."""

from collections import Counter

from webhook.cli.explain import words
from webhook.cli.page import Page
from webhook.cli.pod_text import diff_lines
from webhook.core.patch import Kind
from webhook.core.profile import CompiledProfile
from webhook.core.review import Decision
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate, NoProfile, Outcome


def print_text(explained: Explanation) -> None:
    """Prints the whole explanation, and how many pods have which fate."""
    for one in explained.workloads:
        page = Page()
        add_head(page, one)
        for pod in one.pods:
            _add_pod(page, pod, one.profile)
        page.print()
    page = Page()
    page.line(_total(explained), "bold")
    page.print()


def print_diffs(explained: Explanation) -> None:
    """Prints the scheduling part of each pod that is changed, before and after."""
    for one in explained.workloads:
        page = Page()
        for pod in one.pods:
            name = f"{one.workload.namespace}/{pod_name(pod.outcome)}"
            page.lines(diff_lines(pod.outcome.before, pod.outcome.after, name))
        page.print()


def add_head(page: Page, one: WorkloadExplanation) -> None:
    """Adds the name, file, profile and notes of a workload."""
    work = one.workload
    profile = f", profile {one.profile_name}" if one.profile_name else ""
    page.line(f"{work.kind} {work.namespace}/{work.name} in {one.file}{profile}", "bold")
    for note in work.notes:
        page.line(f"note: {note}", "dim", indent=2)
    page.line()


def add_warnings(page: Page, outcome: Outcome, *, indent: int = 4) -> None:
    """Adds the warnings about a pod."""
    page.lines(((f"! {warning}", "yellow") for warning in outcome.warnings), indent=indent)


def pod_name(outcome: Outcome) -> str:
    """The pod's name, or its generateName."""
    metadata = outcome.before["metadata"]
    return str(metadata.get("name") or metadata.get("generateName") or "")


def _add_pod(page: Page, one: PodExplanation, profile: CompiledProfile | NoProfile) -> None:
    outcome = one.outcome
    count = f" ({one.pod.count})" if one.pod.count else ""
    title = f"{one.pod.title}{count} {pod_name(outcome)}"
    if outcome.skipped is not None:
        page.line(f"{title}: left alone", "bold", indent=2)
        page.line(words.skipped(outcome.skipped), indent=4)
    elif outcome.decision is not None and isinstance(profile, CompiledProfile):
        _add_decision(page, title, outcome, outcome.decision, profile)
    add_warnings(page, outcome)
    if outcome.denied:
        page.line(f"x denied: {outcome.denied}", "red", indent=4)
    page.line()
    if lines := diff_lines(outcome.before, outcome.after):
        page.lines(lines, indent=4)
        page.line()


def _add_decision(page: Page, title: str, outcome: Outcome, decision: Decision, profile: CompiledProfile) -> None:
    placement = decision.placement
    kept = "" if placement.placed else ", but keeps its own placement"
    page.line(f"{title}: {placement.mode}, from the {placement.origin}{kept}", "bold", indent=2)
    page.line(words.source(decision.pod, profile, placement), indent=4)
    sign = "+"
    if outcome.fate is Fate.OBSERVED:
        page.line("the rule only observes: it decides, counts and logs, and changes nothing", indent=4)
        sign = "~ would add"
    terms = sum(len(one.terms) for one in decision.changes if one.kind is Kind.REQUIRED)
    page.lines(((f"{sign} {text}", "green") for text in words.remarks(outcome.added, terms)), indent=4)
    page.lines(((f"= {text}", "dim") for text in words.remarks(outcome.kept, terms)), indent=4)


def _total(explained: Explanation) -> str:
    outcomes = explained.outcomes
    applications = sum(one.workload.kind.startswith("S") for one in explained.workloads)
    counts = [_counted(applications, "application")] if applications else []
    counts.append(_counted(len(outcomes), "pod"))
    fates = Counter(one.fate for one in outcomes)
    parts = [f"{fates[fate]} {fate}" for fate in Fate if fates[fate] or fate is Fate.PLACED]
    if warned := sum(bool(one.warnings) for one in outcomes):
        parts.append(f"{warned} with warnings")
    over = f"; {_counted(explained.skipped, 'document')} of other kinds" if explained.skipped else ""
    return f"{', '.join(counts)}: {', '.join(parts)}{over}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
