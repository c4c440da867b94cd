"""Pods during and after a fault of the service, its answers, the API server or etcd."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures
from tests.e2e.node import Pod
from tests.e2e.release import CONFIGURATION, Release, serving, trusted
from tests.e2e.reliability.attempts import PLACED, REFUSED, UNPLACED, Namespace
from tests.e2e.reliability.rubbish import ASK

pytestmark = pytest.mark.needs("control-plane")

PODS = 10
#: For tests whose result does not depend on the policy.
UNDER_FAIL = pytest.mark.parametrize("case", ["Fail"], indirect=True)
FAILED_OPEN = "failed-open."
#: Older API servers have no audit annotation for this, and write it only to their logs.
FAILING_OPEN = "failing open eci-only.spark-eci-webhook.io"


@dataclass(frozen=True)
class Case:
    """A release with one failurePolicy, two replicas and a timeout of a second."""

    release: Release
    policy: str
    figures: Figures

    @property
    def control_plane(self) -> ControlPlane:
        return self.release.control_plane

    @property
    def fallen_back(self) -> str:
        """The outcome of a pod if the service does not answer."""
        return UNPLACED if self.policy == "Ignore" else REFUSED

    def during(self, fault: str, namespace: Namespace, counts: Counter[str], then: Counter[str]) -> None:
        """Records the outcomes of the pods during a fault, and after it."""
        kinds = {kind: counts[kind] for kind in (PLACED, UNPLACED, REFUSED)}
        told = self.told(namespace) if counts[UNPLACED] else "-"
        row = {"fault": fault, "failurePolicy": self.policy, "pods": counts.total(), **kinds}
        self.figures.add("faults", {**row, "unplaced pods recorded in": told, "placed afterwards": then[PLACED]})

    def told(self, namespace: Namespace) -> str:
        """Where the API server recorded the pods that it admitted without an answer: `audit`, `log` or `nothing`."""
        if namespace.audited(FAILED_OPEN):
            return "audit"
        return "log" if FAILING_OPEN in self.control_plane.api_server_log.read_text() else "nothing"

    def failed_open(self, namespace: Namespace) -> int:
        """How many pods the API server admitted without an answer, by its own records."""
        audited = namespace.audited(FAILED_OPEN)
        return len(audited) or self.control_plane.api_server_log.read_text().count(FAILING_OPEN)

    def replace_pods(self, pods: list[Pod]) -> None:
        """Replaces pods by new replicas."""
        for pod in pods:
            self.release.proxy.remove(pod)
            self.release.pods.remove(pod)
            pod.kill()
            new = self.release.node.deployment(self.release.namespace, FULLNAME)
            new.start()
            self.release.proxy.add(new)
            self.release.pods.append(new)
        wait_for(lambda: self.release.proxy.ready == len(self.release.pods))


@pytest.fixture(scope="module", params=["Ignore", "Fail"])
def case(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    figures: Figures,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    values = {"webhook": {"failurePolicy": request.param, "timeoutSeconds": 1}}
    namespace = control_plane.create_namespace("placement")
    with serving(control_plane, namespace, tmp_path_factory.mktemp("node"), values) as release:
        yield Case(release, request.param, figures)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Namespace:
    return Namespace(control_plane)


def test_a_killed_service_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    before = case.failed_open(namespace)
    for pod in case.release.pods:
        pod.kill()
    counts = namespace.ask(PODS)
    told = case.failed_open(namespace) - before
    case.replace_pods([*case.release.pods])
    then = namespace.ask(PODS)
    case.during("service killed", namespace, counts, then)
    assert counts == {case.fallen_back: PODS}
    assert told == (PODS if case.policy == "Ignore" else 0)
    assert all("failed calling webhook" in refusal for refusal in namespace.refusals)
    assert then == {PLACED: PODS}


def test_a_hung_service_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    before = case.failed_open(namespace)
    for pod in case.release.pods:
        os.kill(pod.pid, signal.SIGSTOP)
    try:
        counts = namespace.ask(PODS)
    finally:
        for pod in case.release.pods:
            os.kill(pod.pid, signal.SIGCONT)
    told = case.failed_open(namespace) - before
    wait_for(lambda: case.release.proxy.ready == len(case.release.pods))
    then = namespace.ask(PODS)
    case.during("service hung", namespace, counts, then)
    assert counts == {case.fallen_back: PODS}
    assert told == (PODS if case.policy == "Ignore" else 0)
    assert all("timeout=1s" in refusal for refusal in namespace.refusals)
    assert then == {PLACED: PODS}


#: The API server refuses a pod whose patch it cannot apply, under either failurePolicy.
RUBBISH = {
    "an error's status": None,
    "a page instead of JSON": None,
    "nothing": None,
    "half an answer": None,
    "another review's uid": None,
    "a review without a response": None,
    "another kind": None,
    "a patch without its type": None,
    "a patch that is not a patch": REFUSED,
    "a patch of a missing field": REFUSED,
}


@contextmanager
def rubbish_in_place(case: Case) -> Iterator[None]:
    """Replaces the service by a server that answers rubbish."""
    path = f"/apis/apps/v1/namespaces/{case.release.namespace}/deployments/{FULLNAME}"
    spec = case.control_plane.get(path)["spec"]["template"]["spec"]
    container = spec["containers"][0]
    container["command"] = ["python", "-m", "tests.e2e.reliability.rubbish", "0.0.0.0", "/etc/spark-eci-webhook/tls"]
    container["args"] = []
    proxy, pod = case.release.proxy, case.release.node.pod(case.release.namespace, spec)
    pod.start()
    for one in case.release.pods:
        proxy.remove(one)
    proxy.add(pod)
    try:
        wait_for(lambda: proxy.ready == 1)
        yield
    finally:
        proxy.remove(pod)
        pod.kill()
        for one in case.release.pods:
            proxy.add(one)
        wait_for(lambda: proxy.ready == len(case.release.pods))


def test_rubbish_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    # The API server would keep using its open connections to the service.
    case.replace_pods([*case.release.pods])
    with rubbish_in_place(case):
        counts = {kind: namespace.ask(PODS, {ASK: kind}) for kind in RUBBISH}
    then = namespace.ask(PODS)
    case.during("wrong answers", namespace, sum(counts.values(), Counter()), then)
    assert counts == {kind: {outcome or case.fallen_back: PODS} for kind, outcome in RUBBISH.items()}
    assert then == {PLACED: PODS}


@UNDER_FAIL
def test_a_restarted_api_server_finds_service_and_controller_at_work(case: Case, namespace: Namespace) -> None:
    case.control_plane.restart_api_server()
    then = namespace.ask(PODS)
    case.during("API server restarted", namespace, Counter(), then)
    assert then == {PLACED: PODS}
    bundle_is_restored(case)
    assert namespace.ask(PODS) == {PLACED: PODS}


@UNDER_FAIL
def test_ten_seconds_without_etcd_pass(case: Case, namespace: Namespace) -> None:
    """Meanwhile no object can be created. Afterwards everything recovers by itself."""
    case.control_plane.stop_etcd()
    try:
        time.sleep(10)
        assert all(pod.ready for pod in case.release.pods)
    finally:
        case.control_plane.start_etcd()
    wait_for(lambda: case.control_plane.http.get("/readyz").is_success)
    then = namespace.ask(PODS)
    case.during("etcd stopped for 10 s", namespace, Counter(), then)
    assert then == {PLACED: PODS}
    bundle_is_restored(case)
    assert namespace.ask(PODS) == {PLACED: PODS}


def bundle_is_restored(case: Case) -> None:
    """Removes the caBundle and waits until the certificate controller has restored it."""
    entries = case.control_plane.get(CONFIGURATION)["webhooks"]
    emptied = [{"name": entry["name"], "clientConfig": {"caBundle": None}} for entry in entries]
    case.control_plane.patch(CONFIGURATION, {"webhooks": emptied}, "strategic-merge")
    wait_for(lambda: trusted(case.control_plane))
