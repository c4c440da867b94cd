"""The control loop: reads the objects, does one thing, and reads them again.

A watch on each of the three objects only reports that it changed. Each action is decided from fresh reads, and the API
server refuses to write an object that was written since, so any number of controllers agree.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from certs.backoff import Backoff, RateLimit
from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, ConflictError
from certs.readiness import Readiness, served
from certs.rotation import plan
from certs.state import Action, Objects, PatchBundle, Published, Secret, Target

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def read_objects(cluster: Cluster, target: Target) -> Objects:
    """Reads the three objects, the CA's Secret last, as `certs.rotation.plan` needs it. Raises ClusterError."""
    configuration = cluster.configuration(target.configuration)
    serving = cluster.secret(target.namespace, target.serving_secret)
    ca = cluster.secret(target.namespace, target.ca_secret)
    return Objects(ca, serving, configuration)


@dataclass
class Controller:
    """Keeps the certificates of one `target`."""

    cluster: Cluster
    target: Target
    deployment: str
    """The Deployment that it runs in; Events name it."""
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    recheck: float = 15
    """Seconds after which it reads again even if no watch reported a change."""
    turned: float = field(default_factory=time.monotonic, init=False)
    """When the last turn of the loop began, by `time.monotonic`."""
    readiness: Readiness = field(init=False)
    """Whether the webhook serves."""
    _changed: threading.Event = field(default_factory=threading.Event, init=False)
    _published: Published | None = field(default=None, init=False)
    _problems: tuple[str, ...] = field(default=(), init=False)
    _backoff: Backoff = field(default_factory=Backoff, init=False)
    _rate: RateLimit = field(default_factory=RateLimit, init=False)

    def __post_init__(self) -> None:
        self.readiness = Readiness(self.cluster, self.target.namespace, self.stop)

    def run(self) -> None:
        """Keeps the certificates until `end` is called, whatever the API server answers."""
        cluster, target = self.cluster, self.target
        for changes in (
            partial(cluster.secret_changes, target.namespace, target.ca_secret),
            partial(cluster.secret_changes, target.namespace, target.serving_secret),
            partial(cluster.configuration_changes, target.configuration),
        ):
            threading.Thread(target=self._follow, args=(changes,), daemon=True).start()
        threading.Thread(target=self.readiness.run, daemon=True).start()
        log.info("keeping certificates", **asdict(target))
        while not self.stop.is_set():
            self.turned = time.monotonic()
            self._turn()

    def end(self) -> None:
        """Makes `run` return soon; may be called from another thread or a signal handler."""
        self.stop.set()
        self._changed.set()
        self.readiness.end()

    def _turn(self) -> None:
        """Reads the objects, does at most one thing, and waits."""
        self._changed.clear()
        if self.stop.is_set():
            return
        try:
            objects = read_objects(self.cluster, self.target)
            planned = plan(objects, self.target, self._published, self.clock())
            self._published = planned.published
            self.readiness.see(served(objects))
            self._report(planned.problems)
            if planned.action:
                self._apply(planned.action)
        except ConflictError as error:
            log.info("another client wrote first, reading again", error=str(error))
            wait = self._backoff.next()
        except ClusterError as error:
            wait = max(self._backoff.next(), min(error.retry_after, self._backoff.limit))
            log.warning("the API server failed, trying again", error=str(error), seconds=wait)
        else:
            self._backoff.reset()
            if planned.action is None:
                self._idle(planned.due)
                return
            wait = self._rate.take(time.monotonic())
            if wait:
                log.warning("many actions in a short time: another client may be undoing them; waiting", seconds=wait)
        self.stop.wait(wait)

    def _idle(self, due: datetime | None) -> None:
        """Waits for a change or until `due`, and a little longer for changes that come together."""
        left = self.recheck if due is None else (due - self.clock()) / timedelta(seconds=1)
        self._changed.wait(max(0, min(left, self.recheck)))
        self.stop.wait(0.1)

    def _apply(self, action: Action) -> None:
        serving: Secret | None = None
        if isinstance(action, PatchBundle):
            self.cluster.patch(self.target.configuration, action)
        else:
            written = self.cluster.write(self.target.namespace, action)
            serving = written if action.name == self.target.serving_secret else None
        log.info(action.message, reason=action.reason)
        self._record("Normal", action.reason, action.message, serving)

    def _report(self, problems: tuple[str, ...]) -> None:
        """Reports once that a problem began, and once that it ended."""
        for problem in problems:
            if problem not in self._problems:
                log.warning(problem, reason="ActionRequired")
                self._record("Warning", "ActionRequired", problem)
        for problem in self._problems:
            if problem not in problems:
                log.info("problem solved", problem=problem)
        self._problems = problems

    def _record(self, kind: str, reason: str, message: str, serving: Secret | None = None) -> None:
        """Creates an Event about the serving Secret, or else about the Deployment; only logs a failure."""
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.deployment}
        if serving:
            uid = str(serving.raw["metadata"]["uid"])
            about = {"apiVersion": "v1", "kind": "Secret", "name": self.target.serving_secret, "uid": uid}
        about["namespace"] = self.target.namespace
        try:
            self.cluster.record(about, kind, reason, message, self.clock())
        except ClusterError as error:
            log.warning("could not record an Event", error=str(error))

    def _follow(self, changes: Callable[[], Iterator[None]]) -> None:
        """Watches one object while the controller runs."""
        backoff = Backoff()
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                for _ in changes():
                    self._changed.set()
            except ClusterError as error:
                log.info("a watch ended, watching again", error=str(error))
            if time.monotonic() - began > backoff.limit:
                backoff.reset()
            self.stop.wait(backoff.next())
