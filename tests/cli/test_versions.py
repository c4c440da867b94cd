"""--operator-version and --spark-version: which pods are made, and what the output says of it."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run
from webhook.spark.versions import NEWEST_SPARK, OPERATORS

PLAIN = "examples/ecs-first/before.yaml"
MINORS = ", ".join(dict.fromkeys(f"{one.major}.{one.minor}" for one in OPERATORS))


@pytest.mark.parametrize(
    "given", [*map(str, OPERATORS), *dict.fromkeys(f"{one.major}.{one.minor}" for one in OPERATORS)]
)
def test_every_release_is_accepted_and_named(given: str, run: Run) -> None:
    (newest,) = [one for one in OPERATORS if str(one).startswith(given)][-1:]
    ran = run("explain", "-f", PLAIN, "--operator-version", given)
    head = ran.out.splitlines()[0]
    assert head == (
        f"SparkApplication default/spark-pi-ecs-first in {PLAIN}, profile default (assumed), operator {newest}, Spark 3.5.2"
    )
    ran = run("explain", "-f", PLAIN, "--operator-version", given, "-o", "json")
    assert json.loads(ran.out)["operatorVersion"] == str(newest)


@pytest.mark.parametrize(
    ("named", "arguments", "wanted"),
    [
        ("3.5.2", (), "3.5.2"),
        ("3.5.2", ("--spark-version", "4.0.1"), "4.0.1"),
        (None, (), NEWEST_SPARK),
        (None, ("--spark-version", "3.5.1-amzn-0"), "3.5.1-amzn-0"),
    ],
)
def test_the_option_wins_over_the_application(
    named: str | None, arguments: tuple[str, ...], wanted: str, run: Run, tmp_path: Path
) -> None:
    text = (ROOT / PLAIN).read_text()
    line = "  sparkVersion: 3.5.2\n"
    assert line in text
    file = tmp_path / "pi.yaml"
    file.write_text(text if named else text.replace(line, ""))
    found = json.loads(run("explain", "-f", file, "-o", "json", *arguments).out)
    (workload,) = found["workloads"]
    labels = [pod["before"]["metadata"]["labels"]["spark-version"] for pod in workload["pods"]]
    assert (found["sparkVersion"], workload["sparkVersion"], labels) == (
        arguments[1] if arguments else "",
        wanted,
        [wanted, wanted],
    )
    assert run("explain", "-f", file, *arguments).out.splitlines()[0].endswith(f", Spark {wanted}")
    summarised = run("explain", "-f", file, "--summary", *arguments).out.splitlines()[-1]
    assert summarised.endswith(f"; operator {OPERATORS[-1]}" + (f", Spark {wanted}" if arguments else ""))


@pytest.mark.parametrize("command", [("explain",), ("diff", "tests/cli/built-in.yaml", "tests/cli/built-in.yaml")])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--operator-version", "2.0"),
            'unknown version "2.0" of the Spark Operator; accepted: ' + f"{MINORS}, or a patch of them",
        ),
        (("--spark-version", "newest"), 'found "newest"; accepted: a version such as 3.5.2 or 4.0.1'),
        (("--spark-version", "3"), 'found "3"; accepted: a version such as 3.5.2 or 4.0.1'),
        (("--spark-version", "3.5.2/"), 'found "3.5.2/"; accepted: a version such as 3.5.2 or 4.0.1'),
        (("--spark-version", "3.5.2\n"), 'found "3.5.2?"; accepted: a version such as 3.5.2 or 4.0.1'),
        (("--spark-version", f"3.{'5' * 70}"), f'found "3.{"5" * 70}"; accepted: a version such as 3.5.2 or 4.0.1'),
    ],
)
def test_what_is_no_version_is_a_sentence(
    command: tuple[str, ...], arguments: tuple[str, ...], sentence: str, run: Run
) -> None:
    assert run(*command, "-f", PLAIN, *arguments) == (2, "", f"{arguments[0]}: {sentence}\n")


def test_diff_derives_the_pods_of_the_version(run: Run, tmp_path: Path) -> None:
    """The operator checks sparkConf from 2.5.2 on."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("profiles: {default: {driver: {mode: eci-only}}}")
    file = tmp_path / "pi.yaml"
    conf = "  sparkConf: {spark.kubernetes.container.image: 'registry/spark:3.5.2'}\n"
    file.write_text((ROOT / PLAIN).read_text().replace("  sparkVersion: 3.5.2\n", f"  sparkVersion: 3.5.2\n{conf}"))
    command = ("diff", "tests/cli/built-in.yaml", policy, "-f", file)
    never = "0 of 1 would be placed differently; 1 has pods that never run, whatever the policy\n"
    assert run(*command) == (0, never, "")
    assert run(*command, "--operator-version", "2.5.1").code == 1
    assert run("explain", "-f", file).code == 4
    assert run("explain", "-f", file, "--operator-version", "2.5.1").code == 0


def test_the_profile_is_assumed_only_if_nothing_names_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "pi.yaml"
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {spark-eci-webhook/profile: default}}}\n---\n"
    for content, arguments, assumed in (
        ("", (), True),
        ("", ("--profile", "default"), False),
        (namespace, (), False),
        (namespace.replace("name: default", "name: other"), (), True),
    ):
        file.write_text(content + (ROOT / PLAIN).read_text())
        (workload,) = json.loads(run("explain", "-f", file, "-o", "json", *arguments).out)["workloads"]
        assert (workload["profile"], workload["profileAssumed"]) == ("default", assumed)
        head = run("explain", "-f", file, *arguments).out.splitlines()[0]
        assert (", profile default (assumed), " in head) is assumed
        assert (", profile default, " in head) is not assumed
