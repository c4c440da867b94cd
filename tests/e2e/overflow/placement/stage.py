"""What the tests of the overflow controller act on: a cluster with the webhook, one controller and a witness."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.placement.witness import ALLOWED, MANAGER, Witness, condition, node
from tests.e2e.overflow_controller import OverflowController
from tests.e2e.release import Release
from webhook.core import names

Pod = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """The cluster as a test sees it. `clear` removes the pods that it has created."""

    control_plane: ControlPlane
    release: Release
    controller: OverflowController
    witness: Witness
    _namespaces: list[str] = field(default_factory=list)

    def namespace(self, profile: str | None) -> str:
        """A new namespace under a profile, or under none."""
        made = self.control_plane.create_namespace("spark", {names.PROFILE_LABEL: profile} if profile else {})
        self._namespaces.append(made)
        return made

    def enrol(self, namespace: str, profile: str | None) -> None:
        """Puts a namespace under another profile, or takes it out."""
        labels = {"metadata": {"labels": {names.PROFILE_LABEL: profile}}}
        self.control_plane.patch(f"/api/v1/namespaces/{namespace}", labels)

    @contextmanager
    def borrowed(self, namespace: str, profile: str) -> Iterator[None]:
        """Puts a namespace that others use under a profile for the block, and removes its pods."""
        self.enrol(namespace, profile)
        try:
            yield
        finally:
            self.enrol(namespace, None)
            self.control_plane.remove_pods(namespace)

    def create(self, namespace: str, pod: Pod, allowed: str | int) -> str:
        """Creates a pod, as the API server's call of the webhook changes it, and returns its path.

        `allowed` is what the policy allows it, for the witness.
        """
        pod = copy.deepcopy(pod)
        pod["metadata"].setdefault("annotations", {})[ALLOWED] = str(allowed)
        made = self.control_plane.create(f"/api/v1/namespaces/{namespace}/pods", pod)
        return f"/api/v1/namespaces/{namespace}/pods/{made['metadata']['name']}"

    def get(self, path: str) -> Pod:
        return self.control_plane.get(path)

    def relabel(self, path: str, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]) -> None:
        """Sets labels and annotations of a stored pod, and removes those that are None."""
        self.control_plane.patch(path, {"metadata": {"annotations": dict(annotations), "labels": dict(labels)}})

    def finish(self, path: str) -> None:
        """Ends a pod as a kubelet would."""
        self.control_plane.patch(f"{path}/status", {"status": {"phase": "Succeeded"}})

    def schedule(self, path: str, *, since: str | None, reason: str = "Unschedulable", **status: Any) -> None:
        """Writes what a scheduler says of a pod, where the real one does not see to it."""
        said = {"type": "PodScheduled", "status": "False", "reason": reason, "lastTransitionTime": since}
        self.control_plane.patch(f"{path}/status", {"status": {"conditions": [said], **status}})

    def delete(self, path: str) -> None:
        """Deletes a pod without a grace period."""
        answer = self.control_plane.http.delete(path, params={"gracePeriodSeconds": "0"})
        answer.raise_for_status()

    def pods(self, namespace: str) -> list[Pod]:
        found: list[Pod] = self.control_plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return found

    def homes(self, namespace: str) -> Counter[str]:
        """How many pods of a namespace are on `ecs` and on `eci` and `pending`."""
        return Counter(node(pod).partition("-")[0] or "pending" for pod in self.pods(namespace))

    def await_homes(self, namespace: str, **wanted: int) -> None:
        """Waits until so many pods of a namespace are on `ecs`, on `eci` and `pending`."""
        wait_for(lambda: self.homes(namespace) == wanted)

    def await_unschedulable(self, namespace: str, pods: int) -> None:
        """Waits until the scheduler has found no place for so many pods."""
        wait_for(lambda: sum(unschedulable(pod) for pod in self.pods(namespace)) == pods)

    def await_bound(self, *paths: str) -> None:
        """Waits until pods are bound."""
        for path in paths:
            wait_for(partial(self._bound, path))

    def events(self, *namespaces: str) -> Counter[tuple[str, str]]:
        """The controller's Events about pods of some namespaces, or of the test's: path and reason, with their number."""
        found: Counter[tuple[str, str]] = Counter()
        for one in self.control_plane.get(f"/api/v1/events?fieldSelector=source={MANAGER}")["items"]:
            about = one["involvedObject"]
            if about["namespace"] in (namespaces or self._namespaces):
                path = f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}"
                found[path, one["reason"]] += one.get("count", 1)
        return found

    def metric(self, series: str) -> float:
        """The value of one of the controller's series."""
        return self.controller.metrics()[series]

    def clear(self) -> None:
        """Removes the pods of every namespace, also those with finalizers."""
        for namespace in self._namespaces:
            for pod in self.pods(namespace):
                if pod["metadata"].get("finalizers"):
                    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
                    self.control_plane.patch(path, {"metadata": {"finalizers": None}})
            self.control_plane.remove_pods(namespace)
        for namespace in self._namespaces:
            wait_for(partial(self._empty, namespace))
        self._namespaces.clear()

    def _bound(self, path: str) -> bool:
        return bool(node(self.get(path)))

    def _empty(self, namespace: str) -> bool:
        return not self.pods(namespace)


def unschedulable(pod: Pod) -> bool:
    return condition(pod).get("reason") == "Unschedulable"
