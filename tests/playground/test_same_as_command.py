"""The playground says what the command says: the same values, the same sentences, on lines that they are about."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live_service import ROOT
from tests.playground.explainer import Explainer
from tests.playground.inputs import TEXTS, Texts
from webhook.cli.process import run_command


def shown(sentence: str) -> str:
    """A sentence as a terminal gets it."""
    return "".join(char if char.isprintable() else "?" for char in sentence)


def written(texts: Texts, folder: Path) -> None:
    (folder / "application.yaml").write_text(texts.documents, encoding="utf-8", newline="")
    (folder / "policy.yaml").write_text(texts.policy, encoding="utf-8", newline="")


def explanation_in(text: str) -> Any:
    """What the command printed, None if nothing. JSON has no infinity, so the service reads it as null."""
    return json.loads(text, parse_constant=lambda _: None) if text else None


@pytest.mark.parametrize("name", TEXTS)
def test_the_explanation_and_the_faults_are_those_of_the_shown_command(
    name: str,
    explainer: Explainer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = TEXTS[name]
    written(texts, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = explainer.explained(*texts)
    program = "python -m webhook "
    assert found["command"].startswith(program)
    capsys.readouterr()
    run_command([*shlex.split(found["command"].removeprefix(program)), "-o", "json"])
    out, err = capsys.readouterr()
    explanation = explanation_in(out)
    warnings = [f"warning: {one['sentence']}" for one in found["cautions"]]
    assert found["explanation"] == explanation
    assert [shown(one["sentence"]) for one in found["faults"]] == [
        line for line in err.splitlines() if line not in warnings
    ]
    assert len(found["views"]) == len(explanation["workloads"] if explanation else [])
    for view, workload in zip(found["views"], explanation["workloads"] if explanation else [], strict=True):
        assert len(view["pods"]) == len(workload["pods"])
        for one, pod in zip(view["pods"], workload["pods"], strict=True):
            assert json.loads(one["patch"]) == pod["patch"]
            assert [standing["side"] for standing in one["standings"]] == ["ecs", "virtual"]


@pytest.mark.parametrize("name", ["example mix", "unknown profile, chosen"])
def test_the_shown_command_does_the_same_in_a_shell(name: str, explainer: Explainer, tmp_path: Path) -> None:
    texts = TEXTS[name]
    written(texts, tmp_path)
    (tmp_path / "python").symlink_to(sys.executable)
    found = explainer.explained(*texts)
    ran = subprocess.run(  # noqa: S602, the shown line is for a shell
        f"{found['command']} -o json",
        shell=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert explanation_in(ran.stdout) == found["explanation"]
    assert ran.stderr.splitlines() == [one["sentence"] for one in found["faults"]]


def test_cautions_are_the_warnings_of_validate(
    explainer: Explainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = TEXTS["policy with cautions"]
    written(texts, tmp_path)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    run_command(["validate", "policy.yaml"])
    cautions = explainer.explained(*texts)["cautions"]
    assert [f"warning: {one['sentence']}" for one in cautions] == capsys.readouterr().err.splitlines()
    lines = texts.policy.splitlines()
    assert [re.findall(r"[\w.]+", lines[one["line"] - 1])[0] for one in cautions] == [
        "overflow",
        "default",
        "id",
        "annotations",
    ]
