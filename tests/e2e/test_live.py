"""`explain --cluster` and `adopt --cluster` on real API servers: what it reads, with which rights, and what it says if a cluster does not answer."""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.manifests import FULLNAME
from tests.cli.test_terminal import on_a_terminal
from tests.e2e.conftest import FIGURES
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import SCALE, Figures
from tests.e2e.kubeconfigs import NOBODYS, kubeconfig, silent
from tests.e2e.operator_definitions import of_operators, serve
from tests.e2e.release import installed
from tests.e2e.rights import await_rights
from tests.spark.judge.applications import application, base, pairwise
from webhook.cli.live import applications as live_applications
from webhook.cli.process import run_command
from webhook.core.policy import Policy
from webhook.service.policy_file import parse_policy
from webhook.spark.documents import read
from webhook.spark.workloads import Refuser, Workload

pytestmark = pytest.mark.needs("control-plane")

JSON = dict[str, Any]
PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PROFILE = "spark-eci-webhook/profile"
ADVISED: JSON = {"profiles": {"advised": {"driver": {"mode": "ecs-only"}, "executor": {"mode": "eci-only"}}}}
#: Seconds that a command may take on any machine; it is far less on most.
PATIENCE = 300
PLURALS = {
    "sparkoperator.k8s.io/v1beta2": ("sparkapplications", "scheduledsparkapplications"),
    "sparkoperator.k8s.io/v1alpha1": ("sparkconnects",),
    "spark.apache.org/v1": ("sparkapplications", "sparkclusters"),
}
#: How many objects of each kind there are, and how many runs of schedules.
NUMBERS = {
    "SparkApplication": 550,
    "ScheduledSparkApplication": 100,
    "SparkConnect": 50,
    "SparkApplication (Apache)": 200,
    "SparkCluster": 100,
}
RUNS = 25


@dataclass(frozen=True)
class Fleet:
    """A thousand applications in five namespaces, the last of which has few, and a policy with the profile `advised`."""

    control_plane: ControlPlane
    own: str
    """The webhook's namespace."""
    labelled: dict[str, str]
    """The profile of each namespace; empty for the one without a label."""
    documents: list[JSON]
    """The applications as they were sent, without the runs of schedules."""
    policy: str
    """The deployed policy, as a file."""

    @property
    def digest(self) -> str:
        return parse_policy(self.policy.encode(), "policy.yaml").digest

    @property
    def namespaces(self) -> list[str]:
        return list(self.labelled)

    def number(self, namespace: str) -> int:
        return sum(one["metadata"]["namespace"] == namespace for one in self.documents)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A separate control plane: all of the cluster is read, and other tests leave objects in theirs."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        serve(started, of_operators())
        yield started


@pytest.fixture(scope="module")
def fleet(control_plane: ControlPlane) -> Iterator[Fleet]:
    own = control_plane.create_namespace("own")
    with installed(control_plane, own, {"policy": ADVISED}):
        labelled = {
            control_plane.create_namespace("apps", {PROFILE: profile} if profile else {}): profile
            for profile in ("advised", "default", "typo", "")
        }
        few = control_plane.create_namespace("few", {PROFILE: "eci-only"})
        labelled[few] = "eci-only"
        documents = list(applications(list(labelled)))
        with ThreadPoolExecutor(8) as threads:
            stored = list(threads.map(lambda one: create(control_plane, one), documents))
            schedules = [one for one in stored if one["kind"] == "ScheduledSparkApplication"]
            list(threads.map(lambda one: create(control_plane, run_of(one)), schedules[:RUNS]))
        deployed = control_plane.get(f"/api/v1/namespaces/{own}/configmaps/{FULLNAME}-policy")["data"]["policy.yaml"]
        yield Fleet(control_plane, own, labelled, documents, deployed)


def applications(namespaces: list[str]) -> Iterator[JSON]:
    """The documents: applications with all that a pod may depend on, and plain ones of the other kinds."""
    specs = [spec for spec in map(spoken, pairwise("live")) if spec]
    assert len(specs) > 100
    number = 0
    for kind, many in NUMBERS.items():
        for index in range(many):
            *usual, few = namespaces
            namespace = usual[number % len(usual)] if number % 50 else few
            metadata = {"name": f"a-{number}", "namespace": namespace}
            number += 1
            yield document(kind, specs[index % len(specs)]) | {"metadata": metadata}


def document(kind: str, spec: JSON) -> JSON:
    """A document of a kind without metadata; `spec` is that of a SparkApplication of the Spark Operator."""
    spark, image = {"sparkVersion": "4.2.0"}, "registry/spark:{{SPARK_VERSION}}"
    conf = {"spark.kubernetes.container.image": image, "spark.executor.instances": "3"}
    specs: dict[str, tuple[str, JSON]] = {
        "SparkApplication": ("sparkoperator.k8s.io/v1beta2", spec),
        "ScheduledSparkApplication": ("sparkoperator.k8s.io/v1beta2", {"schedule": "@every 5m", "template": spec}),
        "SparkConnect": (
            "sparkoperator.k8s.io/v1alpha1",
            {
                "sparkVersion": "4.0.0",
                "image": "registry/spark:4",
                "server": {"cores": 1},
                "executor": {"instances": 2},
            },
        ),
        "SparkApplication (Apache)": (
            "spark.apache.org/v1",
            {"mainClass": "org.example.Pi", "jars": "local:///pi.jar", "runtimeVersions": spark, "sparkConf": conf},
        ),
        "SparkCluster": (
            "spark.apache.org/v1",
            {
                "runtimeVersions": spark,
                "clusterTolerations": {"instanceConfig": {"initWorkers": 3, "minWorkers": 3, "maxWorkers": 3}},
                "sparkConf": {"spark.kubernetes.container.image": image},
            },
        ),
    }
    version, found = specs[kind]
    return {"apiVersion": version, "kind": kind.partition(" ")[0], "spec": found}


def spoken(choice: dict[str, str]) -> JSON | None:
    """The spec of an application that the API server stores as it is; None if it would not."""
    one = application(choice, "3.5.2")
    one["spec"] = without_empty_strings(base("3.5.2")["spec"] | one["spec"])
    (workload,) = read(one, "jobs")
    assert isinstance(workload, Workload)
    refused = any(refusal.by is Refuser.API_SERVER for refusal in workload.refused)
    unknown = any("is no field" in note for note in workload.notes)
    return None if refused or unknown else one["spec"]


def without_empty_strings(value: Any) -> Any:
    """`value` without the entries of maps that an API server of 1.20 may take for null."""
    if isinstance(value, list):
        return [without_empty_strings(one) for one in value]
    if isinstance(value, dict):
        return {key: without_empty_strings(one) for key, one in value.items() if one != ""}
    return value


def create(control_plane: ControlPlane, one: JSON) -> JSON:
    """Creates an application, as if its operator had already worked on it, and returns it as stored."""
    (plural,) = [plural for plural in PLURALS[one["apiVersion"]] if plural == f"{one['kind'].lower()}s"]
    path = f"/apis/{one['apiVersion']}/namespaces/{one['metadata']['namespace']}/{plural}"
    return control_plane.create(path, one | {"status": {"applicationState": {"state": "RUNNING"}}})


def run_of(schedule: JSON) -> JSON:
    """An application that the operator makes for a schedule."""
    metadata = schedule["metadata"]
    owner = {key: schedule[key] for key in ("apiVersion", "kind")} | {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    run = {"name": f"{metadata['name']}-1", "namespace": metadata["namespace"], "ownerReferences": [owner]}
    return document("SparkApplication", schedule["spec"]["template"]) | {"metadata": run}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `explain`: the exit code, what was printed, and the lines on standard error."""

    def call(*arguments: str | Path) -> tuple[int, str, list[str]]:
        capsys.readouterr()
        code = run_command(["explain", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return call


@pytest.fixture
def explain(run: Any) -> Any:
    """Runs `explain --cluster` with a kubeconfig."""
    return partial(run, "--cluster", "--kubeconfig")


def test_a_thousand_applications(fleet: Fleet, request: pytest.FixtureRequest) -> None:
    """All are explained, under the policy that is deployed, with few calls; nothing but what is documented is needed."""
    account = grant(fleet, PAGE.split("<!-- rights -->")[1].split("```yaml\n")[1].split("```")[0])
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "webhook", "explain", "--cluster", "-o", "json"]
    ran = subprocess.run(
        command,
        env=os.environ | {"KUBECONFIG": str(account)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr) == (3, "")
    assert (found["context"], found["policy"], found["faults"]) == ("test", fleet.digest, [])
    assert found["passedOver"] == {"otherKinds": 0, "notKubernetes": 0, "runs": RUNS}
    assert Counter(map(called, found["workloads"])) == Counter(map(named, fleet.documents))
    assert len(fleet.documents) == 1000
    assert {one["file"] for one in found["workloads"]} == {"cluster test"}
    profiles = {(one["namespace"], one["profile"], one["profileAssumed"]) for one in found["workloads"]}
    known = {"typo": "", "": ""}
    assert profiles == {(name, known.get(profile, profile), False) for name, profile in fleet.labelled.items()}
    calls = asked(fleet, account)
    assert len(calls) <= 20, calls
    figures = request.config.stash.setdefault(FIGURES, Figures())
    version = fleet.control_plane.get("/version")["gitVersion"]
    figures.setting = (
        f"Kubernetes {version}, {os.cpu_count()} shared processors, loads at {SCALE:.0%} of their full size."
    )
    figures.add(
        "live",
        {"applications": 1000, "calls": len(calls), "time": f"{seconds:.1f} s", "processor time": f"{own:.1f} s"},
    )


def test_progress_names_the_context_and_how_many_were_read(fleet: Fleet) -> None:
    environment = {"TERM": "xterm-256color", "KUBECONFIG": str(fleet.control_plane.kubeconfig)}
    shown = on_a_terminal(environment, ("explain", "--cluster", "--summary"), code=3)
    assert re.search(r"reading applications from test: \d+", shown)
    assert "1000 applications, " in shown
    assert f"passed over: {RUNS} runs of schedules" in shown


def test_what_is_stored_is_explained_as_the_same_files_are(
    fleet: Fleet, run: Any, explain: Any, tmp_path: Path
) -> None:
    """The files are what was sent, and what the API server answers, with all that it and the operators have written."""
    config = fleet.control_plane.kubeconfig
    (tmp_path / "policy.yaml").write_text(fleet.policy)
    namespaces = fleet.control_plane.get("/api/v1/namespaces")["items"]
    heads = [one | {"apiVersion": "v1", "kind": "Namespace"} for one in namespaces]
    listed = [one for path in paths() for one in fleet.control_plane.get(path)["items"]]
    runs = [one for one in listed if "ownerReferences" in one["metadata"]]
    assert len(runs) == RUNS
    assert all("managedFields" in one["metadata"] and "status" in one for one in listed)
    (tmp_path / "sent.json").write_text(as_list([*heads, *fleet.documents]))
    (tmp_path / "stored.json").write_text(as_list([*heads, *(one for one in listed if one not in runs)]))
    code, live, _ = explain(config, "-o", "json")
    few = ("-n", fleet.namespaces[-1], "-o", "json")
    assert explain(config, *few) == explain(config, *few, "--policy", tmp_path / "policy.yaml")
    for name in ("sent.json", "stored.json"):
        own, found, _ = run("-f", tmp_path / name, "--policy", tmp_path / "policy.yaml", "-o", "json")
        assert own == code
        assert alike(found) == alike(live)


def test_one_namespace_with_rights_in_that_one_only(fleet: Fleet, explain: Any, tmp_path: Path) -> None:
    advised, other, *_ = fleet.namespaces
    role = PAGE.split("<!-- rights -->")[1].split("```yaml\n")[2].split("```")[0]
    account = grant(fleet, role.replace("etl", advised))
    (tmp_path / "policy.yaml").write_text(fleet.policy)
    policy = ("--policy", str(tmp_path / "policy.yaml"))
    code, out, lines = explain(account, "-n", advised, *policy, "--summary", "-o", "json")
    found = json.loads(out)
    assert (code, lines, len(found["applications"])) == (3, [], fleet.number(advised))
    assert {(one["profile"], one["profileAssumed"]) for one in found["applications"]} == {("advised", False)}

    code, out, lines = explain(account, *policy)
    user = user_of(account)
    at = 'cannot list resource "{0}" in API group "{1}" at the cluster scope'
    assert (code, out) == (2, "")
    assert lines == [
        f"context test: the {kind}s ({version}) of all namespaces could not be listed: {plural}.{group} is forbidden: "
        f'User "{user}" {at.format(plural, group)}; accepted: -n NAMESPACE, or the right to list them'
        for kind, version in KINDS
        for plural, group in [(f"{kind.lower()}s", version.partition("/")[0])]
    ]

    code, out, lines = explain(account, "-n", advised)
    assert (code, out) == (2, "")
    (line,) = lines
    assert line.startswith(
        "context test: the deployed policy cannot be read: the webhook configurations could not be listed: "
    )
    assert line.endswith(" at the cluster scope; accepted: a policy with --policy")

    code, out, lines = explain(account, "-n", other, *policy)
    assert (code, out, len(lines)) == (2, "", 6)
    note, *faults = lines
    assert note.startswith(
        f"context test: the profile is assumed, because these namespaces could not be read: {other}; namespaces "
    )
    assert all(f"of the namespace {other} could not be listed" in one for one in faults)


KINDS = [
    ("ScheduledSparkApplication", "sparkoperator.k8s.io/v1beta2"),
    ("SparkApplication", "sparkoperator.k8s.io/v1beta2"),
    ("SparkConnect", "sparkoperator.k8s.io/v1alpha1"),
    ("SparkApplication", "spark.apache.org/v1"),
    ("SparkCluster", "spark.apache.org/v1"),
]


def test_rights_for_some_kinds_and_not_for_namespaces(fleet: Fleet, explain: Any, tmp_path: Path) -> None:
    """What may be read is shown, also runs if their schedules may not be; the profile is assumed as for files."""
    rules = [{"apiGroups": ["*"], "resources": ["sparkapplications", "sparkclusters"], "verbs": ["list"]}]
    account = grant(fleet, yaml.safe_dump({"kind": "ClusterRole", "metadata": {"name": "some"}, "rules": rules}))
    (tmp_path / "policy.yaml").write_text(fleet.policy)
    code, out, lines = explain(account, "--policy", str(tmp_path / "policy.yaml"), "-o", "json")
    found = json.loads(out)
    assert (code, len(found["workloads"])) == (2, 850 + RUNS)
    assert {(one["profile"], one["profileAssumed"]) for one in found["workloads"]} == {("default", True)}
    names = ", ".join(fleet.namespaces)
    assert lines[0].startswith(
        f"context test: the profile is assumed, because these namespaces could not be read: {names}; "
    )
    assert lines[1:] == found["faults"]
    assert [line.partition(" of all")[0] for line in lines[1:]] == [
        f"context test: the {kind}s ({version})" for kind, version in (KINDS[0], KINDS[2])
    ]


def test_contexts_of_which_some_do_not_answer(fleet: Fleet, explain: Any, tmp_path: Path) -> None:
    plane = fleet.control_plane
    (tmp_path / "empty").mkdir()
    with silent() as mute, ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path / "empty") as empty:
        config = kubeconfig(
            tmp_path,
            unknown=("expired",),
            production=plane,
            empty=empty,
            mute=mute,
            gone="https://127.0.0.1:1",
            strange=(plane, empty.ca),
            expired=plane,
        )
        names = ("mute", "empty", "gone", "production", "strange", "expired", "typo", "empty")
        asked = [f"--context={name}" for name in names]
        code, out, lines = explain(config, *asked, "--summary", "-o", "json")
        text = explain(config, "--context=empty", "--context=production", "--summary")
        alone = explain(config, "--context=mute", "-o", "json")
    found = json.loads(out)
    assert [(one["context"], one["policy"], len(one["applications"])) for one in found["contexts"]] == [
        ("empty", Policy().digest, 0),
        ("production", fleet.digest, 1000),
    ]
    assert code == 2
    assert NOBODYS not in out + "".join(lines)
    nothing = [
        "context empty: has no installation of this webhook, so the built-in policy is used",
        "context empty: has no application in all namespaces",
    ]
    assert lines[:2] == nothing
    assert lines[2:] == found["faults"]
    start = "context {}: the cluster at {} does not answer: "
    beginnings = [
        start.format("mute", mute),
        start.format("gone", "https://127.0.0.1:1") + "[Errno 111] Connection refused",
        start.format("strange", plane.url) + "unable to get local issuer certificate",
        f"context expired: the cluster at {plane.url} does not accept the user: Unauthorized",
        'context typo: no cluster: found no context "typo"; accepted: ',
    ]
    assert [line[: len(start)] for line, start in zip(lines[2:], beginnings, strict=True)] == beginnings
    assert (text[0], text[2]) == (3, nothing)
    assert re.findall(r"^context .*", text[1], re.MULTILINE) == ["context empty", "context production"]
    # How the silent server is given up depends on how busy this machine is.
    assert (alone[0], alone[1], alone[2][0][: len(beginnings[0])]) == (2, "", beginnings[0])


def test_every_output_names_the_context_of_several(fleet: Fleet, explain: Any, tmp_path: Path) -> None:
    """The same cluster by two contexts is printed twice, each time as for one context."""
    config = kubeconfig(tmp_path, one=fleet.control_plane, other=fleet.control_plane)
    few = fleet.namespaces[-1]
    both = ("--context", "one", "--context", "other", "-n", few)
    for output in ("text", "diff", "patch"):
        code, single, warned = explain(config, "--context", "one", "-n", few, "-o", output)
        twice = explain(config, *both, "-o", output)
        head = "" if output == "patch" else "context {}\n\n"
        between = "" if output == "patch" else "\n"
        again = single.replace("in cluster one", "in cluster other")
        assert twice == (code, f"{head.format('one')}{single}{between}{head.format('other')}{again}", warned * 2)
    code, beside, _ = explain(config, *both, "--beside", "spark-operator")
    assert code == 3
    assert re.findall(r"^context .*", beside, re.MULTILINE) == ["context one", "context other"]
    for arguments in ((), ("--summary",)):
        as_json = json.loads(explain(config, *both, *arguments, "-o", "json")[1])
        assert yaml.load(explain(config, *both, *arguments, "-o", "yaml")[1], yaml.CSafeLoader) == as_json
        assert [one["context"] for one in as_json["contexts"]] == ["one", "other"]


def test_adopt_judges_a_cluster_as_it_judges_the_same_files(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def adopt(*arguments: str | Path) -> tuple[int, JSON]:
        capsys.readouterr()
        code = run_command(["adopt", "-o", "json", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert err == ""
        return code, json.loads(out)

    (tmp_path / "policy.yaml").write_text(fleet.policy)
    few = fleet.namespaces[-1]
    head = fleet.control_plane.get(f"/api/v1/namespaces/{few}") | {"apiVersion": "v1", "kind": "Namespace"}
    sent = [one for one in fleet.documents if one["metadata"]["namespace"] == few]
    (tmp_path / "sent.json").write_text(as_list([head, *sent]))
    config = kubeconfig(tmp_path, one=fleet.control_plane, other=fleet.control_plane)
    code, live = adopt("--cluster", "--kubeconfig", config, "-n", few)
    both = adopt("--cluster", "--kubeconfig", config, "-n", few, "--context", "one", "--context", "other")
    own, files = adopt("-f", tmp_path / "sent.json", "--policy", tmp_path / "policy.yaml")
    assert (code, live["context"]) == (own, "one")
    assert by_name(live["applications"]) == by_name(files["applications"])
    assert len(live["applications"]) == len(sent) == fleet.number(few)
    assert live["totals"] == files["totals"]
    assert (both[0], [one["context"] for one in both[1]["contexts"]]) == (code, ["one", "other"])
    assert both[1]["contexts"][0] | {"written": []} == live


def test_a_namespace_that_does_not_exist(fleet: Fleet, explain: Any) -> None:
    code, out, lines = explain(fleet.control_plane.kubeconfig, "-n", "elt")
    assert (code, out) == (2, "")
    assert lines == ['context test: found no namespace "elt"; accepted: one that exists']


def test_a_page_of_large_applications_has_fewer(fleet: Fleet, explain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are longer than accepted are asked for again with a smaller limit, and nothing is lost."""
    config = fleet.control_plane.kubeconfig
    few = ("-n", fleet.namespaces[-1], "--summary", "-o", "json")
    usual = explain(config, *few)
    monkeypatch.setattr(live_applications, "_PAGE_BYTES", 10_000)
    assert explain(config, *few) == usual


def test_a_deployed_policy_that_cannot_be_used(fleet: Fleet, explain: Any, tmp_path: Path) -> None:
    plane, path = fleet.control_plane, f"/api/v1/namespaces/{fleet.own}/configmaps/{FULLNAME}-policy"
    (tmp_path / "policy.yaml").write_text(fleet.policy)
    where = f"context test: the deployed policy cannot be read: the ConfigMap {fleet.own}/{FULLNAME}-policy"
    try:
        for data, fault in (
            ({"policy.yaml": "profiles: 3"}, ": policy.yaml: profiles: found 3; accepted: a map"),
            ({"policy.yaml": None}, ": it has no key policy.yaml"),
        ):
            plane.patch(path, {"data": data})
            code, out, lines = explain(plane.kubeconfig)
            assert (code, out, lines) == (2, "", [f"{where}{fault}; accepted: a policy with --policy"])
        assert explain(plane.kubeconfig, "--policy", str(tmp_path / "policy.yaml"), "-n", fleet.own)[0] == 0
    finally:
        plane.patch(path, {"data": {"policy.yaml": fleet.policy}})


def grant(fleet: Fleet, roles: str) -> Path:
    """A kubeconfig of a new account with the roles of a YAML text; those of the webhook's namespace are in that."""
    plane, account = fleet.control_plane, fleet.control_plane.create_namespace("account")
    subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": account}]
    text = roles.replace("[spark-eci-webhook]", f"[{FULLNAME}]").replace(
        "[spark-eci-webhook-policy]", f"[{FULLNAME}-policy]"
    )
    for role in yaml.safe_load_all(text):
        kind, metadata = role["kind"], role["metadata"] | {"name": account}
        where = metadata.pop("namespace", "").replace("spark-eci-webhook", fleet.own)
        inside = f"{RBAC}/namespaces/{where}" if where else RBAC
        plane.create(f"{inside}/{kind.lower()}s", {"metadata": metadata, "rules": role["rules"]})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": account}
        plane.create(
            f"{inside}/{kind.lower()}bindings",
            {"metadata": {"name": account}, "roleRef": reference, "subjects": subjects},
        )
        await_rights(plane, f"{account}:default", role["rules"], where)
    return plane.service_account_kubeconfig(account, "default")


def user_of(account: Path) -> str:
    (user,) = yaml.safe_load(account.read_text())["users"]
    return f"system:serviceaccount:{user['name'].removesuffix('-default')}:default"


def asked(fleet: Fleet, account: Path) -> list[str]:
    """What an account has asked the API server."""
    lines = map(json.loads, fleet.control_plane.audit_log.read_text().splitlines())
    return [one["requestURI"] for one in lines if one["user"]["username"] == user_of(account)]


def paths() -> Iterator[str]:
    return (f"/apis/{version}/{plural}" for version, plurals in PLURALS.items() for plural in plurals)


def as_list(items: list[JSON]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def named(document: JSON) -> tuple[str, ...]:
    metadata = document["metadata"]
    return document["apiVersion"].partition("/")[0], document["kind"], metadata["namespace"], metadata["name"]


def called(workload: JSON) -> tuple[str, ...]:
    return tuple(workload[key] for key in ("group", "kind", "namespace", "name"))


def alike(output: str) -> JSON:
    """The explanations in a JSON document by name, without where they are from."""
    return by_name(json.loads(output)["workloads"])


def by_name(found: list[JSON]) -> JSON:
    """What was found by name, without where it is from, and without what only files have."""
    return {"/".join(called(one)): one | {"file": "", "cuts": [], "left": []} for one in found}
