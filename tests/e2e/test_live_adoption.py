"""`adopt --cluster` on a real API server: stored applications get the verdicts of their files, and are never cut."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.control_plane import ControlPlane
from tests.e2e.kubeconfigs import kubeconfig, silent
from tests.e2e.operator_definitions import of_operators, serve
from tests.e2e.release import installed
from webhook.cli.process import run_command

pytestmark = pytest.mark.needs("control-plane")

JSON = dict[str, Any]
APPS = Path(__file__).parents[1] / "cli" / "adopt"
PROFILE = "spark-eci-webhook/profile"
#: The placement of nightly.yaml and ingest.yaml, and another one.
POLICY: JSON = {"profiles": {"default": {}, "eci": {"executor": {"mode": "eci-only"}}}}


@pytest.fixture(scope="module")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, list[str]]]:
    """All applications of the folder in a namespace without a label, in one with another profile, and in one of none."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        serve(started, of_operators())
        own = started.create_namespace("own")
        with installed(started, own, {"policy": POLICY}):
            labels: list[dict[str, str]] = [{}, {PROFILE: "eci"}, {PROFILE: "typo"}]
            made = [started.create_namespace("apps", one) for one in labels]
            for namespace in made:
                for file in sorted(APPS.iterdir()):
                    started.create(
                        f"/apis/sparkoperator.k8s.io/v1beta2/namespaces/{namespace}/sparkapplications",
                        document(file, namespace),
                    )
            yield started, made


def document(file: Path, namespace: str) -> JSON:
    found: JSON = yaml.safe_load(file.read_text(encoding="utf-8"))
    found["metadata"]["namespace"] = namespace
    return found


def adopt(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any, list[str]]:
    """The exit code, the JSON and the lines on standard error."""
    capsys.readouterr()
    code = run_command(["adopt", *map(str, arguments), "-o", "json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err.splitlines()


def test_stored_applications_get_the_verdicts_of_their_files(
    namespaces: tuple[ControlPlane, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A namespace without the label is taken for one that will have the profile `default`."""
    control_plane, (bare, eci, typo) = namespaces
    code, found, errors = adopt(capsys, "--cluster", "--kubeconfig", control_plane.kubeconfig)
    sentence = f'context test: label {PROFILE} of the namespace {typo}: unknown profile "typo"; accepted: '
    assert (code, len(errors), errors[0].startswith(sentence), found["faults"]) == (2, 1, True, errors)
    assert (found["context"], found["totals"]["applications"]) == ("test", 8)
    heads = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": eci, "labels": {PROFILE: "eci"}}}]
    documents = [document(file, namespace) for namespace in (bare, eci) for file in sorted(APPS.iterdir())]
    (tmp_path / "files.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [*heads, *documents]})
    )
    (tmp_path / "policy.yaml").write_text(json.dumps(POLICY))
    code, files, _ = adopt(capsys, "-f", tmp_path / "files.json", "--policy", tmp_path / "policy.yaml")
    assert code == 3
    live = {(one["namespace"], one["name"]): one for one in found["applications"]}
    for one in files["applications"]:
        same = ("kind", "profile", "profileAssumed", "verdict", "pods")
        stored = live[one["namespace"], one["name"]]
        assert {key: stored[key] for key in same} == {key: one[key] for key in same}
        assert (stored["cuts"], stored["left"]) == ([], [])
    assert {one["verdict"] for one in found["applications"]} == {"same", "changes", "conflicts"}
    assert {(one["namespace"], one["profile"], one["profileAssumed"]) for one in found["applications"]} == {
        (bare, "default", True),
        (eci, "eci", False),
    }


def test_values_replace_the_deployed_default_profile_and_a_policy_does_not(
    namespaces: tuple[ControlPlane, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The installation has no default profile."""
    control_plane, (bare, *_) = namespaces
    (policy := tmp_path / "policy.yaml").write_text(json.dumps(POLICY))
    (values := tmp_path / "values.yaml").write_text(
        json.dumps({"policy": POLICY, "webhook": {"defaultProfile": "eci"}})
    )
    for option, expected in (("--policy", ("default", True)), ("--values", ("eci", False))):
        file = policy if option == "--policy" else values
        arguments = ("--cluster", "--kubeconfig", control_plane.kubeconfig, "-n", bare, option, file)
        _, found, errors = adopt(capsys, *arguments)
        assert errors == []
        assert {(one["profile"], one["profileAssumed"]) for one in found["applications"]} == {expected}


def test_of_two_clusters_the_one_that_answers_is_compared(
    namespaces: tuple[ControlPlane, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    control_plane, (bare, *_) = namespaces
    with silent() as nobody:
        merged = kubeconfig(tmp_path, test=control_plane, silent=nobody)
        arguments = ("--cluster", "--kubeconfig", merged, "--context", "test", "--context", "silent", "-n", bare)
        code, found, errors = adopt(capsys, *arguments)
    assert code == 2
    (one,) = found["contexts"]
    assert (one["context"], one["totals"]["applications"], one["totals"]["same"]) == ("test", 4, 2)
    assert found["faults"] == errors
    assert [line.partition(":")[0] for line in errors] == ["context silent"]
