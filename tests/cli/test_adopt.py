"""`adopt`: the verdicts, the lines that can be cut, and the files that are written."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import ROOT, Ran, Run
from webhook.adopt.cuts import LeftReason
from webhook.adopt.slim_file import replace_file
from webhook.adopt.verdict import OWN_WINS
from webhook.cli.adopt import print_adoption, words
from webhook.cli.inputs import read_inputs
from webhook.cli.markdown import code
from webhook.cli.sources import Source, Sources
from webhook.cli.terminal import InputError
from webhook.core.policy import Policy
from webhook.service.policy_file import parse_policy

APPS = ROOT / "tests" / "cli" / "adopt"
DOCUMENT = (ROOT / "docs" / "adopting.md").read_text(encoding="utf-8")
#: What is left of nightly.yaml.
SLIM = """\
  executor:
    instances: 20  # a night's worth
    memory: 8g
    annotations:
      team: data
    # ECS first, and ECI if it is full
"""
#: The same placement for its driver.
DRIVER = "".join((APPS / "nightly.yaml").read_text(encoding="utf-8").splitlines(keepends=True)[18:34]).replace(
    "      team: data\n", ""
)
CUTS: list[dict[str, Any]] = [
    {"lines": [20, 20], "path": 'spec.executor.annotations["k8s.aliyun.com/eci-image-cache"]'},
    {"lines": [23, 27], "path": "spec.executor.tolerations"},
    {"lines": [28, 34], "path": "spec.executor.affinity"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the applications, which may be written."""
    return Path(shutil.copytree(APPS, tmp_path / "apps"))


def applications(ran: Ran) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(ran.out)["applications"]}


def verdicts(ran: Ran) -> dict[str, str]:
    return {name: one["verdict"] for name, one in applications(ran).items()}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def namespace(name: str, profile: str | None) -> str:
    labels = f", labels: {{spark-eci-webhook/profile: {profile}}}" if profile else ""
    return f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}{labels}}}}}\n"


def test_the_document_says_everything_once(run: Run) -> None:
    ran = run("adopt", "-f", APPS / "nightly.yaml", "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    image_cache = 'spec.executor.annotations["k8s.aliyun.com/eci-image-cache"]'
    assert CUTS[0]["path"] == image_cache
    assert json.loads(ran.out) == {
        "policy": Policy().digest,
        "operatorVersion": "2.5.2",
        "sparkVersion": "",
        "applications": [
            {
                "file": str(APPS / "nightly.yaml"),
                "group": "sparkoperator.k8s.io",
                "kind": "SparkApplication",
                "namespace": "etl",
                "name": "nightly",
                "profile": "default",
                "profileAssumed": True,
                "operator": "operator 2.5.2",
                "verdict": "same",
                "pods": [
                    {
                        "title": "driver",
                        "count": "",
                        "verdict": "same",
                        "fate": "placed",
                        "ownPlacement": False,
                        "mode": "ecs-only",
                        "reason": "",
                        "adds": [],
                        "wins": [],
                    },
                    {
                        "title": "executor",
                        "count": "20",
                        "verdict": "same",
                        "fate": "placed",
                        "ownPlacement": True,
                        "mode": "ecs-first",
                        "reason": "",
                        "adds": [],
                        "wins": [],
                    },
                ],
                "cuts": CUTS,
                "left": [],
                "notes": [],
            }
        ],
        "totals": {
            "applications": 1,
            "same": 1,
            "changes": 0,
            "conflicts": 0,
            "withoutOwnPlacement": 0,
            "files": 1,
            "lines": 13,
        },
        "written": [],
        "faults": [],
    }


@pytest.mark.parametrize("output", ["text", "json", "markdown"])
@pytest.mark.parametrize(
    ("names", "strict", "code"),
    [
        (["nightly", "plain"], (), 0),
        (["nightly", "plain"], ("--strict",), 1),
        (["ingest", "plain"], (), 1),
        (["ingest", "report"], (), 3),
        (["report", "nowhere"], (), 2),
        (["nightly", "nowhere"], (), 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    names: list[str], strict: tuple[str, ...], code: int, output: str, run: Run
) -> None:
    arguments = [one for name in names for one in ("-f", APPS / f"{name}.yaml")]
    ran = run("adopt", *arguments, *strict, "-o", output)
    assert ran.code == code
    assert ran.err == (f"{APPS}/nowhere.yaml: cannot be read: No such file or directory\n" if code == 2 else "")
    assert ran.out


def test_both_operators_pods_and_reviews_are_compared(run: Run) -> None:
    policy = ("--policy", "tests/cli/operators/policy/every-kind.yaml")
    ran = run(
        "adopt", "-f", "tests/cli/operators", "-f", "tests/cli/pods", "-f", "tests/reviews", *policy, "-o", "json"
    )
    found = json.loads(ran.out)["applications"]
    assert {(one["group"], one["kind"]) for one in found} == {
        ("sparkoperator.k8s.io", "SparkApplication"),
        ("spark.apache.org", "SparkApplication"),
        ("spark.apache.org", "SparkCluster"),
        ("", "Pod"),
        ("admission.k8s.io", "AdmissionReview"),
    }
    others = [one for one in found if one["kind"] in ("Pod", "AdmissionReview")]
    assert others
    assert all(not one["cuts"] and not one["left"] for one in others)


@pytest.mark.parametrize("form", ["pod", "review"])
def test_a_pod_is_compared_and_never_cut(form: str, run: Run, tmp_path: Path) -> None:
    review = json.loads((ROOT / "tests/reviews/spark-3.5.2-executor-1.json").read_bytes())
    review["request"]["object"]["spec"]["tolerations"].append(
        {"key": "virtual-kubelet.io/provider", "operator": "Exists"}
    )
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(review["request"]["object"] if form == "pod" else review))
    before = file.read_bytes()
    ran = run("adopt", "-f", file, "--write")
    name = f"{'Pod' if form == 'pod' else 'AdmissionReview'} default/spark-pi-34c0998f9f832e61-exec-1"
    assert ran == (
        1,
        f"changes    {name} in {file}, profile default (assumed)\n"
        "  pod: ecs-first\n"
        "    + annotation k8s.aliyun.com/eci-image-cache: true (creates and matches image caches automatically)\n"
        "    + preferred node affinity type NotIn [virtual-kubelet], weight 1 (the scheduler prefers other nodes)\n"
        "\n"
        "1 pod: 0 same, 1 changes, 0 conflicts\n",
        "",
    )
    assert file.read_bytes() == before


def test_a_namespace_without_the_label_is_assumed_to_get_the_default_one(run: Run, folder: Path) -> None:
    (folder / "namespaces.yaml").write_text("---\n".join([namespace("etl", None), namespace("web", "eci-only")]))
    ran = run("adopt", "-f", folder, "-o", "json")
    assert ran.code == 3
    assert {name: (one["profile"], one["profileAssumed"]) for name, one in applications(ran).items()} == {
        "ingest": ("default", True),
        "nightly": ("default", True),
        "report": ("default", True),
        "plain": ("eci-only", False),
    }
    note = "note: without the label spark-eci-webhook/profile, so that the profile default is assumed: etl"
    assert note in run("adopt", "-f", folder).out.splitlines()
    assert f"Note: `{note.removeprefix('note: ')}`" in run("adopt", "-f", folder, "-o", "markdown").out.splitlines()
    chosen = run("adopt", "-f", folder, "--profile", "ecs-first", "-o", "json")
    assert {(one["profile"], one["profileAssumed"]) for one in applications(chosen).values()} == {("ecs-first", False)}


def test_a_label_with_an_unknown_profile_is_a_fault_and_told_once(run: Run, folder: Path) -> None:
    (folder / "namespaces.yaml").write_text(namespace("etl", "ecionly"))
    ran = run("adopt", "-f", folder, "-o", "json")
    profiles = ", ".join(Policy().profiles)
    sentence = f'label spark-eci-webhook/profile of the namespace etl: unknown profile "ecionly"; accepted: {profiles}'
    assert (ran.code, ran.err) == (2, f"{sentence}\n")
    assert json.loads(ran.out)["faults"] == [sentence]
    assert verdicts(ran) == {"plain": "same"}


@pytest.mark.parametrize(
    "named", [("eci-only", "default"), ("eci-only", "default", None), ("eci-only", None, "default")]
)
def test_files_that_disagree_about_the_profile_of_a_namespace_are_a_fault(
    run: Run, folder: Path, named: tuple[str | None, ...]
) -> None:
    for number, one in enumerate(named):
        (folder / f"z{number}.yaml").write_text(namespace("etl", one))
    before = contents(folder)
    ran = run("adopt", "-f", folder, "--write")
    start = "label spark-eci-webhook/profile of the namespace etl: the files disagree; "
    sentence = f"{start}read those of one cluster at a time, or choose with --profile: eci-only, default"
    assert (ran.code, ran.err.splitlines()[0]) == (2, sentence)
    assert contents(folder) == before
    assert run("adopt", "-f", folder, "--profile", "default").code == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--write", "-f", "-"),
            "--write changes files, and standard input is none: leave out -f -",
        ),
        (("--write", "--cluster"), "--write changes files: leave out --cluster"),
        (("--context", "a", "-f", "apps"), "--context needs --cluster"),
        (("--policy", "-", "-f", "-"), "-: standard input can be read only once; accepted: - for one file"),
        ((), "nothing to read: name a file or folder with -f, or - for standard input"),
        (
            ("-f", "tests/cli/adopt", "--profile", "eci"),
            f'unknown profile "eci"; choose with --profile: {", ".join(Policy().profiles)}',
        ),
    ],
)
def test_a_mistaken_call_is_a_sentence_and_code_2(arguments: tuple[str, ...], sentence: str, run: Run) -> None:
    assert run("adopt", *arguments) == (2, "", f"{sentence}\n")


def test_standard_input_is_compared(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with (APPS / "nightly.yaml").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        ran = run("adopt", "-f", "-", "-o", "json")
    assert (ran.code, applications(ran)["nightly"]["cuts"]) == (0, CUTS)


def test_writing_removes_whole_lines_and_a_second_run_finds_nothing(run: Run, folder: Path) -> None:
    before = contents(folder)
    first = run("adopt", "-f", folder, "-o", "json")
    assert contents(folder) == before, "nothing is written without --write"
    written = run("adopt", "-f", folder, "--write", "-o", "json")
    assert (written.code, written.err) == (first.code, "")
    # What is said about the files is the same, apart from what was written.
    names = [str(folder / one) for one in ("ingest.yaml", "nightly.yaml", "report.yaml")]
    assert json.loads(written.out) == json.loads(first.out) | {"written": names}
    after = contents(folder)
    for name, one in applications(first).items():
        lines = before[f"{name}.yaml"].splitlines(keepends=True)
        gone = {line for cut in one["cuts"] for line in range(cut["lines"][0], cut["lines"][1] + 1)}
        kept = [line for number, line in enumerate(lines, 1) if number not in gone]
        assert after[f"{name}.yaml"] == b"".join(kept)
    assert after["nightly.yaml"].endswith(SLIM.encode())
    second = run("adopt", "-f", folder, "--write", "-o", "json")
    assert verdicts(second) == verdicts(first)
    assert json.loads(second.out)["totals"]["lines"] == 0
    assert json.loads(second.out)["written"] == []
    assert contents(folder) == after


def test_what_was_written_is_told_in_lines(run: Run, folder: Path) -> None:
    ran = run("adopt", "-f", folder / "nightly.yaml", "--write")
    assert ran == (
        0,
        f"same       SparkApplication etl/nightly in {folder}/nightly.yaml, profile default (assumed)\n"
        '  cut: line 20: spec.executor.annotations["k8s.aliyun.com/eci-image-cache"]\n'
        "  cut: lines 23 to 27: spec.executor.tolerations\n"
        "  cut: lines 28 to 34: spec.executor.affinity\n"
        "\n"
        "1 application: 1 same, 0 changes, 0 conflicts; 13 lines cut from 1 file\n",
        "",
    )
    assert run("adopt", "-f", folder / "nightly.yaml", "--write") == (
        0,
        f"same       SparkApplication etl/nightly in {folder}/nightly.yaml, profile default (assumed); "
        "no placement of its own: the webhook places it\n"
        "\n"
        "1 application: 1 same, 0 changes, 0 conflicts, 1 without placement of its own\n",
        "",
    )


def test_nothing_of_a_role_is_cut_if_a_part_of_its_placement_has_to_stay(run: Run, folder: Path) -> None:
    """Else the second run would take the application for one that somebody placed by half."""
    file = folder / "nightly.yaml"
    file.write_text(file.read_text().replace("weight: 1", "weight: 50").replace("driver:", f"driver:\n{DRIVER}"))
    policy = ("--policy", folder.parent / "policy.yaml")
    policy[1].write_text("profiles: {default: {driver: {mode: ecs-first}, executor: {mode: ecs-first}}}")
    first = run("adopt", "-f", file, *policy, "--write", "-o", "json")
    found = applications(first)["nightly"]
    assert (found["verdict"], {cut["path"] for cut in found["cuts"]}) == (
        "same",
        {"spec.driver.annotations", "spec.driver.tolerations", "spec.driver.affinity"},
    )
    assert {left["path"].removeprefix("spec.executor."): left["why"] for left in found["left"]} == {
        'annotations["k8s.aliyun.com/eci-image-cache"]': "incomplete",
        "tolerations[0]": "incomplete",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]": "differs",
    }
    second = run("adopt", "-f", file, *policy, "-o", "json")
    assert (verdicts(second), applications(second)["nightly"]["cuts"]) == ({"nightly": "same"}, [])


def test_an_annotation_of_eci_that_no_profile_gives_stays_alone(run: Run, folder: Path) -> None:
    file = folder / "nightly.yaml"
    file.write_text(file.read_text().replace("team: data", "k8s.aliyun.com/eci-use-specs: 4-8Gi"))
    found = applications(run("adopt", "-f", file, "--write", "-o", "json"))["nightly"]
    assert (found["verdict"], found["cuts"], found["left"]) == ("same", CUTS, [])
    second = applications(run("adopt", "-f", file, "-o", "json"))["nightly"]
    assert (second["verdict"], [pod["ownPlacement"] for pod in second["pods"]]) == ("same", [False, False])


def test_the_pods_of_a_slimmed_application_are_those_of_the_original(run: Run, folder: Path) -> None:
    def placed() -> list[Any]:
        ran = run("explain", "-f", folder / "nightly.yaml", "-o", "json")
        return [one["after"] for one in json.loads(ran.out)["workloads"][0]["pods"]]

    before = placed()
    assert run("adopt", "-f", folder, "--write").code == 3
    after = placed()
    for one in (*before, *after):
        one["spec"]["tolerations"].sort(key=lambda toleration: str(sorted(toleration.items())))
    assert after == before


@pytest.mark.parametrize(
    ("rule", "why"), [("observe: true", "observed"), ("rollout: 50", "rollout"), ("rollout: 0", "rollout")]
)
def test_nothing_is_cut_for_a_rule_that_does_not_hold_for_all_pods(
    rule: str, why: str, run: Run, folder: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"profiles: {{default: {{driver: {{{rule}}}, executor: {{{rule}}}}}}}")
    before = contents(folder)
    ran = run("adopt", "-f", folder, "--policy", policy, "--write", "-o", "json")
    assert contents(folder) == before
    assert {one["why"] for one in applications(ran)["nightly"]["left"]} == {why}


def test_nothing_is_written_if_a_part_of_the_input_cannot_be_used(run: Run, folder: Path) -> None:
    """The part may be the Namespace that names another profile."""
    (folder / "broken.yaml").write_text("a: [1")
    before = contents(folder)
    ran = run("adopt", "-f", folder, "--write")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [
            f"{folder}/broken.yaml: line 2, column 1: did not find expected ',' or ']'",
            "nothing was written, because of the above: correct it, or leave the file out with --ignore",
        ],
    )
    assert ran.out.splitlines()[-1].endswith("; 20 lines can be cut from 3 files")
    assert contents(folder) == before
    left_out = run("adopt", "-f", folder, "--ignore", "broken.yaml", "--write")
    assert (left_out.code, left_out.err) == (3, "")
    assert left_out.out.splitlines()[-1].endswith("; 20 lines cut from 3 files")


def test_a_file_that_cannot_be_written_is_named_with_those_already_written(run: Run, folder: Path) -> None:
    """A folder in which no file can be made; root may write everywhere else."""
    first, second = folder / "a", Path("/proc/self/fd")
    first.mkdir()
    (folder / "nightly.yaml").rename(first / "nightly.yaml")
    with (APPS / "nightly.yaml").open("rb") as opened, (folder / "gone.yaml").open("w+b") as gone:
        gone.write(opened.read())
        gone.flush()
        (folder / "gone.yaml").unlink()
        name = f"{second}/{gone.fileno()}"
        ran = run("adopt", "-f", first, "-f", name, "--write")
    assert (ran.code, ran.err) == (
        2,
        f"{name}: cannot be written: No such file or directory; already written: {first}/nightly.yaml\n",
    )
    assert ran.out.splitlines()[-1].endswith("; 13 lines cut from 1 file; 13 lines can be cut from 1 file")
    assert (first / "nightly.yaml").read_text().endswith(SLIM)


def test_nothing_is_written_beside_a_pipe(run: Run, folder: Path) -> None:
    before = contents(folder)
    reader, writer = os.pipe()
    os.write(writer, (APPS / "nightly.yaml").read_bytes())
    os.close(writer)
    name = f"/dev/fd/{reader}"
    try:
        ran = run("adopt", "-f", folder, "-f", name, "--write")
    finally:
        os.close(reader)
    assert contents(folder) == before
    told = f"{name}: not a regular file, so nothing was written; accepted with --write: files\n"
    assert (ran.code, ran.err) == (2, told)


def test_what_was_written_before_an_interruption_is_told(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, old: bytes, new: bytes) -> None:
        if path.name == "nightly.yaml":
            raise KeyboardInterrupt
        replace_file(path, old, new)

    monkeypatch.setattr("webhook.cli.adopt.edited_files.replace_file", interrupted)
    ran = run("adopt", "-f", folder, "--write")
    told = f"interrupted before {folder}/nightly.yaml; already written: {folder}/ingest.yaml\n"
    assert (ran.code, ran.err) == (2, told)
    assert ran.out.splitlines()[-1].endswith("; 2 lines cut from 1 file; 18 lines can be cut from 2 files")


def test_applications_outside_the_rollout_are_counted(run: Run, folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("profiles: {default: {driver: {rollout: 0}, executor: {rollout: 0}}}")
    ran = run("adopt", "-f", folder, "--policy", policy, "--strict")
    total = "4 applications: 4 same, 0 changes, 0 conflicts, 4 outside the rollout"
    assert (ran.code, ran.out.splitlines()[-1]) == (0, total)


def test_notes_are_told(run: Run, tmp_path: Path) -> None:
    """Such as what could not be read, so that a verdict knows less than the pods will have."""
    text = (APPS / "plain.yaml").read_text(encoding="utf-8")
    (tmp_path / "app.yaml").write_text(re.sub("\n  type: [A-Za-z]+", "", text))
    ran = run("adopt", "-f", tmp_path)
    assert ran.code == 0
    assert [one for one in ran.out.splitlines() if "note:" in one] == ["  note: spec.type is missing; assumed: Scala"]


def changed_meanwhile(folder: Path, change: Callable[[Path], object], capsys: pytest.CaptureFixture[str]) -> Ran:
    """What adopt says if `change` happens to nightly.yaml after the files were read."""
    source = Source(read_inputs([str(folder)], "default"), Policy())
    change(folder / "nightly.yaml")
    with pytest.raises(InputError) as raised:
        print_adoption(Sources((source,)), None, "text", write=True, strict=False)
    return Ran(2, capsys.readouterr().out, str(raised.value))


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = changed_meanwhile(folder, lambda file: file.write_text("# another one\n"), capsys)
    assert (folder / "nightly.yaml").read_text() == "# another one\n"
    assert ran.err == (
        f"{folder}/nightly.yaml: cannot be written: it has changed since it was read; already written: {folder}/ingest.yaml"
    )
    assert (folder / "report.yaml").read_bytes() == (APPS / "report.yaml").read_bytes()


def test_not_all_of_many_files_that_were_written_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(99):
        text = (APPS / "nightly.yaml").read_text().replace("name: nightly", f"name: n{number}")
        (folder / f"a{number:02}.yaml").write_text(text)
    ran = changed_meanwhile(folder, lambda file: file.write_text("# another one\n"), capsys)
    assert f"already written: {folder}/a00.yaml, {folder}/a01.yaml" in ran.err
    assert re.search(r", and [0-9]+ more$", ran.err)
    assert len(ran.err) < 1000


def test_a_file_of_two_names_is_written_once(run: Run, folder: Path) -> None:
    (folder / "link.yaml").symlink_to("nightly.yaml")
    ran = run(
        "adopt", "-f", folder / "nightly.yaml", "-f", folder / "link.yaml", "-f", folder / "nightly.yaml", "--write"
    )
    assert (ran.code, ran.err) == (0, "")
    assert (folder / "nightly.yaml").read_text().endswith(SLIM)
    assert (folder / "link.yaml").is_symlink()


def test_what_can_be_cut_of_a_list_is_told_of_the_right_application(run: Run, folder: Path, tmp_path: Path) -> None:
    items = [yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("plain", "nightly", "report")]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {}}
    inner = {"apiVersion": "v1", "kind": "List", "items": [pod, items[1], items[2]]}
    file = tmp_path / "list.yaml"
    file.write_text(
        f"---\n---\n# a list\n{yaml.safe_dump({'apiVersion': 'v1', 'kind': 'List', 'items': [items[0], inner]})}"
    )
    ran = run("adopt", "-f", file, "-o", "json")
    lines = file.read_text().splitlines()
    found = applications(ran)
    assert {name: {cut["path"].split(".spec")[0] for cut in one["cuts"]} for name, one in found.items()} == {
        "plain": set(),
        "web": set(),
        "nightly": {"items[1].items[1]"},
        "report": {"items[1].items[2]"},
    }
    for name in ("nightly", "report"):
        (cut,) = [one for one in found[name]["cuts"] if one["path"].endswith(".tolerations")]
        assert lines[cut["lines"][0] - 1].strip() == "tolerations:"


def test_lines_of_several_documents_are_told_of_the_right_one(run: Run, folder: Path) -> None:
    file = folder / "all.yaml"
    file.write_text(
        "---\n".join(["# nothing\n", *((folder / f"{name}.yaml").read_text() for name in ("plain", "nightly"))])
    )
    ran = run("adopt", "-f", file, "-o", "json")
    start = file.read_text().splitlines().index("# Owner: data platform")
    cuts = [{**one, "lines": [line + start for line in one["lines"]]} for one in CUTS]
    assert {name: one["cuts"] for name, one in applications(ran).items()} == {"plain": [], "nightly": cuts}


def test_a_json_file_is_compared_and_left(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "nightly.json"
    file.write_text(json.dumps(yaml.safe_load((APPS / "nightly.yaml").read_text())))
    before = file.read_bytes()
    found = applications(run("adopt", "-f", file, "--write", "-o", "json"))["nightly"]
    assert (found["verdict"], found["cuts"], {one["why"] for one in found["left"]}) == ("same", [], {"json"})
    assert file.read_bytes() == before


def test_an_application_that_never_runs_is_noted_and_not_cut(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text((APPS / "nightly.yaml").read_text().replace("  image: registry/spark:3.5.2\n", ""))
    before = file.read_bytes()
    found = applications(run("adopt", "-f", file, "--write", "--strict", "-o", "json"))["nightly"]
    assert (found["verdict"], found["cuts"]) == ("same", [])
    assert [pod["fate"] for pod in found["pods"]] == ["never runs", "never runs"]
    assert any("never runs" in note for note in found["notes"])
    assert file.read_bytes() == before


def test_what_wins_is_told_with_what_the_pod_has(run: Run, folder: Path) -> None:
    file, policy = folder / "nightly.yaml", folder / "policy.yaml"
    file.write_text(file.read_text().replace('eci-image-cache: "true"', 'eci-image-cache: "false"'))
    policy.write_text("profiles: {default: {executor: {mode: ecs-first, always: {annotations: {team: etl}}}}}")
    ran = run("adopt", "-f", file, "--policy", policy)
    assert (ran.code, ran.out.splitlines()[1:4]) == (
        3,
        [
            "  executor (20): ecs-first",
            '    ! annotation team (the pod has its own value "data")',
            "    ! image cache (the pod has its own: k8s.aliyun.com/eci-image-cache: false)",
        ],
    )


def test_a_denied_pod_is_told_with_the_denial(run: Run) -> None:
    policy = ("--policy", "tests/cli/shares.yaml", "--profile", "strict")
    ran = run("adopt", "-f", "tests/cli/pods/node-name-set.yaml", *policy, "-o", "json")
    ((pod,),) = [one["pods"] for one in json.loads(ran.out)["applications"]]
    assert (ran.code, pod["fate"], pod["verdict"], pod["reason"]) == (3, "denied", "conflicts", "node-name-set")
    assert [won.partition(" already")[0] for won in pod["wins"]] == ['nodeName is "cn-beijing.192.168.0.250"']


def test_shares_of_a_mix_are_judged_one_by_one(run: Run, folder: Path) -> None:
    ran = run("adopt", "-f", folder / "nightly.yaml", "--policy", "tests/cli/shares.yaml", "-o", "json")
    found = applications(ran)["nightly"]
    assert (ran.code, [(pod["title"], pod["count"], pod["mode"]) for pod in found["pods"]]) == (
        1,
        [("driver", "", "ecs-only"), ("executor", "14 of 20", "eci-only"), ("executor", "6 of 20", "ecs-only")],
    )
    assert [pod["verdict"] for pod in found["pods"]] == ["same", "changes", "changes"]


def test_several_clusters_have_a_heading_each_and_one_of_them_may_fail(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def source(context: str, policy: str) -> Source:
        inputs = read_inputs([str(folder / "nightly.yaml")], "default")
        inputs.files.clear()
        return Source(inputs, parse_policy(policy.encode(), "policy"), context)

    ecs = source("ecs", "{profiles: {default: {executor: {mode: ecs-only}}}}")
    without = source("bare", "{profiles: {other: {}}}")
    sources = Sources((source("east|`x`", ""), ecs, without), ("context west: no answer",))
    sentences = (
        "context west: no answer",
        'context bare: unknown profile "default"; choose with --profile: other',
    )
    printed = {}
    for output in ("text", "markdown", "json"):
        with pytest.raises(InputError) as raised:
            print_adoption(sources, None, output, write=False, strict=False)
        assert raised.value.sentences == sentences
        printed[output] = capsys.readouterr().out
    found = json.loads(printed["json"])
    assert [(one["context"], one["totals"]["same"], one["totals"]["changes"]) for one in found["contexts"]] == [
        ("east|`x`", 1, 0),
        ("ecs", 0, 1),
    ]
    assert found["faults"] == list(sentences)
    lines = printed["text"].splitlines()
    assert [line for line in lines if line.startswith("context ")] == [
        f"context east|`x`, policy {Policy().digest}",
        f"context ecs, policy {ecs.policy.digest}",
    ]
    assert [line for line in lines if line.startswith("1 application")] == [
        "1 application: 1 same, 0 changes, 0 conflicts",
        "1 application: 0 same, 1 changes, 0 conflicts",
    ]
    assert [line for line in printed["markdown"].splitlines() if line.startswith("#")] == [
        "### <code>east&#124;&#96;x&#96;</code>",
        "### `ecs`",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("etl/pi", "`etl/pi`"),
        ("<img src=x onerror=y> @all #1 *a*", "`<img src=x onerror=y> @all #1 *a*`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a\\", "<code>a&#92;</code>"),
        ("</code>|<b>", "<code>&#60;&#47;code&#62;&#124;&#60;b&#62;</code>"),
        ("two\nlines\x1b", "`two?lines?`"),
        ("  ", ""),
    ],
)
def test_no_text_is_markdown(text: str, shown: str) -> None:
    assert code(text) == shown


HOSTILE = "x|`</code><script>alert(1)</script>[l](javascript:a)\n| forged | row |\n@all"


def test_a_hostile_name_stays_in_its_cell(run: Run, tmp_path: Path) -> None:
    """Of an application with such a name, no pod would run; of a Pod in a file, the name is not checked."""
    document = json.loads((ROOT / "tests/reviews/spark-3.5.2-executor-1.json").read_bytes())["request"]["object"]
    document |= {"apiVersion": "v1", "kind": "Pod"}
    document["metadata"] |= {"name": HOSTILE, "namespace": HOSTILE}
    document["metadata"]["annotations"] = {"k8s.aliyun.com/eci-image-cache": HOSTILE}
    document["spec"]["nodeName"] = "|`<b>"
    file = tmp_path / "a|`b.yaml"
    file.write_text(yaml.safe_dump(document))
    ran = run("adopt", "-f", file, "-o", "markdown")
    assert ran.code == 3, ran.err
    head, rule, row, *rest = ran.out.splitlines()
    assert (head.count("|"), rule.count("|"), rest) == (6, 6, ["", "1 pod: 0 same, 0 changes, 1 conflicts."])
    assert row.count("|") == 6
    # Outside of code there are only these.
    outside = re.sub("<code>[^<>`|]*</code>|`[^`|]*`", "", row)
    assert re.fullmatch(r"\| conflicts \|( |<br>)*\|( )*\|( |<br>|stays:)*\|( |<br>|stays:|can be cut:)*\|", outside), (
        outside
    )


def test_a_table_that_is_too_long_for_a_comment_says_what_it_leaves_out(run: Run, tmp_path: Path) -> None:
    for number in range(300):
        text = (APPS / "report.yaml").read_text().replace("name: report", f"name: report-{number}")
        (tmp_path / f"{number:03}.yaml").write_text(text)
    ran = run("adopt", "-f", tmp_path, "-o", "markdown")
    rows = [line for line in ran.out.splitlines() if line.startswith("| conflicts")]
    assert len(ran.out) < 65_536
    assert f"{300 - len(rows)} more are not shown, because GitHub takes no longer comment." in ran.out.splitlines()
    assert ran.out.splitlines()[-1].startswith("300 applications: 0 same, 0 changes, 300 conflicts; ")


def test_every_reason_to_leave_something_has_words_and_is_explained() -> None:
    assert set(words.LEFT) == set(LeftReason)
    table = DOCUMENT.split("| `why` | meaning |")[1].split("\n\n")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines()[2:]]
    assert {name for cell in cells for name in re.findall("`([a-z-]+)`", cell)} == set(LeftReason)


def test_every_reason_of_a_conflict_has_something_to_do() -> None:
    table = DOCUMENT.split("| reason | what wins | what to do |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == OWN_WINS


def test_the_commands_of_the_document_exist(run: Run) -> None:
    """Each option that a shown command of this program has is one of that command."""
    commands = re.findall(r"^(?:spark-eci-webhook|\$ spark-eci-webhook) ([a-z]+)((?: .*)?)$", DOCUMENT, re.MULTILINE)
    assert {name for name, _ in commands} == {"adopt", "explain", "doctor", "validate", "why"}
    for name, arguments in commands:
        offered = run(name, "--help").out
        for option in re.findall(r"(?<= )--[a-z-]+", arguments.split("|")[0]):
            assert option in offered, (name, option)
