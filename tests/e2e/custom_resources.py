"""Definitions of the custom kinds that the chart can create, so that an API server serves them."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane

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


@contextmanager
def custom_kinds(control_plane: ControlPlane, kinds: Iterable[str] = DEFINITIONS) -> Iterator[None]:
    """Until the block ends, the API server serves these kinds of the Prometheus Operator, cert-manager and the ACK scheduler."""
    with served_by(control_plane, [DEFINITIONS[kind] for kind in kinds]):
        yield


@contextmanager
def served_by(control_plane: ControlPlane, made: Sequence[dict[str, Any]]) -> Iterator[None]:
    """The API server serves the first version of these definitions until the block ends. Then they are gone."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    paths = [f"{definitions}/{one['metadata']['name']}" for one in made]
    try:
        for one in made:
            control_plane.create(definitions, one)
        for one in made:
            spec = one["spec"]
            group_version = f"{spec['group']}/{spec['versions'][0]['name']}"
            wait_for(partial(control_plane.serves, group_version, spec["names"]["kind"]))
        yield
    finally:
        for path in paths:
            control_plane.http.delete(path)
        for path in paths:
            wait_for(partial(_removed, control_plane, path))


def _removed(control_plane: ControlPlane, path: str) -> bool:
    """Whether a deleted definition is gone. If not, changes it once a second.

    An API server that loses a race against its own last write does not try again to finish the deletion before the definition
    changes or minutes have passed (kubernetes, crd_finalizer.go). It was seen on 1.36.
    """
    touched = {"metadata": {"annotations": {"touched": str(int(time.time()))}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    return control_plane.http.patch(path, content=json.dumps(touched), headers=headers).status_code == 404
