"""`resource-policy` writes what ACK's documentation shows, and nothing that it refuses."""

from typing import Any

import pytest
import yaml

from tests.cli.conftest import ROOT, Run

DOCUMENTED = "--ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64 --per-application"


def written(run: Run, arguments: str) -> dict[str, Any]:
    ran = run("resource-policy", *arguments.split())
    assert ran.code == 0
    found: dict[str, Any] = yaml.safe_load(ran.out)
    return found


def test_the_documented_flags_write_the_vendors_example(run: Run) -> None:
    """Field for field, and in its order."""
    example = yaml.safe_load((ROOT / "examples/resource-policy/resource-policy.yaml").read_text())
    found = written(run, DOCUMENTED)
    assert found == example
    assert list(found["spec"]) == list(example["spec"])
    help_text = " ".join(run("resource-policy", "--help").out.split())
    assert f"spark-eci-webhook resource-policy {DOCUMENTED}" in help_text


def test_counting_by_submission_warns_of_spark_connect(run: Run) -> None:
    assert run("resource-policy", *DOCUMENTED.split()).err == (
        "warning: pods of a SparkConnect have no label sparkoperator.k8s.io/submission-id, "
        "so this ResourcePolicy rejects them\n"
    )
    assert run("resource-policy", "--ecs-max", "2").err == ""


def test_without_a_maximum_nothing_is_counted(run: Run) -> None:
    """What needs `max` is left out with it."""
    assert written(run, "--namespace data --name spark") == {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": "spark", "namespace": "data"},
        "spec": {
            "preemptPolicy": "AfterAllUnits",
            "selector": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"},
            "strategy": "prefer",
            "units": [{"resource": "ecs"}, {"resource": "eci"}],
        },
    }


def test_a_maximum_of_one_kind_leaves_the_other_open(run: Run) -> None:
    spec = written(run, "--ecs-max 4 --node-selector pool=spark --node-selector kubernetes.io/arch=arm64")["spec"]
    assert spec["units"] == [
        {"max": 4, "resource": "ecs", "nodeSelector": {"pool": "spark", "kubernetes.io/arch": "arm64"}},
        {"resource": "eci"},
    ]
    assert (spec["ignorePreviousPod"], spec["ignoreTerminatingPod"]) == (True, False)
    assert "matchLabelKeys" not in spec


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--per-application", "--per-application counts pods up to a number: give --ecs-max or --eci-max too"),
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
            '--namespace: found "Data"; accepted: lowercase letters, digits and hyphens, at most 63, '
            "with a letter or digit at both ends",
        ),
        (
            "--ecs-max 0",
            "--ecs-max: found 0; accepted: 1 or more",
        ),
    ],
)
def test_what_the_scheduler_would_refuse_is_refused(arguments: str, sentence: str, run: Run) -> None:
    ran = run("resource-policy", *arguments.split())
    assert (ran.code, ran.out, ran.err) == (2, "", f"{sentence}\n")
