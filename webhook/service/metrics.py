"""The metrics of the serving process, in their own registry. Every label has a bounded set of values."""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from webhook import __version__
from webhook.core.review import Admission

PREFIX: Final = "spark_eci_webhook"
#: Seconds. A review takes tens of microseconds; an API server waits for at most its timeout.
BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
#: Why a call was not answered with a review.
REJECTIONS: Final = (
    "invalid",
    "too-large",
    "too-large-head",
    "timeout",
    "overloaded",
    "memory",
    "untaken",
    "forbidden",
    "disconnected",
    "unknown-profile",
    "method",
    "not-found",
    "error",
)
#: The tasks that run as long as the process: the operations listener, the check of the certificate files, and the
#: listener for reviews.
TASKS: Final = ("operations", "reload", "trim", "admissions")


class Metrics:
    """The metrics of one serving process."""

    def __init__(self, digest: str) -> None:
        """Starts at zero; `digest` is the policy's."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        counter = partial(Counter, namespace=PREFIX, registry=self.registry)
        gauge = partial(Gauge, namespace=PREFIX, registry=self.registry)
        info = partial(Info, namespace=PREFIX, registry=self.registry)
        self._requests = counter(
            "admission_requests",
            "Reviews answered, by profile, Spark role, mode in effect and outcome.",
            ("profile", "role", "mode", "outcome"),
        )
        self._warnings = counter("warnings", "Warnings sent in answers, by reason.", ("reason",))
        self._rejected = counter("rejected_calls", "Calls not answered with a review, by reason.", ("reason",))
        for reason in REJECTIONS:
            self._rejected.labels(reason)
        self._duration = Histogram(
            "admission_duration_seconds",
            "Time from a review's last byte to its answer.",
            namespace=PREFIX,
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.connections = gauge("connections", "Connections to the port for reviews.")
        self.in_flight = gauge("admission_in_flight", "Reviews being answered.")
        self.body_bytes = gauge("admission_body_bytes", "Bytes of request bodies held in memory.")
        self.answer_bytes = gauge("admission_answer_bytes", "Bytes of answers that clients do not take.")
        self._certificate_expiry = gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate in use expires, in seconds since 1970; 0 if there is none.",
        )
        self._reloads = counter(
            "certificate_reloads", "Changes of certificate or client CA files, by whether they loaded.", ("outcome",)
        )
        for outcome in ("loaded", "failed"):
            self._reloads.labels(outcome)
        self.failed_tasks = counter(
            "failed_tasks", "Tasks of the process that ended unexpectedly, after which it drains and ends.", ("task",)
        )
        for task in TASKS:
            self.failed_tasks.labels(task)
        self.log_lines_dropped = counter(
            "log_lines_dropped", "Log lines dropped: too many of a kind in one second, or nobody read them."
        )
        info("policy", "The policy in use.").info({"hash": digest})
        info("build", "The running version.").info({"version": __version__})
        self._counters: dict[tuple[str, str, str, str], Counter] = {}

    def admitted(self, admission: Admission, seconds: float) -> None:
        """Counts one answered review, which took `seconds`."""
        key = (admission.profile, admission.role, admission.mode, admission.outcome)
        # labels() checks and locks at each call, so the counters are kept. A policy leads to few of them.
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(*key)
        counter.inc()
        self._duration.observe(seconds)
        for caution in admission.cautions:
            self._warnings.labels(caution.reason).inc()

    def reloaded(self, outcome: str, not_after: float | None = None) -> None:
        """Counts one change of the certificate or client CA files: `loaded`, with a pair's expiry, or `failed`."""
        self._reloads.labels(outcome).inc()
        if not_after is not None:
            self._certificate_expiry.set(not_after)

    def rejected(self, reason: str) -> None:
        """Counts one call that was not answered with a review; `reason` is one of REJECTIONS."""
        self._rejected.labels(reason).inc()
