"""Opening pods of profiles with limits: one after the other, each time counted anew."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from queue import Empty, Queue
from threading import Event
from typing import Final

from certs.cluster_errors import ClusterError
from webhook.overflow.api_server import ApiServer
from webhook.overflow.lease import Lease
from webhook.overflow.opened_pods import OpenedPods
from webhook.overflow.opener import CONFLICT_SECONDS, LIMITED_SECONDS, Candidate, Opener
from webhook.overflow.reports import Reports
from webhook.overflow.state import ClusterState

#: How soon it is noticed that the controller stops.
_TURN_SECONDS: Final = 0.5


class LimitedOpener:
    """Opens the pods that an Opener leaves to it, in one thread.

    The pods that are opened already are counted by a list that is read while this controller has the Lease, and no
    other one writes. So a limit is exceeded by one at most, if another controller was stopped in the middle of a write.
    """

    def __init__(
        self,
        opener: Opener,
        server: ApiServer,
        state: ClusterState,
        lease: Lease,
        reports: Reports,
        application_labels: Sequence[str],
    ) -> None:
        """`application_labels` name the application of a pod."""
        self._opener = opener
        self._waiting: Queue[Candidate] = opener.limited
        self._server = server
        self._state = state
        self._lease = lease
        self._reports = reports
        self._application_labels = application_labels

    def run(self, stop: Event) -> None:
        """Opens pods under limits, one after the other, until `stop` is set."""
        while not stop.is_set():
            batch = []
            with suppress(Empty):
                batch.append(self._waiting.get(timeout=_TURN_SECONDS))
                while True:
                    batch.append(self._waiting.get_nowait())
            batch.sort(key=lambda each: (each.one.namespace, each.one.since))
            for namespace, found in groupby(batch, key=lambda each: each.one.namespace):
                self._open_within_limits(namespace, list(found))

    def _open_within_limits(self, namespace: str, candidates: list[Candidate]) -> None:
        """Opens the pods of one namespace as far as its limits allow, which are counted anew."""
        epoch = self._lease.epoch
        try:
            opened = self._counted(namespace)
        except ClusterError as error:
            for found in candidates:
                self._opener.fail(found.one, error)
            return
        for found in candidates:
            one = found.one
            if self._lease.epoch != epoch:
                # Another controller may have opened pods since they were counted.
                self._state.done(one, CONFLICT_SECONDS)
                continue
            reached = opened.reached(found.opening.limits, namespace, one.application)
            if reached is not None:
                self._stop(found, reached)
                continue
            # If the answer is lost, it may be opened all the same.
            opened.count(one.uid, namespace, one.application)
            try:
                if not self._opener.open(found):
                    opened.remove(one.uid)
                    self._state.done(one, CONFLICT_SECONDS)
            except ClusterError as error:
                self._opener.fail(one, error)

    def _counted(self, namespace: str) -> OpenedPods:
        """The pods of a namespace that were opened and have not finished, counted just now."""
        opened = OpenedPods(self._application_labels)
        for found in self._server.opened(namespace):
            opened.add(found)
        return opened

    def _stop(self, found: Candidate, limit: str) -> None:
        """Leaves a pod closed because of a limit."""
        one, decided = found.one, found.opening
        if self._state.limit(one):
            self._reports.stopped(one, decided, limit)
        self._state.done(one, LIMITED_SECONDS)
