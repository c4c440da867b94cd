"""`kubectl spark-eci` with a real kubectl, which finds the script of the installed wheel by its name."""

import os
import subprocess
from collections.abc import Mapping

import pytest

from tests.e2e.control_plane import ControlPlane
from tests.wheel import build, install

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("kubectl")]


@pytest.fixture(scope="module")
def environment(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The variables with which kubectl finds the script, and both find the cluster."""
    folder = tmp_path_factory.mktemp("installed")
    scripts = install(build(tmp_path_factory.mktemp("dist")), folder)
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(folder), "KUBECONFIG": str(control_plane.kubeconfig)}


def kubectl(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(["kubectl", *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_kubectl_passes_the_arguments_on(control_plane: ControlPlane, environment: Mapping[str, str]) -> None:
    namespace = control_plane.create_namespace("plugin")
    pod = {"metadata": {"name": "nginx"}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}
    control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    code, out, err = kubectl(environment, "spark-eci", "why", "pod/nginx", "-n", namespace)
    control_plane.remove_pods(namespace)
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == [
        f"{namespace}/nginx: Pending: no scheduler has said anything of it yet; it asks for the scheduler default-scheduler",
        "  record  none: not a Spark pod: the label spark-role is missing",
    ]


def test_the_program_names_itself_as_always(environment: Mapping[str, str]) -> None:
    code, out, err = kubectl(environment, "spark-eci", "why", "--help")
    assert (code, err) == (0, "")
    assert out.split()[:3] == ["Usage:", "spark-eci-webhook", "why"]
