"""How the deployed policy compares with what a pod's record says."""

from dataclasses import dataclass, replace
from enum import StrEnum

from webhook.cli.doctor.finding import JSON, Unknown
from webhook.cli.doctor.namespaces import never_selected
from webhook.cli.doctor.snapshot import Installation, applied_profile, profile_label
from webhook.cli.why.original import original
from webhook.cli.why.reading import Facts
from webhook.cli.why.record import Record
from webhook.core import names
from webhook.core.placement import Verdict
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.core.review import ReviewError
from webhook.core.selectors import Role
from webhook.explain.outcome import Outcome, outcome
from webhook.spark.documents import read
from webhook.spark.workloads import Workload


class Comparison(StrEnum):
    """How the deployed policy compares with the record."""

    SAME = "same"
    """It is the policy of the record, and the namespace has the same profile."""
    AGREES = "agrees"
    """It is another one, but decides the same for such a pod."""
    DIFFERS = "differs"
    OUT = "out"
    """No profile of it applies to the namespace."""
    UNREAD = "unread"
    NOTHING_RECORDED = "nothing-recorded"


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """What the deployed policy is, which the service may not have read yet, and what it decides for such a pod."""

    comparison: Comparison
    digest: str = ""
    """That of the deployed policy."""
    profile: str | None = None
    """The one that applies to the namespace; that of the record if the namespace could not be read."""
    outcome: Outcome | None = None
    """What would be decided for the pod as it was before the webhook; None if no profile applies."""
    compiled: CompiledProfile | None = None
    unread: Unknown | None = None
    """Why the policy could not be read."""
    namespace_unread: Unknown | None = None
    """Why the namespace could not be read."""
    opted_out: bool = False
    """Whether the namespace opted out."""


def judge_policy(facts: Facts, record: Record | None) -> PolicyComparison:
    """What the deployed policy decides for the pod, and how that compares with its record."""
    unread = facts.namespace if isinstance(facts.namespace, Unknown) else None
    opted_out = isinstance(facts.namespace, dict) and profile_label(facts.namespace) == names.OPTED_OUT
    return replace(_judge(facts, record), namespace_unread=unread, opted_out=opted_out)


def _judge(facts: Facts, record: Record | None) -> PolicyComparison:
    installation, policy = facts.installation, facts.policy
    known = installation if isinstance(installation, Installation) else None
    applied = None if isinstance(facts.namespace, Unknown) else applied_profile(known, facts.namespace)
    profile = applied or (record.profile if record and isinstance(facts.namespace, Unknown) else None)
    if not isinstance(installation, Installation) or policy is None:
        unread = installation.unread if isinstance(installation, Installation) else installation
        comparison = Comparison.UNREAD if record or unread else Comparison.NOTHING_RECORDED
        return PolicyComparison(comparison, profile=profile, unread=unread)
    if profile not in policy.profiles or facts.pod["metadata"]["namespace"] in never_selected(installation):
        comparison = Comparison.OUT if record else Comparison.NOTHING_RECORDED
        return PolicyComparison(comparison, policy.digest, profile)
    compiled = compile_profile(policy, profile)
    decided = _decide(facts.pod, record, compiled)
    return PolicyComparison(_compare(record, policy, profile, decided), policy.digest, profile, decided, compiled)


def _decide(pod: JSON, record: Record | None, compiled: CompiledProfile) -> Outcome | None:
    """What is decided for `pod` as it was before the webhook; None if it cannot be told."""
    before = original(pod, record, compiled.label, compiled.rules[Role.EXECUTOR].wait.tolerations)
    for workload in read(before, pod["metadata"]["namespace"]):
        if isinstance(workload, Workload):
            try:
                return outcome(workload, workload.pods[0], compiled)
            except ReviewError:
                return None
    return None


def _compare(record: Record | None, policy: Policy, profile: str, decided: Outcome | None) -> Comparison:
    if record is None:
        return Comparison.NOTHING_RECORDED
    if (record.policy, record.profile) == (policy.digest, profile):
        return Comparison.SAME
    placement = decided.decision.placement if decided and decided.decision else None
    if placement is None or placement.verdict is not Verdict.PLACE:
        return Comparison.DIFFERS
    same = (placement.mode, placement.reason) == (record.mode, record.reason)
    return Comparison.AGREES if same else Comparison.DIFFERS
