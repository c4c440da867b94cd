"""The chart in a cluster without IPv4, and in one with both families: every process is reached as its cluster reaches it."""

import ipaddress
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from certs.server import Address, shake_hands
from tests.chart.manifests import FULLNAME
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node, Pod
from tests.e2e.release import Release, helm_test, serving
from webhook.core import names

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("networks")]

REVIEW = Path(__file__).parents[1] / "reviews/spark-3.5.2-executor-1.json"


@pytest.fixture(scope="module")
def dual_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("dual-stack")
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), folder, families=["IPv4", "IPv6"]) as started:
        yield started


@contextmanager
def overflow_controller(node: Node, namespace: str) -> Iterator[Pod]:
    """Runs the overflow controller of an installed chart."""
    control_plane = node.control_plane
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{FULLNAME}-overflow"
    spec = control_plane.get(path)["spec"]["template"]["spec"]
    # Outside a cluster there is no mounted token.
    kubeconfig = control_plane.service_account_kubeconfig(namespace, spec["serviceAccountName"])
    spec["containers"][0]["args"].append(f"--kubeconfig={kubeconfig}")
    pod = node.pod(namespace, spec)
    pod.start()
    yield pod


def service_spec(release: Release) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{release.namespace}/services/{FULLNAME}"
    return dict(release.control_plane.get(path)["spec"])


def placed(release: Release) -> bool:
    """Whether a Spark pod that is created gets the toleration of its namespace's profile."""
    control_plane = release.control_plane
    namespace = control_plane.create_namespace("spark", {names.PROFILE_LABEL: "eci-only"})
    sent = json.loads(REVIEW.read_text())["request"]["object"]
    pod = {"metadata": {"name": "executor", "labels": sent["metadata"]["labels"]}}
    pod["spec"] = {"containers": [{"name": "spark", "image": "spark:3.5"}]}
    stored = control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    return "mode=eci-only" in stored["metadata"].get("annotations", {}).get(names.PLACEMENT_ANNOTATION, "")


def test_every_process_works_in_a_cluster_without_ipv4(ipv6_control_plane: ControlPlane, tmp_path: Path) -> None:
    namespace = ipv6_control_plane.create_namespace("placement")
    values = {"overflow": {"enabled": True}}
    with serving(ipv6_control_plane, namespace, tmp_path / "node", values, replicas=1) as release:
        spec = service_spec(release)
        assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv6"])
        assert ipaddress.ip_address(spec["clusterIP"]) in ipaddress.ip_network(ipv6_control_plane.networks.services[0])
        with overflow_controller(release.node, namespace) as overflow:
            assert release.controller
            probed = {
                "service": (release.pods[0], "livenessProbe", "readinessProbe"),
                "certificates": (release.controller, "livenessProbe"),
                "overflow": (overflow, "livenessProbe", "readinessProbe"),
            }
            for pod, *probes in probed.values():
                assert pod.address.startswith("fd77:")
                assert [httpx.get(pod.url(probe)).status_code for probe in probes] == [200] * len(probes)
        assert placed(release)
        succeeded, output = helm_test(release)
        assert succeeded, output


def test_with_both_families_the_service_answers_at_both_addresses(dual_stack: ControlPlane, tmp_path: Path) -> None:
    namespace = dual_stack.create_namespace("placement")
    values = {"service": {"ipFamilyPolicy": "PreferDualStack"}}
    with serving(dual_stack, namespace, tmp_path / "node", values, replicas=1) as release:
        spec = service_spec(release)
        assert spec["ipFamilies"] == ["IPv4", "IPv6"]
        assert [ipaddress.ip_address(one).version for one in spec["clusterIPs"]] == [4, 6]
        secret = dual_stack.get(f"/api/v1/namespaces/{namespace}/secrets/{FULLNAME}-tls")
        import base64

        ca = base64.b64decode(secret["data"]["ca.crt"])
        for address in spec["clusterIPs"]:
            assert shake_hands(Address(address, 443), f"{FULLNAME}.{namespace}.svc", ca).fault == ""
        assert placed(release)
