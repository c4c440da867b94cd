"""A controller manager's part for Deployments: their ReplicaSets and their status, from pods that are processes here."""

import threading
from typing import Any, Self

from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Pod


class DeploymentController:
    """Writes the status of Deployments from the readiness probes of their pods, as a controller manager does."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane, self._path = control_plane, f"/apis/apps/v1/namespaces/{namespace}"
        self.pods: dict[str, list[Pod]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        made: set[str] = set()
        while not self._over.wait(0.2):
            for name, pods in list(self.pods.items()):
                deployment = self._control_plane.get(f"{self._path}/deployments/{name}")
                replica_set = f"{self._path}/replicasets/{name}"
                if name not in made:
                    made.add(name)
                    if not self._control_plane.http.get(replica_set).is_success:
                        self._control_plane.create(f"{self._path}/replicasets", _replica_set(deployment))
                wanted, ready = deployment["spec"]["replicas"], sum(pod.ready for pod in pods)
                counts = {"replicas": wanted, "readyReplicas": ready, "availableReplicas": ready}
                status = {"observedGeneration": self._control_plane.get(replica_set)["metadata"]["generation"]}
                self._control_plane.patch(f"{replica_set}/status", {"status": status | counts})
                available = {"type": "Available", "status": str(ready >= wanted), "reason": "Test"}
                progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
                status = {
                    "observedGeneration": deployment["metadata"]["generation"],
                    **counts,
                    "updatedReplicas": wanted,
                    "unavailableReplicas": wanted - ready,
                    "conditions": [available, progressing],
                }
                self._control_plane.patch(f"{self._path}/deployments/{name}/status", {"status": status})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _replica_set(deployment: dict[str, Any]) -> dict[str, Any]:
    """The ReplicaSet of a Deployment, by whose status Helm 3 judges."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "metadata": {
            "name": metadata["name"],
            "labels": spec["template"]["metadata"]["labels"],
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {name: spec[name] for name in ("replicas", "selector", "template")},
    }
