"""Definitions of the custom kinds that the chart can create, so that an API server serves them."""

from typing import Any

STRING = {"type": "string"}
MAP = {"type": "object", "additionalProperties": STRING}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
#: ResourcePolicy, as Alibaba Cloud's page on custom priority-based scheduling describes it.
RESOURCE_POLICY = {
    "type": "object",
    "required": ["strategy", "units"],
    "properties": {
        "selector": MAP,
        "strategy": {"enum": ["prefer"], **STRING},
        "units": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {
                    "resource": {"enum": ["ecs", "eci", "acs", "elastic"], **STRING},
                    "max": {"type": "integer"},
                    "nodeSelector": MAP,
                    "podLabels": MAP,
                    "podAnnotations": MAP,
                    "maxResources": {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}},
                },
            },
        },
        "preemptPolicy": {"enum": ["AfterAllUnits", "BeforeNextUnit"], **STRING},
        "ignorePreviousPod": {"type": "boolean"},
        "ignoreTerminatingPod": {"type": "boolean"},
        "matchLabelKeys": {"type": "array", "items": STRING},
        "whenTryNextUnits": {"type": "object", "properties": {"policy": STRING, "timeout": STRING}},
    },
}


def definition(group: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A namespaced kind's CustomResourceDefinition, whose spec has the given schema."""
    plural = kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


DEFINITIONS = {
    "ResourcePolicy": definition("scheduling.alibabacloud.com", "v1alpha1", "ResourcePolicy", RESOURCE_POLICY),
    "ServiceMonitor": definition("monitoring.coreos.com", "v1", "ServiceMonitor", ANYTHING),
    "PrometheusRule": definition("monitoring.coreos.com", "v1", "PrometheusRule", ANYTHING),
    "Issuer": definition("cert-manager.io", "v1", "Issuer", ANYTHING),
    "Certificate": definition("cert-manager.io", "v1", "Certificate", ANYTHING),
}
