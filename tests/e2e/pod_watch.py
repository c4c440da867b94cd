"""Every stored version of the pods of a namespace, in the order in which the API server stored them."""

import json
from collections.abc import Iterator
from typing import Any

from tests.e2e.control_plane import ControlPlane


class PodWatch:
    """A watch that is resumed whenever `events` is called. One thread calls it; others may read `versions`."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._http, self._path = control_plane.http, f"/api/v1/namespaces/{namespace}/pods"
        self._control_plane = control_plane
        self.versions: list[dict[str, Any]] = []
        """Each pod as it was stored, once for each time."""

    def begin(self) -> None:
        """From here on, nothing is missed."""
        self._since = self._control_plane.get(self._path)["metadata"]["resourceVersion"]

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Type and pod of what happened since the last call, and of what happens within a second."""
        asked = {"watch": "true", "resourceVersion": self._since, "timeoutSeconds": "1"}
        with self._http.stream("GET", self._path, params=asked) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                kind, pod = event["type"], event["object"]
                assert kind in ("ADDED", "MODIFIED", "DELETED"), event
                self._since = pod["metadata"]["resourceVersion"]
                self.versions.append(pod)
                yield kind, pod
