"""Comparing two policies by what becomes of the same pods under each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webhook.cli.explained import Explained, ExplainedPod, ExplainedWorkload, explain_all
from webhook.cli.inputs import Inputs
from webhook.cli.pod_text import scheduling_part
from webhook.cli.profiles import DEFAULT, Selection
from webhook.cli.rendering import fate
from webhook.cli.terminal import InputError
from webhook.core import names
from webhook.core.placement import Verdict
from webhook.core.text import LIMIT, listed

Selections = tuple[Selection, Selection]


@dataclass(frozen=True, slots=True)
class Difference:
    """The pods of one role of an application that the two policies place differently."""

    application: str
    """Kind, namespace and name."""
    profile: str
    title: str
    """The role, as `explain` names it."""
    old: str
    """What becomes of them by the old policy: a mode, or what else."""
    new: str
    changes: tuple[str, ...]
    """What is no longer added (`-`), and what is added now (`+`)."""


def profiles_of(selections: Selections) -> list[str]:
    """The names of the profiles of either policy."""
    return list(dict.fromkeys(name for one in selections for name in one.profiles))


def differences(inputs: Inputs, selections: Selections, profile: str | None) -> Iterator[Difference]:
    """What differs under `profile`, or with None under the profile of each namespace. Raises InputError."""
    old, new = (explain_all(inputs, one.under(profile, lenient=True)) for one in selections)
    _require_profile(selections, profile, old, new)
    for before, after in zip(old.workloads, new.workloads, strict=True):
        by_title = _titles(before), _titles(after)
        for title in by_title[0]:
            found = _compared(before, after, title, by_title[0][title], by_title[1][title])
            if found is not None:
                yield found


def _require_profile(selections: Selections, profile: str | None, *explained: Explained) -> None:
    """Raises InputError where neither policy has the profile that is needed."""
    name = profile or DEFAULT
    needed = profile is not None or all(not one.profile for done in explained for one in done.workloads)
    if needed and all(name not in one.profiles for one in selections):
        start = f'neither policy has a profile "{name}"; choose with --profile: '
        raise InputError(listed(start, profiles_of(selections), 2 * LIMIT))


def _titles(one: ExplainedWorkload) -> dict[str, list[ExplainedPod]]:
    """The pods of each role: more than one where a mix divides them."""
    found: dict[str, list[ExplainedPod]] = {}
    for pod in one.pods:
        found.setdefault(pod.pod.title, []).append(pod)
    return found


def _compared(
    before: ExplainedWorkload, after: ExplainedWorkload, title: str, old: list[ExplainedPod], new: list[ExplainedPod]
) -> Difference | None:
    if _essence(old) == _essence(new):
        return None
    work = before.workload
    removed, added = _additions(old), _additions(new)
    changes = [f"- {what}" for what in removed if what not in added]
    changes += [f"+ {what}" for what in added if what not in removed]
    return Difference(
        application=f"{work.kind} {work.namespace}/{work.name}",
        profile=before.profile or after.profile,
        title=title,
        old=_described(old),
        new=_described(new),
        changes=tuple(changes),
    )


_Essence = tuple[str, dict[str, Any]]


def _essence(pods: list[ExplainedPod]) -> list[tuple[str, _Essence]]:
    """What has to be equal: what becomes of the pods, and of how many, where that is not one thing for all."""
    found = [_end(one) for one in pods]
    alike = all(one == found[0] for one in found)
    return [("all", found[0])] if alike else [(one.pod.count, end) for one, end in zip(pods, found, strict=True)]


def _end(one: ExplainedPod) -> _Essence:
    """What becomes of a pod, and its scheduling part afterwards without the record of the decision."""
    part = scheduling_part(one.outcome.after)
    annotations = part.get("metadata", {}).get("annotations", {})
    kept = {key: value for key, value in annotations.items() if key != names.PLACEMENT_ANNOTATION}
    return _state(one), {"annotations": kept, "spec": part.get("spec")}


def _described(pods: list[ExplainedPod]) -> str:
    if len(_essence(pods)) == 1:
        return _state(pods[0])
    return ", ".join(f"{_state(one)} ({one.pod.count})" for one in pods)


def _state(one: ExplainedPod) -> str:
    outcome = one.outcome
    if outcome.placement is None or outcome.explanation is None:
        return f"left alone: {outcome.skipped}"
    match fate(outcome), outcome.placement.verdict:
        case "denied", _:
            return "denied"
        case "left alone", Verdict.LEAVE:
            return "left alone: outside the rollout"
        case "left alone", _:
            return "left alone: asks for it"
        case found, _:
            kept = "" if outcome.explanation.placed else ", but own placement"
            return f"{outcome.placement.mode}{kept}{'' if found == 'placed' else ', observed'}"


def _additions(pods: list[ExplainedPod]) -> dict[str, None]:
    """What the webhook adds to the pods, the record of the decision apart, in order and each once."""
    record = f"annotation {names.PLACEMENT_ANNOTATION}"
    return {
        remark.what: None
        for one in pods
        if one.outcome.explanation is not None and fate(one.outcome) == "placed"
        for remark in one.outcome.explanation.changes
        if not remark.what.startswith(record)
    }
