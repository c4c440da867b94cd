"""What would change where a pod runs: a sentence or a command for each reason, state and mode."""

from collections.abc import Iterator, Mapping
from typing import Final

from webhook.cli.why.absence import Absence
from webhook.cli.why.judgement import Answer
from webhook.cli.why.location import Standing
from webhook.cli.why.policy_comparison import Comparison
from webhook.cli.why.waiting import WaitState
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import Reason
from webhook.core.text import one_line
from webhook.overflow.profiles import Denial

_DOCTOR: Final = "`spark-eci-webhook doctor` checks"
_APPLICATION: Final = "in the application, and submit it again"
_ECS: Final = "room on ECS: pods there that end, or more nodes"

#: For each reason of a record. An empty text: nothing can be changed.
REASONS: Final[dict[Reason, str]] = {
    Reason.OUTSIDE_ROLLOUT: "raise `rollout` in the rule of the profile {profile}",
    Reason.OVERRIDE: f"change or remove the annotation {names.MODE_ANNOTATION} of the {{role}} {_APPLICATION}",
    Reason.OVERRIDE_REFUSED: "{override}",
    Reason.NO_EXECUTOR_NUMBER: "let Spark make its executors itself (spark.kubernetes.allocation.pods.allocator: "
    "direct, or statefulset), so that they have numbers",
    Reason.OTHER_SCHEDULER: f"remove the scheduler's name (or batchScheduler) {_APPLICATION}; {{override}}",
    Reason.OUTRANKED: f"remove the label {{outranking}} of the {{role}} {_APPLICATION}",
    Reason.OWN_PREFERENCE: f"remove the preferred node affinity for {{label}} {_APPLICATION}",
    Reason.OWN_TOLERATION: f"remove the toleration of {{taint}} {_APPLICATION}; then the pod waits for ECS first",
    Reason.OWN_REQUIREMENT: f"remove the affinity or nodeSelector for {{label}} {_APPLICATION}",
    Reason.UNSUPPORTED: f"remove what ECI cannot run ({{unsupported}}) {_APPLICATION}; use emptyDir or a claim",
    Reason.EXCLUDES_VIRTUAL_NODES: f"remove the affinity or nodeSelector against {{label}} {_APPLICATION}",
    Reason.DEMANDS_VIRTUAL_NODES: f"remove the affinity or nodeSelector for {{label}} {_APPLICATION}",
    Reason.NODE_NAME_SET: f"remove nodeName from the pod template {_APPLICATION}",
    Reason.TOO_LARGE: "give the pod at most 1,000 tolerations, terms of affinity, containers and volumes each",
}
#: For each reason why there is no record.
ABSENCES: Final[dict[Absence, str]] = {
    Absence.NOT_SPARK: "",
    Absence.SYSTEM_NAMESPACE: "run the application in another namespace",
    Absence.NO_LABEL: f"kubectl label namespace {{namespace}} {names.PROFILE_LABEL}={{recommended}}",
    Absence.OPTED_OUT: f"kubectl label namespace {{namespace}} {names.PROFILE_LABEL}={{recommended}} --overwrite",
    Absence.NO_WEBHOOK: "install the webhook; its README says how",
    Absence.UNKNOWN_PROFILE: f"kubectl label namespace {{namespace}} {names.PROFILE_LABEL}={{recommended}} --overwrite",
    Absence.NOT_SELECTED: "launch the application by an operator that the policy selects, or add its kind to "
    "`selector.anyOf` of the policy",
    Absence.OBSERVED: "remove `observe` from the rule of the profile {profile}",
    Absence.OUTSIDE_ROLLOUT: "raise `rollout` in the rule of the profile {profile}; {override}",
    Absence.TOO_LARGE: REASONS[Reason.TOO_LARGE],
    Absence.OLDER: "submit the application again: new pods are placed, and none that runs is moved",
    Absence.UNANSWERED: f"{_DOCTOR} whether the webhook can be reached; then submit the application again",
    Absence.UNREAD: "ask somebody who may read it to run the same command",
}
#: For each state of a pod that waits.
WAITS: Final[dict[WaitState, str]] = {
    WaitState.UNTRIED: "nothing yet; if it stays so, see whether the scheduler runs that the pod asks for",
    WaitState.HELD: "whatever holds it has to end first",
    WaitState.UNREAD: "ask somebody who may read it to run the same command",
    WaitState.REFUSED: "submit the application again: the deployed policy places its new pods",
    WaitState.NO_CONTROLLER: f"{_DOCTOR} the overflow controller; until then, {_ECS}",
    WaitState.LIMITED: "opened pods that finish, or a higher `{limit}` in the profile {profile}",
    WaitState.COUNTING: f"{_ECS}; or a shorter `after` in the rule of the profile {{profile}}",
    WaitState.DUE: f"{_DOCTOR} the overflow controller if it stays like this for more than {{after}} s",
}
#: For each state of a pod that does not wait for the overflow controller. An empty text: nothing is to be done.
STANDINGS: Final[dict[Standing, str]] = {
    Standing.ON_NODE: "",
    Standing.UNSCHEDULABLE: "",  # by the mode, below
    Standing.UNTRIED: WAITS[WaitState.UNTRIED],
    Standing.GATED: "whoever set the scheduling gates has to remove them, such as a queue",
    Standing.HELD_BACK: WAITS[WaitState.HELD],
    Standing.NOMINATED: "",
    Standing.ENDING: "",
    Standing.ENDED: "",
}
#: For a pod that is unschedulable, by the mode of its record.
UNSCHEDULABLE: Final[dict[str, str]] = {
    SchedulingMode.ECS_ONLY: f"{_ECS}; or a mode that may use ECI",
    SchedulingMode.ECI_ONLY: f"a virtual node that takes the pod: {_DOCTOR} them",
    SchedulingMode.ECS_FIRST: f"{_ECS}, or a virtual node that takes the pod: {_DOCTOR} them",
    SchedulingMode.ECS_THEN_ECI: f"{_ECS}, or a virtual node that takes the pod: {_DOCTOR} them",
    SchedulingMode.ECI_FIRST: f"a virtual node that takes the pod: {_DOCTOR} them; or {_ECS}",
    SchedulingMode.RESOURCE_POLICY: "kubectl get resourcepolicies --namespace {namespace} -o yaml: what they allow",
    NONE: "what the message says; the webhook does not place the pod",
}
#: The same for a pod that keeps its own placement against the mode of its record.
_CONTRARY: Final[dict[Reason | None, str]] = {Reason.EXCLUDES_VIRTUAL_NODES: _ECS, Reason.DEMANDS_VIRTUAL_NODES: ""}
#: The keys of a profile's limits.
_LIMITS: Final = {"application": "overflow.maxPerApplication", "namespace": "overflow.maxPerNamespace"}
#: The reasons with which another mode would be taken as it is asked for.
_OVERRIDABLE: Final = (None, Reason.NO_EXECUTOR_NUMBER)
#: Those that nothing in an application changes.
_OF_POLICY: Final = (None, Reason.OUTSIDE_ROLLOUT, Reason.NO_EXECUTOR_NUMBER, Reason.TOO_LARGE)
_LAST: Final = (Standing.ENDING, Standing.ENDED)
_EXPLAIN: Final = "`spark-eci-webhook explain` shows beforehand where a changed application would run"


def remedies(answer: Answer) -> Iterator[str]:
    """Yields what would change where the pod runs, what helps at once first."""
    terms = _terms(answer)
    record, waiting, standing = answer.record, answer.waiting, answer.location.standing
    templates: list[str] = []
    if waiting is not None:
        # Without a profile, a new pod would be left alone, too: see below.
        templates.append("" if waiting.denial is Denial.NO_PROFILE else WAITS[waiting.state])
    elif standing is Standing.UNSCHEDULABLE and record is not None:
        templates.append(_CONTRARY.get(record.reason, UNSCHEDULABLE[record.mode]))
    elif standing is Standing.UNSCHEDULABLE and answer.absence is Absence.NOT_SPARK:
        templates.append(UNSCHEDULABLE[NONE])
    else:
        templates.append(STANDINGS[standing])
    if answer.absence is not None:
        # No label helps if there is no profile to name.
        absent = answer.absence is Absence.UNKNOWN_PROFILE and not answer.profiles
        templates.append(ABSENCES[Absence.NO_WEBHOOK if absent else answer.absence])
    if record is not None and record.reason is not None:
        templates.append(REASONS[record.reason])
    if answer.deployed.comparison is Comparison.OUT:
        labelled = answer.deployed.profile or answer.deployed.opted_out
        templates.append(ABSENCES[Absence.UNKNOWN_PROFILE if labelled else Absence.NO_LABEL])
    elif record is not None and record.reason in _OVERRIDABLE and standing not in _LAST:
        templates.append("{override}")
    if record is not None and record.reason not in _OF_POLICY:
        templates.append(_EXPLAIN)
    for template in filter(None, dict.fromkeys(templates)):
        yield one_line(template.format_map(terms))


def _terms(answer: Answer) -> Mapping[str, str]:
    compiled, waiting = answer.deployed.compiled, answer.waiting
    outranking = [key for key in _outranked_by(compiled) if key in (answer.pod["metadata"].get("labels") or {})]
    taint = compiled.taints[0].key if compiled else names.VIRTUAL_NODE_TAINT[0]
    key, value = (compiled.label.key, compiled.label.value) if compiled else names.VIRTUAL_NODE_LABEL
    return {
        "namespace": answer.namespace,
        "recommended": answer.recommended,
        "profile": answer.deployed.profile or (answer.record.profile if answer.record else ""),
        "role": str(answer.role or "pod"),
        "override": override(answer),
        "outranking": ", ".join(outranking) or names.ECI_LABEL,
        "label": f"{key}={value}",
        "taint": taint,
        "unsupported": ", ".join(sorted(compiled.unsupported)) if compiled else "a hostPath volume, the host's network",
        "limit": _LIMITS.get(waiting.limit, "") if waiting else "",
        "after": str(waiting.after if waiting else ""),
    }


def _outranked_by(compiled: CompiledProfile | None) -> tuple[str, ...]:
    return compiled.outranked_by if compiled else (names.ECI_LABEL, names.ACS_LABEL)


def override(answer: Answer) -> str:
    """How an application asks for another mode for such a pod."""
    compiled = answer.deployed.compiled
    if compiled is None:
        return f"for another mode, if the profile allows it, set {_place(answer)}"
    if not compiled.allow_override:
        return f"the profile {compiled.name} lets no pod choose its mode; another profile, or `allowOverride: true`"
    same = answer.deployed.comparison in (Comparison.SAME, Comparison.AGREES)
    mode = answer.record.mode if answer.record and same else ""
    accepted = ", ".join(one for one in (*compiled.modes, NONE) if one != mode)
    return f"for another mode, set {_place(answer)}: {accepted}"


def _place(answer: Answer) -> str:
    """Where an application has the annotation that asks for a mode."""
    labels = answer.pod["metadata"].get("labels") or {}
    role = labels.get(names.SPARK_ROLE, "executor")
    if names.SCHEDULED_APP_NAME in labels:
        return f"{names.MODE_ANNOTATION} in spec.template.{role}.annotations of the ScheduledSparkApplication"
    if names.APP_NAME in labels:
        return f"{names.MODE_ANNOTATION} in spec.{role}.annotations of the SparkApplication"
    if names.CONNECT_NAME in labels:
        part = "server" if role == "connect-server" else role
        return f"{names.MODE_ANNOTATION} in spec.{part}.template.metadata.annotations of the SparkConnect"
    if names.CLUSTER_NAME in labels:
        template = f"spec.{role}Spec.statefulSetSpec.template.metadata.annotations"
        return f"{names.MODE_ANNOTATION} in {template} of the SparkCluster"
    return f"the Spark property spark.kubernetes.{answer.role or role}.annotation.{names.MODE_ANNOTATION}"
