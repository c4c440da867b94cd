"""Creates pods, and counts those that were placed, not placed and refused."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.control_plane import ControlPlane
from tests.e2e.spark_pods import placement, spark_pod
from webhook.core import names

PLACED, UNPLACED, REFUSED = "placed", "not placed", "refused"


class Namespace:
    """A namespace with a profile, in which pods are created as dry runs."""

    def __init__(self, control_plane: ControlPlane, profile: str = "eci-only") -> None:
        self._control_plane = control_plane
        self.name = control_plane.create_namespace("spark", {names.PROFILE_LABEL: profile})
        self._pods = f"/api/v1/namespaces/{self.name}/pods?dryRun=All"
        self.refusals: list[str] = []
        """The API server's messages about refused pods."""

    def ask(self, pods: int = 1, annotations: dict[str, str] | None = None) -> Counter[str]:
        """Creates some executors at once; returns how many were placed, created but not placed, and refused."""
        pod = spark_pod()
        pod["metadata"].setdefault("annotations", {}).update(annotations or {})
        with ThreadPoolExecutor(pods) as pool:
            return Counter(pool.map(self._one, [pod] * pods))

    def ask_until_placed(self, pods: int) -> Counter[str]:
        """Creates some executors at once, again and again until all are placed, for a minute; returns what became of the last ones.

        The API server follows changes of its webhooks a moment later, and on a busy machine a call may take too long.
        """
        deadline = time.monotonic() + 60
        while (found := self.ask(pods)) != {PLACED: pods} and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    def _one(self, pod: dict[str, Any]) -> str:
        answer = self._control_plane.http.post(self._pods, json=pod)
        if answer.is_error:
            self.refusals.append(f"{answer.status_code} {answer.json()['message']}")
            return REFUSED
        return UNPLACED if placement(answer.json()) is None else PLACED

    def audited(self, annotation: str) -> list[str]:
        """The values of the audit annotations with this prefix, on requests for pods of this namespace."""
        entries = [json.loads(line) for line in self._control_plane.audit_log.read_text().splitlines()]
        return [
            value
            for entry in entries
            if entry.get("objectRef", {}).get("namespace") == self.name and entry["verb"] == "create"
            for key, value in entry.get("annotations", {}).items()
            if key.startswith(annotation)
        ]
