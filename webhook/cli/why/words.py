"""Words for the rest of an answer: what the record says, what holds now, what the pod waits for, and its Events."""

from datetime import datetime
from typing import Final

from webhook.cli.doctor.configuration import NO_PROFILE
from webhook.cli.explain import words as explained
from webhook.cli.why.absence import Absence
from webhook.cli.why.judgement import Answer
from webhook.cli.why.phrases import LIMIT, missing, span, text
from webhook.cli.why.pod_events import PodEvent
from webhook.cli.why.policy_comparison import Comparison
from webhook.cli.why.record import Record
from webhook.cli.why.waiting import Waiting, WaitState
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.placement import Mismatch, Verdict
from webhook.core.reasons import Reason
from webhook.core.text import cut, listed
from webhook.explain.outcome import NoProfile
from webhook.overflow.opened_pods import PER_APPLICATION
from webhook.overflow.profiles import Denial

#: What a reason of a record says.
REASONS: Final[dict[Reason, str]] = {
    Reason.OUTSIDE_ROLLOUT: "the application is outside the rollout of the rule",
    Reason.OVERRIDE: "an annotation of the pod asked for this mode",
    Reason.OVERRIDE_REFUSED: "an annotation of the pod asked for a mode that it may not have, so the rule applied",
    Reason.NO_EXECUTOR_NUMBER: "the executor has no number, so neither `first` nor the mix of the rule applied",
    Reason.OTHER_SCHEDULER: "the scheduler of the pod follows no ResourcePolicy",
    Reason.OUTRANKED: "a label of the pod outranks node affinity",
    Reason.OWN_PREFERENCE: "the preferred node affinity of the pod itself weighs as much for the other kind of node",
    Reason.OWN_TOLERATION: "the pod tolerates virtual nodes by itself, so it did not wait, and only prefers ECS",
    Reason.OWN_REQUIREMENT: "the affinity or nodeSelector of the pod itself leaves one kind of node only",
    Reason.UNSUPPORTED: "ECI cannot run the pod",
    Reason.EXCLUDES_VIRTUAL_NODES: "the pod keeps its own placement, which excludes virtual nodes",
    Reason.DEMANDS_VIRTUAL_NODES: "the pod keeps its own placement, which demands virtual nodes",
    Reason.NODE_NAME_SET: "the pod named its node itself",
    Reason.TOO_LARGE: "the pod is too large to be placed",
}
#: Why there is no record; `{…}` are the words of `_absent`.
ABSENCES: Final[dict[Absence, str]] = {
    Absence.NOT_SPARK: "not a Spark pod: {unmet}",
    Absence.SYSTEM_NAMESPACE: "the webhook is never called for pods in kube-system and in its own namespace",
    Absence.NO_LABEL: f"the namespace {{namespace}} has no label {names.PROFILE_LABEL}",
    Absence.OPTED_OUT: f"the namespace {{namespace}} opted out: its label {names.PROFILE_LABEL} is {names.OPTED_OUT}",
    Absence.NO_WEBHOOK: "the cluster has no MutatingWebhookConfiguration of this webhook",
    Absence.UNKNOWN_PROFILE: 'the label of the namespace {namespace} names an unknown profile "{profile}"',
    Absence.NOT_SELECTED: "the policy does not select the pod: {unmet}",
    Absence.OBSERVED: "the rule of the profile {profile} only observes, and changes nothing",
    Absence.OUTSIDE_ROLLOUT: "the application is outside the rollout of the rule in the profile {profile}",
    Absence.TOO_LARGE: "the pod is too large to be placed",
    Absence.OLDER: "the pod is probably older than the label of its namespace, the webhook, or the deployed policy",
    Absence.UNANSWERED: "the webhook was probably not reached when the pod was created{ignore}",
    Absence.UNREAD: "why could not be found out",
}
#: What a pod waits for; `{…}` are the words of `_wait`.
WAITS: Final[dict[WaitState, str]] = {
    WaitState.UNTRIED: "its time has not begun: it counts from when a scheduler finds no node for it",
    WaitState.HELD: "its time has not begun: it counts from when a scheduler finds no node, and nothing else holds it",
    WaitState.UNREAD: "when it is due could not be found out",
    WaitState.REFUSED: "it is never opened to ECI: {denial}",
    WaitState.NO_CONTROLLER: "due {due}, but no overflow controller runs: {absent}",
    WaitState.LIMITED: "due {due}, but as many pods are opened as the profile allows for {whole}: {most}",
    WaitState.COUNTING: "due {due}, at the earliest: unschedulable for {after} s by then",
    WaitState.DUE: "due {due}; it is opened soon, unless the overflow controller has just started, "
    "or does not watch {namespace}",
}
DENIALS: Final[dict[Denial, str]] = {
    Denial.NO_PROFILE: "no profile of the deployed policy applies to its namespace any more",
    Denial.DECISION: "the deployed policy does not let it wait",
}


def recorded(answer: Answer) -> str:
    """What the record says, or why there is none."""
    record, absence = answer.record, answer.absence
    if record is not None:
        return _recorded(record, answer)
    foreign = f'none of this webhook, but the annotation "{text(answer.foreign)}"' if answer.foreign else "none"
    if absence is None:
        return foreign
    return f"{foreign}: {_absent(absence, answer)}"


def _recorded(record: Record, answer: Answer) -> str:
    sentence = "The pod is left alone." if record.mode == NONE else SchedulingMode(record.mode).sentence
    role = f" for the {answer.role}" if answer.role else ""
    parts = [f"{record.mode}{role}, by the profile {record.profile}: {sentence}"]
    if record.reason is not None:
        parts.append(f"Reason {record.reason}: {_detail(record.reason, answer) or REASONS[record.reason]}.")
    if record.opened:
        parts.append("The overflow controller has opened it to ECI.")
    return " ".join(parts)


def _detail(reason: Reason, answer: Answer) -> str:
    """What of the pod is the reason, if the deployed policy finds it, too."""
    placement = answer.decision.placement if answer.decision else None
    sentences = [one.sentence for one in placement.cautions if one.reason == reason] if placement else []
    return sentences[0] if sentences else ""


def _absent(absence: Absence, answer: Answer) -> str:
    sentence = ABSENCES[absence].format(
        namespace=answer.namespace,
        profile=answer.deployed.profile or "",
        unmet=_unmet(answer),
        ignore=", and its failurePolicy Ignore lets such pods pass" if answer.ignore else "",
    )
    if absence is Absence.UNKNOWN_PROFILE:
        if not answer.profiles:
            return f"{sentence}: {NO_PROFILE}"
        return listed(f"{sentence}; accepted: ", answer.profiles, 2 * LIMIT)
    if absence is Absence.UNREAD:
        unread = (answer.deployed.unread, answer.deployed.namespace_unread)
        return f"{sentence}: {'; '.join(missing(one) for one in unread if one)}"
    return sentence


def _unmet(answer: Answer) -> str:
    """Because of which label the pod is not selected."""
    labels = answer.pod["metadata"].get("labels") or {}
    found = answer.deployed.outcome
    if found is not None and isinstance(found.skipped, Mismatch):
        return explained.hinted(found)
    if answer.role is None:
        own = labels.get(names.SPARK_ROLE)
        return f"the label {names.SPARK_ROLE} is {'missing' if own is None else repr(own)}"
    return "its labels are not those that the webhook's configuration asks for"


def deployed(answer: Answer) -> str:
    """How the deployed policy compares with the record; empty if there is nothing to say."""
    if answer.record is None:
        told = answer.absence in (Absence.OLDER, Absence.UNANSWERED, Absence.OBSERVED) and answer.decision is not None
        return f"{answer.deployed.digest} is deployed; {decided(answer)}" if told else ""
    sentence, unread = _compared(answer, answer.record), answer.deployed.namespace_unread
    return f"{sentence}; {missing(unread)}" if unread else sentence


def _compared(answer: Answer, record: Record) -> str:
    now = answer.deployed
    old = f"in place of {record.policy}, which decided"
    if record.policy == now.digest:
        old = f"but the namespace has the profile {now.profile} now"
    match now.comparison:
        case Comparison.SAME:
            return f"{now.digest} is deployed, which is that of the record"
        case Comparison.AGREES:
            return f"{now.digest} is deployed, {old}; it decides the same for such a pod"
        case Comparison.DIFFERS:
            return f"{now.digest} is deployed, {old}; {decided(answer)}"
        case Comparison.OUT:
            return f"{now.digest} is deployed; no profile of it applies here now, so it would leave a new pod alone"
    return missing(now.unread) if now.unread else "this webhook is not installed any more"


def decided(answer: Answer) -> str:
    """What the deployed policy, called `it`, would do with such a pod."""
    found, profile = answer.deployed.outcome, answer.deployed.profile
    if found is None:
        return "what it would decide for such a pod cannot be told"
    if found.decision is None:
        why = found.skipped.why if isinstance(found.skipped, NoProfile) else explained.skipped(found)
        return f"it would leave such a pod alone: {why}"
    placement = found.decision.placement
    how = f"{placement.mode} for such a pod, by the profile {profile}"
    how += f" (reason {placement.reason})" if placement.reason else ""
    match placement.verdict:
        case Verdict.DENY:
            return f"it would refuse such a pod: {found.denied}"
        case Verdict.LEAVE:
            return f"it would leave such a pod alone: {REASONS[Reason.OUTSIDE_ROLLOUT]}"
        case Verdict.OBSERVE:
            return f"it would decide {how}, but only observes"
    return f"it would decide {how}"


def wait(waiting: Waiting, answer: Answer) -> str:
    """What a pod that waits, waits for."""
    sentence = WAITS[waiting.state].format(
        due=_due(waiting.due, answer.now),
        namespace=answer.namespace,
        after=waiting.after,
        absent=text(waiting.absent),
        most=waiting.most,
        whole="one application" if waiting.limit == PER_APPLICATION else "a namespace",
        denial=DENIALS.get(waiting.denial, "") if waiting.denial else "",
    )
    digest = answer.deployed.digest
    if waiting.holder:
        sentence += f"; {text(waiting.holder)} opens pods"
        other = waiting.holder_policy and waiting.holder_policy != digest
        sentence += f" by policy {text(waiting.holder_policy)}, not {digest}" if other else ""
    return f"{sentence}; {missing(waiting.unread)}" if waiting.unread else sentence


def event(one: PodEvent) -> str:
    """An Event."""
    time = one.time[:19].replace("T", " ")
    times = f" ({one.count} times)" if one.count > 1 else ""
    return f"{time} {cut(one.reason, LIMIT)}{times}: {text(one.message)}"


def _due(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "at a time that is not known"
    seconds = (moment - now).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"
