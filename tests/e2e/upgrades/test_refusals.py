"""What 0.1.0 accepted and this version refuses. The guide names each place, and the code and the chart of 0.1.0 judge."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import helm_python
import pytest

from tests.chart.manifests import CHART
from tests.e2e.upgrades import former
from tests.live_service import ROOT
from webhook.service.policy_file import PolicyError, parse_policy

GUIDE: Final = (ROOT / "docs/upgrading.md").read_text(encoding="utf-8")
#: Runs under the code of 0.1.0: exits with 1 at the first document that it refuses.
ACCEPTS: Final = """
import json, sys
from webhook.service.policy_file import parse_policy
for document in json.load(sys.stdin):
    parse_policy(json.dumps(document).encode(), "policy.yaml")
"""
_ID: Final = "imc-2ze5hdcnngenmwc1jmwf"


def _executor(**rule: Any) -> dict[str, Any]:
    return {"profiles": {"mine": {"executor": {"mode": "eci-only", **rule}}}}


def _snapshots(*images: str) -> dict[str, Any]:
    return _executor(imageCache={"snapshots": [{"image": image, "id": _ID} for image in images]})


#: Each with the words of the guide for its place.
POLICIES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("`none`", {"profiles": {"none": {}}}),
    ("`unknown-profile`", {"profiles": {"unknown-profile": {}}}),
    ("`k8s.aliyun.com/eci-fail-strategy`", _executor(annotations={"k8s.aliyun.com/eci-fail-strategy": "fail-always"})),
    ("`annotations`", _executor(annotations={f"team/a{number}": "x" for number in range(101)})),
    ("`snapshots`", _snapshots("spark[3")),
    ("`snapshots`", _snapshots("a" * 1025)),
    ("`snapshots`", _snapshots(*(f"a{number}" for number in range(1001)))),
    ("`taints`", {"virtualNode": {"taints": [{"key": f"team/t{one}", "effect": "NoSchedule"} for one in range(17)]}}),
    ("`outrankedBy`", {"virtualNode": {"outrankedBy": [f"team/l{number}" for number in range(17)]}}),
    ("`matchLabels`", {"selector": {"matchLabels": {f"team/l{number}": "x" for number in range(17)}}}),
]
VALUES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("`image.repository`", {"image": {"repository": "registry.data.internal/spark-eci-webhook:1"}}),
    ("`example.com`", {"image": {"repository": "registry.example.com/spark-eci-webhook"}}),
    ("`host`", {"host": "10.0.0.1"}),
    ("`checksum/policy`", {"podAnnotations": {"checksum/policy": "x"}}),
    ("`claims`", {"resources": {"claims": [{"name": "gpu"}]}}),
    ("`settings.clientSubjects`", {"settings": {"clientSubjects": []}}),
    ("`monitoring.prometheusRule.disabled`", {"monitoring": {"prometheusRule": {"disabled": ["NoSuchAlert"]}}}),
]


def _place(words: str) -> str:
    """A pattern for the place in a refusal. Helm writes paths with slashes if the schema refuses."""
    return re.escape(words.strip("`")).replace(r"\.", "[./]")


def test_policies_that_are_refused_now_were_accepted_and_are_in_the_guide(tmp_path: Path) -> None:
    documents = [document for _, document in POLICIES]
    variables = os.environ | {"PYTHONPATH": str(former.unpacked(tmp_path).packages), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", ACCEPTS]
    ran = subprocess.run(
        command, input=json.dumps(documents), env=variables, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for words, document in POLICIES:
        assert words in GUIDE
        with pytest.raises(PolicyError, match=_place(words)):
            parse_policy(json.dumps(document).encode(), "policy.yaml")


def test_values_that_are_refused_now_were_accepted_and_are_in_the_guide(tmp_path: Path) -> None:
    with helm_python.Chart.load(former.unpacked(tmp_path).chart) as old, helm_python.Chart.load(CHART) as new:
        for words, values in VALUES:
            assert words in GUIDE
            assert old.render(values, name="placing", namespace="placing")
            with pytest.raises(helm_python.HelmError, match=_place(words)):
                new.render(values, name="placing", namespace="placing")
