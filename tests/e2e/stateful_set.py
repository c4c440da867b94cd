"""The pods of a StatefulSet, made as its controller of Kubernetes 1.28 and newer makes them: the control plane has none.

Source: kubernetes, pkg/controller/statefulset/stateful_set_utils.go (newVersionedStatefulSetPod, updateIdentity).
"""

import json
from typing import Any, Final

from tests.e2e.control_plane import ControlPlane

#: The controller's hash of the template, and so the end of a revision's name, may be anything here.
_HASH: Final = "6c9b7d5f84"
_CONTROLLER: Final = {
    "User-Agent": "kube-controller-manager",
    "Impersonate-User": "system:serviceaccount:kube-system:statefulset-controller",
    "Impersonate-Group": "system:serviceaccounts",
}


def create_pods(control_plane: ControlPlane, stored: dict[str, Any]) -> list[dict[str, Any]]:
    """Creates each replica of a stored StatefulSet, as its controller's account, and returns them as stored."""
    path = f"/api/v1/namespaces/{stored['metadata']['namespace']}/pods"
    return [_create(control_plane, path, pod(stored, ordinal)) for ordinal in range(stored["spec"]["replicas"])]


def _create(control_plane: ControlPlane, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = control_plane.http.post(path, json=body, headers=_CONTROLLER)
    assert answer.is_success, answer.text
    return dict(answer.json())


def pod(stored: dict[str, Any], ordinal: int) -> dict[str, Any]:
    """The pod with this number of a stored StatefulSet."""
    of, spec = stored["metadata"], stored["spec"]
    name = f"{of['name']}-{ordinal}"
    made: dict[str, Any] = json.loads(json.dumps(spec["template"]))
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": of["name"], "uid": of["uid"]}
    metadata = {key: made["metadata"][key] for key in ("labels", "annotations") if made["metadata"].get(key)}
    metadata["labels"] = metadata.get("labels", {}) | {
        "apps.kubernetes.io/pod-index": str(ordinal),
        "controller-revision-hash": f"{of['name']}-{_HASH}",
        "statefulset.kubernetes.io/pod-name": name,
    }
    identity = {"hostname": name, "subdomain": spec.get("serviceName", "")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": f"{of['name']}-",
            "namespace": of["namespace"],
            **metadata,
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": made["spec"] | {key: value for key, value in identity.items() if value},
    }
