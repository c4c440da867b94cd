"""When each pod that waits is due. It knows no clock: moments are seconds of the caller's monotonic clock."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from math import inf
from sys import intern
from typing import Final

from msgspec import Struct

from webhook.overflow.pods import Scheduling, StoredPod

#: The fewest entries that may be out of date before they are cleared away.
_SLACK: Final = 1000


class WaitingPod(Struct, gc=False):
    """What is remembered of a pod that waits."""

    uid: str
    namespace: str
    name: str
    application: str
    version: str = ""
    """Its resource version, as it was last told."""
    since: float = inf
    """From when its delay counts; infinite if it is not Unschedulable."""
    seen: float = -inf
    """When it was not Unschedulable, as far as is known; infinitely long ago if never."""
    delay: float = inf
    """How long it has to be Unschedulable until it is looked at; infinite if it need not be."""
    opens: bool = False
    """Whether the policy opens it then."""
    not_before: float = -inf
    """Until when it is left alone, after an error or because of a limit."""
    due: float = inf
    """When it is due by all that; infinite while that is not known, or while it is worked on."""
    other: bool = False
    """Whether it was seen waiting for something else than a node."""
    busy: bool = False
    """Whether it is worked on now."""
    held: bool = False
    """Whether it is being deleted, has ended, or waits for a node that is chosen already."""
    limited: bool = False
    """Whether a limit has stopped it."""
    refused: bool = False
    """Whether it was said that the policy does not open it."""
    tries: int = 0
    """How many calls for it have failed in a row."""


class Schedule:
    """The pods that wait, and the order in which they are due."""

    def __init__(self) -> None:
        """Knows no pod."""
        self._pods: dict[str, WaitingPod] = {}
        self._queue: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[WaitingPod]:
        return iter(list(self._pods.values()))

    def get(self, uid: str) -> WaitingPod | None:
        """The pod with the id `uid`; None if it does not wait."""
        return self._pods.get(uid)

    def see(
        self, pod: StoredPod, application: str, now: float, age: float, *, heard: float, gap: bool = False
    ) -> WaitingPod:
        """Takes in how `pod` is at `now`; by its own time, its condition changed at least `age` seconds ago.

        Its delay counts from when it became Unschedulable, but not from before `heard`: until then all changes had been
        told. So the clocks of others matter only for changes that were told late. If the pod waited for something else
        before, its condition keeps the old time, so the delay counts from `now`. So it does if that may have been
        missed: if it is seen for the first time, or has changed in a `gap`.
        """
        metadata = pod.metadata
        one = self._pods.get(metadata.uid)
        missed = one is None or (gap and one.version != metadata.resource_version)
        if one is None:
            one = WaitingPod(metadata.uid, intern(metadata.namespace or ""), metadata.name or "", application)
            self._pods[metadata.uid] = one
        one.application, one.version = intern(application), metadata.resource_version
        one.held = pod.is_held
        scheduling = pod.scheduling
        if scheduling is not Scheduling.UNSCHEDULABLE:
            one.seen, one.since = heard, inf
            one.other = one.other or scheduling is Scheduling.OTHER
        elif missed or one.since == inf:
            one.since = now if missed or one.other else min(now, max(one.seen, heard, now - age))
            one.other = False
        return one

    def plan(self, one: WaitingPod) -> None:
        """Sets when a pod is due, by all that is known of it."""
        due = inf if one.busy or one.held else max(one.since + one.delay, one.not_before)
        if due != one.due:
            one.due = due
            if due < inf:
                heappush(self._queue, (due, one.uid))
                if len(self._queue) > 2 * len(self._pods) + _SLACK:
                    self._tidy()

    def take(self, now: float) -> WaitingPod | None:
        """The pod that is due first, which is `busy` from then on; None if none is due at `now`."""
        while self._queue and self._queue[0][0] <= now:
            due, uid = heappop(self._queue)
            one = self._pods.get(uid)
            if one is not None and one.due == due:
                one.busy, one.due = True, inf
                return one
        return None

    def next_due(self) -> float:
        """When the next pod is due, or an entry is out of date; infinite if there is none."""
        return self._queue[0][0] if self._queue else inf

    def forget(self, uid: str) -> None:
        """Forgets a pod that waits no longer."""
        self._pods.pop(uid, None)

    def keep(self, uids: set[str], namespace: str | None) -> None:
        """Forgets all pods, of one namespace or of all, but those with the ids `uids`."""
        for one in list(self._pods.values()):
            if one.uid not in uids and namespace in (None, one.namespace):
                del self._pods[one.uid]

    def of(self, namespaces: Iterable[str]) -> list[WaitingPod]:
        """The pods of some namespaces, the one that waits longest first."""
        wanted = set(namespaces)
        return sorted((one for one in self._pods.values() if one.namespace in wanted), key=lambda one: one.since)

    def _tidy(self) -> None:
        self._queue = [(one.due, one.uid) for one in self._pods.values() if one.due < inf]
        heapify(self._queue)
