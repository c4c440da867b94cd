"""Pods that wait, made unschedulable by hand, and what the API server tells of them."""

import base64
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
import jsonpatch

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.api_proxy import ApiProxy, Call
from tests.e2e.spark_pods import placement, spark_pod
from tests.virtual_node import TOLERATION
from webhook.core import names
from webhook.core.profile import compile_policy
from webhook.core.review import respond
from webhook.service.policy_file import parse_policy

#: How many pods of one application the profile `limited` opens.
LIMIT = 3
#: The delay of the profile `patient`, within which a test on a busy machine can do something.
PATIENT = 12
POLICY = f"""
overflow: {{}}
profiles:
  quick: {{executor: {{mode: ecs-then-eci, after: 1s}}}}
  patient: {{executor: {{mode: ecs-then-eci, after: {PATIENT}s}}}}
  limited: {{executor: {{mode: ecs-then-eci, after: 0s}}, overflow: {{maxPerApplication: {LIMIT}}}}}
  closed: {{executor: {{mode: ecs-only}}}}
"""
AFTER = {"quick": 1, "patient": PATIENT, "limited": 0}
_PROFILES = compile_policy(parse_policy(POLICY.encode(), "policy"))


@dataclass
class WaitingPod:
    """A pod of a test. Times are of the monotonic clock."""

    namespace: str
    name: str
    uid: str
    after: int
    since: float = float("inf")
    """From when its delay may count at the earliest."""


@dataclass
class WaitingPods:
    """Makes pods in one namespace, and judges at the end what became of them."""

    control_plane: ControlPlane
    profile: str
    namespace: str = ""
    made: list[WaitingPod] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.namespace:
            self.namespace = self.control_plane.create_namespace("overflow", {names.PROFILE_LABEL: self.profile})

    def create(self, number: int = 1, *, unschedulable: bool = True) -> list[WaitingPod]:
        """Creates pods as the webhook admits them."""
        found = []
        for _ in range(number):
            stored = self.control_plane.create(self._path, self._admitted())
            metadata = stored["metadata"]
            assert metadata["labels"][names.OVERFLOW_LABEL] == names.WAITING
            one = WaitingPod(self.namespace, metadata["name"], metadata["uid"], AFTER[self.profile])
            self.made.append(one)
            found.append(one)
            if unschedulable:
                self.condition(one)
        return found

    def condition(self, one: WaitingPod, reason: str = "Unschedulable", shift: float | None = 0) -> None:
        """Writes what a scheduler says: `shift` seconds ahead of the clock, or without a time if that is None."""
        if reason != "Unschedulable":
            one.since = float("inf")
        elif one.since == float("inf"):
            one.since = time.monotonic()
        condition = {"type": "PodScheduled", "status": "False", "reason": reason}
        if shift is not None:
            moment = datetime.now(UTC) + timedelta(seconds=shift)
            condition["lastTransitionTime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        path = f"{self._path}/{one.name}/status"
        self.control_plane.patch(path, {"status": {"conditions": [condition]}}, "strategic-merge")

    def annotate(self, one: WaitingPod, text: str) -> None:
        """Writes a pod without a change of what it means."""
        self.control_plane.patch(f"{self._path}/{one.name}", {"metadata": {"annotations": {"tests/note": text}}})

    def nominate(self, one: WaitingPod, node: str) -> None:
        """Says that a node is chosen for a pod, or no longer."""
        body = {"status": {"nominatedNodeName": node or None}}
        self.control_plane.patch(f"{self._path}/{one.name}/status", body)

    def finish(self, one: WaitingPod) -> None:
        """Lets a pod succeed."""
        self.control_plane.patch(f"{self._path}/{one.name}/status", {"status": {"phase": "Succeeded"}})

    def opened(self) -> int:
        """How many pods are opened."""
        found = self.control_plane.get(f"{self._path}?labelSelector={names.OVERFLOW_LABEL}%3D{names.OPENED}")
        return len(found["items"])

    def await_opened(self, number: int | None = None, timeout: float = 60) -> None:
        """Waits until so many pods are opened, or all of them."""
        wanted = len(self.made) if number is None else number
        wait_for(lambda: self.opened() >= wanted, timeout)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def _admitted(self) -> dict[str, Any]:
        pod = spark_pod()
        pod["metadata"]["namespace"] = self.namespace
        request = {"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE"}
        review = {"request": request | {"namespace": self.namespace, "object": pod}}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", **review}).encode()
        said = json.loads(respond(body, _PROFILES[self.profile])[0])["response"]
        admitted: dict[str, Any] = jsonpatch.apply_patch(pod, json.loads(base64.b64decode(said["patch"])))
        return admitted


class History:
    """Every version of every pod, as a client that is not the controller's is told by a watch."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._versions: dict[str, list[dict[str, Any]]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._list()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def await_seen(self, pods: Iterable[WaitingPod]) -> None:
        """Waits until the watch has told of pods. An API server that is restarted does not tell how they were before."""
        for one in pods:
            wait_for(lambda: one.uid in self._versions)  # noqa: B023, it is called here

    def judge(self, pods: Iterable[WaitingPods], proxies: Sequence[ApiProxy], *, still: int = 0) -> None:
        """Fails unless every pod was opened once and not early, but for `still` ones of all, which wait."""
        waiting = 0
        for group in pods:
            for one in group.made:
                stored = self._control_plane.get(f"/api/v1/namespaces/{one.namespace}/pods/{one.name}")
                self._await(one.uid, stored["metadata"]["resourceVersion"])
                versions = self._versions[one.uid]
                states = _changes(version["metadata"]["labels"][names.OVERFLOW_LABEL] for version in versions)
                if states != [names.WAITING]:
                    # The API server tells it a moment before the proxy knows its answer.
                    wait_for(lambda: _accepted(proxies, one.name))  # noqa: B023, it is called here
                accepted = _accepted(proxies, one.name)
                if states == [names.WAITING]:
                    waiting += 1
                    assert not accepted
                    assert TOLERATION not in stored["spec"]["tolerations"]
                    continue
                assert states == [names.WAITING, names.OPENED], (one.name, states)
                (patch,) = accepted
                late = patch.forwarded - one.since - one.after
                assert late >= 0, f"{one.name} was opened {-late:.2f} s early"
                assert stored["spec"]["tolerations"].count(TOLERATION) == 1
                before = placement(versions[0])
                assert placement(stored) == f"{before},{names.OPENED}"
                tolerations = [each for each in stored["spec"]["tolerations"] if each != TOLERATION]
                assert tolerations == versions[0]["spec"]["tolerations"]
        assert waiting == still

    def _await(self, uid: str, version: str) -> None:
        wait_for(lambda: any(one["metadata"]["resourceVersion"] == version for one in self._versions.get(uid, ())))

    def _follow(self) -> None:
        while not self._over.wait(0.05):
            # A watch that tells nothing ends, so that this can end, too.
            query = {"watch": "1", "resourceVersion": self._version, "timeoutSeconds": "1"}
            with (
                # The API server may be restarted.
                suppress(httpx.TransportError, RuntimeError),
                self._control_plane.http.stream("GET", "/api/v1/pods", params=query) as stream,
            ):
                if stream.status_code != httpx.codes.OK:
                    continue
                for line in stream.iter_lines():
                    self._see(json.loads(line))
                    if self._over.is_set():
                        return

    def _list(self) -> None:
        found = self._control_plane.get("/api/v1/pods")
        self._version = found["metadata"]["resourceVersion"]
        for pod in found["items"]:
            self._versions.setdefault(pod["metadata"]["uid"], []).append(pod)

    def _see(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "ERROR":
            # An API server that was restarted does not know what happened before.
            self._list()
            return
        pod = event["object"]
        self._version = pod["metadata"]["resourceVersion"]
        if event["type"] in ("ADDED", "MODIFIED"):
            self._versions.setdefault(pod["metadata"]["uid"], []).append(pod)


def _accepted(proxies: Sequence[ApiProxy], pod: str) -> list[Call]:
    return [call for proxy in proxies for call in proxy.opened() if call.pod == pod]


def _changes(states: Iterable[str]) -> list[str]:
    found: list[str] = []
    for state in states:
        if found[-1:] != [state]:
            found.append(state)
    return found
