"""Judges every pod of the cluster, by all that the API server ever stored of it.

Each pod of these tests says in an annotation, which nothing but the witness reads, what the policy allows it. So a verdict depends
on no label or record that a user could write. A pod that says nothing must never run on ECI.
"""

import json
import threading
from collections import Counter
from datetime import datetime
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any, Self

import httpx

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from webhook.core import names

#: Annotation of a pod: NEVER, AT_ONCE, or in how many seconds of being Unschedulable it is opened, such as `2`.
ALLOWED = "example.org/eci"
NEVER, AT_ONCE = "never", "at-once"
#: By this name the API server knows the controller's patches, and the source of its Events.
MANAGER = "spark-eci-webhook-overflow"
PODS = "/api/v1/pods"
_FINISHED = ("Succeeded", "Failed")
Pod = dict[str, Any]


class Witness:
    """Watches the pods of all namespaces while the context is open."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._since = ""
        self._error: Exception | None = None
        self._latest: dict[str, int] = {}
        self._told: set[str] = set()
        self.versions: list[Pod] = []
        """Each pod as it was stored, in order, once for each time."""

    def __enter__(self) -> Self:
        self._since = self._control_plane.get(PODS)["metadata"]["resourceVersion"]
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def history(self, uid: str) -> list[Pod]:
        """What was stored of one pod, in order."""
        return [pod for pod in list(self.versions) if pod["metadata"]["uid"] == uid]

    def opening(self, uid: str) -> tuple[Pod, Pod]:
        """A pod as it was before it was opened, and then."""
        story = self.history(uid)
        after = next(index for index, pod in enumerate(story) if is_opened(pod))
        return story[after - 1], story[after]

    def catch_up(self) -> None:
        """Waits until every pod has been seen as it is stored now."""
        for pod in self._control_plane.get(PODS)["items"]:
            wait_for(partial(self._has_seen, pod["metadata"]["uid"], _version(pod)))

    def news(self) -> list[str]:
        """What must not have happened, and has not been told yet."""
        found = [fault for fault in self._faults() if fault not in self._told]
        self._told |= set(found)
        return found

    def _has_seen(self, uid: str, version: int) -> bool:
        if self._error is not None:
            raise self._error
        return self._latest.get(uid, 0) >= version

    def _faults(self) -> list[str]:
        stories: dict[str, list[Pod]] = {}
        for pod in list(self.versions):
            stories.setdefault(pod["metadata"]["uid"], []).append(pod)
        return [f"{story[0]['metadata']['name']}: {fault}" for story in stories.values() for fault in _faults(story)]

    def most_opened(self, namespace: str, application_label: str) -> tuple[int, int]:
        """How many pods of a namespace were opened and not finished at a time: at most of one application, and of all."""
        opened: dict[str, str] = {}
        most = (0, 0)
        for pod in list(self.versions):
            if pod["metadata"]["namespace"] != namespace:
                continue
            counts = is_opened(pod) and phase(pod) not in _FINISHED
            if counts:
                opened[pod["metadata"]["uid"]] = pod["metadata"]["labels"][application_label]
            else:
                opened.pop(pod["metadata"]["uid"], None)
            most = max(most[0], *Counter(opened.values()).values(), 0), max(most[1], len(opened))
        return most

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                self._events()
            except (httpx.HTTPError, AssertionError) as error:
                self._error = error
                return

    def _events(self) -> None:
        """Takes in what happens within a second."""
        asked = {"watch": "true", "resourceVersion": self._since, "timeoutSeconds": "1"}
        with self._control_plane.http.stream("GET", PODS, params=asked) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
                self._since = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "DELETED":
                    pod = event["object"]
                    self.versions.append(pod)
                    self._latest[pod["metadata"]["uid"]] = _version(pod)


def node(pod: Pod) -> str:
    """The node to which a pod is bound; empty if it is not."""
    return str(pod["spec"].get("nodeName", ""))


def on_eci(pod: Pod) -> bool:
    """Whether a pod is bound to a virtual node; the tests give these names of their own."""
    return node(pod).startswith("eci-")


def phase(pod: Pod) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def label(pod: Pod) -> str | None:
    """The label by which the controller finds a pod; None if it has none."""
    labels: dict[str, str] = pod["metadata"].get("labels") or {}
    return labels.get(names.OVERFLOW_LABEL)


def record(pod: Pod) -> str:
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(names.PLACEMENT_ANNOTATION, "")


def is_opened(pod: Pod) -> bool:
    """Whether the controller has opened a pod, by what the API server knows of its writers."""
    return opened_at(pod) is not None


def opened_at(pod: Pod) -> datetime | None:
    """When the controller opened a pod, in whole seconds; None if it did not."""
    fields = pod["metadata"].get("managedFields", [])
    times = [one["time"] for one in fields if one["manager"] == MANAGER]
    return datetime.fromisoformat(times[0]) if times else None


def condition(pod: Pod) -> dict[str, Any]:
    """What the scheduler says of a pod; empty if it has said nothing."""
    found = pod.get("status", {}).get("conditions") or []
    return next((one for one in found if one["type"] == "PodScheduled"), {})


def seconds_waited(before: Pod, after: Pod) -> float:
    """For how long a pod was Unschedulable until it was opened; endless if its condition does not tell.

    Both times are whole seconds, rounded down, so a delay that was kept shows at least as many.
    """
    at, said = opened_at(after), condition(before).get("lastTransitionTime")
    since = datetime.fromisoformat(said) if said else None
    return inf if at is None or since is None or since > at else (at - since).total_seconds()


def _version(pod: Pod) -> int:
    return int(pod["metadata"]["resourceVersion"])


def _faults(story: list[Pod]) -> list[str]:
    last = story[-1]
    allowed = (last["metadata"].get("annotations") or {}).get(ALLOWED, NEVER)
    found = []
    if last["metadata"]["namespace"].startswith("probes-"):
        return []
    writes = {opened_at(pod) for pod in story} - {None}
    bound = next((pod for pod in story if on_eci(pod)), None)
    if allowed in (NEVER, AT_ONCE):
        found += ["the controller wrote it"] if writes else []
        found += ["it ran on ECI"] if bound and allowed == NEVER else []
        return found
    if bound and not (label(bound) == names.OPENED and record(bound).endswith(f",{names.OPENED}") and is_opened(bound)):
        found.append("it ran on ECI without having been opened")
    if len(writes) > 1:
        found.append("the controller wrote it twice")
    for before, after in pairwise(story):
        if is_opened(after) and not is_opened(before):
            found += _faults_of_opening(before, after, int(allowed))
    return found


def _faults_of_opening(before: Pod, after: Pod, delay: int) -> list[str]:
    found = []
    if condition(before).get("reason") != "Unschedulable" or node(before) or phase(before) != "Pending":
        found.append("it was opened, but was not Unschedulable")
    elif (waited := seconds_waited(before, after)) < delay:
        found.append(f"it was opened after {waited:.0f} s instead of {delay} s")
    own = before["spec"].get("tolerations", [])
    if after["spec"].get("tolerations", [])[: len(own)] != own:
        found.append("a toleration was changed or removed")
    if _unopened(before) != _unopened(after):
        found.append("more was changed than what opens it")
    return found


def _unopened(pod: Pod) -> Pod:
    """A pod without what the controller may change, and what the API server changes with each write."""
    metadata = {
        key: value
        for key, value in pod["metadata"].items()
        if key not in ("resourceVersion", "generation", "managedFields")
    }
    metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key != names.OVERFLOW_LABEL}
    metadata["annotations"] = {
        key: value for key, value in metadata["annotations"].items() if key != names.PLACEMENT_ANNOTATION
    }
    spec = {key: value for key, value in pod["spec"].items() if key != "tolerations"}
    return pod | {"metadata": metadata, "spec": spec}
