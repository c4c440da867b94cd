"""Why a pod has no record of the webhook."""

from enum import StrEnum

from webhook.cli.doctor.finding import Unknown, labels_of
from webhook.cli.doctor.namespaces import never_selected
from webhook.cli.doctor.snapshot import Installation, applied_profile, profile_label
from webhook.cli.doctor.spark_pods import created, unchanged_since
from webhook.cli.why.reading import Facts
from webhook.core import names
from webhook.core.placement import Mismatch, Verdict
from webhook.core.reasons import Reason
from webhook.core.selectors import ALL_ROLES
from webhook.explain.outcome import Outcome


class Absence(StrEnum):
    """Why a pod has no record."""

    NOT_SPARK = "not-spark"
    SYSTEM_NAMESPACE = "system-namespace"
    """It is in kube-system, or in the webhook's own namespace."""
    NO_LABEL = "no-label"
    OPTED_OUT = "opted-out"
    NO_WEBHOOK = "no-webhook"
    UNKNOWN_PROFILE = "unknown-profile"
    NOT_SELECTED = "not-selected"
    OBSERVED = "observed"
    OUTSIDE_ROLLOUT = "outside-rollout"
    TOO_LARGE = "too-large"
    OLDER = "older"
    """It is older than the opt-in, the webhook or the last change of the policy."""
    UNANSWERED = "unanswered"
    """The webhook should have answered, but was not reached."""
    UNREAD = "unread"
    """What decides about it could not be read."""


def judge_absence(facts: Facts, decided: Outcome | None) -> Absence:
    """Why the pod has no record, if `decided` is what the deployed policy decides for it; None if that is not known.

    What the pod itself says comes first, and what need not be read.
    """
    installation, namespace = facts.installation, facts.namespace
    if labels_of(facts.pod).get(names.SPARK_ROLE) not in ALL_ROLES:
        return Absence.NOT_SPARK
    known = installation if isinstance(installation, Installation) else None
    if facts.pod["metadata"]["namespace"] in never_selected(known):
        return Absence.SYSTEM_NAMESPACE
    if isinstance(namespace, dict) and applied_profile(known, namespace) is None:
        return Absence.NO_LABEL if profile_label(namespace) is None else Absence.OPTED_OUT
    if installation is None:
        return Absence.NO_WEBHOOK
    if known is None or isinstance(namespace, Unknown):
        return Absence.UNREAD
    if applied_profile(known, namespace) not in known.profiles:
        return Absence.UNKNOWN_PROFILE
    if decided is not None and (found := _left(decided)) is not None:
        return found
    if decided is None and not known.selects(facts.pod):
        return Absence.NOT_SELECTED
    if created(facts.pod) < unchanged_since(known, namespace):
        return Absence.OLDER
    # A rule that is not known may also observe, or leave the application out.
    return Absence.UNREAD if facts.policy is None else Absence.UNANSWERED


def _left(found: Outcome) -> Absence | None:
    """Why the webhook leaves no record; None if it does."""
    if isinstance(found.skipped, Mismatch):
        return Absence.NOT_SELECTED
    if found.decision is None:
        return None
    placement = found.decision.placement
    if placement.reason is Reason.TOO_LARGE:
        return Absence.TOO_LARGE
    return {Verdict.LEAVE: Absence.OUTSIDE_ROLLOUT, Verdict.OBSERVE: Absence.OBSERVED}.get(placement.verdict)
