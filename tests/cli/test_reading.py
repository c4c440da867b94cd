"""Files and folders as people have them: what is read, what is passed over, and what is named as a fault."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Ran, Run

HEAD = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\n"
SPEC = (
    "spec: {type: Scala, mode: cluster, image: 'registry/spark:3.5.2', sparkVersion: 3.5.2, mainClass: a.B, "
    "mainApplicationFile: 'local:///a.jar', driver: {}, executor: {instances: 1}}\n"
)
DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}\n"
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}\n"
KEPT = "{apiVersion: v1, kind: Secret, metadata: {name: password}}\n"
VALUES = "image: {tag: '1'}\nreplicas: 2\n"
POLICY = "profiles: {default: {driver: {mode: eci-only}}}"
TEMPLATE = HEAD + "metadata: {name: {{ .Values.name }}}\n"


def application(name: str) -> str:
    return f"{HEAD}metadata: {{name: {name}}}\n{SPEC}"


def folder(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def told(ran: Ran, root: Path) -> tuple[int, list[str], dict[str, int], list[str]]:
    """The exit code, the applications, what was passed over, and the faults, which are also on standard error."""
    found: dict[str, Any] = json.loads(ran.out)
    faults = [fault.replace(f"{root}/", "") for fault in found["faults"]]
    assert ran.err.replace(f"{root}/", "").splitlines() == faults
    names = [f"{Path(one['file']).relative_to(root)} {one['name']}" for one in found["workloads"]]
    return ran.code, names, found["passedOver"], faults


REPOSITORY = {
    "apps/etl/daily.yaml": f"---\n{application('daily')}---\n{CONFIG}---\n{KEPT}",
    "apps/etl/kustomization.yaml": "resources: [daily.yaml]\n",
    "apps/report.yml": application("report"),
    "apps/.hidden/secret.yaml": application("hidden"),
    "apps/.draft.yaml": application("draft"),
    "apps/README.md": "no manifest",
    "charts/etl/Chart.yaml": "apiVersion: v2\nname: etl\nversion: 1.0.0\n",
    "charts/etl/values.yaml": VALUES,
    "ci/workflow.yaml": "on: push\nenv: {token: '${{ secrets.TOKEN }}'}\n",
    "ci/steps.yaml": "- run: make\n- run: make\n",
    "ci/tool.yml": "x: !custom y\n",
    "package.json": '{"name": "tool"}',
    "web/deployment.yaml": DEPLOYMENT,
}


def test_a_repository_is_read_with_all_its_folders(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, REPOSITORY)
    assert told(run("explain", "-f", tmp_path, "-o", "json"), tmp_path) == (
        0,
        ["apps/etl/daily.yaml daily", "apps/report.yml report"],
        {"otherKinds": 3, "notKubernetes": 7},
        [],
    )
    last = run("explain", "-f", tmp_path).out.splitlines()[-1]
    assert last == (
        "2 applications, 4 pods: 4 placed; passed over: 3 documents of other kinds and "
        "7 documents that are no Kubernetes objects"
    )


def test_skip_other_kinds_is_accepted_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"a.yaml": f"{DEPLOYMENT}---\n{application('a')}"})
    plain = run("explain", "-f", tmp_path / "a.yaml")
    assert plain.code == 0
    assert plain.out.splitlines()[-1] == "1 application, 2 pods: 2 placed; passed over: 1 document of other kinds"
    assert run("explain", "-f", tmp_path / "a.yaml", "--skip-other-kinds") == plain


def test_other_kinds_in_a_list_hide_none_of_its_applications(run: Run, tmp_path: Path) -> None:
    items = "\n".join(f"- {one}" for one in (KEPT.strip(), DEPLOYMENT.strip()))
    inner = application("a").replace("\n", "\n  ")
    folder(tmp_path, {"list.yaml": f"apiVersion: v1\nkind: List\nitems:\n{items}\n- {inner}"})
    assert told(run("explain", "-f", tmp_path, "-o", "json"), tmp_path) == (
        0,
        ["list.yaml a"],
        {"otherKinds": 2, "notKubernetes": 0},
        [],
    )


@pytest.mark.parametrize(
    "content", [CONFIG, f"{KEPT}---\n{DEPLOYMENT}", "{apiVersion: v1, kind: List, items: []}"], ids=str
)
def test_files_of_only_other_kinds_contain_no_application(content: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(content)
    for named in (file, tmp_path):
        sentence = f"{named}: contains no application and no pod"
        assert run("explain", "-f", named) == (2, "", f"{sentence}\n")
        ran = run("explain", "-f", named, "-o", "json")
        assert (ran.code, ran.err) == (2, f"{sentence}\n")
        assert (json.loads(ran.out)["workloads"], json.loads(ran.out)["faults"]) == ([], [sentence])


@pytest.mark.parametrize(
    "content", [VALUES, "on: push\n", "- run: make\n", "apiVersion: v2\nname: etl\n", "kind: Kustomization\n"]
)
def test_what_is_no_kubernetes_object_is_a_fault_only_if_it_is_named(content: str, run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"apps/other.yaml": content, "apps/pi.yaml": application("pi")})
    inside = run("explain", "-f", tmp_path / "apps", "-o", "json")
    assert told(inside, tmp_path) == (0, ["apps/pi.yaml pi"], {"otherKinds": 0, "notKubernetes": 1}, [])
    named = run("explain", "-f", tmp_path / "apps/pi.yaml", "-f", tmp_path / "apps/other.yaml", "-o", "json")
    code, names, passed_over, (fault,) = told(named, tmp_path)
    assert (code, names, passed_over) == (2, ["apps/pi.yaml pi"], {"otherKinds": 0, "notKubernetes": 0})
    assert fault.startswith("apps/other.yaml: ")


@pytest.mark.parametrize("kind", ["SparkApplication", "ScheduledSparkApplication", "SparkConnect"])
def test_an_application_without_a_version_is_never_passed_over(kind: str, run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"apps/other.yaml": f"kind: {kind}\n", "apps/pi.yaml": application("pi")})
    fault = "apps/other.yaml: not a Kubernetes object: apiVersion or kind is missing"
    assert told(run("explain", "-f", tmp_path / "apps", "-o", "json"), tmp_path) == (
        2,
        ["apps/pi.yaml pi"],
        {"otherKinds": 0, "notKubernetes": 0},
        [fault],
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            HEAD.replace("kind: SparkApplication", "metadata: {name: pi}"),
            "not a Kubernetes object: apiVersion or kind is missing",
        ),
        (
            HEAD.replace("SparkApplication", "SparkAplication") + "metadata: {name: pi}\n",
            "SparkAplication pi: unknown kind of sparkoperator.k8s.io; "
            "accepted: SparkApplication, ScheduledSparkApplication, SparkConnect",
        ),
        (
            TEMPLATE,
            "line 3, column 19: a key that is not a string: put it in quotes; leave templates out with --ignore",
        ),
        ("a: [1\n", "line 2, column 1: did not find expected ',' or ']'"),
        (
            '{{ include "app" . }}\n',
            "line 1, column 2: a key that is not a string: put it in quotes; leave templates out with --ignore",
        ),
        (
            "{{- if .Values.enabled }}\na: 1\n{{- end }}\n",
            "line 1, column 2: a key that is not a string: put it in quotes; leave templates out with --ignore",
        ),
        ("apiVersion: v1\non: x\n", "line 2, column 1: a key that is not a string: put it in quotes"),
    ],
)
def test_a_broken_file_does_not_sink_the_folder(content: str, fault: str, run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"a.yaml": application("a"), "b.yaml": content, "c.yaml": application("c")})
    code, names, _, (told_fault,) = told(run("explain", "-f", tmp_path, "-o", "json"), tmp_path)
    assert (code, names) == (2, ["a.yaml a", "c.yaml c"])
    assert told_fault == f"b.yaml: {fault}"
    for output in ("text", "yaml", "diff", "patch"):
        ran = run("explain", "-f", tmp_path, "-o", output)
        alone = [run("explain", "-f", tmp_path / name, "-o", output) for name in ("a.yaml", "c.yaml")]
        assert (ran.code, [one.code for one in alone]) == (2, [0, 0])
        if output in ("diff", "patch"):
            assert ran.out == "".join(one.out for one in alone)
    assert told(run("explain", "-f", tmp_path, "--ignore", "b.*", "-o", "json"), tmp_path)[0] == 0


def test_documents_before_a_broken_one_are_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "apps.yaml"
    file.write_text(f"{application('a')}---\n{application('b')}---\na: [1\n---\n{application('d')}")
    code, names, _, faults = told(run("explain", "-f", file, "-o", "json"), tmp_path)
    assert (code, names) == (2, ["apps.yaml a", "apps.yaml b"])
    (line,) = [n for n, text in enumerate(file.read_text().splitlines(), 1) if text == "a: [1"]
    assert faults == [f"apps.yaml, document 3: line {line + 1}, column 1: did not find expected ',' or ']'"]


def test_a_document_that_is_not_valid_hides_no_other(run: Run, tmp_path: Path) -> None:
    bad = application("b").replace("driver: {}", "driver: {labels: {team: 1}}")
    late = application("c").replace("driver: {}", "driver: {tolerations: [{tolerationSeconds: soon}]}")
    folder(tmp_path, {"apps.yaml": "---\n".join([application("a"), bad, late, application("d")])})
    code, names, _, faults = told(run("explain", "-f", tmp_path, "-o", "json"), tmp_path)
    assert (code, names) == (2, ["apps.yaml a", "apps.yaml d"])
    assert faults == [
        'apps.yaml, document 2: SparkApplication b: spec.driver.labels["team"]: expected str, got int',
        "apps.yaml: SparkApplication c: driver: spec.tolerations[2].tolerationSeconds: expected int | null, got str",
    ]


def test_one_file_of_several_may_be_missing(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"a.yaml": application("a")})
    ran = run("explain", "-f", tmp_path / "nowhere.yaml", "-f", tmp_path / "a.yaml", "-o", "json")
    fault = "nowhere.yaml: cannot be read: No such file or directory"
    assert told(ran, tmp_path) == (2, ["a.yaml a"], {"otherKinds": 0, "notKubernetes": 0}, [fault])


def test_diff_compares_what_can_be_read(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"apps/a.yaml": application("a"), "apps/b.yaml": "a: [1", "new.yaml": POLICY})
    arguments = ("diff", "tests/cli/built-in.yaml", tmp_path / "new.yaml", "-o", "json", "-f")
    ran = run(*arguments, tmp_path / "apps")
    fault = f"{tmp_path}/apps/b.yaml: line 2, column 1: did not find expected ',' or ']'\n"
    assert (ran.code, ran.err) == (2, fault)
    assert [one["application"] for one in json.loads(ran.out)] == ["SparkApplication default/a"]
    assert run(*arguments, tmp_path / "apps/b.yaml") == (2, "[]\n", fault)


IGNORED = {name: application("x") for name in ("a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml")}


#: Globs, and the files that they leave.
GLOBS: list[tuple[list[str], list[str]]] = [
    ([], ["a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
    (["a.yaml"], ["b.yaml", "sub/deep/b.yaml"]),
    (["/a.yaml"], ["b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
    (["sub"], ["a.yaml", "b.yaml"]),
    (["sub/"], ["a.yaml", "b.yaml"]),
    (["a.yaml/"], ["a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
    (["deep"], ["a.yaml", "b.yaml", "sub/a.yaml"]),
    (["/deep"], ["a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
    (["sub/*.yaml"], ["a.yaml", "b.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
    (["sub/**"], ["a.yaml", "b.yaml"]),
    (["**/deep/a.yaml"], ["a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/b.yaml"]),
    (["sub/**/a.yaml"], ["a.yaml", "b.yaml", "sub/deep/b.yaml"]),
    (["[!b].yaml", "sub/deep"], ["b.yaml"]),
    (["?.yaml"], []),
    (["A.yaml", "[", ""], ["a.yaml", "b.yaml", "sub/a.yaml", "sub/deep/a.yaml", "sub/deep/b.yaml"]),
]


@pytest.mark.parametrize(("globs", "left"), GLOBS, ids=str)
def test_globs_are_read_as_git_reads_them(globs: list[str], left: list[str], run: Run, tmp_path: Path) -> None:
    folder(tmp_path, IGNORED)
    ignore = [argument for glob in globs for argument in ("--ignore", glob)]
    ran = run("explain", "-f", tmp_path, "-o", "json", *ignore)
    if left:
        assert told(ran, tmp_path)[:2] == (0, [f"{name} x" for name in left])
    else:
        sentence = "contains no file that is neither hidden nor ignored that ends in .yaml, .yml, .json"
        assert (ran.code, ran.err) == (2, f"{tmp_path}: {sentence}\n")


@pytest.mark.needs("git")
def test_git_agrees_about_the_globs(tmp_path: Path) -> None:
    """The outside judge of the table above."""
    folder(tmp_path, IGNORED)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for globs, left in GLOBS:
        (tmp_path / ".git/info/exclude").write_text("\n".join(globs))
        command = ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"]
        seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        assert sorted(seen) == sorted(left), globs


def test_a_named_file_is_read_even_if_a_glob_matches_it(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"a.yaml": application("a")})
    assert run("explain", "-f", tmp_path / "a.yaml", "--ignore", "a.yaml").code == 0


def test_a_named_folder_may_be_hidden_or_a_link(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {".hidden/a.yaml": application("a")})
    (tmp_path / "link").symlink_to(".hidden")
    for name in (".hidden", "link"):
        assert told(run("explain", "-f", tmp_path / name, "-o", "json"), tmp_path)[:2] == (0, [f"{name}/a.yaml a"])


def test_links_to_files_are_read_and_links_to_folders_are_not(run: Run, tmp_path: Path) -> None:
    folder(tmp_path, {"apps/a.yaml": application("a"), "other/b.yaml": application("b")})
    (tmp_path / "apps/up").symlink_to("..")
    (tmp_path / "apps/self.yaml").symlink_to(".")
    (tmp_path / "apps/other").symlink_to("../other")
    (tmp_path / "apps/c.yaml").symlink_to("../other/b.yaml")
    assert told(run("explain", "-f", tmp_path / "apps", "-o", "json"), tmp_path) == (
        0,
        ["apps/a.yaml a", "apps/c.yaml b"],
        {"otherKinds": 0, "notKubernetes": 0},
        [],
    )


def test_what_cannot_be_opened_is_named(run: Run, tmp_path: Path) -> None:
    """A pipe that nobody writes to would stop the command forever."""
    folder(tmp_path, {"a.yaml": application("a")})
    os.mkfifo(tmp_path / "pipe.yaml")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    code, names, _, faults = told(run("explain", "-f", tmp_path, "-o", "json"), tmp_path)
    assert (code, names) == (2, ["a.yaml a"])
    assert faults == [
        "gone.yaml: cannot be read: No such file or directory",
        "loop.yaml: cannot be read: Too many levels of symbolic links",
        "pipe.yaml: not a regular file",
        "zero.json: not a regular file",
    ]


def test_files_and_folders_without_permission_are_named(tmp_path: Path) -> None:
    """In a process of another user, because root may read everything."""
    folder(tmp_path, {"a.yaml": application("a"), "b.yaml": application("b"), "c/c.yaml": application("c")})
    tmp_path.chmod(0o755)
    for name in ("b.yaml", "c"):
        (tmp_path / name).chmod(0)
    code = (
        "import os, sys, webhook.cli.explain; from webhook.cli.process import run_command; os.chdir(sys.argv[1]); "
        "os.getuid() or os.setuid(65534); sys.exit(run_command(['explain', '-f', '.', '-o', 'json']))"
    )
    # That user cannot write down in the checkout what was covered.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (tmp_path / "c").chmod(0o755)
    assert done.stderr.splitlines() == [
        "./c: cannot be read: Permission denied",
        "./b.yaml: cannot be read: Permission denied",
    ]
    assert done.returncode == 2
    assert [one["name"] for one in json.loads(done.stdout)["workloads"]] == ["a"]
