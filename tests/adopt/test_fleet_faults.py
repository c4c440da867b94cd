"""The checks of test_fleet notice faults: adopt is run with one planted in it, on a few files, and they complain."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt import adoption_checks, placement_checks
from tests.adopt.adoption import Adoption, Call, adopt
from tests.adopt.adoption import Run as AdoptRun
from tests.adopt.faults import FAULTS
from tests.adopt.fleet import Drawn, Fleet
from tests.adopt.placement_checks import Judged
from tests.adopt.placements import ByHand
from tests.adopt.service_answers import Service
from tests.adopt.spark_pods import Made
from webhook.cli.process import run_command
from webhook.spark.documents import read
from webhook.spark.workloads import Workload

JSON = dict[str, Any]

START = """\
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: NAME, namespace: jobs}
spec:
  type: Scala
  mode: cluster
  image: registry/spark:3.5.2
  mainClass: org.example.Job
  mainApplicationFile: local:///opt/job.jar
  sparkVersion: 3.5.2
  driver:   \n\
    cores: 1
  executor:
    instances: 2
    memory: 4g
"""
SLIMMED = """\
    annotations: {k8s.aliyun.com/eci-image-cache: "true"}
    # keep me
    tolerations:
    - key: dedicated
      operator: Exists
      effect: NoSchedule
    - {key: virtual-kubelet.io/provider, operator: Equal, value: alibabacloud, effect: NoSchedule}
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions:
            - key: pool
              operator: Exists
            - key: topology.kubernetes.io/zone
              operator: In
              values:
              - cn-hangzhou-h
        preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 1
          preference: {matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}
"""
CONFLICTING = """\
    tolerations:
    - {key: virtual-kubelet.io/provider, operator: Exists}
    nodeSelector: {type: virtual-kubelet}
"""


def _drawn(name: str, text: str) -> Drawn:
    bare = ByHand(), ByHand()
    group, kind = "sparkoperator.k8s.io", "SparkApplication"
    document = yaml.safe_load(text)
    return Drawn("built-in", f"{name}.yaml", group, kind, "jobs", name, "default", bare, document, None, ())


TEXTS = {name: START.replace("NAME", name) + more for name, more in (("slim", SLIMMED), ("own", CONFLICTING))}
DRAWN = [_drawn(name, text) for name, text in TEXTS.items()]
FEW = Fleet({"built-in": {f"{name}.yaml": text.encode() for name, text in TEXTS.items()}}, DRAWN)


def _made(document: JSON) -> Made:
    """The pods as the project derives them: the checks are what is tested here."""
    (found,) = read(document, "default")
    assert isinstance(found, Workload)
    return Made({pod.title: pod.seen for pod in found.pods}, 2)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in this process, where a fault is planted."""

    def called(arguments: Sequence[str]) -> AdoptRun:
        capsys.readouterr()
        code = run_command(arguments)
        return AdoptRun(code, json.loads(capsys.readouterr().out))

    return called


def _complaining(folder: Path, call: Call) -> set[str]:
    """The checks that complain about `call`."""
    (adoption,) = adopt(FEW, folder, call).values()
    cases = [_judged(adoption, one) for one in DRAWN]
    found = {check.__name__ for check in adoption_checks.CHECKS if list(check(adoption, DRAWN))}
    return found | {check.__name__ for check in placement_checks.CHECKS for one in cases if list(check(one))}


def _judged(adoption: Adoption, drawn: Drawn) -> Judged:
    told = adoption.written.applications[drawn.key], adoption.again.applications[drawn.key]
    pods = _made(drawn.document), _made(adoption.slimmed(drawn))
    return Judged.by(Service("built-in"), drawn, pods, told)


@pytest.mark.parametrize(
    ("fault", "noticed_by"),
    [
        ("one toleration more", {"placed_alike", "given_what_it_has"}),
        ("a requirement more", {"placed_alike", "given_what_it_has"}),
        ("a comment, told", {"only_told_lines_go"}),
        ("a comment, not told", {"only_told_lines_go"}),
        ("a line that is no placement", {"only_placement_goes"}),
        ("spaces at the end of a line", {"only_told_lines_go"}),
        ("files without cuts", {"other_files_are_untouched", "once_is_enough"}),
        ("no conflicts", {"told_rightly"}),
    ],
)
def test_a_fault_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, fault: str, noticed_by: set[str]
) -> None:
    FAULTS[fault](monkeypatch)
    assert noticed_by <= _complaining(tmp_path, call)


def test_without_a_fault_nothing_is_noticed(tmp_path: Path, call: Call) -> None:
    assert _complaining(tmp_path, call) == set()
