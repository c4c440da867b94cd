"""Every rendered object is valid: against Kubernetes' schemas for 1.25 to 1.37, and custom kinds against their own."""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import pytest
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator
from pydantic import BaseModel

from tests.chart.manifests import Rendered, render
from tests.pods import BUILT_IN_MODES

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
EVERYTHING: dict[str, Any] = {
    "commonLabels": {"team": "data"},
    "commonAnnotations": {"owner": "platform"},
    "global": {
        "imagePullSecrets": ["shared"],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    },
    "ports": {"https": 9443, "operations": 9080},
    "page": {"enabled": True, "port": 9082},
    "dnsPolicy": "Default",
    "dnsConfig": {"searches": ["svc.cluster.local"], "options": [{"name": "ndots", "value": "2"}]},
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 2}},
    "certificates": {
        "controller": {
            "replicas": 2,
            "healthPort": 9081,
            "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
            "extraVolumes": [{"name": "more", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        },
    },
    "extraEnv": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more", "annotations": {}, "labels": {}}},
    ],
    "imagePullSecrets": [{"name": "pull"}],
    "webhook": {"annotations": {"a": "b"}, "failurePolicy": "Fail", "timeoutSeconds": 10},
    "autoscaling": {"enabled": True},
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}],
    "priorityClassName": "platform",
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "serviceAccount": {"annotations": {"a": "b"}},
    "service": {
        "annotations": {"a": "b"},
        "port": 8443,
        "ipFamilyPolicy": "SingleStack",
        "ipFamilies": ["IPv4"],
    },
    "overflow": {
        "enabled": True,
        "namespaces": ["default", "kube-public"],
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "platform",
        "serviceAccount": {"annotations": {"a": "b"}},
    },
    "networkPolicy": {
        "enabled": True,
        "apiServer": [{"ipBlock": {"cidr": "10.0.0.0/28"}}],
        "monitoring": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
    },
    "monitoring": {
        "clusterLabel": "k8s_cluster",
        "serviceMonitor": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "relabelings": [{"action": "labeldrop", "regex": "a"}],
            "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}],
        },
        "prometheusRule": {
            "enabled": True,
            "alertLabels": {"team": "data"},
            "cluster": "production",
            "forgetAfter": "1d",
            "runbookUrl": "https://runbooks.example.com/spark",
        },
        "dashboard": {"enabled": True, "annotations": {"folder": "Spark"}},
    },
}
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "cert-manager": {"certificates": {"source": "cert-manager"}},
    "cert-manager's issuer": {
        "certificates": {"source": "cert-manager", "certManager": {"issuerRef": {"name": "a", "kind": "ClusterIssuer"}}}
    },
    "provided": {"certificates": {"source": "provided", "provided": {"secretName": "ours", "caBundle": PEM}}},
    "overflow": {"overflow": {"enabled": True}},
    "one profile": {
        "policy": {"profiles": dict.fromkeys(BUILT_IN_MODES)},
        "podDisruptionBudget": {"enabled": False},
    },
}
CUSTOM: dict[str, type[BaseModel]] = {
    "ServiceMonitor": prometheus_operator.ServiceMonitor,
    "PrometheusRule": prometheus_operator.PrometheusRule,
    "Issuer": cert_manager.Issuer,
    "Certificate": cert_manager.Certificate,
}
CONTROLLERS = ("-certificate-controller", "-overflow")
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]


@cache
def rendered(case: str, version: str) -> Rendered:
    return render(MATRIX[case] | {"kubeVersion": version})


@pytest.fixture(scope="module", autouse=True)
def _schemas_kept() -> Iterator[None]:
    """kubernetes-validate reads all definitions of a version for each object. They are kept for the version at hand."""
    with pytest.MonkeyPatch.context() as patched:
        read = kubernetes_validate.utils.schema_contents
        patched.setattr(kubernetes_validate.utils, "schema_contents", lru_cache(maxsize=32)(read))
        yield


# The upper one changes faster, so all cases of a version follow each other.
@pytest.mark.parametrize("case", MATRIX)
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_own_kinds_are_valid(case: str, version: str) -> None:
    checked = 0
    for one in rendered(case, version).objects:
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)
            checked += 1
    assert checked >= 7


@pytest.mark.parametrize("case", MATRIX)
def test_custom_kinds_are_valid_and_hold_nothing_unknown(case: str) -> None:
    for one in rendered(case, "1.37").objects:
        if one["kind"] in CUSTOM:
            understood = (
                CUSTOM[one["kind"]].model_validate(one).model_dump(mode="json", by_alias=True, exclude_unset=True)
            )
            assert json.dumps(understood, sort_keys=True) == json.dumps(one, sort_keys=True)


def test_the_matrix_renders_every_kind() -> None:
    found = {one["kind"] for case in MATRIX for one in rendered(case, "1.37").objects}
    assert found >= CUSTOM.keys() | {
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "ValidatingAdmissionPolicy",
    }


@pytest.mark.parametrize("case", MATRIX)
def test_every_pod_meets_the_restricted_pod_security_standard(case: str) -> None:
    """Kubernetes: Pod Security Standards, restricted, for pods without the field `os`."""
    pods = [
        one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]
        for one in rendered(case, "1.37").objects
        if one["kind"] in ("Pod", "Deployment")
    ]
    assert len(pods) >= 2
    for pod in pods:
        assert pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"} == set()
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {kind for volume in pod.get("volumes", []) for kind in volume} <= {
            "name",
            "configMap",
            "secret",
            "emptyDir",
        }
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not [port for port in container.get("ports", []) if "hostPort" in port]


@pytest.mark.parametrize("case", MATRIX)
def test_no_pod_has_a_token_or_service_variables_but_the_tokens_of_the_controllers(case: str) -> None:
    for one in rendered(case, "1.37").objects:
        if one["kind"] in ("Pod", "Deployment"):
            pod = one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]
            assert pod["enableServiceLinks"] is False
            assert pod["automountServiceAccountToken"] is one["metadata"]["name"].endswith(CONTROLLERS)
