"""What docs/multi-cluster.md shows is what a cluster gets."""

import re
from pathlib import Path

import helm_python
import pytest
import yaml

from tests.documents.commands import documented
from tests.e2e.control_plane import ControlPlane
from tests.e2e.helm_command import run_helm
from tests.live_service import ROOT

pytestmark = pytest.mark.needs("control-plane")
PAGE = "docs/multi-cluster.md"
NAME = "spark-eci-webhook"


@documented(PAGE, "helm upgrade --install")
def test_the_files_of_values_are_merged(control_plane: ControlPlane, tmp_path: Path, command: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / PAGE).read_text(encoding="utf-8"), re.DOTALL)
    shared, own = map(yaml.safe_load, blocks)
    # The chart refuses registries of examples.
    shared["image"]["repository"] = "registry.platform.test/spark/webhook"
    for name, values in (("values.yaml", shared), ("production.yaml", own)):
        (tmp_path / name).write_text(yaml.safe_dump(values), encoding="utf-8")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    namespace = re.findall(r"--namespace (\S+)", command)[0]
    try:
        # No controller of Deployments runs here, so nothing would become ready.
        run_helm(command.replace("--wait ", ""), control_plane.kubeconfig, tmp_path)
        objects = f"/api/v1/namespaces/{namespace}/configmaps/{NAME}-policy"
        policy = yaml.safe_load(control_plane.get(objects)["data"]["policy.yaml"])
        assert policy["profiles"]["default"] == {
            "driver": {"mode": "ecs-only"},
            "executor": {"mode": "ecs-then-eci", "after": "2m"},
        }
        deployment = control_plane.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}")["spec"]
        assert deployment["replicas"] == 3
        (container,) = deployment["template"]["spec"]["containers"]
        assert container["image"].startswith("registry.platform.test/spark/webhook:")
    finally:
        with helm_python.Config(kubeconfig_path=control_plane.kubeconfig, namespace=namespace) as helm:
            helm.uninstall(NAME, ignore_not_found=True)
