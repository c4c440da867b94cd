"""Words for decisions and changes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from webhook.core import names
from webhook.core.distribution import WHOLE, application
from webhook.core.executor_number import executor_number
from webhook.core.patch import Change, Kind, Operation
from webhook.core.placement import Mismatch, Origin, Placement, Verdict
from webhook.core.pod import NodeSelectorRequirement, Pod, Toleration
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.reasons import ChangeReason as Why
from webhook.core.selectors import Alternative, PodSelector, Unmet
from webhook.core.text import one_line
from webhook.explain.explanation import Explanation, PodExplanation
from webhook.explain.outcome import JSON, Fate, NoProfile, Outcome
from webhook.spark.apache.schema import GROUP as APACHE
from webhook.spark.workloads import Refusal, Refuser, Workload

#: The sentence for each reason; `{found}` is what the pod has.
REASONS: Final[dict[Why, str]] = {
    Why.RECORD: "records the decision",
    Why.POLICY: "added by the policy to pods that may run on ECI",
    Why.ALWAYS: "added by the policy to pods wherever they run",
    Why.IMAGE_CACHE_AUTO: "creates and matches image caches automatically",
    Why.IMAGE_CACHE_SNAPSHOT: "the policy's image cache for this image",
    Why.OPENS_VIRTUAL_NODE: "tolerates the virtual node's taint",
    Why.WAITS: "leads the overflow controller to the pod",
    Why.ONLY_VIRTUAL_NODES: "the pod may run on virtual nodes only",
    Why.KEEPS_OFF_VIRTUAL_NODES: "the pod tolerates the virtual node's taint, so this keeps the pod off",
    Why.PREFERS_VIRTUAL_NODES: "the scheduler prefers virtual nodes",
    Why.PREFERS_OTHER_NODES: "the scheduler prefers other nodes",
    Why.ALREADY_THERE: "the pod has it already",
    Why.OWN_VALUE: 'the pod has its own value "{found}"',
    Why.OWN_IMAGE_CACHE: "the pod has its own: {key}: {found}",
    Why.ALREADY_TOLERATED: "the pod tolerates the taint already: {found}",
    Why.OUTRANKS_AFFINITY: "the policy adds it only in modes that require virtual nodes, because it outranks affinity",
    Why.EMPTY_TERM: "an empty term matches no node",
    Why.OUTSIDE_ROLLOUT: "the application is outside the rollout",
    Why.ASKS_FOR_NONE: "the pod asks to be left alone",
    Why.OWN_PLACEMENT: "the pod keeps its own placement",
    Why.CLOSED_BY_TAINT: "not needed: the virtual node's taint keeps the pod off",
    Why.OPENED_LATER: "the overflow controller adds them to a pod that stays unschedulable",
    Why.NO_VIRTUAL_NODES: "not needed: the pod's own affinity or nodeSelector leaves no virtual nodes",
    Why.OWN_TOLERATION: "not needed: the pod tolerates virtual nodes by itself",
    Why.NOTHING_REMOVED: "the pod's own tolerations stay: the webhook removes nothing",
    Why.RESOURCE_POLICY_CHOOSES: "the namespace's ResourcePolicy chooses between ECS and ECI",
    Why.NO_PREFERENCE: "not needed: the mode prefers no kind of node",
}
#: Who refuses, in words.
REFUSERS: Final[dict[Refuser, str]] = {
    Refuser.API_SERVER: "the API server",
    Refuser.OPERATOR: "the operator",
    Refuser.SPARK_SUBMIT: "spark-submit",
    Refuser.SPARK: "Spark",
}
#: What set a mode, in words.
ORIGINS: Final[dict[Origin, str]] = {
    Origin.PROFILE: "from the profile",
    Origin.MIX: "from the mix",
    Origin.FIRST: "as one of the first",
    Origin.ROLLOUT: "from the rollout",
    Origin.OVERRIDE: "from the override",
    Origin.GUARD: "from the guard",
}
_WHOLE: Final = {Kind.POD: "everything else", Kind.TOLERATION: "tolerations", Kind.NODE_AFFINITY: "node affinity"}


def what(change: Change) -> str:
    """What a change is about."""
    added = change.operation is Operation.ADD
    match change.kind:
        case Kind.LABEL | Kind.ANNOTATION:
            return f"{change.kind} {change.key}" + (f": {change.value}" if added else "")
        case Kind.IMAGE_CACHE:
            return "image cache"
        case Kind.TOLERATION if change.value is not None:
            return f"toleration {_toleration(change.value)}"
        case Kind.PREFERRED:
            (requirement,) = change.value.preference.match_expressions
            weight = f", weight {change.value.weight}" if added else ""
            return f"preferred node affinity {_requirement(requirement)}{weight}"
        case Kind.REQUIRED if change.reason is Why.EMPTY_TERM:
            number = len(change.terms)
            return f"{number} empty term{'s' if number > 1 else ''} of the required node affinity"
        case Kind.REQUIRED:
            return f"required node affinity {_requirement(change.value)}"
    return _WHOLE[change.kind]


def remarks(changes: Iterable[Change], of_terms: int) -> list[str]:
    """What each change is about, and why; `of_terms` is the number of terms of the pod's own required node affinity."""
    return [f"{what(one)} ({_why(one, of_terms)})" for one in changes]


def added_and_kept(outcome: Outcome) -> tuple[list[str], list[str]]:
    """What is added to a pod, or would be, and what is left as it is, each with its reason."""
    decided = () if outcome.decision is None else outcome.decision.changes
    terms = sum(len(one.terms) for one in decided if one.kind is Kind.REQUIRED)
    return remarks(outcome.added, terms), remarks(outcome.kept, terms)


def _why(change: Change, of_terms: int) -> str:
    sentence = REASONS[change.reason].format(key=change.key, found=_found(change.found))
    if change.reason in (Why.RECORD, Why.WAITS) and change.found is not None:
        sentence += f', in place of "{_found(change.found)}"'
    if change.terms and change.reason is not Why.EMPTY_TERM and of_terms > 1:
        sentence += f"; {len(change.terms)} of {of_terms} terms"
        sentence += ", since any one of them is enough" if change.operation is Operation.ADD else ""
    return sentence


def source(pod: Pod, profile: CompiledProfile, placement: Placement) -> str:
    """Where the mode comes from, a clause for each step."""
    rule = profile.rules[placement.role]
    labels = pod.metadata.labels or {}
    steps = [f"profile {profile.name} has {rule.mode} for the {placement.role}"]
    applies = f"the rule applies to {rule.rollout} % of all applications"
    match placement.source:
        case Origin.OVERRIDE:
            steps.append(f"the pod's annotation {names.MODE_ANNOTATION} asks for {placement.asked}")
        case Origin.ROLLOUT:
            name = application(labels, profile.application_labels)
            steps.append(f"{applies}, but not to {one_line(name)}")
        case Origin.MIX:
            share = f"number {_number(pod)} is in the share of {placement.share} % with {placement.asked}"
            steps = [f"profile {profile.name} has a mix for the executors: {share}"]
        case Origin.FIRST:
            steps.append(f"number {_number(pod)} is among the first {rule.count}, which have {placement.asked}")
            if labels.get(names.SPARK_EXEC_ID) == _number(pod):
                steps.append("an executor in its place will have a later number")
        case _ if rule.first is not None or rule.mix:
            steps += _not_by_number(pod, rule)
    if placement.source in (Origin.PROFILE, Origin.MIX, Origin.FIRST) and rule.rollout < WHOLE:
        steps.append(f"{applies}, and to this one")
    return "; ".join((*steps, *_then(placement)))


def _then(placement: Placement) -> Iterator[str]:
    """What guards make of the mode, and what the pod waits for."""
    if placement.mode != placement.asked:
        yield f"ECI cannot run the pod, so it takes {placement.mode}"
    if not placement.placed:
        yield "the pod cannot be placed in this mode"
    if placement.wait is not None and placement.verdict is Verdict.PLACE:
        yield f"the pod waits with the label {names.OVERFLOW_LABEL}={names.WAITING}"
        yield f"if it is unschedulable for {placement.wait.after}s, the overflow controller opens it to ECI"


def _not_by_number(pod: Pod, rule: CompiledRule) -> Iterator[str]:
    """Why a pod of a rule with `first` or a mix takes the mode of the rule itself."""
    if executor_number(pod.metadata) is None:
        yield f"the pod has no executor number, so {'the mix' if rule.mix else 'first'} does not apply"
    elif rule.first is not None:
        yield f"number {_number(pod)} comes after the first {rule.count}, which have {rule.first.mode}"


def _number(pod: Pod) -> str:
    return str(executor_number(pod.metadata))


def hinted(outcome: Outcome) -> str:
    """Why a pod is skipped, as a clause, and which alternatives of a selector would select it."""
    return skipped(outcome) + (_selecting(outcome.before) if isinstance(outcome.skipped, Mismatch) else "")


def skipped(outcome: Outcome) -> str:
    """Why a pod is skipped, as a clause; empty if it is not."""
    match outcome.skipped:
        case None:
            return ""
        case NoProfile():
            return one_line(outcome.skipped.why)
        case Mismatch():
            return ", and ".join(map(_unmet, outcome.skipped.unmet))
    request = outcome.skipped
    about = "/".join(filter(None, (request.kind.kind, request.sub_resource)))
    return f"the request is {request.operation} of {about}, and only CREATE of Pod is answered with a patch"


def _selecting(pod: JSON) -> str:
    """The alternatives of a selector that would select `pod`, as the end of a clause; empty if there are none."""
    labels = pod["metadata"].get("labels") or {}
    found = [str(one) for one in Alternative if PodSelector(one.labels, one.roles).unmet(labels) is None]
    return f"; it would be selected by {' or '.join(found)} in selector.anyOf" if found else ""


def _unmet(label: Unmet) -> str:
    if label.found is None:
        return f"the label {label.key} is missing"
    *others, last = label.accepted
    accepted = f"{', '.join(others)} or {last}" if others else f'"{last}"'
    return f'the label {label.key} is "{one_line(label.found)}", not {accepted}'


def refused(refusal: Refusal) -> str:
    """Who refuses pods, why, and what is accepted, as a clause."""
    accepted = f"; accepted: {refusal.accepted}" if refusal.accepted else ""
    return f"never runs, refused by {REFUSERS[refusal.by]}: {refusal.sentence}{accepted}"


def state(one: PodExplanation) -> str:
    """What happens to a pod: its mode, or why it has none."""
    outcome = one.outcome
    if one.refused:
        return str(Fate.NEVER_RUNS)
    if outcome.skipped is not None:
        return f"left alone: {skipped(outcome)}"
    if outcome.decision is None or outcome.fate is Fate.DENIED:
        return "denied"
    placement = outcome.decision.placement
    if outcome.fate is Fate.LEFT_ALONE:
        outside = placement.verdict is Verdict.LEAVE
        return "left alone: outside the rollout" if outside else "left alone: asks for it"
    kept = "" if placement.placed else ", but keeps its own placement"
    return f"{placement.mode}{kept}{', observed' if outcome.fate is Fate.OBSERVED else ''}"


def kind(workload: Workload) -> str:
    """The kind of an object, and which operator's it is if it is not the Spark Operator's."""
    return f"{workload.kind} (Apache)" if workload.group == APACHE else workload.kind


def counted(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def fates(pods: Iterable[PodExplanation]) -> list[str]:
    """How many pods have which fate, and how many have warnings; the number of placed ones is always told."""
    listed = list(pods)
    counts = Counter(one.fate for one in listed)
    parts = []
    for fate in Fate:
        if counts[fate] or fate is Fate.PLACED:
            several = fate is Fate.NEVER_RUNS and counts[fate] != 1
            parts.append(f"{counts[fate]} {'never run' if several else fate}")
    if warned := sum(bool(one.outcome.warnings) for one in listed):
        parts.append(f"{warned} with warnings")
    return parts


def passed_over(explained: Explanation) -> str:
    """What is not explained beside applications and pods, as a clause; empty if there is nothing else."""
    parts = []
    if explained.runs:
        parts.append(f"{counted(explained.runs, 'run')} of schedules")
    if explained.other_kinds:
        parts.append(f"{counted(explained.other_kinds, 'document')} of other kinds")
    if explained.other_documents:
        kind = "is no Kubernetes object" if explained.other_documents == 1 else "are no Kubernetes objects"
        parts.append(f"{counted(explained.other_documents, 'document')} that {kind}")
    return " and ".join(parts)


def _found(value: Any) -> str:
    return _toleration(value) if isinstance(value, Toleration) else one_line(str(value))


def _requirement(requirement: NodeSelectorRequirement) -> str:
    return f"{requirement.key} {requirement.operator} [{', '.join(requirement.values or ())}]"


def _toleration(toleration: Toleration) -> str:
    """A toleration as `KEY=VALUE:EFFECT`, without the fields that match anything."""
    value = "" if toleration.operator == "Exists" else f"={toleration.value or ''}"
    effect = f":{toleration.effect}" if toleration.effect else ""
    return one_line(f"{toleration.key or 'any taint'}{value}{effect}")
