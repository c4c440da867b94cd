"""A cluster in which a reader has followed the documents: the chart is installed, upgraded and used by their own commands.

The release and its namespace have the name that the documents give them. Its pods are processes of this machine, and each has
an object on a node whose kubelet serves their logs, so that a real kubectl reads them.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.process import free_port
from tests.deadline import wait_for
from tests.documents.commands import claimed
from tests.documents.shell import Shell
from tests.e2e.control_plane import ControlPlane
from tests.e2e.deployment_controller import DeploymentController
from tests.e2e.helm_command import run_helm
from tests.e2e.kubeconfigs import kubeconfig
from tests.e2e.log_kubelet import log_kubelet
from tests.e2e.networks import own_address
from tests.e2e.node import Node, Pod
from tests.e2e.service_proxy import ServiceProxy
from tests.e2e.spark_pods import placement, spark_pod
from tests.live_service import ROOT
from tests.test_tag import OWN, PAGES
from tests.virtual_node import TAINT
from webhook.core import names

JSON = dict[str, Any]
#: The release, its namespace, and most of its objects.
NAME = "spark-eci-webhook"
CONTROLLER, OVERFLOW = f"{NAME}-certificate-controller", f"{NAME}-overflow"
INSIDE = f"/api/v1/namespaces/{NAME}"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/spark-placement"
#: The one command with which all pages install the chart, and the one that opts a namespace in.
(INSTALL,) = {one for page in PAGES for one in claimed(page, "helm install --wait")}
(OPT_IN,) = {
    one
    for page in (*PAGES, "docs/adopting.md")
    for one in claimed(page, "kubectl label namespace etl spark-eci-webhook/profile=default")
}
(SWITCH_ON,) = claimed("docs/overflow.md", "helm upgrade spark-eci-webhook")
(CHOOSE_MODE,) = claimed("docs/overflow.md", "kubectl label namespace etl")
#: The executor that the page for data engineers shows.
EXECUTOR = "spark-pi-exec-7"
#: The driver that the page on adopting asks about.
DRIVER = "nightly-driver"
#: The reader's own policy: pods are opened at once, in one namespace none at all.
POLICY: JSON = {
    "ecs-then-eci": {"executor": {"mode": "ecs-then-eci", "after": "0s"}},
    "limited": {"executor": {"mode": "ecs-then-eci", "after": "0s"}, "overflow": {"maxPerNamespace": 0}},
}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available",
}


@dataclass
class DocumentedCluster:
    """The cluster, and what runs in it."""

    control_plane: ControlPlane
    node: Node
    shell: Shell
    folder: Path
    ends: ExitStack
    address: str
    """An address of this machine that is not on loopback, to which the API server's proxy connects."""
    running: dict[str, Pod] = field(default_factory=dict)
    """Each pod of the release by the name of its object."""
    proxies: list[ServiceProxy] = field(default_factory=list)
    operations_port: int = 0
    """Where the API server's proxy reaches port 8080 of the service's pod."""
    previous: bytes = b""
    """What a container printed that was given an invalid policy."""

    def say(self, command: str) -> str:
        """What a command prints that succeeds."""
        done = self.shell.run(command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def helm(self, command: str) -> None:
        run_helm(command.replace("$IMAGE", OWN), self.control_plane.kubeconfig, self.folder)

    def log(self, namespace: str, pod: str, previous: bool) -> bytes | None:  # noqa: FBT001
        """What a kubelet knows of a pod's log."""
        if previous or pod == "newest":
            return self.previous
        return self.running[pod].log.read_bytes() if namespace == NAME and pod in self.running else None

    def deployment(self, name: str) -> JSON:
        return self.control_plane.get(f"/apis/apps/v1/namespaces/{NAME}/deployments/{name}")

    def start(self, deployment: str, number: int) -> Pod:
        """Runs one pod of a Deployment, and creates its object."""
        spec = self.deployment(deployment)["spec"]["template"]["spec"]
        if deployment == OVERFLOW:
            # Outside a cluster there is no mounted token.
            account = self.control_plane.service_account_kubeconfig(NAME, spec["serviceAccountName"])
            spec["containers"][0]["args"].append(f"--kubeconfig={account}")
        pod = self.node.pod(NAME, spec)
        pod.start()
        self.running[f"{deployment}-{number}"] = pod
        self.create_pod(deployment, f"{deployment}-{number}")
        return pod

    def create_pod(self, deployment: str, name: str, phase: str = "Running") -> None:
        """Creates the object of a pod of a Deployment, as its node reports it."""
        template = self.deployment(deployment)["spec"]["template"]
        spec = template["spec"] | {"nodeName": "ecs", "automountServiceAccountToken": False}
        body = {"metadata": {"name": name, "labels": template["metadata"]["labels"]}, "spec": spec}
        self.control_plane.create(f"{INSIDE}/pods", body)
        self.report(NAME, name, {"phase": phase, "podIP": self.address, "podIPs": [{"ip": self.address}]})

    def report(self, namespace: str, name: str, status: JSON) -> None:
        self.control_plane.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": status})

    def create_executor(self, namespace: str, name: str, labels: dict[str, str] | None = None) -> None:
        """Creates an executor that the scheduler could not place."""
        pod = spark_pod("executor")
        metadata = {"name": name, "labels": pod["metadata"]["labels"] | (labels or {})}
        self.control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod | {"metadata": metadata})
        self.report(namespace, name, {"conditions": [UNSCHEDULABLE]})

    def create_namespace(self, name: str, profile: str | None = None) -> None:
        labels = {"spark-eci-webhook/profile": profile} if profile else {}
        self.control_plane.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.control_plane.create_default_service_account(name)

    def events(self, reason: str) -> list[JSON]:
        found: list[JSON] = self.control_plane.get("/api/v1/events")["items"]
        return [one for one in found if one["reason"] == reason]

    def install(self) -> None:
        """Installs the chart by the documents' command, which waits while the pods start."""
        errors: list[BaseException] = []

        def call() -> None:
            try:
                self.helm(INSTALL)
            except BaseException as error:  # noqa: BLE001, raised in the other thread
                errors.append(error)

        helm = threading.Thread(target=call)
        helm.start()
        try:
            service = f"{INSIDE}/services/{NAME}"
            wait_for(lambda: errors or self.control_plane.http.get(CONFIGURATION).is_success)
            assert not errors, errors
            controller = self.start(CONTROLLER, 0)
            wait_for(lambda: b"does not serve yet" in controller.log.read_bytes())
            webhook = self.start(NAME, 0)
            spec = self.control_plane.get(service)["spec"]
            (port,) = spec["ports"]
            reviews = ServiceProxy([spec["clusterIP"]], port["port"], port["targetPort"])
            # The API server's proxy refuses addresses on loopback.
            ports = {name: free_port() for name in ("https", "operations")}
            ways = [ServiceProxy([self.address], number, name) for name, number in ports.items()]
            self.proxies = [reviews, *ways]
            for proxy in self.proxies:
                # Probes cost time, and no pod becomes unready here.
                proxy.period = 1
                self.ends.enter_context(proxy)
            self.operations_port = ports["operations"]
            target = {"kind": "Pod", "namespace": NAME, "name": f"{NAME}-0"}
            addresses = [{"ip": self.address, "targetRef": target}]
            subset = {"addresses": addresses, "ports": [{"name": "https", "port": ports["https"]}]}
            self.control_plane.create(f"{INSIDE}/endpoints", {"metadata": {"name": NAME}, "subsets": [subset]})
            with DeploymentController(self.control_plane, NAME) as manager:
                manager.pods = {CONTROLLER: [controller], NAME: self._replicas(NAME)}
                self._lead_to(webhook)
                helm.join()
        finally:
            helm.join()
        assert not errors, errors

    def _lead_to(self, pod: Pod) -> None:
        for proxy in self.proxies:
            proxy.add(pod)

    def _replicas(self, deployment: str) -> list[Pod]:
        """As many as there should be, though one is enough for all that is read here."""
        return [self.running[f"{deployment}-0"]] * int(self.deployment(deployment)["spec"]["replicas"])

    def replace_webhook(self) -> None:
        """What a rollout does after an upgrade: a new pod of the service."""
        old = self.running.pop(f"{NAME}-0")
        for proxy in self.proxies:
            proxy.remove(old)
        old.kill()
        self.remove_pod(f"{NAME}-0")
        self._lead_to(self.start(NAME, 0))
        wait_for(lambda: all(proxy.ready for proxy in self.proxies))

    def run_test_pod(self, outputs: list[str]) -> None:
        """Runs the pod of `helm test`, as a kubelet would, and adds what it prints to `outputs`."""
        path = f"{INSIDE}/pods/{NAME}-test"
        wait_for(lambda: self.control_plane.http.get(path).is_success)
        ran = self.node.pod(NAME, self.control_plane.get(path)["spec"]).run()
        outputs.append(ran.stdout + ran.stderr)
        self.report(NAME, f"{NAME}-test", {"phase": "Failed" if ran.returncode else "Succeeded"})

    def remove_pod(self, name: str) -> None:
        self.control_plane.http.delete(f"{INSIDE}/pods/{name}?gracePeriodSeconds=0").raise_for_status()

    def settle(self) -> None:
        """Lets the Deployments' statuses say what runs."""
        deployments = [one for one in (NAME, CONTROLLER, OVERFLOW) if f"{one}-0" in self.running]
        with DeploymentController(self.control_plane, NAME) as manager:
            manager.pods = {name: self._replicas(name) for name in deployments}
            wait_for(lambda: all(_settled(self.deployment(name)) for name in deployments))

    def change_policy(self) -> None:
        """Switches the overflow controller on by the documents' command, and sets the reader's policy."""
        self.helm(SWITCH_ON)
        values = self.folder / "policy-values.yaml"
        values.write_text(yaml.safe_dump({"policy": {"profiles": POLICY}}), encoding="utf-8")
        chart = f"charts/{NAME} --namespace {NAME}"
        self.helm(f"helm upgrade {NAME} {chart} --reuse-values -f {values}")
        self.replace_webhook()
        overflow = self.start(OVERFLOW, 0)
        wait_for(lambda: overflow.ready)
        self.settle()

    def create_pods(self) -> None:
        """Creates executors: one that is opened, one that a limit holds back, and one whose namespace never opted in."""
        dry_run = "/api/v1/namespaces/etl/pods?dryRun=All"
        # The API server hears of the label a moment later.
        chosen = ",profile=ecs-then-eci,"
        wait_for(lambda: chosen in (placement(self.control_plane.create(dry_run, spark_pod("executor"))) or ""))
        self.create_executor("etl", EXECUTOR)
        driver = spark_pod("driver") | {
            "metadata": {"name": DRIVER, "labels": spark_pod("driver")["metadata"]["labels"]}
        }
        self.control_plane.create("/api/v1/namespaces/etl/pods", driver)
        self.create_executor("limited", "held-back")
        self.create_namespace("outside")
        self.create_executor("outside", "by-hand", {names.OVERFLOW_LABEL: names.WAITING})
        for reason in ("OverflowOpened", "OverflowLimitReached", "OverflowNotOpened"):
            wait_for(partial(self.events, reason))

    def fail_a_little(self) -> None:
        """Lets the service refuse a call, and the API server one of the overflow controller."""
        address = self.control_plane.get(f"{INSIDE}/services/{NAME}")["spec"]["clusterIP"]
        # The caller of this test trusts nobody's certificates.
        refused = httpx.post(f"https://{address}/mutate/nobody", verify=False, timeout=60)  # noqa: S501
        assert refused.is_client_error
        binding = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAME}/rolebindings/{OVERFLOW}-lease"
        subjects = self.control_plane.get(binding)["subjects"]
        self.control_plane.patch(binding, {"subjects": []})
        try:
            wait_for(lambda: b"the Lease could not be" in self.running[f"{OVERFLOW}-0"].log.read_bytes())
        finally:
            self.control_plane.patch(binding, {"subjects": subjects})

    def print_invalid_policy(self) -> None:
        """Runs a container of the service with an invalid policy, which ends with 2, and keeps what it printed."""
        spec = self.deployment(NAME)["spec"]["template"]["spec"]
        pod = self.node.pod(NAME, spec)
        (policy,) = pod.log.parent.glob("*/policy.yaml")
        policy.write_text("profiles: {default: {driver: {mode: eci-maybe}}}", encoding="utf-8")
        ended = pod.run()
        assert ended.returncode == 2
        self.previous = (ended.stdout + ended.stderr).encode()


def _settled(deployment: JSON) -> bool:
    status = deployment.get("status", {})
    # A replica on a busy machine may fail a probe, and settle() would keep the status that says so.
    all_available = status.get("availableReplicas", 0) == deployment["spec"]["replicas"]
    return bool(status.get("observedGeneration") == deployment["metadata"]["generation"]) and all_available


@contextmanager
def documented_cluster(folder: Path, assets: Path) -> Iterator[DocumentedCluster]:
    """Yields a cluster that has been set up by the documents' commands, with a namespace `etl` that opted in."""
    with ExitStack() as ends:
        for name in ("control-plane", "programs", "kubelet"):
            (folder / name).mkdir()
        control_plane = ends.enter_context(ControlPlane(assets, folder / "control-plane"))
        node = Node(control_plane, folder / "node")
        ends.callback(node.stop)
        (folder / "charts").symlink_to(ROOT / "charts")
        silent = f"https://127.0.0.1:{free_port()}"
        contexts = kubeconfig(folder, here=control_plane, production=control_plane, staging=control_plane, lab=silent)
        shell = Shell(folder / "programs", folder, KUBECONFIG=str(contexts))
        made = DocumentedCluster(control_plane, node, shell, folder, ends, own_address())
        port = free_port()
        ends.enter_context(log_kubelet(made.address, port, made.log, folder / "kubelet"))
        addresses = [{"type": "InternalIP", "address": made.address}]
        status = {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
        control_plane.create("/api/v1/nodes", {"metadata": {"name": "ecs"}, "status": status})
        virtual = {"metadata": {"name": "eci", "labels": {"type": "virtual-kubelet"}}, "spec": {"taints": [TAINT]}}
        control_plane.create("/api/v1/nodes", virtual)
        made.create_namespace("etl")
        made.create_namespace("limited", "limited")
        made.install()
        made.say(OPT_IN)
        made.change_policy()
        made.print_invalid_policy()
        made.say(CHOOSE_MODE)
        made.create_pods()
        made.fail_a_little()
        yield made
