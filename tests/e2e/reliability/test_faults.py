"""Pods during and after a fault of the service, its answers, the API server or etcd."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures
from tests.e2e.release import CONFIGURATION, Release, serving, trusted
from tests.e2e.reliability.attempts import PLACED, REFUSED, UNPLACED, Namespace
from tests.e2e.reliability.rubbish import ASK

pytestmark = pytest.mark.needs("control-plane")

PODS = 10
#: For tests whose result does not depend on the policy.
UNDER_FAIL = pytest.mark.parametrize("installation", ["Fail"], indirect=True)
FAILED_OPEN = "failed-open."
FAILING_OPEN = "failing open eci-only.spark-eci-webhook.io"


@dataclass(frozen=True)
class Case:
    """A release with one failurePolicy, two replicas and a timeout of three seconds."""

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

    def during(self, fault: str, counts: Counter[str], then: Counter[str], records: Counter[str] | None = None) -> None:
        """Records the outcomes of the pods during a fault, and after it, and where the API server told of calls that failed."""
        kinds = {kind: counts[kind] for kind in (PLACED, UNPLACED, REFUSED)}
        told = " and ".join(sorted(records or {})) or "-"
        row = {"fault": fault, "failurePolicy": self.policy, "pods": counts.total(), **kinds}
        self.figures.add("faults", {**row, "unplaced pods recorded in": told, "placed afterwards": then[PLACED]})

    def failed_open(self, namespace: Namespace) -> Counter[str]:
        """How many calls have failed open until now: in the API server's `log`, and in the `audit` log of a namespace's pods."""
        log = self.control_plane.api_server_log.read_text().count(FAILING_OPEN)
        return Counter(log=log, audit=len(namespace.audited(FAILED_OPEN)))

    def records(self, namespace: Namespace, before: Counter[str], expected: dict[str, int]) -> Counter[str]:
        """How many calls have failed open since `before`, as soon as there are as many as expected."""
        # The API server writes into the audit log after it has answered.
        with suppress(AssertionError):
            wait_for(lambda: self.failed_open(namespace) - before == expected, timeout=30)
        return self.failed_open(namespace) - before

    def expected_records(self, unplaced: int) -> dict[str, int]:
        """Where an API server of this version records pods that it admitted without an answer, and how many."""
        return dict.fromkeys(self.control_plane.version.failed_open_records, unplaced) if unplaced else {}


@contextmanager
def killed(release: Release) -> Iterator[None]:
    """Kills every replica. At the end there are new ones."""
    for pod in release.pods:
        pod.kill()
    try:
        yield
    finally:
        release.mend()


@contextmanager
def hung(release: Release) -> Iterator[None]:
    """Stops every replica for the block. At the end all are ready."""
    pods = [*release.pods]
    try:
        for pod in pods:
            os.kill(pod.pid, signal.SIGSTOP)
        yield
    finally:
        for pod in pods:
            os.kill(pod.pid, signal.SIGCONT)
        wait_for(lambda: release.proxy.ready == len(pods))


@pytest.fixture(scope="module", params=["Ignore", "Fail"])
def installation(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    figures: Figures,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    values = {"webhook": {"failurePolicy": request.param, "timeoutSeconds": 3}}
    namespace = control_plane.create_namespace("placement")
    with serving(control_plane, namespace, tmp_path_factory.mktemp("node"), values) as release:
        yield Case(release, request.param, figures)


@pytest.fixture
def case(installation: Case) -> Iterator[Case]:
    """The release, which has two replicas that are ready again after each test."""
    yield installation
    installation.release.mend()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Namespace:
    return Namespace(control_plane)


def test_a_killed_service_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    before = case.failed_open(namespace)
    with killed(case.release):
        counts = namespace.ask(PODS)
    records = case.records(namespace, before, case.expected_records(counts[UNPLACED]))
    then = namespace.ask_until_placed(PODS)
    case.during("service killed", counts, then, records)
    assert counts == {case.fallen_back: PODS}
    assert records == case.expected_records(counts[UNPLACED])
    assert all("failed calling webhook" in refusal for refusal in namespace.refusals)
    assert then == {PLACED: PODS}


def test_a_hung_service_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    before = case.failed_open(namespace)
    with hung(case.release):
        counts = namespace.ask(PODS)
    records = case.records(namespace, before, case.expected_records(counts[UNPLACED]))
    then = namespace.ask_until_placed(PODS)
    case.during("service hung", counts, then, records)
    assert counts == {case.fallen_back: PODS}
    assert records == case.expected_records(counts[UNPLACED])
    assert all("timeout=3s" in refusal for refusal in namespace.refusals)
    assert then == {PLACED: PODS}


#: Wrong answers that fail the call, which leaves the pod to the failurePolicy.
RUBBISH = (
    "an error's status",
    "a page instead of JSON",
    "nothing",
    "half an answer",
    "another review's uid",
    "a review without a response",
    "another kind",
    "a patch without its type",
)
#: Another one in newer versions. Older API servers refuse the pod under either failurePolicy.
RUBBISH_PATCH = "a patch that is not a patch"
#: For this one, every API server refuses the pod under either failurePolicy.
INAPPLICABLE_PATCH = "a patch of a missing field"


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
    with case.release.away():
        proxy.add(pod)
        try:
            wait_for(lambda: proxy.ready == 1)
            yield
        finally:
            proxy.remove(pod)
            pod.kill()


def test_rubbish_leaves_pods_to_the_failure_policy(case: Case, namespace: Namespace) -> None:
    # The API server would keep using its open connections to the service.
    with killed(case.release):
        pass
    patch_outcome = case.fallen_back if case.control_plane.version.undecodable_patch_fails_the_call else REFUSED
    outcomes = dict.fromkeys(RUBBISH, case.fallen_back) | {RUBBISH_PATCH: patch_outcome, INAPPLICABLE_PATCH: REFUSED}
    before = case.failed_open(namespace)
    with rubbish_in_place(case):
        counts = {kind: namespace.ask(PODS, {ASK: kind}) for kind in outcomes}
    total = sum(counts.values(), Counter())
    records = case.records(namespace, before, case.expected_records(total[UNPLACED]))
    then = namespace.ask_until_placed(PODS)
    case.during("wrong answers", total, then, records)
    assert counts == {kind: {outcome: PODS} for kind, outcome in outcomes.items()}
    assert records == case.expected_records(total[UNPLACED])
    assert then == {PLACED: PODS}


@UNDER_FAIL
def test_a_restarted_api_server_finds_service_and_controller_at_work(case: Case, namespace: Namespace) -> None:
    case.control_plane.restart_api_server()
    then = namespace.ask_until_placed(PODS)
    case.during("API server restarted", Counter(), then)
    assert then == {PLACED: PODS}
    bundle_is_restored(case, namespace)
    assert namespace.ask_until_placed(PODS) == {PLACED: PODS}


@UNDER_FAIL
def test_ten_seconds_without_etcd_pass(case: Case, namespace: Namespace) -> None:
    """Meanwhile no object can be created. Afterwards everything recovers by itself."""
    with case.control_plane.without_etcd():
        time.sleep(10)
        wait_for(lambda: all(pod.ready for pod in case.release.pods))
    then = namespace.ask_until_placed(PODS)
    case.during("etcd stopped for 10 s", Counter(), then)
    assert then == {PLACED: PODS}
    bundle_is_restored(case, namespace)
    assert namespace.ask_until_placed(PODS) == {PLACED: PODS}


def bundle_is_restored(case: Case, namespace: Namespace) -> None:
    """Removes the caBundle and waits until the certificate controller has restored it, and the API server uses it."""
    bundles = {
        one["name"]: one["clientConfig"]["caBundle"] for one in case.control_plane.get(CONFIGURATION)["webhooks"]
    }
    set_bundles(case.control_plane, dict.fromkeys(bundles))
    try:
        wait_for(lambda: trusted(case.control_plane))
    except AssertionError:
        set_bundles(case.control_plane, bundles)
        raise
    wait_for(lambda: namespace.ask() == {PLACED: 1})


def set_bundles(control_plane: ControlPlane, bundles: Mapping[str, str | None]) -> None:
    """Sets or removes the caBundle of each entry, by the entry's name."""
    entries = [{"name": name, "clientConfig": {"caBundle": bundle}} for name, bundle in bundles.items()]
    control_plane.patch(CONFIGURATION, {"webhooks": entries}, "strategic-merge")
