"""What the controller knows of its cluster: the pods that wait, those that were opened, and the namespaces.

The followers write it through their sinks, and the threads that open pods read it, all under one lock.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Final

from webhook.core.profile import Limits
from webhook.overflow.clock import ServerClock
from webhook.overflow.opened_pods import OpenedPods
from webhook.overflow.pods import StoredPod
from webhook.overflow.profiles import Approval, Denial, Profiles
from webhook.overflow.schedule import Schedule, WaitingPod

#: After this time it is looked at once more whether the policy does not open a pod. Its namespace may be new.
_REFUSE_SECONDS: Final = 5.0
#: How often pods are woken that a limit stopped: all pods are gone through.
_WAKE_SECONDS: Final = 1.0


class ClusterState:
    """What is known, and when the next thing is to be done."""

    def __init__(self, profiles: Profiles, clock: ServerClock) -> None:
        """Knows nothing yet."""
        self._profiles = profiles
        self._clock = clock
        self._condition = threading.Condition()
        self._namespaces: dict[str, str] = {}
        #: How many opened pods have finished in each namespace, so that a limit may allow as many more.
        self._freed: Counter[str] = Counter()
        self._woken = -inf
        self.schedule = Schedule()
        self.opened = OpenedPods(profiles.application_labels)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other threads from the schedule and the counts while the context is open."""
        with self._condition:
            yield

    def waiting(self) -> int:
        """How many pods wait that the policy opens once they are due."""
        with self._condition:
            return sum(one.opens for one in self.schedule)

    def take(self, seconds: float) -> WaitingPod | None:
        """The pod that is due first, for which this waits up to `seconds`; None if none is due."""
        with self._condition:
            self._wake_limited()
            found = self.schedule.take(monotonic())
            if found is None and seconds > 0:
                self._condition.wait(min(seconds, max(0.0, self.schedule.next_due() - monotonic())))
                found = self.schedule.take(monotonic())
            return found

    def see(self, pod: StoredPod, *, heard: float | None = None, gap: bool = False) -> None:
        """Takes in how a pod is that waits; if `heard` is given, the change may have been told late."""
        decided = self._profiles.decide(pod, self.profile(pod.metadata.namespace or ""))
        with self._condition:
            self._see(pod, decided, heard=heard, gap=gap)

    def see_again(self, one: WaitingPod, pod: StoredPod, decided: Approval | Denial) -> bool:
        """Takes in how the pod `one` is now, and what is decided for it; returns whether it is known to wait."""
        with self._condition:
            if self.schedule.get(one.uid) is not one:
                return False
            self._see(pod, decided, heard=None, gap=False)
            return True

    def reached(self, one: WaitingPod) -> str | None:
        """Which limit seems to forbid to open a pod, by what is known without asking; None if none does."""
        limits = self.limits(one.namespace)
        with self._condition:
            return self.opened.reached(limits, one.namespace, one.application)

    def limits(self, namespace: str) -> Limits:
        """The limits of a namespace, by its profile as it was last seen."""
        return self._profiles.limits(self._namespaces.get(namespace))

    def done(self, one: WaitingPod, wait: float = 0, *, failed: bool = False) -> None:
        """Ends the work on a pod, which is left alone for `wait` seconds."""
        with self._condition:
            one.busy = False
            one.tries = one.tries + 1 if failed else 0
            one.not_before = monotonic() + wait if wait else -inf
            self._plan(one)

    def refuse(self, one: WaitingPod) -> bool:
        """Notes that it was said that the policy does not open a pod; returns whether it had not been said."""
        with self._condition:
            before, one.refused, one.delay = one.refused, True, inf
            return not before

    def limit(self, one: WaitingPod) -> bool:
        """Notes that a limit stopped a pod; returns whether none had."""
        with self._condition:
            before, one.limited = one.limited, True
            return not before

    def forget(self, one: WaitingPod) -> None:
        """Forgets a pod that waits no longer."""
        with self._condition:
            self.schedule.forget(one.uid)

    def profile(self, namespace: str) -> str | None:
        """The profile of a namespace, as it was last seen."""
        return self._namespaces.get(namespace)

    def enrol(self, namespace: str, profile: str | None) -> None:
        """Takes in the profile of a namespace; with None it has none. The pods that wait there are decided again."""
        with self._condition:
            if self._namespaces.get(namespace) == profile:
                return
            if profile is None:
                del self._namespaces[namespace]
            else:
                self._namespaces[namespace] = profile
            for one in self.schedule.of([namespace]):
                # They are read again when they are taken, and get their delays then.
                one.refused, one.delay = False, 0 if one.since < inf else one.delay
                self._plan(one)

    def free(self, namespaces: Iterable[str]) -> None:
        """Notes that opened pods have finished: one for each time that `namespaces` has a namespace."""
        with self._condition:
            self._freed.update(namespaces)
            self._condition.notify_all()

    def _see(self, pod: StoredPod, decided: Approval | Denial, *, heard: float | None, gap: bool) -> None:
        application, now = self._profiles.application(pod), monotonic()
        age = self._clock.age(pod.transition)
        one = self.schedule.see(pod, application, now, age, heard=now if heard is None else heard, gap=gap)
        one.opens = isinstance(decided, Approval)
        if isinstance(decided, Approval):
            one.delay, one.refused = decided.wait.after, False
        else:
            one.delay = inf if one.refused else _REFUSE_SECONDS
        self._plan(one)

    def _plan(self, one: WaitingPod) -> None:
        self.schedule.plan(one)
        if one.due <= self.schedule.next_due() < inf:
            self._condition.notify_all()

    def _wake_limited(self) -> None:
        """Makes as many pods due again that a limit stopped as there may be room for."""
        now = monotonic()
        if not self._freed or now < self._woken + _WAKE_SECONDS:
            return
        freed, self._freed, self._woken = self._freed, Counter(), now
        for one in self.schedule.of(freed):
            if one.limited and one.not_before > now and freed[one.namespace] > 0 and self.reached(one) is None:
                freed[one.namespace] -= 1
                one.not_before = -inf
                self.schedule.plan(one)
