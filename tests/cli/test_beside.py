"""Both orders of the operator's webhook and ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Run
from tests.pods import BUILT_IN_MODES
from tests.virtual_node import TOLERATION
from webhook.core.modes import SchedulingMode, Side

ALIKE = "both orders give the same pod"
ORDERED = "both orders give the same pod, except for the order and repetition of tolerations"
SAME = "both orders allow the same nodes, in different ways"
DIFFERENT = "the orders allow different nodes: our configuration's name must sort after the operator's"

ZONE = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["h"]}
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [ZONE]}]}
    }
}
VOLUMES = [{"name": "disk", "hostPath": {"path": "/mnt"}}]
MOUNTS = [{"name": "disk", "mountPath": "/x"}]


def application(executor: dict[str, Any]) -> str:
    document = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "pi"},
        "spec": {"driver": {}, "executor": executor, "volumes": VOLUMES, "image": "registry/spark:3.5.2"},
    }
    return yaml.safe_dump(document)


def cases() -> Iterator[tuple[dict[str, Any], SchedulingMode, int, str]]:
    """For every mode: what an executor has, and the exit code and verdict that follow."""
    for mode in SchedulingMode:
        repeated = ORDERED if mode.opens_eci and not mode.waits else ALIKE
        # In the first order, the pod does not tolerate the virtual node yet, so it gets the label of pods that wait.
        tolerant = (3, SAME) if mode.waits else (0, repeated)
        # In the first order, what ECI cannot run is seen only after our affinity was added.
        late = (3, DIFFERENT if mode.requires is Side.VIRTUAL else SAME) if mode.opens_eci else (0, ALIKE)
        yield {}, mode, 0, ALIKE
        yield {"affinity": AFFINITY}, mode, 0, ALIKE
        yield {"nodeSelector": {"pool": "spark"}}, mode, 0, ALIKE
        yield {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}, mode, 0, repeated
        yield {"tolerations": [TOLERATION]}, mode, *tolerant
        yield {"hostNetwork": True}, mode, *late
        yield {"volumeMounts": MOUNTS}, mode, *late


@pytest.mark.parametrize(("executor", "profile", "code", "verdict"), [*cases()])
def test_the_verdict_is_about_where_the_pod_may_run(
    executor: dict[str, Any], profile: SchedulingMode, code: int, verdict: str, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(application(executor))
    policy = ("--policy", "tests/cli/overflow.yaml", "--profile", profile)
    ran = run("explain", "-f", file, *policy, "--beside", "spark-operator")
    lines = ran.out.splitlines()
    executors = lines[next(at for at, line in enumerate(lines) if line.startswith("  executor ")) :]
    verdicts = [line.strip() for line in executors if line.strip()[2:] in (ALIKE, ORDERED, SAME, DIFFERENT)]
    assert (ran.code, verdicts) == (code, [f"{'!' if verdict == DIFFERENT else '='} {verdict}"])


def test_both_orders_keep_the_users_affinity_and_ours_and_one_toleration(run: Run, tmp_path: Path) -> None:
    """As in the cluster, the stored pod has the user's affinity and ours, and our toleration once."""
    file = tmp_path / "app.yaml"
    file.write_text(application({"affinity": AFFINITY}))
    out = run("explain", "-f", file, "--profile", "eci-only", "--beside", "spark-operator").out
    for order in out.split("  executor ")[1].split("\n\n")[:2]:
        assert order.count("key: topology.kubernetes.io/zone") == 1
        assert order.count("+          - key: type") == 1
        assert order.count("- key: virtual-kubelet.io/provider") == 1


def test_the_operator_does_not_change_other_pods(run: Run) -> None:
    out = run("explain", "-f", "tests/cli/apps/connect.yaml", "--beside", "spark-operator").out
    assert out.count("the Spark Operator's webhook does not change this pod") == 2
    assert "  pod web\n    left alone, the label sparkoperator.k8s.io/launched-by-spark-operator is missing\n" in out


def test_a_namespace_whose_label_names_no_profile_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    labels = {"spark-eci-webhook/profile": "eci-onyl"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": labels}}
    file.write_text(f"{json.dumps(namespace)}\n---\n{application({})}")
    ran = run("explain", "-f", file, "--beside", "spark-operator")
    why = (
        'label spark-eci-webhook/profile of the namespace default: unknown profile "eci-onyl"; '
        f"accepted: {', '.join(['default', *BUILT_IN_MODES])}"
    )
    assert ran.code == 3
    assert ran.out.count(f"    left alone, {why}\n    ! {why}\n") == 2
