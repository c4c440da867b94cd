"""What an uninstalled release leaves in the cluster is what docs/operations.md names, and its commands remove it."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest

from tests.chart.manifests import CHART
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node
from webhook.core.names import PROFILE_LABEL

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("kubectl")]

#: The release and its namespace, as the documents name them.
NAME = "spark-eci-webhook"
DOCUMENT = Path(__file__).parents[3] / "docs/operations.md"
#: Events expire, and a listing of them changes by itself.
PASSING = {"events", "componentstatuses"}


@pytest.fixture
def unlabelled(control_plane: ControlPlane) -> Iterator[None]:
    """Takes the label from the namespaces of other tests, because the documented command takes it from all, and gives it back."""
    labelled = {
        one["metadata"]["name"]: one["metadata"]["labels"][PROFILE_LABEL]
        for one in control_plane.get("/api/v1/namespaces")["items"]
        if PROFILE_LABEL in one["metadata"].get("labels", {})
    }
    for name in labelled:
        label(control_plane, name, None)
    yield
    for name, profile in labelled.items():
        label(control_plane, name, profile)


def label(control_plane: ControlPlane, namespace: str, profile: str | None) -> None:
    control_plane.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {PROFILE_LABEL: profile}}})


@pytest.mark.usefixtures("unlabelled")
def test_what_is_left_is_documented_and_its_commands_remove_it(control_plane: ControlPlane, tmp_path: Path) -> None:
    control_plane.create("/api/v1/namespaces", {"metadata": {"name": NAME}})
    control_plane.create_default_service_account(NAME)
    spark = control_plane.create_namespace("spark")
    before = everything(control_plane)
    commands = documented()
    with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=NAME) as helm:
        helm.install(CHART, NAME, {"overflow": {"enabled": True}})
        node = Node(control_plane, tmp_path)
        try:
            node.deployment(NAME, f"{NAME}-certificate-controller").start()
            wait_for(lambda: control_plane.http.get(secret("tls")).is_success)
            run_overflow(control_plane, node)
            wait_for(lambda: control_plane.http.get(f"{LEASES}/{NAME}-overflow").is_success)
        finally:
            node.stop()
        label(control_plane, spark, "x")
        helm.uninstall(NAME)
    left = everything(control_plane) - before
    assert left == {
        f"/api/v1 secrets {NAME}/{NAME}-ca",
        f"/api/v1 secrets {NAME}/{NAME}-tls",
        f"/apis/coordination.k8s.io/v1 leases {NAME}/{NAME}-overflow",
        f"/api/v1 namespaces /{spark} x",
    }
    for command in commands:
        run(control_plane, command)
    assert everything(control_plane) == before


LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAME}/leases"


def secret(kind: str) -> str:
    return f"/api/v1/namespaces/{NAME}/secrets/{NAME}-{kind}"


def run_overflow(control_plane: ControlPlane, node: Node) -> None:
    deployment = control_plane.get(f"/apis/apps/v1/namespaces/{NAME}/deployments/{NAME}-overflow")
    spec = deployment["spec"]["template"]["spec"]
    # Outside a cluster there is no mounted token.
    kubeconfig = control_plane.service_account_kubeconfig(NAME, spec["serviceAccountName"])
    spec["containers"][0]["args"].append(f"--kubeconfig={kubeconfig}")
    node.pod(NAME, spec).start()


def documented() -> list[str]:
    """The commands of the section Uninstall that follow `helm uninstall`, but for the one that deletes the namespace."""
    (section,) = re.findall(r"^## Uninstall\n(.*?)^## ", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^\$ (kubectl .*)$", section, re.MULTILINE)
    assert len(commands) >= 3
    return [command for command in commands if "delete namespace" not in command]


def run(control_plane: ControlPlane, command: str) -> None:
    environment = os.environ | {"KUBECONFIG": str(control_plane.kubeconfig)}
    done = subprocess.run(shlex.split(command), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def everything(control_plane: ControlPlane) -> set[str]:
    """Every object of every kind that the API server lists, and the profile of each namespace."""
    found = set()
    for path in group_versions(control_plane):
        for resource in control_plane.get(path)["resources"]:
            if "list" not in resource["verbs"] or "/" in resource["name"] or resource["name"] in PASSING:
                continue
            for one in control_plane.get(f"{path}/{resource['name']}")["items"]:
                found.add(described(path, resource["name"], one["metadata"]))
    return found


def described(path: str, resource: str, metadata: dict[str, Any]) -> str:
    profile = metadata.get("labels", {}).get(PROFILE_LABEL)
    name = f"{path} {resource} {metadata.get('namespace', '')}/{metadata['name']}"
    return f"{name} {profile}" if profile else name


def group_versions(control_plane: ControlPlane) -> Iterator[str]:
    yield "/api/v1"
    for group in control_plane.get("/apis")["groups"]:
        yield f"/apis/{group['preferredVersion']['groupVersion']}"
