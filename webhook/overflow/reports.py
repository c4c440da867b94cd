"""What is told of a pod that was due: by its Events, by metrics, and in the log."""

import structlog

from certs.cluster_errors import ClusterError
from webhook.overflow.events import Events, Happening
from webhook.overflow.metrics import Metrics
from webhook.overflow.opened_pods import PER_APPLICATION
from webhook.overflow.profiles import Approval, Denial
from webhook.overflow.schedule import WaitingPod

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reports:
    """Tells what became of pods."""

    def __init__(self, events: Events, metrics: Metrics) -> None:
        """Tells it by `events`, `metrics` and the log."""
        self._events = events
        self._metrics = metrics

    def opened(self, one: WaitingPod, decided: Approval, waited: float) -> None:
        """A pod was opened that had been Unschedulable for `waited` seconds."""
        self._metrics.opened.labels(decided.profile).inc()
        self._metrics.wait_seconds.observe(waited)
        log.info(
            "opened", namespace=one.namespace, pod=one.name, profile=decided.profile, waited_seconds=round(waited, 1)
        )
        self._tell(
            Happening.OPENED, one, f"Unschedulable for {waited:.0f} s, so the pod may now run on virtual nodes, too"
        )

    def stopped(self, one: WaitingPod, decided: Approval, limit: str) -> None:
        """A limit stopped a pod."""
        self._metrics.limit_reached.labels(decided.profile, limit).inc()
        by_application = limit == PER_APPLICATION
        most = decided.limits.per_application if by_application else decided.limits.per_namespace
        of = "one application" if by_application else "a namespace"
        told = f"the profile {decided.profile} opens at most {most} pods of {of} at a time"
        self._tell(Happening.LIMIT_REACHED, one, f"The pod stays closed to virtual nodes: {told}")

    def refused(self, one: WaitingPod, refusal: Denial, profile: str | None) -> None:
        """The policy does not open a pod that waits in a namespace under `profile`."""
        self._metrics.not_opened.labels(refusal).inc()
        log.info("not opened", namespace=one.namespace, pod=one.name, reason=refusal)
        none = refusal is Denial.NO_PROFILE
        why = "its namespace has no profile of the policy" if none else f"the profile {profile} does not open it"
        self._tell(Happening.NOT_OPENED, one, f"The pod is not opened to virtual nodes: {why}")

    def failed(self, one: WaitingPod, error: ClusterError) -> None:
        """A call for a pod failed."""
        self._metrics.failed("open")
        log.warning("could not open a pod", namespace=one.namespace, pod=one.name, error=str(error))

    def _tell(self, happening: Happening, one: WaitingPod, message: str) -> None:
        self._events.tell(happening, one.namespace, one.name, one.uid, message)
