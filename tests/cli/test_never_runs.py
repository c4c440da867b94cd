"""Pods that are never made: every format says so, and none says that they are placed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import ROOT, Ran
from webhook.cli.diff import print_differences
from webhook.cli.explain import print_explanation
from webhook.cli.inputs import Inputs, read_inputs
from webhook.cli.policies import read_both_policies
from webhook.cli.sources import Source, Sources
from webhook.cli.terminal import InputError
from webhook.core.policy import Policy
from webhook.spark.versions import OPERATORS
from webhook.spark.workloads import Refusal, Refuser, Workload

APPLICATION = "examples/ecs-first/before.yaml"
NAME = "spark-pi-ecs-first"
WHOLE = Refusal(Refuser.OPERATOR, "", "spec.x: found 1", "2")
EXECUTOR = Refusal(Refuser.SPARK, "executor", "spec.executor.template has no containers", "a container")
DRIVER = Refusal(Refuser.SPARK_SUBMIT, "driver", "spec.driver.y is missing", "")
HEAD = f"SparkApplication default/{NAME} in {APPLICATION}, profile eci-only, operator {OPERATORS[-1]}, Spark 3.5.2"
NEVER = "1 has pods that never run, whatever the policy"

Explained = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def inputs(*refused: Refusal, file: str = APPLICATION) -> Inputs:
    """An application whose pods are refused, in place of whatever the rules say of it."""
    found = read_inputs([file], "default")
    assert found.faults == []
    found.workloads = [(name, replace(work, refused=refused)) for name, work in found.workloads]
    return found


@pytest.fixture
def explained(capsys: pytest.CaptureFixture[str]) -> Explained:
    def call(
        given: Inputs,
        output: str = "text",
        *,
        profile: str | None = "eci-only",
        beside: bool = False,
        short: bool = False,
    ) -> Ran:
        code = print_explanation(Sources((Source(given, Policy()),)), profile, output, beside=beside, summarised=short)
        return Ran(code, *capsys.readouterr())

    return call


def placed_executor(explained: Explained) -> str:
    """The part of the text about executors that do run."""
    text = explained(inputs()).out
    return text[text.index("  executor ") : text.rindex("1 application, ")]


def test_an_application_that_never_runs_is_told_once(explained: Explained) -> None:
    assert explained(inputs(WHOLE)) == (
        4,
        f"{HEAD}\n"
        "  x never runs, refused by the operator: spec.x: found 1; accepted: 2\n"
        "\n"
        f"  driver {NAME}-driver: never runs\n"
        "    its mode would be eci-only: profile eci-only has eci-only for the driver\n"
        "\n"
        f"  executor (2) {NAME}-0000000000000000-exec-1: never runs\n"
        "    its mode would be eci-only: profile eci-only has eci-only for the executor\n"
        "\n"
        "1 application, 2 pods: 0 placed, 2 never run\n",
        "",
    )


def test_executors_that_never_run_leave_the_driver(explained: Explained) -> None:
    ran = explained(inputs(EXECUTOR))
    plain = explained(inputs())
    assert (ran.code, plain.code) == (4, 0)
    driver = plain.out[: plain.out.index("  executor ")]
    assert ran.out == (
        f"{driver}  executor (2) {NAME}-0000000000000000-exec-1: never runs\n"
        "    x never runs, refused by Spark: spec.executor.template has no containers; accepted: a container\n"
        "    its mode would be eci-only: profile eci-only has eci-only for the executor\n"
        "\n"
        "1 application, 2 pods: 1 placed, 1 never runs\n"
    )


def test_every_refuser_and_a_role_without_pods_are_told(explained: Explained) -> None:
    refused = [Refusal(one, "", "a", "") for one in Refuser] + [Refusal(Refuser.SPARK, "connect-server", "b", "c")]
    lines = explained(inputs(*refused)).out.splitlines()
    assert lines[1:6] == [
        "  x never runs, refused by the API server: a",
        "  x never runs, refused by the operator: a",
        "  x never runs, refused by spark-submit: a",
        "  x never runs, refused by Spark: a",
        "  x never runs, refused by Spark: b; accepted: c",
    ]


def test_json_and_yaml_place_no_pod_that_never_runs(explained: Explained) -> None:
    ran = explained(inputs(EXECUTOR, WHOLE), "json")
    found = json.loads(ran.out)
    assert ran.code == 4
    assert yaml.safe_load(explained(inputs(EXECUTOR, WHOLE), "yaml").out) == found
    (workload,) = found["workloads"]
    assert workload["refused"] == [
        {
            "by": "spark",
            "role": "executor",
            "sentence": "spec.executor.template has no containers",
            "accepted": "a container",
        },
        {"by": "operator", "role": "", "sentence": "spec.x: found 1", "accepted": "2"},
    ]
    ((_, work),) = inputs().workloads
    assert workload["pods"] == [
        {
            "title": role,
            "count": count,
            "fate": "never runs",
            "placed": False,
            "role": role,
            "verdict": "never-runs",
            "mode": "eci-only",
            "origin": "profile",
            "source": f"profile eci-only has eci-only for the {role}",
            "reason": "",
            "delay": "",
            "changes": [],
            "leftAlone": [],
            "warnings": [],
            "denied": "",
            "patch": [],
            "before": pod.seen,
            "after": pod.seen,
        }
        for role, count, pod in zip(("driver", "executor"), ("", "2"), work.pods, strict=True)
    ]


def test_diffs_and_patches_change_no_pod_that_never_runs(explained: Explained) -> None:
    told = f"SparkApplication default/{NAME}: never runs, refused by the operator: spec.x: found 1; accepted: 2\n"
    assert explained(inputs(WHOLE), "diff") == (4, "", told)
    assert explained(inputs(WHOLE), "patch") == (4, "[]\n[]\n", told)
    plain, ran = explained(inputs(), "patch"), explained(inputs(DRIVER), "patch")
    told = f"SparkApplication default/{NAME}: driver never runs, refused by spark-submit: spec.driver.y is missing\n"
    assert ran == (4, f"[]\n{plain.out.splitlines()[1]}\n", told)
    assert explained(inputs(DRIVER), "diff").out in explained(inputs(), "diff").out


def test_both_orders_are_not_shown_for_a_pod_that_never_runs(explained: Explained) -> None:
    ran = explained(inputs(WHOLE), beside=True)
    assert ran == (
        4,
        f"{HEAD}\n"
        "  x never runs, refused by the operator: spec.x: found 1; accepted: 2\n"
        "\n"
        f"  driver {NAME}-driver\n"
        "    never runs\n"
        "    its mode would be eci-only: profile eci-only has eci-only for the driver\n"
        "\n"
        f"  executor {NAME}-0000000000000000-exec-1\n"
        "    never runs\n"
        "    its mode would be eci-only: profile eci-only has eci-only for the executor\n"
        "\n",
        "",
    )


def test_never_runs_outweighs_warnings(explained: Explained) -> None:
    """The executors cannot run on ECI, and so are warned of, and the driver never runs."""
    file = "tests/cli/apps/scratch-disk.yaml"
    assert explained(inputs(file=file)).code == 3
    for output in ("text", "json", "yaml", "diff", "patch"):
        assert explained(inputs(DRIVER, file=file), output).code == 4
    # Nobody warns of a pod that is never made.
    ran = explained(inputs(WHOLE, file=file))
    assert ran.out.splitlines()[-1] == "1 application, 2 pods: 0 placed, 2 never run"
    assert "!" not in ran.out


def test_an_application_without_pods_may_never_run(explained: Explained) -> None:
    given = inputs()
    given.workloads = [
        ("pi.yaml", Workload("SparkApplication", "etl", "pi", (), refused=(WHOLE,), operator="operator 2.5.2"))
    ]
    ran = explained(given)
    assert ran.code == 4
    assert ran.out.splitlines()[-1] == "1 application, 0 pods: 0 placed, 1 application without pods"
    assert json.loads(explained(given, "json").out)["workloads"][0]["pods"] == []
    assert explained(given, short=True).code == 4


def test_faults_outweigh_never_runs(explained: Explained, capsys: pytest.CaptureFixture[str]) -> None:
    given = inputs(WHOLE)
    given.faults = ["a.yaml: broken"]
    with pytest.raises(InputError) as caught:
        explained(given, "json")
    assert caught.value.sentences == ("a.yaml: broken",)
    found = json.loads(capsys.readouterr().out)
    assert (len(found["workloads"]), found["faults"]) == (1, ["a.yaml: broken"])


def test_a_namespace_that_did_not_opt_in_changes_nothing_of_the_verdict(explained: Explained, tmp_path: Path) -> None:
    file = tmp_path / "apps.yaml"
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: default}}\n---\n"
    file.write_text(namespace + (ROOT / APPLICATION).read_text())
    given = inputs(WHOLE, file=str(file))
    ran = explained(given, profile=None)
    assert (ran.code, ran.out.splitlines()[-1]) == (4, "1 application, 2 pods: 0 placed, 2 never run")
    for pod in json.loads(explained(given, "json", profile=None).out)["workloads"][0]["pods"]:
        assert (pod["fate"], pod["placed"]) == ("never runs", False)


@pytest.fixture
def policies(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for file, mode in zip(found, ("ecs-only", "eci-only"), strict=True):
        rule = {"mode": mode}
        file.write_text(yaml.safe_dump({"profiles": {"default": {"driver": rule, "executor": rule}}}))
    return found


@pytest.mark.parametrize(
    ("refused", "roles", "clauses"),
    [
        ((), ["driver", "executor"], ["1 of 1 would be placed differently"]),
        ((EXECUTOR,), ["driver"], ["1 of 1 would be placed differently", NEVER]),
        ((WHOLE,), [], ["0 of 1 would be placed differently", NEVER]),
    ],
)
def test_pods_that_never_run_are_no_difference(
    refused: tuple[Refusal, ...],
    roles: list[str],
    clauses: list[str],
    policies: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = read_both_policies(policies, ((), ()))

    def compared(output: str) -> Ran:
        differ = print_differences(inputs(*refused), both, None, output, all_profiles=False)
        return Ran(differ, *capsys.readouterr())

    ran = compared("json")
    found: list[Any] = json.loads(ran.out)
    assert (ran.code, [one["pods"] for one in found], ran.err.splitlines()) == (bool(roles), roles, clauses[1:])
    total = "; ".join(clauses)
    assert compared("text").out.splitlines()[-1] == total
    assert compared("markdown").out.splitlines()[-1] == f"{total}."
