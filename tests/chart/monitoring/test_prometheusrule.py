"""templates/monitoring/prometheusrule.yaml: the alerts, unit-tested by Prometheus' own tool."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.manifests import render
from tests.chart.monitoring.queries import check, promtool, unknown

HERE = Path(__file__).parent


def rules(**settings: Any) -> dict[str, dict[str, Any]]:
    rendered = render({"overflow": {"enabled": True}, "monitoring": {"prometheusRule": {"enabled": True, **settings}}})
    (group,) = rendered.one("PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    for rule in rules().values():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_advice_names_only_values_that_the_chart_has() -> None:
    named = set(re.findall(r"\b(?:settings|resources)\.[\w.]*\w", str(rules())))
    assert named == {"settings.maxInFlight", "settings.maxBodyBytes", "resources.limits.memory"}
    assert render({"settings": {"maxInFlight": 2048, "maxBodyBytes": 8 * 1024**2}}).objects


def test_thresholds_labels_and_the_runbook_are_values() -> None:
    changed = rules(
        latencySeconds=0.25,
        certificateDays=7,
        alertLabels={"team": "data"},
        runbookUrl="https://runbooks.example.com/spark",
        disabled=["SparkEciWebhookNoTraffic"],
    )
    assert changed["SparkEciWebhookSlow"]["expr"].endswith(" > 0.25")
    assert changed["SparkEciWebhookCertificateExpiresSoon"]["expr"].endswith(" < 7")
    assert {rule["labels"]["team"] for rule in changed.values()} == {"data"}
    runbook = changed["SparkEciWebhookDown"]["annotations"]["runbook_url"]
    assert runbook == "https://runbooks.example.com/spark#sparkeciwebhookdown"
    assert rules().keys() - changed.keys() == {"SparkEciWebhookNoTraffic"}


def test_alerts_of_the_overflow_controller_are_there_if_it_runs() -> None:
    rendered = render({"monitoring": {"prometheusRule": {"enabled": True}}})
    (group,) = rendered.one("PrometheusRule")["spec"]["groups"]
    others = [name for name, rule in rules().items() if "spark_eci_overflow" not in rule["expr"]]
    assert [rule["alert"] for rule in group["rules"]] == others
    assert len(others) == len(rules()) - 5


def test_without_any_alert_the_group_is_empty() -> None:
    assert rules(disabled=list(rules())) == {}


def test_alerts_ask_only_for_metrics_that_are_there() -> None:
    assert {name: unknown(rule["expr"]) for name, rule in rules().items() if unknown(rule["expr"])} == {}


def test_every_alert_is_tried_firing_and_silent() -> None:
    tests = yaml.safe_load((HERE / "alerts.test.yaml").read_text())["tests"]
    tried = [one for test in tests for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == rules().keys()
    assert {one["alertname"] for one in tried if not one.get("exp_alerts")} == rules().keys()


@pytest.mark.needs("promtool")
def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    groups = [{"name": "spark-eci-webhook", "rules": list(rules().values())}]
    assert f"{len(rules())} rules found" in check(groups, tmp_path)
    shutil.copy(HERE / "alerts.test.yaml", tmp_path)
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "alerts.test.yaml")
