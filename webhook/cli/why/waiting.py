"""Why a pod of the mode that waits has not been opened yet."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

import msgspec

from webhook.cli.doctor.finding import Unknown
from webhook.cli.doctor.namespaces import never_selected
from webhook.cli.doctor.overflow_state import held_lease, policy_of
from webhook.cli.doctor.snapshot import Installation
from webhook.cli.why.reading import Facts
from webhook.overflow.opened_pods import PER_APPLICATION, OpenedPods
from webhook.overflow.pods import PodStatus, Scheduling, StoredPod
from webhook.overflow.profiles import Approval, Denial, Profiles
from webhook.overflow.schedule import Schedule


class WaitState(StrEnum):
    """What a pod that waits, waits for."""

    UNTRIED = "untried"
    """No scheduler has looked at it yet."""
    HELD = "held"
    """It waits for something else than a node: a gate, a preemption, its deletion."""
    UNREAD = "unread"
    """The policy could not be read."""
    REFUSED = "refused"
    """The policy does not open it."""
    NO_CONTROLLER = "no-controller"
    LIMITED = "limited"
    """As many pods are opened as a limit allows."""
    COUNTING = "counting"
    """It is not due yet."""
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a pod waits for the overflow controller."""

    state: WaitState
    since: datetime | None = None
    """Since when it is unschedulable."""
    after: int | None = None
    """How many seconds it has to be."""
    due: datetime | None = None
    """When it is due at the earliest. A controller that started meanwhile counts anew."""
    denial: Denial | None = None
    limit: str = ""
    """The limit that is reached, as the overflow controller names it."""
    most: int | None = None
    """How many pods it allows."""
    holder: str = ""
    """The overflow controller that opens pods; empty if that is not known, or there is none."""
    holder_policy: str = ""
    absent: str = ""
    """Why there is no controller, as a clause."""
    unread: Unknown | None = None
    """What of this could not be read."""


def judge_waiting(facts: Facts, profile: str | None) -> Waiting | None:
    """How the pod waits, by the `profile` of its namespace; None if it does not."""
    pod, installation = facts.stored, facts.installation
    if not pod.is_waiting:
        return None
    since = pod.transition if pod.scheduling is Scheduling.UNSCHEDULABLE else None
    if pod.is_held or pod.scheduling is Scheduling.OTHER:
        return Waiting(WaitState.HELD)
    if pod.scheduling is Scheduling.NEW:
        return Waiting(WaitState.UNTRIED)
    if not isinstance(installation, Installation) or installation.policy is None:
        unread = installation.unread if isinstance(installation, Installation) else installation
        return Waiting(WaitState.UNREAD, since, unread=unread)
    profiles = Profiles(installation.policy, never_selected(installation))
    decided = profiles.decide(pod, profile)
    if isinstance(decided, Denial):
        return Waiting(WaitState.REFUSED, since, denial=decided)
    return _approved(facts, decided, profiles, since)


def _approved(facts: Facts, decided: Approval, profiles: Profiles, since: datetime | None) -> Waiting:
    """How a pod waits that the policy opens once it is due."""
    after = decided.wait.after
    due = facts.now + timedelta(seconds=_seconds_left(facts.stored, after, facts.age))
    found = Waiting(WaitState.COUNTING if due > facts.now else WaitState.DUE, since, after, due)
    for part in (facts.opened, facts.leases):
        found = replace(found, unread=part) if isinstance(part, Unknown) else found
    if isinstance(facts.leases, list):
        held = held_lease(facts.leases, facts.now)
        if isinstance(held, str):
            return replace(found, state=WaitState.NO_CONTROLLER, absent=held)
        found = replace(found, holder=held["spec"]["holderIdentity"], holder_policy=policy_of(held))
    reached = _reached(facts, decided, profiles)
    if reached is None or found.state is WaitState.COUNTING:
        return found
    limits = decided.limits
    most = limits.per_application if reached == PER_APPLICATION else limits.per_namespace
    return replace(found, state=WaitState.LIMITED, limit=reached, most=most)


def _reached(facts: Facts, decided: Approval, profiles: Profiles) -> str | None:
    """The limit that forbids to open the pod; None if none does, as far as is known."""
    if not isinstance(facts.opened, list):
        return None
    opened = OpenedPods(profiles.application_labels)
    for one in facts.opened:
        opened.add(one)
    pod = facts.stored
    return opened.reached(decided.limits, pod.metadata.namespace or "", profiles.application(pod))


def _seconds_left(pod: StoredPod, after: int, age: float) -> float:
    """In how many seconds a pod is due for a controller that has known it since it was created."""
    schedule, now = Schedule(), 0.0
    created = msgspec.structs.replace(pod, status=PodStatus())
    schedule.see(created, "", -age, 0, heard=-inf)
    one = schedule.see(pod, "", now, age, heard=-inf)
    one.delay = after
    schedule.plan(one)
    return one.due - now
