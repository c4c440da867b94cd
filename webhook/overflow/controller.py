"""The overflow controller: its threads, from start to stop."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

import structlog

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError
from webhook.core.namespaces import SYSTEM
from webhook.core.policy import Policy
from webhook.overflow.api_server import ApiServer, Collection, namespaces, opened_pods, waiting_pods
from webhook.overflow.clock import ServerClock
from webhook.overflow.events import Events
from webhook.overflow.lease import LOOK_SECONDS, Lease
from webhook.overflow.limited_opener import LimitedOpener
from webhook.overflow.metrics import Metrics
from webhook.overflow.opener import Opener
from webhook.overflow.profiles import Profiles
from webhook.overflow.reports import Reports
from webhook.overflow.schedule import WaitingPod
from webhook.overflow.sinks import NamespaceSink, OpenedSink, WaitingSink
from webhook.overflow.state import ClusterState
from webhook.overflow.watch import Follower, Sink

log: structlog.stdlib.BoundLogger = structlog.get_logger()

#: How many pods are worked on at the same time, and how many more may be ready for that.
_WORKERS: Final = 8
_READY: Final = 64
_TURN_SECONDS: Final = 1.0
#: For how long the last Events may be sent at the end.
_LAST_EVENTS_SECONDS: Final = 3.0
#: The control loop is stuck if no turn of it began for so long.
STALE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Options:
    """How a controller is run."""

    namespace: str
    """The namespace of the Lease, and of the admission service."""
    lease: str
    identity: str
    """Its name as the holder of the Lease, new for each process."""
    watched: Sequence[str]
    """The namespaces whose pods it opens; empty for all."""
    rate: float
    """The most pods that it opens a second."""
    default_profile: str | None = None
    """The profile for namespaces without the label; None if there is none."""


class Controller:
    """One controller. `run` returns after `end`."""

    def __init__(self, cluster: Cluster, policy: Policy, options: Options) -> None:
        """Calls nothing yet."""
        self._options = options
        self._stop = threading.Event()
        clock = ServerClock()
        self._profiles = Profiles(policy, (SYSTEM, options.namespace), options.default_profile)
        self._state = ClusterState(self._profiles, clock)
        self.metrics = Metrics(policy.digest, policy.profiles, self._state.waiting)
        server = ApiServer(cluster, clock)
        self._lease = Lease(server, clock.now, options.namespace, options.lease, options.identity, policy.digest)
        self.metrics.leader.set_function(lambda: float(self._lease.may_write))
        self._events = Events(server, clock.now, options.identity, partial(self.metrics.failed, "event"))
        reports = Reports(self._events, self.metrics)
        self._opener = Opener(server, self._state, self._profiles, self._lease, reports, options.rate, self._stop.wait)
        labels = self._profiles.application_labels
        self._limited = LimitedOpener(self._opener, server, self._state, self._lease, reports, labels)
        follower = partial(self._follower, server)
        self._namespaces = follower(
            namespaces(everywhere=options.default_profile is not None), NamespaceSink(self._state, self._profiles)
        )
        watched: Sequence[str | None] = options.watched or (None,)
        self._pods = [
            follower(collection(each), sink(self._state, each))
            for each in watched
            for collection, sink in ((waiting_pods, WaitingSink), (opened_pods, OpenedSink))
        ]
        self._ready = threading.Semaphore(_READY)
        self._turned = monotonic()
        self.failed = False
        """Whether a bug ended it."""

    def waiting_for(self) -> str | None:
        """Why the controller is not ready; None if it is."""
        for one in (self._namespaces, *self._pods):
            if not one.listed.is_set():
                return "not everything is listed yet"
        return self.stuck()

    def stuck(self) -> str | None:
        """That the control loop is stuck; None if it is not."""
        idle = monotonic() - self._turned
        return f"the control loop has been stuck for {idle:.0f} seconds" if idle > STALE_SECONDS else None

    def end(self) -> None:
        """Makes `run` return soon; may be called from another thread or a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Opens pods until `end` is called, whatever the API server answers. Gives up the Lease at the end."""
        log.info("opening pods", watched=list(self._options.watched) or "all namespaces", lease=self._options.lease)
        leading = self._start("lease", self._lead)
        telling = self._start("events", partial(self._events.send, self._stop))
        limited = self._start("limited", partial(self._limited.run, self._stop))
        self._start("namespaces", self._namespaces.run)
        # A pod is decided by the profile of its namespace.
        while not self._stop.is_set() and not self._namespaces.listed.wait(_TURN_SECONDS):
            self._turned = monotonic()
        for one in self._pods:
            self._start("pods", one.run)
        with ThreadPoolExecutor(_WORKERS, "open") as workers:
            while not self._stop.is_set():
                self._turned = monotonic()
                self._turn(workers)
        limited.join()
        # Nothing is being written any more.
        leading.join()
        self._lease.release()
        telling.join(_LAST_EVENTS_SECONDS)

    def _turn(self, workers: ThreadPoolExecutor) -> None:
        """Gives a pod that is due to the workers, or waits for one."""
        if not self._lease.may_write:
            self._stop.wait(LOOK_SECONDS / 4)
            return
        if not self._ready.acquire(timeout=_TURN_SECONDS):
            return
        one = self._state.take(_TURN_SECONDS)
        if one is None:
            self._ready.release()
        else:
            workers.submit(self._check, one)

    def _check(self, one: WaitingPod) -> None:
        try:
            if self._stop.is_set():
                return
            self._opener.check(one)
        except Exception:
            self.metrics.failed("open")
            log.exception("a pod could not be opened because of a bug", namespace=one.namespace, pod=one.name)
            self._state.done(one, 60, failed=True)
        finally:
            self._ready.release()

    def _lead(self) -> None:
        """Keeps or seeks the Lease."""
        while not self._stop.is_set():
            try:
                wait = self._lease.turn()
            except ClusterError:
                self.metrics.failed("lease")
                wait = LOOK_SECONDS
            self._stop.wait(wait)

    def _follower(self, server: ApiServer, collection: Collection, sink: Sink) -> Follower:
        return Follower(server, collection, sink, self._stop, self.metrics.failed)

    def _start(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Starts a thread; if its work ends by a bug, the controller ends too."""
        thread = threading.Thread(target=self._supervise, args=(name, work), name=name, daemon=True)
        thread.start()
        return thread

    def _supervise(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("the controller ends because of a bug", thread=name)
            self.failed = True
            self._stop.set()
