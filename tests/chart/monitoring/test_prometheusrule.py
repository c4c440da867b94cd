"""templates/monitoring/prometheusrule.yaml: the alerts, unit-tested by Prometheus' own tool."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.readiness import CANARY
from tests.chart.manifests import render
from tests.chart.monitoring.fleet import fleet, without_cluster
from tests.chart.monitoring.queries import FAIL_OPEN, check, failures, selectors, unknown

HERE = Path(__file__).parent


def rules(monitoring: dict[str, Any] | None = None, **settings: Any) -> dict[str, dict[str, Any]]:
    """The rendered alerts by name; `settings` are values of monitoring.prometheusRule, `monitoring` those beside it."""
    values = {**(monitoring or {}), "prometheusRule": {"enabled": True, **settings}}
    rendered = render({"overflow": {"enabled": True}, "monitoring": values})
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
        forgetAfter="2d",
        disabled=["SparkEciWebhookNoTraffic"],
    )
    assert changed["SparkEciWebhookSlow"]["expr"].endswith(" > 0.25")
    assert changed["SparkEciWebhookCertificateExpiresSoon"]["expr"].endswith(" < 7")
    down = changed["SparkEciWebhookDown"]["expr"]
    assert (down.count("[2d]"), down.count("[")) == (2, 2)
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


@pytest.mark.parametrize("values", [{}, {"webhook": {"defaultProfile": "eci-only"}}])
def test_pods_admitted_without_an_answer_are_those_of_every_entry_for_pods(values: dict[str, Any]) -> None:
    ((metric, matchers),) = selectors(rules()["SparkEciWebhookFailsOpen"]["expr"])
    matched, left_out = re.fullmatch(r'name=~"(.*)",name!="(.*)"', matchers).groups()  # type: ignore[union-attr]
    assert (metric, left_out) == (FAIL_OPEN, CANARY)
    found = {
        entry["name"]: entry["rules"][0]["resources"]
        for entry in render(values).one("MutatingWebhookConfiguration", "spark-placement")["webhooks"]
    }
    assert [name for name in found if not re.fullmatch(matched, name)] == []
    assert {name: resources for name, resources in found.items() if resources != ["pods"]} == {CANARY: ["events"]}


def test_without_any_alert_the_group_is_empty() -> None:
    assert rules(disabled=list(rules())) == {}


def test_alerts_ask_only_for_metrics_that_are_there() -> None:
    assert {name: unknown(rule["expr"]) for name, rule in rules().items() if unknown(rule["expr"])} == {}


def written(file: str = "alerts.test.yaml") -> list[dict[str, Any]]:
    """The tests in a file."""
    found = list(yaml.safe_load((HERE / file).read_text())["tests"])
    # Without quotes, YAML reads 0x60 as a number.
    assert all(isinstance(series["values"], str) for test in found for series in test["input_series"])
    return found


def test_every_alert_is_tried_firing_and_silent() -> None:
    tried = [one for test in written() for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == rules().keys()
    assert {one["alertname"] for one in tried if not one.get("exp_alerts")} == rules().keys()


@pytest.mark.needs("promtool")
def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    groups = [{"name": "spark-eci-webhook", "rules": list(rules().values())}]
    assert f"{len(rules())} rules found" in check(groups, tmp_path)
    assert faults(rules(), written(), tmp_path) == ""


@pytest.mark.needs("promtool")
def test_each_cluster_has_its_own_alerts(tmp_path: Path) -> None:
    assert faults(rules(), several(), tmp_path) == ""


@pytest.mark.needs("promtool")
def test_the_label_may_have_another_name(tmp_path: Path) -> None:
    renamed = rules({"clusterLabel": "k8s_cluster"})
    assert "cluster" not in re.findall(r"\w+", str([rule["expr"] for rule in renamed.values()]))
    some = fleet(written(), renamed, sick=["ill", "sick"], well="well", label="k8s_cluster")
    assert faults(renamed, some, tmp_path) == ""


@pytest.mark.needs("promtool")
def test_the_alerts_of_one_cluster_are_for_no_other(tmp_path: Path) -> None:
    assert faults(rules(cluster="own"), selected(), tmp_path) == ""


def test_the_alerts_of_one_cluster_select_it_everywhere() -> None:
    name = 'prod: "1" # CLUSTER, JOB, MATCHER'
    for alert, rule in rules(cluster=name).items():
        for metric, matchers in selectors(rule["expr"]):
            assert matchers.startswith(f"cluster={json.dumps(name)}"), f"{alert}: {metric}"


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("alert", rules())
def test_no_alert_can_do_without_the_label_anywhere(alert: str, tmp_path: Path) -> None:
    rule, own = rules()[alert], rules(cluster="own")[alert]
    changed = without_cluster(rule["expr"])
    assert changed
    for expr, expr_own in zip(changed, without_cluster(own["expr"]), strict=True):
        assert faults({alert: rule | {"expr": expr}}, several(), tmp_path) or faults(
            {alert: own | {"expr": expr_own}}, selected(), tmp_path
        ), f"no test notices {expr}"


@cache
def several() -> list[dict[str, Any]]:
    """The tests with several clusters."""
    return fleet(written(), rules(), sick=["ill", "sick"], well="well") + written("clusters.test.yaml")


@cache
def selected() -> list[dict[str, Any]]:
    """The tests of the alerts that select the cluster `own`."""
    alerts = rules(cluster="own")
    return (
        fleet(written(), alerts, sick=["own"], well="well")
        + fleet(written(), alerts, sick=["sick"], well="own", alerting=False)
        + written("selected.test.yaml")
    )


def faults(alerts: dict[str, dict[str, Any]], some: list[dict[str, Any]], folder: Path) -> str:
    """What promtool finds wrong when it runs the tests of these alerts. Empty: nothing."""
    files = []
    # A file for each alert, because promtool evaluates all alerts of a file for as long as the longest test lasts.
    for alert, rule in alerts.items():
        rules_file, file = folder / f"{alert}.yaml", folder / f"{alert}.test.yaml"
        rules_file.write_text(json.dumps({"groups": [{"name": "spark-eci-webhook", "rules": [rule]}]}))
        kept = [
            test | {"alert_rule_test": tried}
            for test in some
            if (tried := [one for one in test["alert_rule_test"] if one["alertname"] == alert])
        ]
        file.write_text(json.dumps({"rule_files": [rules_file.name], "evaluation_interval": "1m", "tests": kept}))
        files.append(file)
    return failures(files)
