"""The metrics of the serving process, in their own registry. Every label has a bounded set of values."""

from bisect import bisect_left
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from time import time
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, Metric
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
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


class Measured(Protocol):
    """The metrics of a process: those that are scraped, and the count of calls that were rejected."""

    @property
    def registry(self) -> CollectorRegistry:
        """The metrics that are scraped."""

    def rejected(self, reason: str) -> None:
        """Counts one call that was rejected; `reason` is one of REJECTIONS."""


class _AdmissionCounts:
    """The counts and durations of admissions.

    The library's own counters and histograms take a lock for each of the three values that an admission changes, which
    takes four times as long. All admissions are counted in one thread, so none is needed.
    """

    def __init__(self) -> None:
        """Starts at zero."""
        self._counts: dict[tuple[str, ...], int] = {}
        self._since: dict[tuple[str, ...], float] = {}
        self._durations = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._began = time()

    def add(self, labels: tuple[str, ...], seconds: float) -> None:
        """Counts one admission with `labels` (profile, role, mode and outcome), which took `seconds`."""
        try:
            self._counts[labels] += 1
        except KeyError:
            self._counts[labels] = 1
            self._since[labels] = time()
        self._durations[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def by_mode(self) -> dict[tuple[str, str], int]:
        """How many admissions there were, by mode and outcome."""
        found: dict[tuple[str, str], int] = {}
        for (_, _, *key), count in self._counts.items():
            mode, outcome = key
            found[mode, outcome] = found.get((mode, outcome), 0) + count
        return found

    def collect(self) -> Iterator[Metric]:
        """The two metrics, as prometheus_client's own would have them."""
        requests = CounterMetricFamily(
            f"{PREFIX}_admission_requests",
            "Reviews answered, by profile, Spark role, mode in effect and outcome.",
            labels=("profile", "role", "mode", "outcome"),
        )
        for labels, count in self._counts.items():
            requests.add_metric(labels, count, created=self._since[labels])
        yield requests
        name = f"{PREFIX}_admission_duration_seconds"
        duration = HistogramMetricFamily(name, "Time from a review's last byte to its answer.")
        bounds = (*map(str, BUCKETS), "+Inf")
        duration.add_metric((), list(zip(bounds, accumulate(self._durations), strict=True)), self._seconds)
        duration.add_sample(f"{name}_created", {}, self._began)
        yield duration


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
        self._admissions = _AdmissionCounts()
        self.registry.register(self._admissions)
        self._warnings = counter("warnings", "Warnings sent in answers, by reason.", ("reason",))
        self._rejected = counter("rejected_calls", "Calls not answered with a review, by reason.", ("reason",))
        for reason in REJECTIONS:
            self._rejected.labels(reason)
        self.connections = gauge("connections", "Connections to the port for reviews.")
        self.in_flight = gauge("admission_in_flight", "Reviews being answered.")
        self.body_bytes = gauge("admission_body_bytes", "Bytes of request bodies held in memory.")
        self.answer_bytes = gauge("admission_answer_bytes", "Bytes of answers that clients do not take.")
        self.certificate_not_after: float | None = None
        """When the certificate in use expires, in seconds since 1970; None if there is none."""
        gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate in use expires, in seconds since 1970; 0 if there is none.",
        ).set_function(lambda: self.certificate_not_after or 0)
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

    def admitted(self, admission: Admission, seconds: float) -> None:
        """Counts one answered review, which took `seconds`."""
        self._admissions.add((admission.profile, admission.role, admission.mode, admission.outcome), seconds)
        for caution in admission.cautions:
            self._warnings.labels(caution.reason).inc()

    def admitted_totals(self) -> list[tuple[str, str, int]]:
        """Mode, outcome, and how many admissions had them."""
        return [(*key, count) for key, count in self._admissions.by_mode().items()]

    def warning_totals(self) -> dict[str, int]:
        """How many warnings there were of each reason."""
        samples = (sample for metric in self._warnings.collect() for sample in metric.samples)
        return {one.labels["reason"]: int(one.value) for one in samples if one.name.endswith("_total")}

    def reloaded(self, outcome: str, not_after: float | None = None) -> None:
        """Counts one change of the certificate or client CA files: `loaded`, with a pair's expiry, or `failed`."""
        self._reloads.labels(outcome).inc()
        if not_after is not None:
            self.certificate_not_after = not_after

    def rejected(self, reason: str) -> None:
        """Counts one call that was not answered with a review; `reason` is one of REJECTIONS."""
        self._rejected.labels(reason).inc()
