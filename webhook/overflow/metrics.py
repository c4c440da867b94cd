"""The metrics of the overflow controller, in their own registry. Every label has a bounded set of values."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from webhook import __version__
from webhook.overflow.opened_pods import PER_APPLICATION, PER_NAMESPACE

PREFIX: Final = "spark_eci_overflow"
#: Seconds. A delay is at most an hour.
_BUCKETS: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
#: What can fail.
ERRORS: Final = ("list", "watch", "open", "event", "lease")
#: Why a pod is not opened: its namespace is under no profile, or the policy decides otherwise.
REFUSALS: Final = ("no-profile", "decision")


class Metrics:
    """The metrics of one controller."""

    def __init__(self, digest: str, profiles: Iterable[str], waiting: Callable[[], float]) -> None:
        """Starts at zero. `digest` is the policy's, `profiles` its profiles, `waiting` counts the pods that wait."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        counter = partial(Counter, namespace=PREFIX, registry=self.registry)
        gauge = partial(Gauge, namespace=PREFIX, registry=self.registry)
        gauge("waiting_pods", "Pods without a node that the policy opens once they are due.").set_function(waiting)
        self.leader = gauge("leader", "1 if this replica has the Lease and opens pods, else 0.")
        self.opened = counter("opened", "Pods opened, by profile.", ("profile",))
        self.wait_seconds = Histogram(
            "wait_seconds",
            "Time for which a pod was Unschedulable before it was opened.",
            namespace=PREFIX,
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.limit_reached = counter("limit_reached", "Pods that a limit stopped.", ("profile", "limit"))
        self.not_opened = counter(
            "not_opened", "Pods with the label waiting that the policy does not open, by reason.", ("reason",)
        )
        self.errors = counter("errors", "Calls to the API server that failed, by what they were for.", ("what",))
        for profile in profiles:
            self.opened.labels(profile)
            for limit in (PER_APPLICATION, PER_NAMESPACE):
                self.limit_reached.labels(profile, limit)
        for reason in REFUSALS:
            self.not_opened.labels(reason)
        for what in ERRORS:
            self.errors.labels(what)
        info = partial(Info, namespace=PREFIX, registry=self.registry)
        info("policy", "The policy in use.").info({"hash": digest})
        info("build", "The running version.").info({"version": __version__})

    def rejected(self, reason: str) -> None:
        """Counts no call that was rejected: probes and scrapes are not what the controller is there for."""

    def failed(self, what: str) -> None:
        """Counts a call that failed; `what` is one of ERRORS."""
        self.errors.labels(what).inc()
