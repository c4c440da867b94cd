"""The controller: look, do one thing, look again.

A watch on each of the three objects says only *that* something changed. What there is to do is decided from fresh
reads, and the API server refuses a write to an object that was written since, so any number of controllers agree.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from certs.backoff import Backoff, RateLimit
from certs.cluster import Cluster, ClusterError, ConflictError
from certs.rotation import plan
from certs.state import Action, Objects, PatchBundle, Published, Secret, Target

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def read_objects(cluster: Cluster, target: Target) -> Objects:
    """Read the three objects, the CA's Secret last, as ``certs.rotation.plan`` asks for.

    Raises:
        ClusterError: The API server could not be asked or refused.
    """
    configuration = cluster.configuration(target.configuration)
    serving = cluster.secret(target.namespace, target.serving_secret)
    ca = cluster.secret(target.namespace, target.ca_secret)
    return Objects(ca, serving, configuration)


@dataclass
class Controller:
    """One running controller.

    Attributes:
        cluster: Where it acts.
        target: The objects that it keeps.
        deployment: The Deployment that it runs as, which Events are about.
        stop: Set once it is to end.
        clock: Tells the present moment.
        recheck: The seconds after which it looks again though no watch said so.
        turned: When it last turned, in seconds of ``time.monotonic``; for the health endpoint.
    """

    cluster: Cluster
    target: Target
    deployment: str
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], datetime] = utc_now
    recheck: float = 15
    turned: float = field(default_factory=time.monotonic, init=False)
    _changed: threading.Event = field(default_factory=threading.Event, init=False)
    _published: Published | None = field(default=None, init=False)
    _problems: tuple[str, ...] = field(default=(), init=False)
    _backoff: Backoff = field(default_factory=Backoff, init=False)
    _rate: RateLimit = field(default_factory=RateLimit, init=False)

    def run(self) -> None:
        """Keep the certificates until ``end`` is called, whatever the API server answers."""
        cluster, target = self.cluster, self.target
        for changes in (
            lambda: cluster.secret_changes(target.namespace, target.ca_secret),
            lambda: cluster.secret_changes(target.namespace, target.serving_secret),
            lambda: cluster.configuration_changes(target.configuration),
        ):
            threading.Thread(target=self._follow, args=(changes,), daemon=True).start()
        log.info("keeping certificates", **asdict(target))
        while not self.stop.is_set():
            self.turned = time.monotonic()
            self._turn()

    def end(self) -> None:
        """End ``run`` soon, from another thread or a signal."""
        self.stop.set()
        self._changed.set()

    def _turn(self) -> None:
        """Look, do at most one thing, and wait for as long as it makes sense."""
        self._changed.clear()
        if self.stop.is_set():
            return
        try:
            planned = plan(read_objects(self.cluster, self.target), self.target, self._published, self.clock())
            self._published = planned.published
            self._report(planned.problems)
            if planned.action:
                self._apply(planned.action)
        except ConflictError as error:
            log.info("someone else was faster, looking again", error=str(error))
            self.stop.wait(self._backoff.next())
        except ClusterError as error:
            wait = max(self._backoff.next(), min(error.retry_after, self._backoff.limit))
            log.warning("the API server did not answer as it should, trying again", error=str(error), seconds=wait)
            self.stop.wait(wait)
        else:
            self._backoff.reset()
            if planned.action:
                self._rest(self._rate.take(time.monotonic()))
            else:
                self._idle(planned.due)

    def _rest(self, seconds: float) -> None:
        """Wait after an action, if there were many: someone else may be undoing them as fast."""
        if seconds:
            log.warning("so much to do in a short time that someone else may be undoing it, waiting", seconds=seconds)
        self.stop.wait(seconds)

    def _idle(self, due: datetime | None) -> None:
        """Wait for a change, or until something is due; many changes at once are looked at once."""
        left = self.recheck if due is None else (due - self.clock()) / timedelta(seconds=1)
        self._changed.wait(max(0, min(left, self.recheck)))
        self.stop.wait(0.1)

    def _apply(self, action: Action) -> None:
        written: Secret | None = None
        if isinstance(action, PatchBundle):
            self.cluster.patch(self.target.configuration, action)
        else:
            written = self.cluster.write(self.target.namespace, action)
        log.info(action.message, reason=action.reason)
        serving = not isinstance(action, PatchBundle) and action.name == self.target.serving_secret
        self._record("Normal", action.reason, action.message, written if serving else None)

    def _report(self, problems: tuple[str, ...]) -> None:
        """Say what cannot be mended, once for as long as it stays so."""
        for problem in problems:
            if problem not in self._problems:
                log.warning(problem, reason="ActionRequired")
                self._record("Warning", "ActionRequired", problem)
        for problem in self._problems:
            if problem not in problems:
                log.info("no longer so", problem=problem)
        self._problems = problems

    def _record(self, kind: str, reason: str, message: str, serving: Secret | None = None) -> None:
        """Create an Event about the serving Secret or this Deployment; one that is refused is only logged."""
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.deployment}
        if serving:
            uid = str(serving.raw["metadata"]["uid"])
            about = {"apiVersion": "v1", "kind": "Secret", "name": self.target.serving_secret, "uid": uid}
        about["namespace"] = self.target.namespace
        try:
            self.cluster.record(about, kind, reason, message, self.clock())
        except ClusterError as error:
            log.warning("an Event was not recorded", error=str(error))

    def _follow(self, changes: Callable[[], Iterator[None]]) -> None:
        """Watch one object for as long as the controller runs."""
        backoff = Backoff()
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                for _ in changes():
                    self._changed.set()
            except ClusterError as error:
                log.info("a watch ended, beginning it anew", error=str(error))
            if time.monotonic() - began > backoff.limit:
                backoff.reset()
            self.stop.wait(backoff.next())
