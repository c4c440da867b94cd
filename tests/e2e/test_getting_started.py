"""The commands of docs/getting-started.md, in its order, against a real API server and a real scheduler.

What needs docker is marked in the document and does not run here. Its parts are played: KWOK by `kwok`, the kubelet of the
webhook's own pods by `node`, and the controller manager by what is below.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.chart.manifests import render
from tests.deadline import wait_for
from tests.documents.commands import Command, commands, script
from tests.e2e.control_plane import ControlPlane
from tests.e2e.deployment_controller import DeploymentController
from tests.e2e.helm_command import run_helm
from tests.e2e.kwok import Kwok
from tests.e2e.node import Node
from tests.e2e.release import Release, start_controller
from tests.e2e.service_proxy import ServiceProxy
from tests.e2e.spark_pods import spark_pod
from tests.e2e.test_doctor import reachable
from tests.live_service import ROOT
from webhook.core.policy import Policy

PAGE = "docs/getting-started.md"
EXAMPLES = ROOT / "examples/getting-started"
SCRIPT = script(PAGE)
#: The release and its namespace, and the namespace with the Spark pods.
OWN, SPARK = "spark-eci-webhook", "etl"
#: What these print is not this project's, differs between their versions, and is not shown.
UNSHOWN = ("pip install", "helm", "kubectl delete")
REPLICAS = 2


class Machine:
    """A reader's machine, with a cluster that is as empty as kind's."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        self._control_plane, self._folder = control_plane, folder
        self._installed = ExitStack()
        self._release: Release | None = None
        path = f"{folder / 'installed/bin'}{os.pathsep}{os.environ['PATH']}"
        self._environment = os.environ | {
            "PATH": path,
            "PYTHONPATH": str(folder / "installed"),
            "KUBECONFIG": str(control_plane.kubeconfig),
        }

    def close(self) -> None:
        """Ends what the release runs."""
        self._installed.close()

    def run(self, command: str) -> str:
        """Runs a command to its end, and returns what it prints; a failure is an AssertionError with its output."""
        program = command.split(maxsplit=1)[0]
        if program == "helm":
            self._helm(command)
            return ""
        line = shlex.split(command)
        if program == "pip":
            # What the project depends on is there, and a registry is none of this test's business.
            folder = str(self._folder / "installed")
            options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", folder]
            line = [sys.executable, "-m", *line, *options]
        # Only `doctor` calls the service through the API server's proxy.
        release = self._release if line[:2] == ["spark-eci-webhook", "doctor"] else None
        with reachable(release, OWN) if release else nullcontext():
            done = subprocess.run(
                line, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=120, check=False
            )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        if command.startswith("kubectl create namespace"):
            self._control_plane.create_default_service_account(line[-1])
        return done.stdout

    def homes(self) -> dict[str, str]:
        """The node of each Spark pod, empty if it has none."""
        pods = self._control_plane.get(f"/api/v1/namespaces/{SPARK}/pods")["items"]
        return {one["metadata"]["name"]: one["spec"].get("nodeName", "") for one in pods}

    def await_scheduler(self) -> None:
        """Waits until the driver has a node, and each Spark pod an Event: the scheduler does both in other threads."""
        inside = f"/api/v1/namespaces/{SPARK}"
        pods = {one["metadata"]["uid"] for one in self._control_plane.get(f"{inside}/pods")["items"]}

        def told() -> set[str]:
            return {one["involvedObject"]["uid"] for one in self._control_plane.get(f"{inside}/events")["items"]}

        wait_for(lambda: self.homes()["spark-pi-driver"] and pods <= told())

    def _helm(self, command: str) -> None:
        if not command.startswith("helm install"):
            self.close()
            return run_helm(command, self._control_plane.kubeconfig, ROOT)
        with ThreadPoolExecutor(1) as beside:
            done = beside.submit(run_helm, command, self._control_plane.kubeconfig, ROOT)
            deployments = f"/apis/apps/v1/namespaces/{OWN}/deployments"
            wait_for(lambda: done.done() or len(self._control_plane.get(deployments)["items"]) == 2)
            if not done.done():
                self._run_deployments(done)
            return done.result()

    def _run_deployments(self, install: Future[None]) -> None:
        """Runs the pods of both Deployments, forwards to them what comes to the Service, and waits for Helm."""
        node = Node(self._control_plane, self._folder / "node")
        self._installed.callback(node.stop)
        controller = start_controller(node, OWN, OWN)
        replicas = [node.deployment(OWN, OWN) for _ in range(REPLICAS)]
        for pod in replicas:
            pod.start()
        service = self._control_plane.get(f"/api/v1/namespaces/{OWN}/services/{OWN}")["spec"]
        (port,) = service["ports"]
        proxy = ServiceProxy([service["clusterIP"]], port["port"], port["targetPort"])
        self._installed.enter_context(proxy)
        for pod in replicas:
            proxy.add(pod)
        self._control_plane.create_default_service_account(OWN)
        config = helm_python.Config(kubeconfig_path=self._control_plane.kubeconfig, namespace=OWN)
        helm = self._installed.enter_context(config)
        manager = DeploymentController(self._control_plane, OWN)
        manager.pods = {f"{OWN}-certificate-controller": [controller], OWN: replicas}
        with manager:
            install.result()
        proxy.period = 10
        self._release = Release(self._control_plane, helm, node, OWN, proxy, replicas, REPLICAS)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A separate control plane: `doctor` looks at the whole cluster."""
    with (
        ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path) as control_plane,
        control_plane.scheduler(),
        Kwok(control_plane),
        ExitStack() as ends,
    ):
        made = Machine(control_plane, tmp_path)
        ends.callback(made.close)
        yield made


def plain(output: str) -> list[str]:
    """The lines of an output without what differs from run to run and from cluster to cluster."""
    for pattern, shown in (
        (r"20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME"),
        (r"valid for \d+ days", "valid for DAYS"),
        (r"\b\d+ s\b", "SOME s"),
        (r"\b\d+[smh]\b", "AGE"),
        (r"\b10\.\d+\.\d+\.\d+\b", "IP"),
        (r": \d/\d+ nodes are available: .*", ": WHY"),
        (r"\b\d ready;", "N ready;"),
        (r" \(\d+ times\)", ""),
    ):
        output = re.sub(pattern, shown, output)
    return [" ".join(line.split()) for line in output.splitlines()]


@pytest.mark.needs("control-plane")
@pytest.mark.needs("kubectl")
def test_each_command_does_what_the_page_says(machine: Machine) -> None:
    homes = []
    for command in SCRIPT:
        printed = machine.run(command.text)
        if not command.text.startswith(UNSHOWN):
            assert plain(printed) == plain(command.output), command.text
        if command.text.startswith(f"kubectl wait --namespace {SPARK}"):
            machine.await_scheduler()
            homes.append(machine.homes())
    assert homes == [
        {"spark-pi-driver": "ecs-1", "spark-pi-exec-1": "virtual-node-1"},
        {"spark-pi-driver": "ecs-1", "spark-pi-exec-1": ""},
    ]


def _read(start: str) -> Command:
    (found,) = [one for one in commands(PAGE) if one.read and one.text.startswith(start)]
    return found


def test_the_commands_that_do_not_run_here_agree_with_the_others_and_the_chart() -> None:
    deployment = render().one("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert _read("docker build").text == f"docker build --tag {container['image']} ."
    assert container["imagePullPolicy"] == "IfNotPresent"
    cluster = shlex.split(_read("kind create cluster").text)[4]
    assert _read("kind load").text == f"kind load docker-image {container['image']} --name {cluster}"
    assert _read("kubectl cordon").text == f"kubectl cordon {cluster}-control-plane"
    assert _read("kind delete").text == f"kind delete cluster --name {cluster}"


def test_the_nodes_differ_as_the_policy_tells_ecs_and_eci_apart() -> None:
    ecs, virtual = yaml.safe_load_all((EXAMPLES / "nodes.yaml").read_text())
    node = Policy().virtual_node
    own = virtual["metadata"]["labels"]
    assert {key: value for key, value in own.items() if key not in ecs["metadata"]["labels"]} == {
        node.label.key: node.label.value
    }
    assert virtual["spec"]["taints"] == [one.model_dump(exclude_none=True, mode="json") for one in node.taints]
    assert "spec" not in ecs


def test_the_pods_are_like_those_that_spark_sends() -> None:
    def told(pod: dict[str, Any]) -> dict[str, Any]:
        (container,) = pod["spec"]["containers"]
        return {
            "labels": pod["metadata"]["labels"].keys(),
            "role": pod["metadata"]["labels"]["spark-role"],
            "container": container["name"],
            "image": container["image"],
            "restart": pod["spec"]["restartPolicy"],
        }

    pods = list(yaml.safe_load_all((EXAMPLES / "pods.yaml").read_text()))
    assert [told(one) for one in pods] == [told(spark_pod(role)) for role in ("driver", "executor")]
    for pod in pods:
        assert pod["metadata"].keys() == {"name", "namespace", "labels"}
        assert pod["spec"].keys() == {"restartPolicy", "containers"}
