"""The chart in a cluster without IPv4, and in one with both families: every process is reached as its cluster reaches it."""

import base64
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import helm_python
import httpx
import pytest

from benchmarks.process import free_port
from certs.cluster import Cluster
from certs.server import Address, shake_hands
from tests.chart.manifests import CHART, FULLNAME, RELEASE
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.kubelet import kubelet
from tests.e2e.node import Pod
from tests.e2e.release import Release, helm_test, installed, serving
from webhook.cli.doctor.tunnel import port_forward
from webhook.core import names

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("networks")]

REVIEW = Path(__file__).parents[1] / "reviews/spark-3.5.2-executor-1.json"


@pytest.fixture(scope="module")
def without_ipv4(ipv6_control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart with its three Deployments, in a cluster without IPv4."""
    namespace = ipv6_control_plane.create_namespace("placement")
    values = {"overflow": {"enabled": True}}
    with serving(ipv6_control_plane, namespace, tmp_path_factory.mktemp("node"), values, replicas=1) as release:
        yield release


@contextmanager
def overflow_controller(release: Release) -> Iterator[Pod]:
    """Runs the overflow controller of an installed chart until the block ends."""
    control_plane, inside = release.control_plane, f"/apis/apps/v1/namespaces/{release.namespace}"
    spec = control_plane.get(f"{inside}/deployments/{FULLNAME}-overflow")["spec"]["template"]["spec"]
    # Outside a cluster there is no mounted token.
    kubeconfig = control_plane.service_account_kubeconfig(release.namespace, spec["serviceAccountName"])
    spec["containers"][0]["args"].append(f"--kubeconfig={kubeconfig}")
    pod = release.node.pod(release.namespace, spec)
    pod.start()
    try:
        wait_for(lambda: pod.ready)
        yield pod
    finally:
        pod.kill()


def service_spec(release: Release) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{release.namespace}/services/{FULLNAME}"
    return dict(release.control_plane.get(path)["spec"])


def expected(release: Release) -> tuple[str, bytes]:
    """The name of the service, and the CA certificates that its clients trust."""
    path = f"/api/v1/namespaces/{release.namespace}/secrets/{FULLNAME}-tls"
    data = release.control_plane.get(path)["data"]
    return f"{FULLNAME}.{release.namespace}.svc", base64.b64decode(data["ca.crt"])


def kubelet_status(address: str, port: int) -> dict[str, Any]:
    """That of a node whose kubelet listens there."""
    endpoint = {"kubeletEndpoint": {"Port": port}}
    return {"addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": endpoint}


def run(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webhook", *arguments]
    environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def placed(release: Release) -> bool:
    """Whether a Spark pod that is created gets the toleration of its namespace's profile."""
    control_plane = release.control_plane
    namespace = control_plane.create_namespace("spark", {names.PROFILE_LABEL: "eci-only"})
    sent = json.loads(REVIEW.read_text())["request"]["object"]
    pod = {"metadata": {"name": "executor", "labels": sent["metadata"]["labels"]}}
    pod["spec"] = {"containers": [{"name": "spark", "image": "spark:3.5"}]}
    stored = control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    return "mode=eci-only" in stored["metadata"].get("annotations", {}).get(names.PLACEMENT_ANNOTATION, "")


def test_every_process_is_reached_in_a_cluster_without_ipv4(without_ipv4: Release) -> None:
    control_plane = without_ipv4.control_plane
    spec = service_spec(without_ipv4)
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv6"])
    assert ipaddress.ip_address(spec["clusterIP"]) in ipaddress.ip_network(control_plane.networks.services[0])
    controller = without_ipv4.controller
    assert controller
    # It asks for an answer of the service again and again, but not without a pause.
    wait_for(lambda: controller.ready)
    with overflow_controller(without_ipv4) as overflow:
        # The service calls itself within two seconds, which a busy machine may not give it.
        wait_for(lambda: without_ipv4.pods[0].ready)
        answers = {
            (name, probe): httpx.get(pod.url(probe), timeout=60).status_code
            for name, pod in (
                ("service", without_ipv4.pods[0]),
                ("certificates", controller),
                ("overflow", overflow),
            )
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            if pod.has(probe)
        }
        assert overflow.url("livenessProbe").startswith("http://[fd77:")
    assert answers.keys() >= {(name, "livenessProbe") for name in ("service", "certificates", "overflow")}
    assert set(answers.values()) == {200}


def test_without_ipv4_a_pod_is_placed_and_helm_test_succeeds(without_ipv4: Release) -> None:
    assert placed(without_ipv4)
    succeeded, output = helm_test(without_ipv4)
    assert succeeded, output


def test_without_ipv4_the_commands_find_the_cluster_and_the_service(without_ipv4: Release, tmp_path: Path) -> None:
    """By the API server's proxy, and by a port-forward, which is a WebSocket."""
    control_plane, inside = without_ipv4.control_plane, f"/api/v1/namespaces/{without_ipv4.namespace}"
    running = without_ipv4.pods[0]
    port = free_port()
    node = {"metadata": {"name": "with-kubelet"}, "status": kubelet_status(control_plane.address, port)}
    container = {"name": "webhook", "image": "webhook", "ports": [{"name": "https", "containerPort": 8443}]}
    labels = service_spec(without_ipv4)["selector"]
    spec = {"nodeName": "with-kubelet", "containers": [container], "automountServiceAccountToken": False}
    pod = {"metadata": {"name": "shown", "labels": labels}, "spec": spec}
    endpoint = {
        "ip": running.address,
        "targetRef": {"kind": "Pod", "namespace": without_ipv4.namespace, "name": "shown"},
    }
    ports = [{"name": "https", "port": running.port("https")}]
    endpoints = {"metadata": {"name": FULLNAME}, "subsets": [{"addresses": [endpoint], "ports": ports}]}
    with kubelet(control_plane.address, port, (running.address, running.port("https")), tmp_path / "kubelet"):
        control_plane.create("/api/v1/nodes", node)
        control_plane.create(f"{inside}/pods", pod)
        control_plane.create(f"{inside}/endpoints", endpoints)
        status = {"phase": "Running", "podIP": running.address, "podIPs": [{"ip": running.address}]}
        control_plane.patch(f"{inside}/pods/shown/status", {"status": status})
        doctor = run(control_plane.kubeconfig, "doctor", "-o", "json")
        with port_forward(Cluster(control_plane.api), without_ipv4.namespace, "shown", 8443) as address:
            assert shake_hands(address, *expected(without_ipv4)).fault == ""
    found = {one["check"]: one["sentence"] for one in json.loads(doctor.stdout)}
    assert found["service"].startswith("1 ready; answered a review through the API server's proxy: mode=")
    assert found["certificates"].startswith("caBundle, Secret and service certificate match, valid for ")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, ["IPv4"]),
        ({"ipFamilies": ["IPv6"]}, ["IPv6"]),
        ({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]}, ["IPv6", "IPv4"]),
    ],
)
def test_with_both_families_the_first_one_is_chosen(
    dual_stack: ControlPlane, asked: dict[str, Any], given: list[str]
) -> None:
    namespace = dual_stack.create_namespace("placement")
    with installed(dual_stack, namespace, {"service": asked}):
        spec = dual_stack.get(f"/api/v1/namespaces/{namespace}/services/{FULLNAME}")["spec"]
    assert spec["ipFamilies"] == given
    versions = [f"IPv{ipaddress.ip_address(one).version}" for one in spec["clusterIPs"]]
    assert (versions, spec["clusterIP"]) == (given, spec["clusterIPs"][0])


def test_a_second_family_can_be_added_and_the_first_one_changes_with_a_new_service(dual_stack: ControlPlane) -> None:
    namespace = dual_stack.create_namespace("placement")
    path = f"/api/v1/namespaces/{namespace}/services/{FULLNAME}"
    with installed(dual_stack, namespace, {}) as helm:
        helm.upgrade(CHART, RELEASE, {"service": {"ipFamilyPolicy": "PreferDualStack"}})
        assert dual_stack.get(path)["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
        other = {"service": {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}}
        with pytest.raises(helm_python.HelmError, match="may not change once set"):
            helm.upgrade(CHART, RELEASE, other)
        assert dual_stack.http.delete(path).is_success
        helm.upgrade(CHART, RELEASE, other)
        assert dual_stack.get(path)["spec"]["ipFamilies"] == ["IPv6"]


def test_with_both_families_the_service_answers_at_both_addresses(dual_stack: ControlPlane, tmp_path: Path) -> None:
    namespace = dual_stack.create_namespace("placement")
    values = {"service": {"ipFamilyPolicy": "PreferDualStack"}}
    with serving(dual_stack, namespace, tmp_path / "node", values, replicas=1) as release:
        spec = service_spec(release)
        assert spec["ipFamilies"] == ["IPv4", "IPv6"]
        assert [ipaddress.ip_address(one).version for one in spec["clusterIPs"]] == [4, 6]
        for address in spec["clusterIPs"]:
            assert shake_hands(Address(address, 443), *expected(release)).fault == ""
        assert placed(release)
