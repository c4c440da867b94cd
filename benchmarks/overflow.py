"""`make bench-overflow`: the overflow controller beside many pods that wait, on a real control plane.

Needs KUBEBUILDER_ASSETS, and several minutes: most of them go into making the pods.
"""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal, judged
from benchmarks.process import Served, free_port, served
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from webhook.core import names

#: How many pods wait, by default.
PODS: Final = 36_000
#: How many of them become due at the same moment.
DUE: Final = 500
REST_SECONDS: Final = 60.0
DELAY_SECONDS: Final = 45
POLICY: Final = f"""
overflow: {{}}
profiles:
  late: {{executor: {{mode: ecs-then-eci, after: 1h}}}}
  soon: {{executor: {{mode: ecs-then-eci, after: {DELAY_SECONDS}s}}}}
"""
REVIEW: Final = Path("tests/reviews/spark-3.5.2-executor-1.json")
LATE, SOON = "late", "soon"


def main(arguments: list[str]) -> int:
    """Measures with as many pods as `arguments` say; returns the exit code, 1 if a goal is missed."""
    pods = int(arguments[0]) if arguments else PODS
    console = Console(width=None if sys.stdout.isatty() else 110)
    with (
        TemporaryDirectory() as folder,
        ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), Path(folder)) as control_plane,
    ):
        for profile in (LATE, SOON):
            body = {"metadata": {"name": profile, "labels": {names.PROFILE_LABEL: profile}}}
            control_plane.create("/api/v1/namespaces", body)
            control_plane.create_default_service_account(profile)
        policy = Path(folder) / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        table, goals = _measured(control_plane, policy, pods, console)
    console.print(table, judged(goals))
    return 0 if all(goal.reached for goal in goals) else 1


def _measured(control_plane: ControlPlane, policy: Path, pods: int, console: Console) -> tuple[Table, list[Goal]]:
    with _controller(control_plane, policy) as alone:
        sleep(10)
        rest_mib = alone.resident_mib
    began = monotonic()
    _create(control_plane, LATE, pods - DUE)
    console.print(f"made {pods - DUE:,} pods in {monotonic() - began:.0f} s")
    _create(control_plane, SOON, DUE)
    with _controller(control_plane, policy) as started:
        listed = started.seconds_to_ready
        start = started.used_to_ready.processor
        # They are due this long after they were listed, all at the same moment.
        opened = _opening_seconds(control_plane)
        sleep(5)
        full_mib, before, at = started.resident_mib, started.used, monotonic()
        sleep(REST_SECONDS)
        share = (started.used - before).processor / (monotonic() - at)
    a_pod = (full_mib - rest_mib) * 1024 / pods
    columns = "pods that wait", "at rest, MiB", "with the pods, MiB", "first list, s", "of a core, s"
    table = Table(*columns, title="The overflow controller on a real API server", title_justify="left")
    table.add_row(f"{pods:,}", f"{rest_mib:.1f}", f"{full_mib:.1f}", f"{listed:.1f}", f"{start:.1f}")
    return table, [
        Goal("memory for each pod that waits", a_pod, "at most", 1, "KiB"),
        Goal("processor when nothing happens", 100 * share, "at most", 2, "% of a core"),
        Goal(f"{DUE} pods due at once, all opened", opened, "at most", 10, "s"),
    ]


@contextmanager
def _controller(control_plane: ControlPlane, policy: Path) -> Iterator[Served]:
    """A controller that has listed everything."""
    port = free_port()
    command = ["-m", "webhook", "overflow", "--policy", str(policy), "--namespace", "default", "--port", str(port)]
    command += ["--kubeconfig", str(control_plane.kubeconfig)]
    log = policy.with_name("controller.log")
    with served(command, port, f"http://127.0.0.1:{port}/readyz", log, None) as started:
        yield started


def _opening_seconds(control_plane: ControlPlane) -> float:
    """The seconds from the first to the last of the pods that become due at once."""
    wait_for(lambda: _opened(control_plane) > 0, 2 * DELAY_SECONDS)
    began = monotonic()
    wait_for(lambda: _opened(control_plane) == DUE, DELAY_SECONDS)
    return monotonic() - began


def _opened(control_plane: ControlPlane) -> int:
    selector = f"labelSelector={names.OVERFLOW_LABEL}%3D{names.OPENED}&limit=1000"
    headers = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    answer = control_plane.http.get(f"/api/v1/namespaces/{SOON}/pods?{selector}", headers=headers)
    return len(answer.json()["items"] or ())


def _create(control_plane: ControlPlane, namespace: str, pods: int) -> None:
    """Makes pods as real Spark's executors are, Unschedulable, with the label of pods that wait."""
    template = json.loads(REVIEW.read_bytes())["request"]["object"]
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "message": "0/3 nodes are available: 3 Insufficient cpu.",
    }

    def make(number: int) -> None:
        pod = _pod(template, namespace, number)
        path = f"/api/v1/namespaces/{namespace}/pods"
        control_plane.create(path, pod)
        control_plane.patch(f"{path}/{pod['metadata']['name']}/status", {"status": {"conditions": [condition]}})

    with ThreadPoolExecutor(16) as workers:
        for _ in workers.map(make, range(pods)):
            pass


def _pod(template: dict[str, Any], namespace: str, number: int) -> dict[str, Any]:
    own = template["metadata"]
    labels = own["labels"] | {names.SPARK_EXEC_ID: str(number + 1), names.OVERFLOW_LABEL: names.WAITING}
    labels[names.APP_NAME] = f"application-{number // 100}"
    metadata = {
        "name": f"{namespace}-application-{number // 100}-exec-{number}",
        "namespace": namespace,
        "labels": labels,
        "annotations": own.get("annotations") or {},
    }
    spec = {
        key: value for key, value in template["spec"].items() if key not in ("serviceAccount", "serviceAccountName")
    }
    # Without its ConfigMaps and tokens it is as large.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
