"""`explain --summary`: one line for each application, and the pods of each mode counted by fate."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import ROOT, Run
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.spark.versions import OPERATORS

APPS = ("-f", "tests/cli/apps", "-f", "tests/cli/refused")
NONE = {"placed": 0, "left alone": 0, "never runs": 0, "warned": 0}


def test_json_and_yaml_say_all_that_the_text_says(run: Run) -> None:
    ran = run("explain", *APPS, "--summary", "-o", "json")
    found = json.loads(ran.out)
    as_yaml = run("explain", *APPS, "--summary", "-o", "yaml")
    assert (ran.code, as_yaml.code, yaml.safe_load(as_yaml.out)) == (4, 4, found)
    applications = found.pop("applications")
    assert found == {
        "policy": Policy().digest,
        "operatorVersion": str(OPERATORS[-1]),
        "sparkVersion": "",
        "pods": {
            "ecs-only": NONE | {"placed": 4, "never runs": 1, "warned": 1},
            "eci-only": NONE | {"placed": 1},
            "ecs-first": NONE | {"placed": 2, "never runs": 2},
            "no mode": NONE | {"left alone": 1},
        },
        "passedOver": {"otherKinds": 0, "notKubernetes": 0},
        "faults": [],
    }
    keys = (
        "kind",
        "namespace",
        "name",
        "profile",
        "profileAssumed",
        "driver",
        "executors",
        "count",
        "verdict",
        "reason",
    )
    apps = "SparkApplication", "data"
    assumed = "default", True
    assert [tuple(one[key] for key in keys) for one in applications] == [
        ("SparkConnect", "data", "shared", *assumed, "ecs-only", "ecs-first", "3", "placed", ""),
        (
            *("Pod", "data", "web", *assumed, "left alone", "", "", "left alone"),
            "the label sparkoperator.k8s.io/launched-by-spark-operator is missing",
        ),
        (*apps, "report", *assumed, "eci-only", "ecs-first", "4", "placed", ""),
        (
            *(*apps, "shuffle-heavy", *assumed, "ecs-only", "ecs-only", "2 to 40, by dynamic allocation", "warned"),
            'ECI cannot run the hostPath volume "scratch": placed as ecs-only instead of ecs-first',
        ),
        (*apps, "nightly", *assumed, "ecs-only", "never runs", "2", "never runs", "the executor has no image"),
        (
            *(*apps, "report-by-zone", *assumed, "never runs", "never runs", "2", "never runs"),
            "spec.nodeSelector is set beside spec.driver.nodeSelector",
        ),
    ]
    lines = run("explain", *APPS, "--summary").out.splitlines()
    assert lines[0].split() == ["kind", "application", "profile", "driver", "executors", "count", "verdict"]
    starts = [lines[0].index(heading) for heading in ("application", "profile", "driver", "executors", "verdict")]
    for line, one in zip(lines[1:], applications, strict=False):
        role = " (executor)" if one["name"] == "nightly" else ""
        reason = f": {one['reason']}" if one["reason"] else ""
        cells = [line[start:].split("  ")[0] for start in starts]
        assert cells == [
            f"{one['namespace']}/{one['name']}",
            "default (assumed)",
            one["driver"],
            one["executors"],
            f"{one['verdict']}{role}{reason}",
        ]
    assert lines[len(applications) + 1] == ""


def test_each_application_is_one_line(run: Run, tmp_path: Path) -> None:
    example = (ROOT / "examples/ecs-first/before.yaml").read_text()
    for number in range(500):
        folder = tmp_path / f"team-{number % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.yaml").write_text(example.replace("spark-pi-ecs-first", f"etl-{number}"))
    ran = run("explain", "-f", tmp_path, "--summary", "--profile", "eci-only")
    lines = ran.out.splitlines()
    assert (ran.code, lines.index("")) == (0, 501)
    assert {line.split()[1] for line in lines[1:501]} == {f"default/etl-{number}" for number in range(500)}
    assert len({tuple(line.split()[2:]) for line in lines[1:501]}) == 1
    assert [line.split() for line in lines if "eci-only" in line and "│" in line] == [
        ["│", "eci-only", "│", "1000", "│", "0", "│", "0", "│"]
    ]
    assert lines[-1] == f"500 applications, 1000 pods: 1000 placed; operator {OPERATORS[-1]}"


@pytest.mark.parametrize(
    ("profile", "driver", "executors", "verdict"),
    [
        ("default", "ecs-only", "eci-only (3 of 4), ecs-only (1 of 4)", "placed"),
        ("observed", "ecs-only, observed", "eci-first, observed", "observed"),
        ("none-yet", "left alone", "left alone", "left alone"),
    ],
)
def test_shares_observers_and_pods_outside_a_rollout_are_told(
    profile: str, driver: str, executors: str, verdict: str, run: Run, tmp_path: Path
) -> None:
    application = yaml.safe_load((ROOT / "tests/cli/apps/own-affinity.yaml").read_text())
    del application["spec"]["driver"]["annotations"]
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(application))
    policy = ("--policy", "tests/cli/shares.yaml", "--profile", profile)
    ran = run("explain", "-f", tmp_path, "--summary", "-o", "json", *policy)
    (one,) = json.loads(ran.out)["applications"]
    told = one["driver"], one["executors"], one["verdict"], one["profileAssumed"]
    assert (ran.code, told) == (0, (driver, executors, verdict, False))


@pytest.mark.parametrize("mode", list(SchedulingMode))
def test_every_mode_has_its_row(mode: SchedulingMode, run: Run) -> None:
    policy = ("--policy", "tests/cli/overflow.yaml", "--profile", mode)
    ran = run("explain", "-f", "examples/ecs-first/before.yaml", "--summary", "-o", "json", *policy)
    assert json.loads(ran.out)["pods"] == {mode.value: {"placed": 2, "never runs": 0, "warned": 0}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "diff"), "--summary has no format diff; accepted: text, yaml, json"),
        (("-o", "patch"), "--summary has no format patch; accepted: text, yaml, json"),
        (("--beside", "spark-operator"), "--beside prints text only: leave out --summary"),
    ],
)
def test_formats_without_a_summary_are_refused(arguments: tuple[str, ...], sentence: str, run: Run) -> None:
    assert run("explain", *APPS, "--summary", *arguments) == (2, "", f"{sentence}\n")


def test_faults_are_named_after_the_summary(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text((ROOT / "examples/ecs-first/before.yaml").read_text())
    (tmp_path / "b.yaml").write_text("a: [1")
    fault = f"{tmp_path}/b.yaml: line 2, column 1: did not find expected ',' or ']'"
    ran = run("explain", "-f", tmp_path, "--summary")
    assert (ran.code, ran.err) == (2, f"{fault}\n")
    assert ran.out.splitlines()[1].startswith(
        "SparkApplication  default/spark-pi-ecs-first  default (assumed)  ecs-only"
    )
    ran = run("explain", "-f", tmp_path, "--summary", "-o", "json")
    found = json.loads(ran.out)
    assert (ran.code, len(found["applications"]), found["faults"]) == (2, 1, [fault])
