"""What `explain` prints for people: text, or only diffs."""

from collections.abc import Iterable, Iterator

from webhook.cli.explain import words
from webhook.cli.pod_text import diff_lines
from webhook.cli.styled_lines import StyledLines
from webhook.core import names
from webhook.core.profile import CompiledProfile
from webhook.core.review import Decision
from webhook.core.text import one_line
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate, NoProfile, Outcome
from webhook.spark.workloads import Refusal, Workload


def print_text(explained: Explanation) -> None:
    """Prints the whole explanation, and how many pods have which fate; nothing if nothing can be explained."""
    if not explained.workloads:
        return
    for one in explained.workloads:
        told = StyledLines()
        add_head(told, one)
        for pod in one.pods:
            _add_pod(told, pod, one.profile)
        told.print()
    told = StyledLines()
    told.line(total(explained), "bold")
    told.print()


def print_diffs(explained: Explanation) -> None:
    """Prints the scheduling part of each pod that is changed, before and after."""
    for one in explained.workloads:
        told = StyledLines()
        for pod in one.pods:
            name = f"{one.workload.namespace}/{pod_name(pod.outcome)}"
            told.lines(diff_lines(pod.outcome.before, pod.outcome.after, name))
        told.print()


def refusals(explained: Explanation) -> Iterator[str]:
    """A sentence for each refusal, with its application in front."""
    for one in explained.workloads:
        name = f"{one.workload.kind} {one.workload.namespace}/{one.workload.name}"
        for refusal in one.workload.refused:
            role = f"{refusal.role} " if refusal.role else ""
            yield one_line(f"{name}: {role}{words.refused(refusal)}")


def add_head(told: StyledLines, one: WorkloadExplanation) -> None:
    """Adds the name, file, profile, versions, refusals and notes of a workload."""
    work = one.workload
    head = [f"{work.kind} {work.namespace}/{work.name} in {one.file}"]
    if one.profile_name:
        head.append(f"profile {one.profile_name}{' (assumed)' if one.assumed else ''}")
    if work.operator:
        head.append(work.operator)
    if spark := spark_version(work):
        head.append(f"Spark {spark}")
    told.line(", ".join(head), "bold")
    titles = {pod.title for pod in work.pods}
    add_refusals(told, (refusal for refusal in work.refused if refusal.role not in titles), indent=2)
    for note in work.notes:
        told.line(f"note: {note}", "dim", indent=2)
    told.line()


def add_refusals(told: StyledLines, refusals: Iterable[Refusal], *, indent: int = 4) -> None:
    """Adds the reasons why pods are never made."""
    told.lines(((f"x {words.refused(one)}", "red") for one in refusals), indent=indent)


def add_warnings(told: StyledLines, outcome: Outcome, *, indent: int = 4) -> None:
    """Adds the warnings about a pod."""
    told.lines(((f"! {warning}", "yellow") for warning in outcome.warnings), indent=indent)


def spark_version(work: Workload) -> str:
    """The version of Spark that makes the pods, as their labels name it; empty if none does."""
    if not work.operator:
        return ""
    labels = (pod.created["metadata"].get("labels") or {} for pod in work.pods)
    return next((str(one[names.SPARK_VERSION]) for one in labels if one.get(names.SPARK_VERSION)), "")


def pod_name(outcome: Outcome) -> str:
    """The pod's name, or its generateName."""
    metadata = outcome.before["metadata"]
    return str(metadata.get("name") or metadata.get("generateName") or "")


def add_never_made(told: StyledLines, one: PodExplanation, profile: CompiledProfile | NoProfile) -> None:
    """Adds why a pod is never made, and what the policy would decide for it."""
    add_refusals(told, (refusal for refusal in one.refused if refusal.role))
    decision = one.outcome.decision
    if decision is not None and isinstance(profile, CompiledProfile):
        why = words.source(decision.pod, profile, decision.placement)
        told.line(f"its mode would be {decision.placement.mode}: {why}", indent=4)


def _add_pod(told: StyledLines, one: PodExplanation, profile: CompiledProfile | NoProfile) -> None:
    outcome = one.outcome
    count = f" ({one.pod.count})" if one.pod.count else ""
    title = f"{one.pod.title}{count} {pod_name(outcome)}"
    if one.refused:
        told.line(f"{title}: never runs", "bold", indent=2)
        add_never_made(told, one, profile)
    elif outcome.skipped is not None:
        told.line(f"{title}: left alone", "bold", indent=2)
        told.line(words.hinted(outcome), indent=4)
    elif outcome.decision is not None and isinstance(profile, CompiledProfile):
        _add_decision(told, title, outcome, outcome.decision, profile)
    add_warnings(told, outcome)
    if outcome.denied:
        told.line(f"x denied: {outcome.denied}", "red", indent=4)
    told.line()
    if lines := diff_lines(outcome.before, outcome.after):
        told.lines(lines, indent=4)
        told.line()


def _add_decision(
    told: StyledLines, title: str, outcome: Outcome, decision: Decision, profile: CompiledProfile
) -> None:
    placement = decision.placement
    kept = "" if placement.placed else ", but keeps its own placement"
    told.line(f"{title}: {placement.mode}, {words.ORIGINS[placement.origin]}{kept}", "bold", indent=2)
    told.line(words.source(decision.pod, profile, placement), indent=4)
    sign = "+"
    if outcome.fate is Fate.OBSERVED:
        told.line("the rule only observes: it decides, counts and logs, and changes nothing", indent=4)
        sign = "~ would add"
    added, left = words.added_and_kept(outcome)
    told.lines(((f"{sign} {text}", "green") for text in added), indent=4)
    told.lines(((f"= {text}", "dim") for text in left), indent=4)


def total(explained: Explanation) -> str:
    """How many applications and pods there are, and what happens to them."""
    applications = [one.workload for one in explained.workloads if one.workload.operator]
    counts = [words.counted(len(applications), "application")] if applications else []
    counts.append(words.counted(len(explained.pods), "pod"))
    parts = words.fates(explained.pods)
    if without := sum(bool(one.refused and not one.pods) for one in applications):
        parts.append(f"{words.counted(without, 'application')} without pods")
    over = words.passed_over(explained)
    return f"{', '.join(counts)}: {', '.join(parts)}{f'; passed over: {over}' if over else ''}"
