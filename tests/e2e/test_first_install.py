"""`helm install --wait` returns only when an admission has been answered. Helm's own library waits, on a real API server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import helm_python
import httpx
import pytest
from structlog.testing import capture_logs

from certs.cluster import connect
from certs.readiness import CANARY, Readiness, Served
from tests.chart.manifests import CHART, FULLNAME, RELEASE
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.deployment_controller import DeploymentController
from tests.e2e.figures import Figures, scaled
from tests.e2e.node import Node, Pod
from tests.e2e.release import CONTROLLER, MOST_SECONDS, installed, start_controller
from tests.e2e.reliability.attempts import PLACED, Namespace
from tests.e2e.reliability.load import Load
from tests.e2e.service_proxy import ServiceProxy

pytestmark = pytest.mark.needs("control-plane")

EXECUTORS = scaled(2_000)


class Install:
    """`helm install --wait` in a thread."""

    def __init__(self, helm: helm_python.Config, wait: str) -> None:
        self.error = ""
        self._thread = threading.Thread(target=self._run, args=(helm, wait))
        self._thread.start()

    def _run(self, helm: helm_python.Config, wait: str) -> None:
        try:
            helm.install(CHART, RELEASE, {"webhook": {"timeoutSeconds": MOST_SECONDS}}, wait=wait, timeout=300)
        except helm_python.HelmError as error:
            self.error = str(error)

    @property
    def waits(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._thread.join()


@contextmanager
def installing(control_plane: ControlPlane, namespace: str, wait: str) -> Iterator[Install]:
    with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=namespace) as helm:
        install = Install(helm, wait)
        try:
            yield install
        finally:
            install.end()
            helm.uninstall(RELEASE, ignore_not_found=True)


def said(controller: Pod) -> tuple[int, str]:
    """What the certificate controller answers to its readiness probe."""
    answer = httpx.get(controller.url("readinessProbe"), timeout=60)
    return answer.status_code, answer.text.rstrip("\n")


@pytest.mark.parametrize("wait", ["watcher", "legacy"], ids=["Helm 4's wait", "Helm 3's wait"])
def test_helm_waits_until_an_admission_has_been_answered(
    control_plane: ControlPlane, tmp_path: Path, figures: Figures, wait: str
) -> None:
    namespace = control_plane.create_namespace("placement")
    spark = Namespace(control_plane)
    node = Node(control_plane, tmp_path)
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    with installing(control_plane, namespace, wait) as install:
        try:
            wait_for(lambda: len(control_plane.get(deployments)["items"]) == 2)
            service: dict[str, Any] = control_plane.get(f"/api/v1/namespaces/{namespace}/services/{FULLNAME}")["spec"]
            controller = start_controller(node, namespace)
            pods = [node.deployment(namespace, FULLNAME) for _ in range(2)]
            for pod in pods:
                pod.start()
            with DeploymentController(control_plane, namespace) as manager:
                manager.pods = {CONTROLLER: [controller], FULLNAME: pods}
                # Everything runs and all is published, but no network leads to the Service yet.
                wait_for(lambda: all(pod.ready for pod in pods))
                wait_for(lambda: said(controller) == (503, "the API server has got no answer from the service"))
                assert install.waits
                (port,) = service["ports"]
                with ServiceProxy([service["clusterIP"]], port["port"], port["targetPort"]) as proxy:
                    for pod in pods:
                        proxy.add(pod)
                    install.end()
                    assert install.error == ""
                    assert said(controller) == (200, "ok")
                    with Load(control_plane, spark.name, EXECUTORS, 4) as load:
                        pass
                    then = spark.ask(10)
            outcome = load.outcome
            if wait == "watcher":
                row = {"event": "after `helm install --wait`", "admissions": outcome.admissions}
                row |= {
                    "refused": outcome.failed,
                    "not placed": outcome.unplaced,
                    "placed afterwards": f"{then[PLACED]} of 10",
                }
                figures.add("certificates", row)
            assert (outcome.failures, outcome.unplaced, then) == ({}, 0, {PLACED: 10})
            assert outcome.admissions >= EXECUTORS
            stored = control_plane.get(f"/api/v1/namespaces/{namespace}/events")["items"]
            assert {event["reason"] for event in stored} == {"CACreated", "CABundlePatched", "CertificateIssued"}
        finally:
            node.stop()


def test_without_a_service_the_api_server_says_nothing(control_plane: ControlPlane, tmp_path: Path) -> None:
    """The entry has failurePolicy Ignore, so the API server accepts the Event either way, and nobody else notices."""
    namespace = control_plane.create_namespace("placement")
    with installed(control_plane, namespace, {"webhook": {"failurePolicy": "Fail"}}):
        controller = start_controller(Node(control_plane, tmp_path), namespace)
        try:
            event = Readiness(connect(control_plane.kubeconfig), namespace, threading.Event())._event()
            answer = control_plane.http.post(f"/api/v1/namespaces/{namespace}/events?dryRun=All", json=event)
            assert (answer.status_code, answer.headers.get("warning")) == (201, None)
            wait_for(lambda: said(controller) == (503, "the API server has got no answer from the service"))
        finally:
            controller.kill()


def test_without_the_right_the_certificates_decide(control_plane: ControlPlane) -> None:
    """The service's account has no rights at all."""
    namespace = control_plane.create_namespace("placement")
    with installed(control_plane, namespace, {}), capture_logs() as entries:
        account = connect(control_plane.service_account_kubeconfig(namespace, FULLNAME))
        stop = threading.Event()
        readiness = Readiness(account, namespace, stop)
        thread = threading.Thread(target=readiness.run)
        thread.start()
        try:
            readiness.see(Served({CANARY: b"ca"}, {"ca.crt": b"ca"}))
            wait_for(lambda: readiness.fault == "")
        finally:
            stop.set()
            readiness.end()
            thread.join()
    (said_once,) = [entry["error"] for entry in entries if entry["log_level"] == "warning"]
    assert said_once.startswith("could not ask for an admission: 403, events is forbidden: User ")
