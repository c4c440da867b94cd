"""Spark pods that are created one after another while something else happens."""

import threading
from itertools import groupby
from typing import Any, Self

from tests.e2e.control_plane import ControlPlane
from tests.e2e.spark_pods import placement, spark_pod


class SteadyPods:
    """Until the block ends, creates Spark pods as dry runs and notes what became of each.

    `outcomes` has one word for each pod, in order: `placed`, `unplaced` (admitted without a placement) or `refused`.
    """

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane = control_plane
        self._path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
        self._pod = spark_pod()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._create, daemon=True)
        self.outcomes: list[str] = []

    def __enter__(self) -> Self:
        """Starts, and returns once pods are placed. What became of those before the last of them is not noted."""
        self._thread.start()
        number = self.placed_again()
        del self.outcomes[: number - 1]
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the pods."""
        self._over.set()
        self._thread.join()

    def placed_again(self) -> int:
        """Returns once five pods in a row, all of which were sent after this call, were placed: how many pods that makes in all."""
        start, deadline = len(self.outcomes) + 1, threading.Event()
        for _ in range(1200):
            later = self.outcomes[start:]
            if later[-5:] == ["placed"] * 5:
                return start + len(later)
            deadline.wait(0.05)
        raise AssertionError(f"no pods are placed any more: {self.outcomes[-5:]}")

    @property
    def phases(self) -> list[str]:
        """The outcomes, each run of equal ones as one."""
        return [outcome for outcome, _ in groupby(self.outcomes)]

    def _create(self) -> None:
        while not self._over.wait(0.03):
            self.outcomes.append(self._one())

    def _one(self) -> str:
        answer = self._control_plane.http.post(self._path, json=self._pod)
        if answer.is_error:
            assert "failed calling webhook" in answer.text, answer.text
            return "refused"
        stored: dict[str, Any] = answer.json()
        return "placed" if placement(stored) else "unplaced"
