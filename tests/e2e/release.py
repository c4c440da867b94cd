"""The installed chart with running Deployments, for the end-to-end tests of the webhook."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import helm_python

from tests.chart.manifests import CHART, FULLNAME, RELEASE
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node, Pod
from tests.e2e.service_proxy import ServiceProxy

CONTROLLER = f"{FULLNAME}-certificate-controller"
#: The placement that Alibaba Cloud advises, as the profile `advised`.
ADVISED = {"advised": {"driver": {"mode": "ecs-only"}, "executor": {"mode": "eci-only"}}}
#: The longest timeout that the chart allows.
MOST_SECONDS = 10
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/spark-placement"


@dataclass
class Release:
    """A release whose service answers on its ClusterIP."""

    control_plane: ControlPlane
    helm: helm_python.Config
    node: Node
    namespace: str
    proxy: ServiceProxy
    """Forwards the ClusterIP to the replicas."""
    pods: list[Pod]
    """The replicas of the service."""
    replicas: int
    """How many replicas there should be."""
    controller: Pod | None = None
    """The certificate controller, if the chart has one."""

    def mend(self) -> None:
        """Replaces the replicas that are not ready, until the Service has as many as it should; the others stay."""
        for pod in [pod for pod in self.pods if not pod.ready]:
            self._remove(pod)
        while len(self.pods) > self.replicas:
            self._remove(self.pods[0])
        while len(self.pods) < self.replicas:
            self.add_pod()
        wait_for(lambda: self.proxy.ready == self.replicas)

    def add_pod(self) -> None:
        """Runs one more replica, and forwards connections to it once it is ready."""
        pod = self.node.deployment(self.namespace, FULLNAME)
        self.pods.append(pod)
        pod.start()
        self.proxy.add(pod)

    def roll(self) -> None:
        """Replaces each pod by one of the present Deployments, one after the other, as with maxUnavailable 0."""
        for old in [*self.pods]:
            self.add_pod()
            wait_for(lambda: self.proxy.ready == len(self.pods))
            self.end(old)
            self.pods.remove(old)
        if self.controller is not None:
            old, new = self.controller, self.node.deployment(self.namespace, CONTROLLER)
            new.start()
            wait_for(lambda: not new.has("readinessProbe") or new.ready)
            old.stop()
            self.controller = new

    def end(self, pod: Pod) -> None:
        """Ends a pod as a deletion does. Nodes learn a second late that it is removed."""
        ending = threading.Thread(target=pod.stop)
        ending.start()
        time.sleep(1)
        self.proxy.remove(pod)
        ending.join()

    def _remove(self, pod: Pod) -> None:
        self.proxy.remove(pod)
        self.pods.remove(pod)
        pod.kill()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Until the block ends, the ClusterIP refuses connections, because the Service has no pods."""
        for pod in self.pods:
            self.proxy.remove(pod)
        try:
            yield
        finally:
            for pod in self.pods:
                self.proxy.add(pod)
            wait_for(lambda: self.proxy.ready == len(self.pods))


@contextmanager
def installed(
    control_plane: ControlPlane, namespace: str, values: dict[str, Any], chart: Path = CHART
) -> Iterator[helm_python.Config]:
    """Installs the chart in a namespace, and uninstalls it at the end, also if only a part could be installed.

    Unless `values` say otherwise, the API server waits as long for the webhook as it may, because the machine may be busy.
    """
    values = values | {"webhook": {"timeoutSeconds": MOST_SECONDS} | values.get("webhook", {})}
    with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=namespace) as helm:
        try:
            helm.install(chart, RELEASE, values)
            yield helm
        finally:
            helm.uninstall(RELEASE, ignore_not_found=True)


@contextmanager
def serving(
    control_plane: ControlPlane, namespace: str, folder: Path, values: dict[str, Any] | None = None, replicas: int = 2
) -> Iterator[Release]:
    """Installs the chart, runs its Deployments, forwards its Service to the pods, and waits for every caBundle."""
    node = Node(control_plane, folder)
    with installed(control_plane, namespace, values or {}) as helm:
        try:
            managed = control_plane.http.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{CONTROLLER}")
            controller = start_controller(node, namespace) if managed.is_success else None
            with answering(helm, node, namespace, replicas) as release:
                yield replace(release, controller=controller)
        finally:
            node.stop()


@contextmanager
def answering(helm: helm_python.Config, node: Node, namespace: str, replicas: int = 2) -> Iterator[Release]:
    """Runs the service of an installed chart, forwards its ClusterIP to it, and waits for every caBundle."""
    control_plane = node.control_plane
    service = control_plane.get(f"/api/v1/namespaces/{namespace}/services/{FULLNAME}")["spec"]
    (port,) = service["ports"]
    # Without its feature gate, 1.20 has no list of them.
    with ServiceProxy(service.get("clusterIPs") or [service["clusterIP"]], port["port"], port["targetPort"]) as proxy:
        release = Release(control_plane, helm, node, namespace, proxy, [], replicas)
        release.mend()
        wait_for(lambda: trusted(control_plane))
        yield release


def start_controller(node: Node, namespace: str, fullname: str = FULLNAME) -> Pod:
    """Starts the certificate controller, and returns once the serving Secret and every caBundle exist."""
    controller = node.deployment(namespace, f"{fullname}-certificate-controller")
    controller.start()
    secret = f"/api/v1/namespaces/{namespace}/secrets/{fullname}-tls"
    wait_for(lambda: node.control_plane.http.get(secret).is_success)
    wait_for(lambda: trusted(node.control_plane))
    return controller


def trusted(control_plane: ControlPlane) -> bool:
    """Whether every entry has a caBundle."""
    # Helm creates the configuration after the Deployments.
    found = control_plane.http.get(CONFIGURATION)
    return found.is_success and all("caBundle" in entry["clientConfig"] for entry in found.json()["webhooks"])


def helm_test(release: Release) -> tuple[bool, str]:
    """Runs `helm test`, and its pod as a kubelet would; returns whether it succeeded, and what the pod printed."""
    outputs: list[str] = []
    kubelet = threading.Thread(target=_run_test_pod, args=(release, outputs))
    kubelet.start()
    succeeded = False
    try:
        with suppress(helm_python.HelmError):
            release.helm.test(RELEASE, timeout=300)
            succeeded = True
    finally:
        kubelet.join()
        if not succeeded:
            # Helm keeps a pod that failed, and the next run would find it.
            release.control_plane.remove_pods(release.namespace)
    return succeeded, outputs[0]


def _run_test_pod(release: Release, outputs: list[str]) -> None:
    path = f"/api/v1/namespaces/{release.namespace}/pods/{FULLNAME}-test"
    wait_for(lambda: release.control_plane.http.get(path).is_success)
    spec = release.control_plane.get(path)["spec"]
    ran = release.node.pod(release.namespace, spec).run()
    outputs.append(ran.stdout + ran.stderr)
    release.control_plane.patch(f"{path}/status", {"status": {"phase": "Failed" if ran.returncode else "Succeeded"}})


@contextmanager
def scheduling(
    control_plane: ControlPlane,
    folder: Path,
    profiles: dict[str, Any] | None = None,
    selector: dict[str, Any] | None = None,
    *,
    overflow: bool = False,
) -> Iterator[Release]:
    """Serves the built-in profiles, `advised` and `profiles` from one replica, and runs the scheduler.

    With `overflow`, modes may wait for the overflow controller, which is not run.
    """
    policy: dict[str, Any] = {"profiles": ADVISED | (profiles or {})}
    values = {"policy": policy | ({"selector": selector} if selector else {})}
    if overflow:
        values["overflow"] = {"enabled": True}
    namespace = control_plane.create_namespace("placement")
    with control_plane.scheduler(), serving(control_plane, namespace, folder, values, replicas=1) as release:
        yield release
