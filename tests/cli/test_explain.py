"""`explain` and the service use one core, and every format says the same."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.admission_reviews import review
from tests.cases import CASES, Case
from tests.cli.conftest import ROOT, Run
from tests.live_service import issue, serving
from tests.pods import EVERY_MODE
from tests.quiet_logger import quiet_logger
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.routes import admission_application
from webhook.spark.versions import OPERATORS

LOGGER = quiet_logger()
METRICS = Metrics("")
EXAMPLES = [folder.name for folder in sorted((ROOT / "examples").iterdir()) if (folder / "before.yaml").exists()]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The service over TLS, on which `/CASE` leads to the application with that case's policy."""
    log = AdmissionLog(LOGGER, 1, METRICS.log_lines_dropped.inc)
    apps = {case.name: admission_application(case.policy, 2**20, METRICS, log, LOGGER) for case in CASES}

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        _, name, path = scope["path"].split("/", 2)
        await apps[name](scope | {"path": f"/{path}"}, receive, send)

    with serving(dispatch, issue(tmp_path_factory.mktemp("tls"))) as client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_patch_is_the_services_byte_for_byte(case: Case, service: httpx.Client, run: Run, tmp_path: Path) -> None:
    answer = service.post(f"/{case.name}/mutate", content=review(case.pod)).json()["response"]
    patch = base64.b64decode(answer["patch"]).decode() if "patch" in answer else "[]"
    warnings = answer.get("warnings", [])
    pod, policy = case.write(tmp_path)
    arguments = ("explain", "-f", pod, "--policy", policy)
    ran = run(*arguments, "-o", "patch")
    empty = (
        "" if case.policy.model_fields_set else f"warning: {policy}: sets nothing, so the built-in policy is in force\n"
    )
    assert ran == (3 if warnings else 0, f"{patch}\n", empty)
    (told,) = json.loads(run(*arguments, "-o", "json").out)["workloads"][0]["pods"]
    assert (told["warnings"], told["after"]) == (warnings, case.expected)


def test_the_patch_of_a_review_is_the_services(run: Run) -> None:
    """The input is the captured review, unchanged and as JSON."""
    file = ROOT / "tests" / "reviews" / "spark-3.5.2-executor-1.json"
    ran = run("explain", "-f", file, "-o", "json", "--profile", "eci-only")
    (workload,) = json.loads(ran.out)["workloads"]
    assert (ran.code, workload["kind"], workload["name"]) == (0, "AdmissionReview", "spark-pi-34c0998f9f832e61-exec-1")
    (told,) = workload["pods"]
    assert told["before"] == json.loads(file.read_bytes())["request"]["object"]
    assert [operation["path"] for operation in told["patch"]] == [
        "/metadata/annotations",
        "/spec/tolerations/-",
        "/spec/affinity",
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_plain_application_ends_as_one_written_by_hand(name: str, run: Run) -> None:
    """The vendor's applications: the webhook changes the plain one into what `after.yaml` gives without the webhook."""
    folder = ROOT / "examples" / name
    before = json.loads(
        run("explain", "-f", folder / "before.yaml", "--policy", folder / "policy.yaml", "-o", "json").out
    )
    after = json.loads(
        run("explain", "-f", folder / "after.yaml", "--policy", folder / "policy.yaml", "-o", "json").out
    )
    placed = [pod["after"] for pod in before["workloads"][0]["pods"]]
    by_hand = [pod["before"] for pod in after["workloads"][0]["pods"]]
    assert len(placed) == len(by_hand) == 2
    for one, other in zip(placed, by_hand, strict=True):
        del one["metadata"]["annotations"]["spark-eci-webhook/placement"]
        assert one["metadata"]["annotations"] == other["metadata"].get("annotations", {})
        assert one["spec"] == other["spec"]


@pytest.mark.parametrize("mode", list(SchedulingMode))
def test_yaml_and_json_say_the_same(mode: SchedulingMode, run: Run) -> None:
    policy = ("--policy", "tests/cli/overflow.yaml", "--profile", mode)
    arguments = ("explain", "-f", "examples/ecs-first/before.yaml", *policy)
    as_json, as_yaml = run(*arguments, "-o", "json"), run(*arguments, "-o", "yaml")
    found = json.loads(as_json.out)
    assert yaml.safe_load(as_yaml.out) == found
    (workload,) = found["workloads"]
    assert {key: value for key, value in workload.items() if key != "pods"} == {
        "file": "examples/ecs-first/before.yaml",
        "group": "sparkoperator.k8s.io",
        "kind": "SparkApplication",
        "namespace": "default",
        "name": "spark-pi-ecs-first",
        "profile": mode.value,
        "profileAssumed": False,
        "operator": f"operator {OPERATORS[-1]}",
        "sparkVersion": "3.5.2",
        "refused": [],
        "notes": [],
    }
    keys = ("title", "count", "fate", "placed", "role", "mode", "origin", "delay")
    delay = "60s" if mode.waits else ""
    assert [tuple(pod[key] for key in keys) for pod in workload["pods"]] == [
        ("driver", "", "placed", True, "driver", mode, "profile", delay),
        ("executor", "2", "placed", True, "executor", mode, "profile", delay),
    ]
    assert {key: value for key, value in found.items() if key != "workloads"} == {
        "policy": EVERY_MODE.digest,
        "operatorVersion": str(OPERATORS[-1]),
        "sparkVersion": "",
        "passedOver": {"otherKinds": 0, "notKubernetes": 0},
        "faults": [],
    }


def test_everything_there_is_in_a_mixed_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {}}
    documents = [
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}),
        (ROOT / "examples/ecs-first/before.yaml").read_text(),
        "",
        yaml.safe_dump(json.loads((ROOT / "tests/reviews/spark-3.5.2-driver.json").read_bytes())),
    ]
    file.write_text("\n---\n".join(documents))
    ran = run("explain", "-f", file, "-o", "json")
    assert ran.code == 0
    assert [(one["kind"], one["name"]) for one in json.loads(ran.out)["workloads"]] == [
        ("Pod", "web"),
        ("SparkApplication", "spark-pi-ecs-first"),
        ("AdmissionReview", "spark-pi-driver"),
    ]
    assert run("explain", "-f", file).out.splitlines()[-1] == ("1 application, 4 pods: 3 placed, 1 left alone")


def test_a_pod_that_is_too_large_is_described(run: Run, tmp_path: Path) -> None:
    (large,) = [case for case in CASES if case.name == "too-large"]
    file, policy = large.write(tmp_path)
    said = "the pod has too many tolerations to be placed; accepted: at most 1000"
    name = "spark-pi-34c0998f9f832e61-exec-1"
    assert run("explain", "-f", file, "--policy", policy) == (
        3,
        f"Pod default/{name} in {file}, profile default (assumed)\n\n"
        f"  pod {name}: eci-only, from the guard, but keeps its own placement\n"
        "    profile default has eci-only for the executor; the pod cannot be placed in this mode\n"
        "    = everything else (the pod keeps its own placement)\n"
        f"    ! {said}\n\n"
        "1 pod: 0 placed, 1 not placed, 1 with warnings\n",
        "",
    )
    ((told,),) = [
        one["pods"] for one in json.loads(run("explain", "-f", file, "--policy", policy, "-o", "json").out)["workloads"]
    ]
    assert (told["reason"], told["placed"], told["changes"], told["patch"], told["warnings"]) == (
        "too-large",
        False,
        [],
        [],
        [said],
    )
    assert told["before"] == told["after"] == large.pod


def test_standard_input_and_folders(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (ROOT / "examples/ecs-first/before.yaml").read_bytes()
    (tmp_path / "b.yml").write_bytes(content)
    (tmp_path / "a.json").write_text(json.dumps(yaml.safe_load(content)))
    (tmp_path / "README.md").write_text("no manifest")
    named = run("explain", "-f", tmp_path, "-o", "json")
    assert [one["file"] for one in json.loads(named.out)["workloads"]] == [
        str(tmp_path / "a.json"),
        str(tmp_path / "b.yml"),
    ]
    with (tmp_path / "b.yml").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert run("explain", "-f", "-").out.startswith(
            "SparkApplication default/spark-pi-ecs-first in -, profile default (assumed), operator "
        )


NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {%s}}}\n---\n"
PROFILE = "spark-eci-webhook/profile"
PROFILES = ", ".join(Policy().profiles)


@pytest.mark.parametrize(
    ("labels", "arguments", "code", "profile", "skipped"),
    [
        (f"{PROFILE}: eci-only", (), 0, "eci-only", None),
        (f"{PROFILE}: eci-only", ("--profile", "ecs-only"), 0, "ecs-only", None),
        ("", (), 0, "", f"the namespace default has no label {PROFILE}"),
        (f"{PROFILE}: none", (), 0, "", f"the namespace default opted out by its label {PROFILE}"),
        (f"{PROFILE}: none", ("--profile", "ecs-only"), 0, "ecs-only", None),
        (
            f"{PROFILE}: ecionly",
            (),
            3,
            "",
            f'label {PROFILE} of the namespace default: unknown profile "ecionly"; accepted: {PROFILES}',
        ),
    ],
)
def test_a_namespace_beside_the_application_names_the_profile(
    labels: str, arguments: tuple[str, ...], code: int, profile: str, skipped: str | None, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "apps.yaml"
    file.write_text(NAMESPACE % labels + (ROOT / "examples/ecs-first/before.yaml").read_text())
    ran = run("explain", "-f", file, "-o", "json", *arguments)
    (workload,) = json.loads(ran.out)["workloads"]
    assert (ran.code, workload["profile"]) == (code, profile)
    for pod in workload["pods"]:
        assert pod.get("skippedReason") == skipped
        assert (pod["patch"] == []) is (skipped is not None)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"operation": "UPDATE", "subResource": "status"}, "UPDATE of Pod/status"),
        ({"operation": "DELETE", "object": None}, "DELETE of Pod"),
        ({"kind": {"group": "apps", "version": "v1", "kind": "Pod"}, "object": {"metadata": {}}}, "CREATE of Pod"),
        ({"kind": {"version": "v1", "kind": "Service"}, "object": {"spec": []}}, "CREATE of Service"),
    ],
)
def test_a_request_that_does_not_create_a_pod_is_left_alone(
    request_: dict[str, Any], what: str, run: Run, tmp_path: Path
) -> None:
    captured = json.loads((ROOT / "tests/reviews/spark-3.5.2-driver.json").read_bytes())
    captured["request"] |= request_
    file = tmp_path / "review.json"
    file.write_text(json.dumps(captured))
    (told,) = json.loads(run("explain", "-f", file, "-o", "json").out)["workloads"][0]["pods"]
    assert told["skippedReason"] == f"the request is {what}, and only CREATE of Pod is answered with a patch"
    assert told["before"] == told["after"] == {"metadata": {"name": "spark-pi-driver"}, "spec": {}}
    for command in (
        ("explain",),
        ("explain", "-o", "diff"),
        ("diff", "tests/cli/built-in.yaml", "tests/cli/shares.yaml"),
    ):
        assert run(*command, "-f", file).code == 0


UNKNOWN = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}"
APPLICATION = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: pi}\n"


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ("a: [1", ["FILE: line 2, column 1: did not find expected ',' or ']'"]),
        ("a: 1\na: 2", ['FILE: line 2, column 1: duplicate key "a"']),
        (b"\xff\xfe\x00", None),
        ('{"a": 1', ["FILE: line 2, column 1: did not find expected ',' or '}'"]),
        ("", ["FILE: contains no application and no pod"]),
        ("just words", ["FILE: not a Kubernetes object; accepted: a map with apiVersion and kind"]),
        (APPLICATION + "spec: {executor: {}}", ["FILE: SparkApplication pi: spec.driver: required, but missing"]),
        (
            f"{UNKNOWN}\n---\n{APPLICATION}spec: {{driver: [], executor: {{}}}}",
            ["FILE, document 2: SparkApplication pi: spec.driver: expected object, got array"],
        ),
        (
            APPLICATION + "spec: {driver: {tolerations: [{tolerationSeconds: soon}]}, executor: {}}",
            ["FILE: SparkApplication pi: driver: spec.tolerations[2].tolerationSeconds: expected int | null, got str"],
        ),
        (
            APPLICATION + "spec: {volumes: [{name: spark-local-dir-1, emptyDir: x}], driver: {}, executor: {}}",
            ["FILE: SparkApplication pi: spec: volumes[0].emptyDir: expected object | null, got str"],
        ),
        (
            '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"kind": {"kind": "Pod", '
            '"version": "v1", "group": ""}, "uid": "u", "operation": "CREATE", "object": {"metadata": {}}}}',
            ["FILE: AdmissionReview : request.object.spec: required, but missing"],
        ),
    ],
)
def test_bad_input_is_a_sentence_and_code_2(
    content: str | bytes, sentences: list[str] | None, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "apps.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = run("explain", "-f", file)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.replace(str(file), "FILE").splitlines()
    if sentences is None:
        (line,) = lines
        assert line.startswith("FILE: not YAML: ")
    else:
        assert lines == sentences


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-f", "nowhere.yaml"), "nowhere.yaml: cannot be read: No such file or directory"),
        ((), "nothing to read: name a file or folder with -f, or - for standard input"),
        (("-f", "/dev/zero"), "/dev/zero: too large; accepted: at most 64 MiB"),
        (("-f", "webhook/core"), "webhook/core: contains no file that ends in .yaml, .yml, .json"),
        (
            ("-f", "examples/ecs-first/before.yaml", "--profile", "eci"),
            f'unknown profile "eci"; choose with --profile: {PROFILES}',
        ),
        (
            ("-f", "examples/ecs-first/before.yaml", "--policy", "nowhere.yaml"),
            "nowhere.yaml: cannot be read: No such file or directory",
        ),
        (
            ("-f", "examples/ecs-first/before.yaml", "-o", "xml"),
            '--output: found "xml"; accepted: text, diff, yaml, json, patch (see spark-eci-webhook explain --help)',
        ),
        (
            ("--polcy", "x"),
            "unknown option --polcy; did you mean --policy? (see spark-eci-webhook explain --help)",
        ),
        (
            ("-f", "examples/ecs-first/before.yaml", "--beside", "spark-operator", "-o", "json"),
            "--beside prints text only: leave out -o",
        ),
    ],
)
def test_a_mistaken_call_is_a_sentence_and_code_2(arguments: tuple[str, ...], sentence: str, run: Run) -> None:
    ran = run("explain", *arguments)
    assert (ran.code, ran.out, ran.err.splitlines()) == (2, "", [sentence])


@pytest.mark.parametrize(
    ("instances", "code", "shown"),
    [
        ("7", 0, ["2 of 7", "5 of 7"]),
        ("1000000000", 0, ["300000000 of 1000000000", "700000000 of 1000000000"]),
        ("\u00b2", 4, ["30 %", "70 %"]),
        ("9" * 5000, 4, ["30 %", "70 %"]),
    ],
    ids=["few", "many", "no number", "too long"],
)
def test_a_mix_is_shown_by_its_shares(instances: str, code: int, shown: list[str], run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    conf = json.dumps({"spark.executor.instances": instances})
    file.write_text(APPLICATION + f"spec: {{image: spark, sparkConf: {conf}, driver: {{}}, executor: {{}}}}")
    ran = run("explain", "-f", file, "--policy", "tests/cli/shares.yaml")
    assert ran.code == code
    titles = [line for line in ran.out.splitlines() if line.startswith("  executor ")]
    assert [any(count in title for title in titles) for count in shown] == [True, True], titles
