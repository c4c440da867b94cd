"""Applications of both operators in one folder: each output says whose application it is, and how its pods are divided."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from webhook.spark.versions import OPERATORS

LAUNCHED = "sparkoperator.k8s.io/launched-by-spark-operator"
APPS = "tests/cli/operators"
EVERY = ("explain", "-f", APPS, "--policy", f"{APPS}/policy/every-kind.yaml", "--ignore", "policy")
HEADS = [
    f"SparkApplication etl/report in {APPS}/apache.yaml, profile default (assumed), Apache's operator, Spark 4.2.0",
    f"SparkCluster etl/prod in {APPS}/apache.yaml, profile default (assumed), Apache's operator, Spark 4.2.0",
    f"SparkApplication etl/report in {APPS}/kubeflow.yaml, profile default (assumed), operator {OPERATORS[-1]}, Spark 3.5.2",
]


def test_the_text_names_the_operator_of_each(run: Run) -> None:
    ran = run(*EVERY)
    assert (ran.code, ran.err) == (0, "")
    assert [line for line in ran.out.splitlines() if line.startswith("Spark")] == HEADS
    assert ran.out.splitlines()[-1] == "3 applications, 9 pods: 9 placed"
    titles = [line.strip() for line in ran.out.splitlines() if line.startswith("  ") and line[2] not in " -"]
    assert titles == [
        "driver report-0-driver: ecs-only, from the profile",
        "executor (2 of 3) com-example-report-0000000000000000-exec-1: ecs-only, as one of the first",
        "executor (1 of 3) com-example-report-0000000000000000-exec-3: eci-only, from the profile",
        "master prod-master-0: ecs-only, from the profile",
        "worker (2 of 4) prod-worker-0: ecs-only, as one of the first",
        "worker (2 of 4) prod-worker-2: eci-only, from the profile",
        "driver report-driver: ecs-only, from the profile",
        "executor (2 of 3) report-0000000000000000-exec-1: ecs-only, as one of the first",
        "executor (1 of 3) report-0000000000000000-exec-3: eci-only, from the profile",
    ]


def test_the_summary_tells_them_apart(run: Run) -> None:
    ran = run(*EVERY, "--summary")
    lines = ran.out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "SparkApplication (Apache)",
        "SparkCluster (Apache)",
        "SparkApplication",
    ]
    assert lines[-1] == f"3 applications, 9 pods: 9 placed; Apache's operator, operator {OPERATORS[-1]}"


@pytest.mark.parametrize("summary", [True, False])
def test_json_tells_them_apart(summary: bool, run: Run) -> None:  # noqa: FBT001
    found = json.loads(run(*EVERY, "-o", "json", *(["--summary"] if summary else [])).out)
    workloads = found["applications" if summary else "workloads"]
    assert [(one["group"], one["kind"], one["operator"]) for one in workloads] == [
        ("spark.apache.org", "SparkApplication", "Apache's operator"),
        ("spark.apache.org", "SparkCluster", "Apache's operator"),
        ("sparkoperator.k8s.io", "SparkApplication", f"operator {OPERATORS[-1]}"),
    ]


def test_under_the_built_in_policy_those_of_apache_are_left_alone_with_a_hint(run: Run) -> None:
    ran = run("explain", "-f", f"{APPS}/apache.yaml", "--summary")
    missing = "the label sparkoperator.k8s.io/launched-by-spark-operator is missing; it would be selected by "
    assert [line.partition("left alone: ")[2] for line in ran.out.splitlines()[1:3]] == [
        f"{missing}apache or spark in selector.anyOf",
        f"{missing}cluster in selector.anyOf",
    ]


def test_diff_tells_them_apart(run: Run) -> None:
    ran = run(
        "diff",
        "tests/cli/built-in.yaml",
        f"{APPS}/policy/every-kind.yaml",
        "-f",
        APPS,
        "--ignore",
        "policy",
        "-o",
        "json",
    )
    assert ran.code == 1
    assert [(one["application"], one["pods"]) for one in json.loads(ran.out)] == [
        ("SparkApplication (Apache) etl/report", "driver"),
        ("SparkApplication (Apache) etl/report", "executor"),
        ("SparkCluster (Apache) etl/prod", "master"),
        ("SparkCluster (Apache) etl/prod", "worker"),
        ("SparkApplication etl/report", "driver"),
        ("SparkApplication etl/report", "executor"),
    ]


def test_pods_that_are_left_alone_for_another_reason_are_no_difference(run: Run, tmp_path: Path) -> None:
    policies = []
    for kind in ("kubeflow", "spark"):
        policies.append(tmp_path / f"{kind}.yaml")
        policies[-1].write_text(f"selector: {{anyOf: [{kind}]}}\n")
    ran = run("diff", *policies, "-f", "tests/cli/operators/apache.yaml", "-o", "json")
    assert [(one["application"], one["pods"], one["old"]) for one in json.loads(ran.out)] == [
        ("SparkApplication (Apache) etl/report", role, f"left alone: the label {LAUNCHED} is missing")
        for role in ("driver", "executor")
    ]


def test_a_label_that_outranks_affinity_makes_the_orders_of_webhooks_differ(run: Run, tmp_path: Path) -> None:
    """If this webhook is called first, the label is there before the operator's adds what ECI cannot run."""
    policy = tmp_path / "policy.yaml"
    policy.write_text('profiles: {default: {executor: {mode: eci-only, labels: {alibabacloud.com/acs: "true"}}}}\n')
    arguments = ("explain", "-f", "tests/cli/apps/scratch-disk.yaml", "--beside", "spark-operator")
    ran = run(*arguments, "--policy", policy)
    assert ran.code == 3
    executor = ran.out.partition("  executor ")[2]
    assert "! the orders allow different nodes" in executor
    assert executor.count("alibabacloud.com/acs: 'true'") == 1
