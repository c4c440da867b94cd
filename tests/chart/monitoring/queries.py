"""Checks of the PromQL in the chart, by promtool and against the service's metrics."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from webhook.overflow.metrics import Metrics as OverflowMetrics
from webhook.service.metrics import Metrics

#: What API servers admitted without an answer, by the entry of the configuration.
FAIL_OPEN = "apiserver_admission_webhook_fail_open_count"
#: Metrics of other programs that a query may use.
FOREIGN = {
    "up",
    "kube_pod_labels",
    "kube_pod_annotations",
    "kube_namespace_labels",
    FAIL_OPEN,
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}

_METRIC = r"\b(?:spark_eci_webhook|spark_eci_overflow|kube|apiserver|process)_[a-z_]+\b|\bup\b"


def promtool(*arguments: str | Path) -> str:
    """The output of promtool. Fails if promtool finds a fault."""
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def failures(files: list[Path]) -> str:
    """What promtool says about files of tests of rules. Empty if all succeed."""
    done = subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def check(groups: list[dict[str, Any]], folder: Path) -> str:
    """The output of promtool's check of rule groups."""
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": groups}))
    return promtool("check", "rules", file)


def selectors(query: str) -> list[tuple[str, str]]:
    """The metrics that a query selects, each with its matchers (empty if it has none)."""
    found: list[tuple[str, str]] = re.findall(rf"({_METRIC})(?:\{{(.*?)\}})?", query)
    return found


def unknown(query: str) -> set[str]:
    """The metrics in a query that neither the service, nor the overflow controller, nor FOREIGN has."""
    found = set(re.findall(_METRIC, query))
    labels = set(re.findall(r"\b(?:label|annotation)_\w+", query))
    own = {
        f"{metric.name}{suffix}"
        for registry in (Metrics("0").registry, OverflowMetrics("0", (), lambda: 0).registry)
        for metric in registry.collect()
        for suffix in _SUFFIXES[metric.type]
    }
    return found - labels - own - FOREIGN


_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_count", "_sum"),
}
