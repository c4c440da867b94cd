"""Judges the facts about a pod: where it is, what decided that, and what holds now. Values only, no words."""

from dataclasses import dataclass
from datetime import datetime

from webhook.cli.doctor.finding import JSON, Unknown, labels_of
from webhook.cli.doctor.snapshot import Installation
from webhook.cli.why.absence import Absence, judge_absence
from webhook.cli.why.location import Location, locate_pod
from webhook.cli.why.pod_events import PodEvent, choose
from webhook.cli.why.policy_comparison import PolicyComparison, judge_policy
from webhook.cli.why.reading import Facts, record_text
from webhook.cli.why.record import Record, read_record
from webhook.cli.why.waiting import Waiting, judge_waiting
from webhook.core import names
from webhook.core.review import Decision
from webhook.core.selectors import ALL_ROLES, Role


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a pod is where it is."""

    namespace: str
    name: str
    pod: JSON
    location: Location
    now: datetime
    role: Role | None
    """None if it is no Spark pod."""
    record: Record | None
    foreign: str
    """The value of the record's annotation if the webhook does not write such a value."""
    absence: Absence | None
    """Why there is no record; None if there is one."""
    deployed: PolicyComparison
    profiles: tuple[str, ...]
    """The profiles that a namespace may name; empty if that is not known."""
    recommended: str
    """The profile to give the namespace, if none applies to it: that of the record if it still exists."""
    ignore: bool
    """Whether pods of the namespace are admitted if the webhook is not reached."""
    waiting: Waiting | None
    events: tuple[PodEvent, ...] | Unknown

    @property
    def decision(self) -> Decision | None:
        """What the deployed policy decides for such a pod; None if it decides nothing, or is not known."""
        return self.deployed.outcome.decision if self.deployed.outcome else None


def judge(facts: Facts) -> Answer:
    """Judges the facts about a pod."""
    metadata, installation = facts.pod["metadata"], facts.installation
    text = record_text(facts.pod)
    record = None if text is None else read_record(text)
    deployed = judge_policy(facts, record)
    known = installation if isinstance(installation, Installation) else None
    return Answer(
        namespace=metadata["namespace"],
        name=metadata["name"],
        pod=facts.pod,
        location=locate_pod(facts),
        now=facts.now,
        role=ALL_ROLES.get(labels_of(facts.pod).get(names.SPARK_ROLE, "")),
        record=record,
        foreign=text or "" if record is None else "",
        absence=None if record else judge_absence(facts, deployed.outcome),
        deployed=deployed,
        profiles=tuple(known.profiles) if known else (),
        recommended=_recommended(facts, record),
        ignore=known is not None and isinstance(facts.namespace, dict) and known.lets_pass(facts.namespace),
        waiting=judge_waiting(facts, deployed.profile),
        events=facts.events if isinstance(facts.events, Unknown) else choose(facts.events),
    )


def _recommended(facts: Facts, record: Record | None) -> str:
    """The profile to give the namespace: that of the record if the deployed policy has it."""
    installation = facts.installation
    if not isinstance(installation, Installation):
        return "default"
    existing = facts.policy.profiles if facts.policy else installation.profiles
    return record.profile if record and record.profile in existing else installation.recommended
