"""Approval the pods that are due: each is read again, decided again, and patched once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from math import inf
from queue import Full, Queue
from time import monotonic
from typing import Final

from certs.cluster_errors import ClusterError, ConflictError, NotFoundError
from webhook.core.opening import opening
from webhook.core.patch import PatchOperation
from webhook.overflow.api_server import ApiServer
from webhook.overflow.lease import Lease
from webhook.overflow.pods import Scheduling, StoredPod
from webhook.overflow.profiles import NO_LIMITS, Approval, Denial, Profiles
from webhook.overflow.reports import Reports
from webhook.overflow.schedule import WaitingPod
from webhook.overflow.state import ClusterState
from webhook.overflow.token_bucket import TokenBucket

#: How long a pod is left alone that a limit stopped, if no opened pod finishes before.
LIMITED_SECONDS: Final = 30.0
#: How many pods under a limit are ready to be opened, and how long further ones are left alone.
MOST_LIMITED: Final = 512
_FULL_SECONDS: Final = (2.0, 4.0)
#: How long a namespace's label counts as it was read.
_PROFILE_SECONDS: Final = 1.0
#: How long at most a pod is left alone of which the watch has not told what is stored.
_BEHIND_SECONDS: Final = 5.0
#: How long a pod is left alone that was written since it was read.
CONFLICT_SECONDS: Final = 0.5
_FIRST_SECONDS, _LAST_SECONDS = 0.5, 60.0
#: The same if the opened pod would not be valid, for example because its annotations have no room for the record.
_INVALID_SECONDS: Final = 900.0
#: Statuses of a patch that does not fit the pod as it is stored now.
_STALE: Final = (409, 422)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that is due, what the policy decided for it, and the patch that opens it."""

    one: WaitingPod
    opening: Approval
    version: str
    """The resource version of the pod as it was read."""
    patch: list[PatchOperation]


class Opener:
    """Opens pods. Its methods may be called by several threads."""

    def __init__(
        self,
        server: ApiServer,
        state: ClusterState,
        profiles: Profiles,
        lease: Lease,
        reports: Reports,
        rate: float,
        pause: Callable[[float], bool],
    ) -> None:
        """Opens at most `rate` pods a second, and waits by `pause`, which tells whether to stop."""
        self._server = server
        self._state = state
        self._profiles = profiles
        self._lease = lease
        self._reports = reports
        self._rate = TokenBucket(rate)
        self._pause = pause
        self._seen_profiles: dict[str, tuple[float, str | None]] = {}
        self.limited: Queue[Candidate] = Queue(MOST_LIMITED)
        """Pods under a limit, which a LimitedOpener takes."""

    def check(self, one: WaitingPod) -> None:
        """Opens a pod that seems to be due, or finds out why not."""
        with self._state.lock():
            due = one.since < inf
        reached = self._state.reached(one) if due else None
        if reached is not None and one.limited:
            self._state.done(one, LIMITED_SECONDS)
            return
        if self.limited.full() and self._state.limits(one.namespace) != NO_LIMITS:
            # Pods without a limit must not wait for those with one.
            self._state.done(one, random.SystemRandom().uniform(*_FULL_SECONDS))
            return
        try:
            found = self._read(one)
            if found is None:
                return
            if found.opening.limits != NO_LIMITS:
                self.limited.put_nowait(found)
            elif not self.open(found):
                self._state.done(one, CONFLICT_SECONDS)
        except Full:
            self._state.done(one, random.SystemRandom().uniform(*_FULL_SECONDS))
        except ClusterError as error:
            self.fail(one, error)

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
        if isinstance(decided, Denial):
            self._refuse(one, pod, profile, decided)
        elif pod.scheduling is Scheduling.UNSCHEDULABLE and not pod.is_held and self._is_due(one, decided):
            version = pod.metadata.resource_version
            return Candidate(one, decided, version, opening(pod, version, decided.placement))
        self._state.done(one)
        return None

    def _is_due(self, one: WaitingPod, decided: Approval) -> bool:
        """Whether its delay is over by what was just decided: a namespace that is told of meanwhile sets it to 0."""
        with self._state.lock():
            return one.since + decided.wait.after <= monotonic()

    def _profile(self, namespace: str) -> str | None:
        """The profile of a namespace, read just now."""
        known = self._seen_profiles.get(namespace)
        if known is None or monotonic() - known[0] > _PROFILE_SECONDS:
            began = monotonic()
            if len(self._seen_profiles) > 1000:  # noqa: PLR2004, far more than are in use
                self._seen_profiles.clear()
            known = self._seen_profiles[namespace] = (
                began,
                self._profiles.of(namespace, self._server.labels(namespace)),
            )
        return known[1]

    def open(self, found: Candidate) -> bool:
        """Opens a pod; False if it or its namespace was written since it was read. Raises ClusterError."""
        one = found.one
        stopped = self._pause(self._rate.take())
        # It may have waited for its turn for seconds.
        if not stopped and self._profile(one.namespace) != found.opening.profile:
            return False
        if stopped or not self._lease.may_write:
            # Whoever has the Lease opens it.
            self._state.done(one, CONFLICT_SECONDS)
            return True
        try:
            self._server.patch(one.namespace, one.name, found.patch)
        except ClusterError as error:
            if error.status not in _STALE:
                raise
            current = self._server.pod(one.namespace, one.name)
            if current is not None and current.metadata.resource_version == found.version:
                raise
            return False
        self._reports.opened(one, found.opening, monotonic() - one.since)
        self._state.forget(one)
        return True

    def _refuse(self, one: WaitingPod, pod: StoredPod, profile: str | None, refusal: Denial) -> None:
        """Says once that the policy does not open a pod that waits."""
        if self._lease.may_write and pod.scheduling is Scheduling.UNSCHEDULABLE and self._state.refuse(one):
            self._reports.refused(one, refusal, profile)

    def fail(self, one: WaitingPod, error: ClusterError) -> None:
        """Leaves a pod alone for a while after a call failed."""
        if not isinstance(error, ConflictError | NotFoundError):
            self._reports.failed(one, error)
        limit = _INVALID_SECONDS if error.status == HTTPStatus.UNPROCESSABLE_ENTITY else _LAST_SECONDS
        wait = max(min(error.retry_after, limit), _back_off(one, limit))
        self._state.done(one, wait, failed=True)


def _back_off(one: WaitingPod, limit: float) -> float:
    """How long a pod is left alone after one more failure."""
    longest = min(limit, _FIRST_SECONDS * 2.0 ** min(one.tries, 16))
    return longest * random.SystemRandom().uniform(0.5, 1)
