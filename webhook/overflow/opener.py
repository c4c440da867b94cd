"""Opening the pods that are due: each is read again, decided again, and patched once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from math import inf
from queue import Queue
from time import monotonic
from typing import Final

import structlog

from certs.cluster import ClusterError, ConflictError, NotFoundError
from webhook.core.opening import opening
from webhook.overflow.api_server import ApiServer
from webhook.overflow.events import Events, Happening
from webhook.overflow.lease import Lease
from webhook.overflow.metrics import Metrics
from webhook.overflow.opened import OpenedPods
from webhook.overflow.pods import Scheduling, StoredPod
from webhook.overflow.profiles import Opening, Profiles, Refusal
from webhook.overflow.rate import RateLimit
from webhook.overflow.schedule import WaitingPod
from webhook.overflow.state import ClusterState

log: structlog.stdlib.BoundLogger = structlog.get_logger()

#: How long a pod is left alone that a limit stopped, if no opened pod finishes before.
_LIMITED_SECONDS: Final = 30.0
#: How many pods under a limit are ready to be opened.
_MOST_LIMITED: Final = 64
#: How long a namespace's label counts as it was read.
_PROFILE_SECONDS: Final = 1.0
#: How long at most a pod is left alone of which the watch has not told what is stored.
_BEHIND_SECONDS: Final = 5.0
#: How long a pod is left alone that was written since it was read.
_CONFLICT_SECONDS: Final = 0.5
_FIRST_SECONDS, _LAST_SECONDS = 0.5, 60.0
#: Statuses of a patch that does not fit the pod as it is stored now.
_STALE: Final = (409, 422)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that is due, and what the policy decided for it."""

    one: WaitingPod
    pod: StoredPod
    opening: Opening


class Opener:
    """Opens pods. `check` may be called by several threads, `open_limited` by one."""

    def __init__(
        self,
        server: ApiServer,
        state: ClusterState,
        profiles: Profiles,
        lease: Lease,
        events: Events,
        metrics: Metrics,
        rate: float,
        pause: Callable[[float], bool],
    ) -> None:
        """Opens at most `rate` pods a second, and waits by `pause`, which tells whether to stop."""
        self._server = server
        self._state = state
        self._profiles = profiles
        self._lease = lease
        self._events = events
        self._metrics = metrics
        self._rate = RateLimit(rate)
        self._pause = pause
        self._seen_profiles: dict[str, tuple[float, str | None]] = {}
        self.limited: Queue[Candidate | None] = Queue(_MOST_LIMITED)
        """Pods under a limit, for `open_limited`; None ends it."""

    def check(self, one: WaitingPod) -> None:
        """Opens a pod that seems to be due, or finds out why not."""
        with self._state.lock():
            due = one.since < inf
        reached = self._state.reached(one) if due else None
        if reached is not None and one.limited:
            self._state.done(one, _LIMITED_SECONDS)
            return
        try:
            found = self._read(one)
            if found is None:
                return
            if found.opening.limits.per_application is not None or found.opening.limits.per_namespace is not None:
                self.limited.put(found)
            elif not self._open(found):
                self._state.done(one, _CONFLICT_SECONDS)
        except ClusterError as error:
            self._fail(one, error)

    def open_limited(self) -> None:
        """Opens pods under limits, one after the other, until it takes None."""
        while (first := self.limited.get()) is not None:
            batch = [first]
            ended = False
            while not self.limited.empty():
                more = self.limited.get()
                ended = ended or more is None
                batch += [] if more is None else [more]
            batch.sort(key=lambda each: (each.one.namespace, each.one.since))
            for namespace, found in groupby(batch, key=lambda each: each.one.namespace):
                self._open_within_limits(namespace, list(found))
            if ended:
                return

    def _read(self, one: WaitingPod) -> Candidate | None:
        """The pod as it is stored now, if it is to be opened now.

        The watch must have told of it as it is stored. Otherwise it may have waited for something else in between.
        """
        pod = self._server.pod(one.namespace, one.name)
        behind = pod is None or pod.metadata.uid != one.uid or pod.metadata.resource_version != one.version
        if pod is None or behind or not pod.is_waiting:
            # Only the watch says that a pod waits no longer: it tells all changes, and in their order.
            self._state.done(one, _back_off(one, _BEHIND_SECONDS), failed=True)
            return None
        profile = self._profile(one.namespace)
        decided = self._profiles.decide(pod, profile)
        if not self._state.see_again(one, pod, decided):
            return None
        if isinstance(decided, Refusal):
            self._refuse(one, pod, profile, decided)
        elif pod.scheduling is Scheduling.UNSCHEDULABLE and not pod.is_held and self._is_due(one):
            return Candidate(one, pod, decided)
        self._state.done(one)
        return None

    def _is_due(self, one: WaitingPod) -> bool:
        with self._state.lock():
            return one.since + one.delay <= monotonic()

    def _profile(self, namespace: str) -> str | None:
        """The profile of a namespace, read just now."""
        known = self._seen_profiles.get(namespace)
        if known is None or monotonic() - known[0] > _PROFILE_SECONDS:
            began = monotonic()
            if len(self._seen_profiles) > 1000:  # noqa: PLR2004, far more than are in use
                self._seen_profiles.clear()
            known = self._seen_profiles[namespace] = (began, self._server.profile(namespace))
        return known[1]

    def _open(self, found: Candidate) -> bool:
        """Opens a pod; False if it was written since it was read. Raises ClusterError."""
        one, pod, decided = found.one, found.pod, found.opening
        stopped = self._pause(self._rate.take())
        if stopped or not self._lease.may_write:
            # Whoever has the Lease opens it.
            self._state.done(one, _CONFLICT_SECONDS)
            return True
        try:
            operations = opening(pod, pod.metadata.resource_version, decided.placement)
            self._server.patch(one.namespace, one.name, operations)
        except ClusterError as error:
            if error.status not in _STALE:
                raise
            current = self._server.pod(one.namespace, one.name)
            if current is not None and current.metadata.resource_version == pod.metadata.resource_version:
                raise
            return False
        waited = monotonic() - one.since
        self._state.forget(one)
        self._metrics.opened.labels(decided.profile).inc()
        self._metrics.wait_seconds.observe(waited)
        log.info(
            "opened", namespace=one.namespace, pod=one.name, profile=decided.profile, waited_seconds=round(waited, 1)
        )
        message = f"Unschedulable for {waited:.0f} s, so the pod may now run on virtual nodes, too"
        self._events.tell(Happening.OPENED, one.namespace, one.name, one.uid, message)
        return True

    def _open_within_limits(self, namespace: str, candidates: list[Candidate]) -> None:
        """Opens the pods of one namespace as far as its limits allow, which are counted anew."""
        epoch = self._lease.epoch
        try:
            opened = self._counted(namespace)
        except ClusterError as error:
            for found in candidates:
                self._fail(found.one, error)
            return
        for found in candidates:
            one = found.one
            if self._lease.epoch != epoch:
                # Another controller may have opened pods since they were counted.
                self._state.done(one, _CONFLICT_SECONDS)
                continue
            reached = opened.reached(found.opening.limits, namespace, one.application)
            if reached is not None:
                self._stop(found, reached)
                continue
            # If the answer is lost, it may be opened all the same.
            opened.count(one.uid, namespace, one.application)
            try:
                if not self._open(found):
                    opened.remove(one.uid)
                    self._state.done(one, _CONFLICT_SECONDS)
            except ClusterError as error:
                self._fail(one, error)

    def _counted(self, namespace: str) -> OpenedPods:
        """The pods of a namespace that were opened and have not finished, counted just now."""
        opened = OpenedPods(self._profiles.application_labels)
        for found in self._server.opened(namespace):
            opened.add(found)
        return opened

    def _stop(self, found: Candidate, limit: str) -> None:
        """Leaves a pod closed because of a limit."""
        one, decided = found.one, found.opening
        if self._state.limit(one):
            self._metrics.limit_reached.labels(decided.profile, limit).inc()
            most = decided.limits.per_application if limit == "application" else decided.limits.per_namespace
            message = (
                f"The pod stays closed to virtual nodes: the profile {decided.profile} opens at most {most} pods of "
            )
            message += "one application" if limit == "application" else "a namespace"
            message += " at a time"
            self._events.tell(Happening.LIMIT_REACHED, one.namespace, one.name, one.uid, message)
        self._state.done(one, _LIMITED_SECONDS)

    def _refuse(self, one: WaitingPod, pod: StoredPod, profile: str | None, refusal: Refusal) -> None:
        """Says once that the policy does not open a pod that waits."""
        if not self._lease.may_write or pod.scheduling is not Scheduling.UNSCHEDULABLE or not self._state.refuse(one):
            return
        self._metrics.not_opened.labels(refusal).inc()
        if refusal is Refusal.NO_PROFILE:
            why = "its namespace has no profile of the policy"
        else:
            why = f"the profile {profile} does not open it"
        message = f"The pod is not opened to virtual nodes: {why}"
        log.info("not opened", namespace=one.namespace, pod=one.name, reason=refusal)
        self._events.tell(Happening.NOT_OPENED, one.namespace, one.name, one.uid, message)

    def _fail(self, one: WaitingPod, error: ClusterError) -> None:
        """Leaves a pod alone for a while after a call failed."""
        if not isinstance(error, ConflictError | NotFoundError):
            self._metrics.failed("open")
            log.warning("could not open a pod", namespace=one.namespace, pod=one.name, error=str(error))
        wait = max(min(error.retry_after, _LAST_SECONDS), _back_off(one, _LAST_SECONDS))
        self._state.done(one, wait, failed=True)


def _back_off(one: WaitingPod, limit: float) -> float:
    """How long a pod is left alone after one more failure."""
    longest = min(limit, _FIRST_SECONDS * 2.0 ** min(one.tries, 16))
    return longest * random.SystemRandom().uniform(0.5, 1)
