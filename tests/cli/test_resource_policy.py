"""`resource-policy` writes what ACK's documentation shows, and refuses what the API server or scheduler would."""

from typing import Any

import pytest
import yaml

from tests.cli.conftest import ROOT, Run

DOCUMENTED = "--ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64 --per-application"
UNCOUNTED = {
    "preemptPolicy": "AfterAllUnits",
    "selector": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"},
    "strategy": "prefer",
    "units": [{"resource": "ecs"}, {"resource": "eci"}],
}


def test_the_documented_flags_write_the_vendors_example(run: Run) -> None:
    """Field for field, and in its order."""
    ran = run("resource-policy", *DOCUMENTED.split())
    example = (ROOT / "examples/resource-policy/resource-policy.yaml").read_text()
    assert list(yaml.safe_load(ran.out)["spec"].items()) == list(yaml.safe_load(example)["spec"].items())
    assert yaml.safe_load(ran.out) == yaml.safe_load(example)
    assert (ran.code, ran.err) == (
        0,
        "warning: pods of a SparkConnect have no label sparkoperator.k8s.io/submission-id, "
        "so this ResourcePolicy rejects them\n",
    )
    help_text = " ".join(run("resource-policy", "--help").out.split())
    assert f"spark-eci-webhook resource-policy {DOCUMENTED}" in help_text


def test_pods_of_another_operator_are_counted_by_what_they_have(run: Run) -> None:
    label = "spark.operator/name=spark-kubernetes-operator"
    ran = run("resource-policy", "--label", label, "--label", "team=etl", "--ecs-max", "2", "--per-application")
    spec = yaml.safe_load(ran.out)["spec"]
    assert spec["selector"] == {"spark.operator/name": "spark-kubernetes-operator", "team": "etl"}
    assert (spec["matchLabelKeys"], ran.code) == (["spark-app-selector"], 0)
    assert ran.err == ""
    ran = run("resource-policy", "--label", "team=etl", "--ecs-max", "2", "--per-application")
    assert yaml.safe_load(ran.out)["spec"]["matchLabelKeys"] == ["spark-app-selector"]
    assert ran.err == (
        "warning: pods of a SparkCluster have no label spark-app-selector, so this ResourcePolicy rejects them\n"
    )
    label = "spark.operator/spark-cluster-name=prod"
    ran = run("resource-policy", "--label", label, "--ecs-max", "2", "--per-application")
    assert (yaml.safe_load(ran.out)["spec"]["matchLabelKeys"], ran.err) == (["spark.operator/spark-cluster-name"], "")
    assert run("resource-policy", "--label", "team") == (2, "", '--label: found "team"; accepted: KEY=VALUE\n')


@pytest.mark.parametrize(
    ("arguments", "name", "spec"),
    [
        # Without a maximum nothing is counted.
        ("--namespace data --name spark", {"name": "spark", "namespace": "data"}, UNCOUNTED),
        # A maximum of one kind leaves the other without one.
        (
            "--ecs-max 4 --node-selector pool=spark --node-selector kubernetes.io/arch=arm64",
            {"name": "sparkapplication-resource-policy", "namespace": "default"},
            UNCOUNTED
            | {
                "ignorePreviousPod": True,
                "ignoreTerminatingPod": False,
                "units": [
                    {"max": 4, "resource": "ecs", "nodeSelector": {"pool": "spark", "kubernetes.io/arch": "arm64"}},
                    {"resource": "eci"},
                ],
            },
        ),
    ],
)
def test_flags_set_what_they_name_and_nothing_else(
    arguments: str, name: dict[str, str], spec: dict[str, Any], run: Run
) -> None:
    ran = run("resource-policy", *arguments.split())
    assert (ran.code, ran.err) == (0, "")
    assert yaml.safe_load(ran.out) == {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": name,
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--per-application", "--per-application needs --ecs-max or --eci-max"),
        ("--node-selector arch", '--node-selector: found "arch"; accepted: KEY=VALUE'),
        (
            "--node-selector _a=b",
            "--node-selector: found \"_a\"; accepted: a qualified name: letters, digits, '-', '_' and '.', at most 63, "
            "perhaps after a prefix and '/'",
        ),
        (
            f"--node-selector a={'b' * 64}",
            f"--node-selector: found \"{'b' * 64}\"; accepted: a label value: letters, digits, '-', '_' and '.', "
            "at most 63, with a letter or digit at both ends",
        ),
        (
            "--namespace Data",
            '--namespace: found "Data"; accepted: a DNS label: lowercase letters, digits and hyphens, '
            "with a letter or digit at both ends",
        ),
        (f"--name {'a' * 64}", f'--name: found "{"a" * 64}"; accepted: at most 63 characters'),
        ("--ecs-max 0", "--ecs-max: found 0; accepted: 1 or more"),
    ],
)
def test_invalid_values_are_refused(arguments: str, sentence: str, run: Run) -> None:
    assert run("resource-policy", *arguments.split()) == (2, "", f"{sentence}\n")
