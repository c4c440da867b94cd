"""templates/monitoring/dashboard.yaml: what the person on call sees."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, render
from tests.chart.monitoring.queries import check, unknown

#: The values that Grafana gives to its variables.
VARIABLES = {"$__rate_interval": "5m", "$profile": ".*", "$role": ".*"}


def dashboard() -> dict[str, Any]:
    rendered = render({"monitoring": {"dashboard": {"enabled": True}}})
    return dict(json.loads(rendered.one("ConfigMap", f"{FULLNAME}-dashboard")["data"]["spark-eci-webhook.json"]))


def queries() -> dict[str, str]:
    found = {}
    for panel in dashboard()["panels"]:
        # A row has no query.
        for target in panel.get("targets", ()):
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = query
    return found


def test_grafana_finds_it_by_its_label() -> None:
    values = {"enabled": True, "labels": {"grafana_dashboard": "yes"}, "annotations": {"folder": "Spark"}}
    metadata = render({"monitoring": {"dashboard": values}}).one("ConfigMap", f"{FULLNAME}-dashboard")["metadata"]
    assert metadata["labels"]["grafana_dashboard"] == "yes"
    assert metadata["annotations"] == {"folder": "Spark"}


def test_the_panels_that_operations_need_are_there() -> None:
    titles = [panel["title"] for panel in dashboard()["panels"]]
    assert len(set(titles)) == len(titles)
    assert {
        "Admissions by outcome",
        "Admissions by mode",
        "Latency",
        "Warnings by reason",
        "Certificate",
        "Unplaced pods",
        "Overflow controller",
        "Waiting pods",
        "Leader",
        "Opened by profile",
        "Wait",
        "Limits reached",
        "Overflow errors",
    } <= set(titles)


def test_panels_stand_beside_each_other_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        assert panel["description"]
        taken |= cells


def test_panels_ask_only_for_metrics_that_are_there() -> None:
    assert {title: unknown(query) for title, query in queries().items() if unknown(query)} == {}


@pytest.mark.needs("promtool")
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries().values())]
    assert f"{len(rules)} rules found" in check([{"name": "dashboard", "rules": rules}], tmp_path)
