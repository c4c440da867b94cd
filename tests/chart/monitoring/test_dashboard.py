"""templates/monitoring/dashboard.yaml: what the person on call sees."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, render
from tests.chart.monitoring.queries import FAIL_OPEN, check, failures, selectors, unknown
from tests.chart.monitoring.test_prometheusrule import rules

#: The values that Grafana gives to its variables.
VARIABLES = {"$__rate_interval": "5m", "$profile": ".*", "$role": ".*"}


def dashboard(**monitoring: Any) -> dict[str, Any]:
    rendered = render({"monitoring": {"dashboard": {"enabled": True}, **monitoring}})
    return dict(json.loads(rendered.one("ConfigMap", f"{FULLNAME}-dashboard")["data"]["spark-eci-webhook.json"]))


def written(**monitoring: Any) -> dict[str, str]:
    """Each panel's queries, with the variables of Grafana."""
    # A row has no query.
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard(**monitoring)["panels"]
        for target in panel.get("targets", ())
    }


def queries(cluster: str = ".*") -> dict[str, str]:
    """Each panel's queries, as Grafana sends them for the clusters that `cluster` matches."""
    found = written()
    for variable, value in {**VARIABLES, "$cluster": cluster}.items():
        found = {title: query.replace(variable, value) for title, query in found.items()}
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


@pytest.mark.parametrize("label", ["cluster", "k8s_cluster"])
def test_every_query_is_for_the_chosen_clusters(label: str) -> None:
    for title, query in written(clusterLabel=label).items():
        for metric, matchers in selectors(query):
            assert f'{label}=~"$cluster"' in matchers, f"{title}: {metric}"
        for joined in re.findall(r"\bon \(([^)]*)\)", query):
            assert joined.split(", ")[0] == label, f"{title}: on ({joined})"


def test_clusters_come_first_and_the_other_variables_are_of_them() -> None:
    _, cluster, *others = dashboard(clusterLabel="k8s_cluster")["templating"]["list"]
    assert (cluster["name"], cluster["multi"], cluster["includeAll"]) == ("cluster", True, True)
    # Also matches metrics without the label.
    assert cluster["allValue"] == ".*"
    assert cluster["query"]["query"] == "label_values(spark_eci_webhook_build_info, k8s_cluster)"
    assert {one["name"]: one["query"]["query"] for one in others} == {
        name: f'label_values(spark_eci_webhook_admission_requests_total{{k8s_cluster=~"$cluster"}}, {name})'
        for name in ("profile", "role")
    }


@pytest.mark.needs("promtool")
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries().values())]
    assert f"{len(rules)} rules found" in check([{"name": "dashboard", "rules": rules}], tmp_path)


#: Two clusters whose namespaces and pods have the same names. In `one` a pod is unplaced, and `two` has a single replica, no leader and
#: another policy than `one`.
CLUSTERS = {
    'spark_eci_webhook_build_info{cluster="one",pod="a"}': 1,
    'spark_eci_webhook_build_info{cluster="one",pod="b"}': 1,
    'spark_eci_webhook_build_info{cluster="two",pod="a"}': 1,
    'spark_eci_webhook_policy_info{cluster="one",hash="aaaaaaaa",pod="a"}': 1,
    'spark_eci_webhook_policy_info{cluster="two",hash="bbbbbbbb",pod="a"}': 1,
    'spark_eci_overflow_policy_info{cluster="one",hash="bbbbbbbb",pod="c"}': 1,
    'spark_eci_overflow_policy_info{cluster="two",hash="bbbbbbbb",pod="c"}': 1,
    'spark_eci_overflow_leader{cluster="one",pod="c"}': 1,
    'spark_eci_overflow_leader{cluster="two",pod="c"}': 0,
    'spark_eci_overflow_waiting_pods{cluster="one",pod="c"}': 5,
    'spark_eci_overflow_waiting_pods{cluster="one",pod="d"}': 5,
    'spark_eci_overflow_waiting_pods{cluster="two",pod="c"}': 2,
    'kube_namespace_labels{cluster="one",namespace="etl",label_spark_eci_webhook_profile="default"}': 1,
    'kube_namespace_labels{cluster="two",namespace="etl",label_spark_eci_webhook_profile="default"}': 1,
    'kube_pod_labels{cluster="one",namespace="etl",pod="driver",label_spark_role="driver"}': 1,
    'kube_pod_labels{cluster="two",namespace="etl",pod="driver",label_spark_role="driver"}': 1,
    'kube_pod_annotations{cluster="two",namespace="etl",pod="driver",annotation_spark_eci_webhook_placement="a"}': 1,
}
#: What panels of one number show, for all clusters, for each, and for cluster `one` if its metrics have no label.
SHOWN = {
    "Replicas A": {".*": 1, "one": 2, "two": 1, "": 2},
    "Leader A": {".*": 0, "one": 1, "two": 0, "": 1},
    "Waiting pods A": {".*": 7, "one": 5, "two": 2, "": 5},
    "Overflow policy A": {".*": 1, "one": 1, "two": 0, "": 1},
    "Unplaced pods A": {".*": 1, "one": 1, "two": 0, "": 1},
}


def test_the_panel_of_pods_without_an_answer_counts_what_the_alert_counts() -> None:
    (panel,) = (query for query in written().values() if FAIL_OPEN in query)
    ((_, of_panel),) = selectors(panel)
    ((_, of_alert),) = selectors(rules()["SparkEciWebhookFailsOpen"]["expr"])
    assert of_panel == f'cluster=~"$cluster",{of_alert}'


@pytest.mark.needs("promtool")
def test_no_cluster_hides_another(tmp_path: Path) -> None:
    unlabelled = {
        series.replace('cluster="one",', ""): value for series, value in CLUSTERS.items() if 'cluster="one"' in series
    }
    asked = {cluster: queries(cluster) for cluster in (".*", "one", "two")}
    tests = [
        {
            "name": chosen or "without the label",
            "interval": "1m",
            "input_series": [
                {"series": series, "values": f"{value} {value}"}
                for series, value in (CLUSTERS if chosen else unlabelled).items()
            ],
            "promql_expr_test": [
                {
                    "eval_time": "1m",
                    "expr": asked[chosen or ".*"][title],
                    "exp_samples": [{"labels": "{}", "value": shown[chosen]}],
                }
                for title, shown in SHOWN.items()
            ],
        }
        for chosen in (".*", "one", "two", "")
    ]
    file = tmp_path / "dashboard.test.yaml"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    assert failures([file]) == ""
