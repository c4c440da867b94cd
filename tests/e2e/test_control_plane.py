"""The control plane under test is real: it stores, schedules, authorizes, audits, and survives a restart."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane

pytestmark = pytest.mark.needs("control-plane")

POD = {"metadata": {"name": "plain"}, "spec": {"containers": [{"name": "main", "image": "example.org/main:1"}]}}


def test_a_pod_is_stored_in_a_new_namespace(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace(labels={"team": "data"})
    created = control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods", json=POD)
    assert created.status_code == 201, created.text
    stored = client.CoreV1Api(control_plane.api).list_namespaced_pod(namespace).items
    assert [(pod.metadata.name, pod.spec.service_account_name) for pod in stored if pod.metadata and pod.spec] == [
        ("plain", "default")
    ]


def test_the_version_is_what_discovery_says(control_plane: ControlPlane) -> None:
    assert control_plane.version >= (1, 20)
    assert control_plane.serves("v1", "Pod")
    assert control_plane.serves("apps/v1", "Deployment")
    assert not control_plane.serves("scheduling.alibabacloud.com/v1alpha1", "ResourcePolicy")


def test_a_service_gets_an_address_on_loopback(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace()
    service = {"metadata": {"name": "here"}, "spec": {"ports": [{"port": 443}]}}
    created = control_plane.http.post(f"/api/v1/namespaces/{namespace}/services", json=service).json()
    assert created["spec"]["clusterIP"].startswith("127.77.")


def test_a_service_account_has_its_own_rights_alone(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace()
    acting = control_plane.client(control_plane.service_account_kubeconfig(namespace, "default"))
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(acting).list_namespaced_pod(namespace)
    assert refused.value.status == 403
    assert f"system:serviceaccount:{namespace}:default" in str(refused.value.body)


def test_threads_share_no_connection(control_plane: ControlPlane) -> None:
    """The third thread comes after the second has ended: then that one's connections are closed."""

    def connection() -> Any:
        return control_plane.http.get("/version").extensions["network_stream"]

    own = connection()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(connection).result()
        assert second is not own
    assert second.get_extra_info("socket").fileno() != -1
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(connection).result() not in (own, second)
    assert second.get_extra_info("socket").fileno() == -1


def test_requests_are_in_the_audit_log(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace()
    entries = [json.loads(line) for line in control_plane.audit_log.read_text().splitlines()]
    about = [
        (entry["verb"], entry.get("objectRef", {}).get("name"), entry["responseStatus"]["code"]) for entry in entries
    ]
    assert about.count(("create", namespace, 201)) == 1


def test_what_is_stored_outlives_the_api_server_and_etcd(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace()
    control_plane.restart_api_server()
    assert control_plane.http.get(f"/api/v1/namespaces/{namespace}").status_code == 200
    with control_plane.without_etcd():
        # Newer API servers say for a moment what was true before.
        wait_for(lambda: control_plane.http.get("/readyz").is_server_error)
    wait_for(lambda: control_plane.http.get("/readyz").is_success)
    assert control_plane.http.get(f"/api/v1/namespaces/{namespace}").status_code == 200


def test_a_block_without_etcd_ends_with_etcd_although_it_fails(control_plane: ControlPlane) -> None:
    with pytest.raises(ZeroDivisionError), control_plane.without_etcd():
        raise ZeroDivisionError
    assert control_plane.create_namespace()


def test_what_has_ended_is_started_again(control_plane: ControlPlane) -> None:
    control_plane._etcd.stop()
    control_plane._api_server.stop()
    assert control_plane.mend() == ["etcd", "kube-apiserver"]
    assert control_plane.create_namespace()
    assert control_plane.mend() == []


def test_the_scheduler_binds_a_pod_to_a_node(control_plane: ControlPlane) -> None:
    namespace = control_plane.create_namespace()
    node = {"metadata": {"name": "only"}, "status": {"capacity": {"cpu": "1", "memory": "1Gi", "pods": "10"}}}
    nodes, pods = "/api/v1/nodes", f"/api/v1/namespaces/{namespace}/pods"
    with control_plane.scheduler():
        control_plane.create(nodes, node)
        try:
            control_plane.patch(f"{nodes}/only", {"spec": {"taints": None}})
            control_plane.create(pods, POD)
            wait_for(lambda: control_plane.get(f"{pods}/plain")["spec"].get("nodeName") == "only")
        finally:
            control_plane.http.delete(f"{nodes}/only")


def test_nothing_stays_behind_when_a_component_does_not_start(tmp_path: Path) -> None:
    broken = tmp_path / "assets"
    broken.mkdir()
    (broken / "kube-apiserver").symlink_to("/bin/false")
    (broken / "etcd").symlink_to(Path(os.environ["KUBEBUILDER_ASSETS"]) / "etcd")
    unstarted = ControlPlane(broken, tmp_path)
    with pytest.raises(RuntimeError, match="kube-apiserver ended with code 1"), unstarted:
        pass
    assert not unstarted._etcd.running
