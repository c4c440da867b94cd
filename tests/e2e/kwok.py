"""The part of KWOK 0.8.0 that docs/getting-started.md shows, because KWOK itself cannot run here.

It keeps nodes with its annotation ready, and gives their pods the status that its stages `node-initialize`, `pod-ready` and
`pod-delete` give (kustomize/stage in its repository). The taint of a node that is not ready goes as well: a real cluster's
controller manager removes it.
"""

import threading
from itertools import count
from typing import Any, Self

from tests.e2e.control_plane import ControlPlane

ANNOTATION, FAKE = "kwok.x-k8s.io/node", "fake"
NOT_READY = "node.kubernetes.io/not-ready"
NODES = "/api/v1/nodes"


class Kwok:
    """Plays the kubelets of the annotated nodes, until the block ends."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._addresses = count(1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.2):
            nodes = [one for one in self._control_plane.get(NODES)["items"] if _managed(one)]
            for node in nodes:
                self._keep_ready(node)
            names = {one["metadata"]["name"] for one in nodes}
            for pod in self._control_plane.get("/api/v1/pods")["items"]:
                if pod["spec"].get("nodeName") in names:
                    self._play(pod)

    def _keep_ready(self, node: dict[str, Any]) -> None:
        path = f"{NODES}/{node['metadata']['name']}"
        taints = node["spec"].get("taints", [])
        if any(one["key"] == NOT_READY for one in taints):
            kept = [one for one in taints if one["key"] != NOT_READY]
            self._control_plane.patch(path, {"spec": {"taints": kept or None}})
        conditions = node["status"].get("conditions", [])
        if not any((one["type"], one["status"]) == ("Ready", "True") for one in conditions):
            ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready"}
            status = {"phase": "Running", "conditions": [ready]}
            self._control_plane.patch(f"{path}/status", {"status": status})

    def _play(self, pod: dict[str, Any]) -> None:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        if "deletionTimestamp" in pod["metadata"]:
            self._control_plane.http.delete(path, params={"gracePeriodSeconds": 0})
        elif pod["status"]["phase"] == "Pending":
            scheduled = pod["status"].get("conditions", [])
            ready = [{"type": one, "status": "True"} for one in ("Initialized", "Ready", "ContainersReady")]
            containers = [_running(one) for one in pod["spec"]["containers"]]
            address = f"10.0.0.{next(self._addresses)}"
            status = {"phase": "Running", "conditions": [*scheduled, *ready], "containerStatuses": containers}
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
            self._control_plane.patch(f"{path}/status", {"status": status})


def _managed(node: dict[str, Any]) -> bool:
    return bool(node["metadata"].get("annotations", {}).get(ANNOTATION) == FAKE)


def _running(container: dict[str, Any]) -> dict[str, Any]:
    status = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
    return status | {"ready": True, "state": {"running": {}}}
