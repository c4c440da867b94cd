"""The collector of admissions. The library's own counter and histogram judge it."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from webhook.core.review import Admission
from webhook.core.selectors import Role
from webhook.service.metrics import BUCKETS, PREFIX, Metrics

SECONDS = (0.0, 0.00005, *BUCKETS, *(bound + 1e-9 for bound in BUCKETS), 60.0)
ADMISSIONS = (
    Admission("1", "patched", "default", role=Role.DRIVER, mode="ecs-first"),
    Admission("2", "patched", "default", role=Role.EXECUTOR, mode="ecs-first"),
    Admission("3", "skipped", 'a "profile"\n'),
)


def test_admissions_are_counted_as_the_library_counts() -> None:
    metrics, registry = Metrics(""), CollectorRegistry()
    requests = Counter(
        "admission_requests",
        "Reviews answered, by profile, Spark role, mode in effect and outcome.",
        ("profile", "role", "mode", "outcome"),
        namespace=PREFIX,
        registry=registry,
    )
    duration = Histogram(
        "admission_duration_seconds",
        "Time from a review's last byte to its answer.",
        namespace=PREFIX,
        registry=registry,
        buckets=BUCKETS,
    )
    expected = _families(generate_latest(registry))
    assert expected.items() <= _families(generate_latest(metrics.registry)).items()
    for index, seconds in enumerate(SECONDS):
        admission = ADMISSIONS[index % len(ADMISSIONS)]
        metrics.admitted(admission, seconds)
        requests.labels(admission.profile, admission.role, admission.mode, admission.outcome).inc()
        duration.observe(seconds)
    for generate in (generate_latest, generate_openmetrics):
        found = _families(generate(metrics.registry))
        assert _families(generate(registry)).items() <= found.items()


def _families(text: bytes) -> dict[str, tuple[str, str, list[tuple[str, dict[str, str], float]]]]:
    """Each family by its name: type, help, and samples without the moments at which they began."""
    return {
        family.name: (
            family.type,
            family.documentation,
            [
                (sample.name, sample.labels, 0 if sample.name.endswith("_created") else sample.value)
                for sample in family.samples
            ],
        )
        for family in text_string_to_metric_families(text.decode())
    }
