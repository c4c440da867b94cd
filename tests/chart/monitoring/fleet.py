"""Tests of the alerts with several clusters, made from those with one cluster whose metrics do not name it."""

import re
from collections.abc import Collection
from typing import Any

#: Where a summary names its cluster, if there is one.
_NAMED = re.compile(r"\{\{ with \$labels\.\w+ \}\}( \w+ cluster )\{\{ \. \}\}\{\{ end \}\}")


def fleet(
    tests: list[dict[str, Any]],
    rules: dict[str, dict[str, Any]],
    *,
    sick: Collection[str],
    well: str,
    alerting: bool = True,
    label: str = "cluster",
) -> list[dict[str, Any]]:
    """Promtool's tests of the same faults in each of the clusters `sick`, beside the cluster `well`.

    `tests` are those without clusters. The first has the metrics of a cluster that is well; tests without metrics are left out.
    The alerts that are expected are those of the sick clusters, or none if not `alerting`.
    """
    healthy = [_of(series, label, well) for series in tests[0]["input_series"]]
    return [
        {
            "name": test["name"],
            "interval": test["interval"],
            "input_series": healthy + [_of(series, label, name) for name in sick for series in test["input_series"]],
            "alert_rule_test": [
                one
                | {
                    "exp_alerts": [
                        _alert(alert, rules[one["alertname"]], label, name)
                        for name in sick
                        for alert in one.get("exp_alerts", ())
                        if alerting
                    ]
                }
                for one in test["alert_rule_test"]
            ],
        }
        for test in tests[1:]
        if test["input_series"]
    ]


def _of(series: dict[str, str], label: str, cluster: str) -> dict[str, str]:
    """The series of a cluster, by its label."""
    return series | {"series": series["series"].replace("{", f'{{{label}="{cluster}",', 1)}


def _alert(alert: dict[str, Any], rule: dict[str, Any], label: str, cluster: str) -> dict[str, Any]:
    """An expected alert, as that of a cluster."""
    before, preposition, after = _NAMED.split(rule["annotations"]["summary"])
    found = re.fullmatch(f"({_any(before)})({_any(after)})", alert["exp_annotations"]["summary"])
    assert found, f"{alert} is not from {rule}"
    summary = f"{found[1]}{preposition}{cluster}{found[2]}"
    return {
        "exp_labels": alert["exp_labels"] | {label: cluster},
        "exp_annotations": alert["exp_annotations"] | {"summary": summary},
    }


def _any(template: str) -> str:
    """A pattern of what a template may become."""
    return ".+".join(re.escape(text) for text in re.split(r"\{\{.*?\}\}", template))


def without_cluster(expression: str, label: str = "cluster") -> list[str]:
    """The expression once for each place where it aggregates or joins by the label, without the label there."""
    places = re.finditer(rf"(?<=\b(?:by|on) \(){label}(?:, )?", expression)
    return [expression[: place.start()] + expression[place.end() :] for place in places]
