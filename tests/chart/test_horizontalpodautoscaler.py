"""templates/horizontalpodautoscaler.yaml: replicas by CPU utilization, if enabled."""

import pytest

from tests.chart.manifests import FULLNAME, render

TEMPLATE = "horizontalpodautoscaler.yaml"


@pytest.mark.parametrize(("version", "api"), [("1.20", "autoscaling/v2beta2"), ("1.23", "autoscaling/v2")])
def test_it_scales_the_deployment_by_processor_time(version: str, api: str) -> None:
    autoscaling = {"enabled": True, "minReplicas": 3, "maxReplicas": 9, "targetCPUUtilizationPercentage": 60}
    (scaler,) = render({"kubeVersion": version, "autoscaling": autoscaling}).template(TEMPLATE)
    utilization = {"type": "Utilization", "averageUtilization": 60}
    assert scaler["apiVersion"] == api
    assert scaler["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": FULLNAME},
        "minReplicas": 3,
        "maxReplicas": 9,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
    }
