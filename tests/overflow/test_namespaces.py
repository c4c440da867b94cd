"""Under which profile pods wait: that of the label of their namespace, or the default one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, cast

import pytest

from tests.overflow.stored_pods import stored
from webhook.core import names
from webhook.overflow.api_server import ApiServer, namespaces
from webhook.overflow.clock import ServerClock
from webhook.overflow.lease import Lease
from webhook.overflow.opener import Opener
from webhook.overflow.pods import Named, PodMetadata, StoredPod
from webhook.overflow.profiles import Profiles
from webhook.overflow.reports import Reports
from webhook.overflow.sinks import NamespaceSink
from webhook.overflow.state import ClusterState
from webhook.service.policy_file import parse_policy

POLICY = parse_policy(
    b"""
overflow: {}
profiles:
  soon: {executor: {mode: ecs-then-eci, after: 0s}}
  late: {executor: {mode: ecs-then-eci, after: 1h}}
""",
    "policy",
)
OUT = {names.PROFILE_LABEL: names.OPTED_OUT}


class _Silent:
    """A Lease that is held for ever, and reports that count what is refused."""

    may_write, epoch = True, 0

    def __init__(self) -> None:
        self.refusals = 0

    def refused(self, *_: object) -> None:
        self.refusals += 1

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


@dataclass
class Cluster:
    """Namespaces by their labels, and one pod that waits in each."""

    labels_of: dict[str, dict[str, str]] = field(default_factory=dict)
    pods: dict[str, StoredPod] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def pod(self, namespace: str, _name: str) -> StoredPod | None:
        return self.pods.get(namespace)

    def labels(self, namespace: str) -> dict[str, str] | None:
        return self.labels_of.get(namespace)

    def patch(self, namespace: str, *_: object) -> None:
        self.opened.append(namespace)


class Bench:
    """An opener with what it follows."""

    def __init__(self, default: str | None) -> None:
        self.cluster, self.reports = Cluster(), _Silent()
        profiles = Profiles(POLICY, ("kube-system", "own"), default)
        self.state = ClusterState(profiles, ServerClock())
        self.sink = NamespaceSink(self.state, profiles)
        server, lease = cast(ApiServer, self.cluster), cast(Lease, _Silent())
        reports = cast(Reports, self.reports)
        self.opener = Opener(server, self.state, profiles, lease, reports, 10_000, Event().wait)

    def label(self, namespace: str, labels: dict[str, str], *, told: bool = True) -> None:
        """Writes the labels of a namespace, of which the watch tells."""
        self.cluster.labels_of[namespace] = labels
        self.opener._seen_profiles.clear()
        if told:
            self.sink.changed(Named(PodMetadata(name=namespace, uid=namespace, labels=labels)), heard=None)

    def wait(self, namespace: str) -> None:
        """A pod in a namespace, which no node was found for."""
        labels = {names.SPARK_ROLE: "executor", names.LAUNCHED_BY_OPERATOR: "true"}
        self.cluster.pods[namespace] = stored(namespace, namespace=namespace, labels=labels)
        self.state.see(self.cluster.pods[namespace])

    def work(self) -> list[str]:
        """Works on what is due, and returns the namespaces in which pods were opened."""
        while (one := self.state.take(0)) is not None:
            self.opener.check(one)
        found, self.cluster.opened = self.cluster.opened, []
        return found


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def made(*unlabelled: str, default: str | None = "soon") -> Bench:
        found = Bench(default)
        for namespace in unlabelled:
            found.label(namespace, {})
            found.wait(namespace)
        return found

    return made


def test_a_pod_of_a_namespace_without_the_label_is_opened_by_the_default_profile(bench: Any) -> None:
    assert bench("a").work() == ["a"]
    assert bench("a", default="late").work() == []
    assert bench("a", default=None).work() == []


@pytest.mark.parametrize("namespace", ["kube-node-lease", "kube-public", "kube-system", "own"])
def test_the_default_profile_opens_nothing_in_system_namespaces_and_in_its_own(bench: Any, namespace: str) -> None:
    assert bench(namespace).work() == []


def test_a_label_that_comes_and_goes_while_a_pod_waits_counts(bench: Any) -> None:
    waits = bench("out", "late", "typo", default="late")
    waits.label("out", OUT)
    waits.label("late", {names.PROFILE_LABEL: "soon"})
    waits.label("typo", {names.PROFILE_LABEL: "son"})
    assert waits.work() == ["late"]
    back = bench(default="soon")
    back.label("a", OUT)
    back.wait("a")
    assert back.work() == []
    back.label("a", {})
    assert back.work() == ["a"]


def test_a_namespace_that_is_not_known_yet_may_have_opted_out(bench: Any) -> None:
    one = bench()
    one.wait("new")
    assert one.state.profile("new") is None
    assert one.work() == []
    one.label("new", {})
    assert one.work() == ["new"]


def test_the_label_as_it_is_stored_counts_even_if_the_watch_has_not_told_of_it(bench: Any) -> None:
    one = bench("a")
    one.label("a", OUT, told=False)
    assert one.work() == []
    one.cluster.labels_of.clear()
    assert one.work() == []


def test_a_namespace_that_is_gone_has_no_default_profile(bench: Any) -> None:
    one = bench("a", "b")
    one.sink.removed(Named(PodMetadata(name="a", uid="a")))
    one.sink.kept(set())
    assert [one.state.profile(name) for name in "ab"] == [None, None]


def test_without_a_default_profile_only_namespaces_with_the_label_are_read() -> None:
    assert namespaces().selector == {"labelSelector": names.PROFILE_LABEL}
    assert namespaces(everywhere=True).selector == {}
