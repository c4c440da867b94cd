"""Compares two policies by the outcomes of the same pods under each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from webhook.cli.explain import words
from webhook.cli.inputs import Inputs
from webhook.cli.profiles import DEFAULT, Selection, explain_inputs
from webhook.cli.terminal import InputError
from webhook.core import names
from webhook.core.patch import Change
from webhook.core.placement import Verdict
from webhook.core.text import LIMIT, listed, one_line
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate, NoProfile, changed_labels, scheduling_part

Selections = tuple[Selection, Selection]


@dataclass(frozen=True, slots=True)
class Difference:
    """The pods of one role of an application that the two policies place differently."""

    application: str
    """Kind, namespace and name."""
    profile: str
    """Its name, or both names if the two policies place the namespace by different ones."""
    pods: str
    """The role, as `explain` names it."""
    old: str
    """How the old policy places them: a mode, or why they are left alone or denied."""
    new: str
    changes: tuple[str, ...]
    """What is no longer added (`-`), and what is added now (`+`)."""


def profiles_of(selections: Selections) -> list[str]:
    """The names of the profiles of either policy."""
    return list(dict.fromkeys(name for one in selections for name in one.profiles))


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that two policies place differently, and what could not be compared."""

    differences: tuple[Difference, ...]
    faults: tuple[str, ...]
    """A sentence for each file, document and application that cannot be compared."""


def compare(inputs: Inputs, selections: Selections, profiles: Iterable[str | None]) -> Comparison:
    """What differs under each of `profiles`; None among them means the profile of each namespace.

    Pods that never run do so under every policy, so they are never a difference.

    Raises InputError if neither policy has a profile that is needed.
    """
    found: list[Difference] = []
    # Each sentence once, in order.
    faults: dict[str, None] = {}
    for profile in profiles:
        old, new = (explain_inputs(inputs, replace(one, chosen=profile, lenient=True)) for one in selections)
        needed = profile is not None or all(not one.profile_name for one in (*old.workloads, *new.workloads))
        if needed and all((profile or one.default or DEFAULT) not in one.profiles for one in selections):
            start = f'neither policy has a profile "{profile or DEFAULT}"; choose with --profile: '
            raise InputError(listed(start, profiles_of(selections), 2 * LIMIT))
        faults |= dict.fromkeys((*old.faults, *new.faults, *_without_profile(old, new)))
        found += _differences(old, new)
    return Comparison(tuple(found), tuple(faults))


def compare_all(inputs: Inputs, selections: Selections) -> Comparison:
    """What differs under each profile of either policy, and between profiles where the default profile is another.

    Raises InputError if neither policy has a profile that is needed.
    """
    old, new = selections
    under_each = compare(inputs, selections, profiles_of(selections))
    moved = [one for one in inputs.workloads if old.name_of(one[1].pod_namespace) != new.name_of(one[1].pod_namespace)]
    if not moved:
        return under_each
    between = compare(replace(inputs, workloads=moved), selections, [None])
    faults = dict.fromkeys((*under_each.faults, *between.faults))
    return Comparison((*under_each.differences, *between.differences), tuple(faults))


def _without_profile(old: Explanation, new: Explanation) -> Iterator[str]:
    """Yields why applications have no profile by mistake under either policy, so that nothing of them is compared."""
    mistaken = {
        id(one.workload) for one in old.workloads if isinstance(one.profile, NoProfile) and one.profile.mistaken
    }
    for one in new.workloads:
        if id(one.workload) in mistaken and isinstance(one.profile, NoProfile):
            yield one_line(one.profile.why)


def _differences(old: Explanation, new: Explanation) -> Iterator[Difference]:
    # A workload that is at fault under one of the policies is missing there.
    others = {id(one.workload): one for one in new.workloads}
    for before in old.workloads:
        after = others.get(id(before.workload))
        if after is None:
            continue
        work, new_pods = before.workload, _by_title(after)
        for title, pods in _by_title(before).items():
            if _essence(pods) != _essence(new_pods[title]):
                yield Difference(
                    application=one_line(f"{words.kind(work)} {work.namespace}/{work.name}"),
                    profile=", then ".join(dict.fromkeys(filter(None, (before.profile_name, after.profile_name)))),
                    pods=title,
                    old=_described(pods),
                    new=_described(new_pods[title]),
                    changes=_changes(pods, new_pods[title]),
                )


def _by_title(one: WorkloadExplanation) -> dict[str, list[PodExplanation]]:
    """The pods of each role that are made: more than one if a mix divides them."""
    found: dict[str, list[PodExplanation]] = {}
    for pod in one.pods:
        if not pod.refused:
            found.setdefault(pod.pod.title, []).append(pod)
    return found


def _essence(pods: list[PodExplanation]) -> list[tuple[str, Any]]:
    """What is compared: the result for all pods, or if the results differ, the result for each share of them."""
    found = [_result(one) for one in pods]
    alike = all(one == found[0] for one in found)
    return [("all", found[0])] if alike else [(one.pod.count, result) for one, result in zip(pods, found, strict=True)]


def _result(one: PodExplanation) -> Any:
    """The result for a pod: its fate, its mode, what is added to its labels, and its scheduling part but the record."""
    outcome = one.outcome
    part = scheduling_part(outcome.after, changed_labels(outcome.before, outcome.after))
    labels, annotations = (part.get("metadata", {}).get(name, {}) for name in ("labels", "annotations"))
    kept = {key: value for key, value in annotations.items() if key != names.PLACEMENT_ANNOTATION}
    placement = outcome.decision.placement if outcome.decision else None
    decided = (placement.verdict is Verdict.LEAVE, placement.mode, placement.placed) if placement else None
    return outcome.fate, outcome.skipped is not None, decided, _delay(one), labels, kept, part.get("spec")


def _described(pods: list[PodExplanation]) -> str:
    if len(_essence(pods)) == 1:
        return _state(pods[0])
    return ", ".join(f"{_state(one)} ({one.pod.count})" for one in pods)


def _state(one: PodExplanation) -> str:
    delay = _delay(one)
    return words.state(one) if delay is None else f"{words.state(one)} after {delay}s"


def _delay(one: PodExplanation) -> int | None:
    """How many seconds a pod waits until it is opened to ECI; None if it does not wait."""
    decision = one.outcome.decision
    return None if decision is None or decision.placement.wait is None else decision.placement.wait.after


def _changes(old: list[PodExplanation], new: list[PodExplanation]) -> tuple[str, ...]:
    removed, added = _additions(old), _additions(new)
    return (
        *(f"- {one_line(words.what(one))}" for one in removed if one not in added),
        *(f"+ {one_line(words.what(one))}" for one in added if one not in removed),
    )


def _additions(pods: list[PodExplanation]) -> list[Change]:
    """What the webhook adds to the pods, in order and without repetition, except the record of the decision."""
    found: list[Change] = []
    for one in pods:
        if one.fate in (Fate.PLACED, Fate.NOT_PLACED):
            found += [new for new in one.outcome.added if new.key != names.PLACEMENT_ANNOTATION and new not in found]
    return found
