"""Certificates are lost, reverted and rotated in an installation of the chart, while executors are created without a pause.

The controller uses the ServiceAccount and the permissions that the chart gives it.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs.authority import new_authority
from certs.controller import Controller
from certs.pem import read_certificates
from certs.state import Target
from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.certificate_cluster import CertificateCluster
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures, scaled
from tests.e2e.node import Node, Pod
from tests.e2e.release import CONTROLLER, Release, answering, installed, serving
from tests.e2e.reliability.attempts import PLACED, Namespace
from tests.e2e.reliability.load import Load, Outcome
from tests.e2e.test_certificates import (
    SETTLE,
    YEAR,
    Clock,
    issued_by_current,
    running,
    wait_until_quiet,
    wait_until_well,
)

pytestmark = pytest.mark.needs("control-plane")

CONNECTIONS = 4


class ChartCluster(CertificateCluster):
    """The chart's installation in a namespace, with the ServiceAccount of its certificate controller."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self.control_plane, self.http, self.namespace = control_plane, control_plane.http, namespace
        self.target = Target(namespace, f"{FULLNAME}-ca", f"{FULLNAME}-tls", "spark-placement", FULLNAME)
        controller = control_plane.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{CONTROLLER}")
        account = controller["spec"]["template"]["spec"]["serviceAccountName"]
        self.kubeconfig = control_plane.service_account_kubeconfig(namespace, account)


@contextmanager
def kubelet(pods: list[Pod]) -> Iterator[None]:
    """Updates the pods' volumes from the Secrets; if a Secret is missing, its files stay."""
    over = threading.Event()

    def sync() -> None:
        while not over.wait(0.5):
            for pod in pods:
                with suppress(RuntimeError):
                    pod.sync()

    thread = threading.Thread(target=sync)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def presented(cluster: CertificateCluster, pods: list[Pod]) -> bool:
    """Whether every replica presents the Secret's certificate to new connections."""
    expected = read_certificates(cluster.serving["tls.crt"])[0]
    shown = [ssl.get_server_certificate((pod.address, pod.port("https"))) for pod in pods]
    return all(read_certificates(one.encode())[0] == expected for one in shown)


def settling(cluster: CertificateCluster, controller: Controller) -> bool:
    """Whether the controller has seen its bundle in every entry, and waits before the new CA signs."""
    return controller._published is not None and {controller._published.bundle} == set(cluster.bundles())


def under_load(
    event: str, control_plane: ControlPlane, spark: Namespace, figures: Figures, change: Callable[[], object]
) -> Outcome:
    """The outcome of the executors that were created from before a change until its effects had ended."""
    with Load(control_plane, spark.name, scaled(2_000), CONNECTIONS) as load:
        change()
    then = spark.ask_until_placed(10)
    outcome = load.outcome
    row = {"event": event, "admissions": outcome.admissions, "refused": outcome.failed, "not placed": outcome.unplaced}
    figures.add("certificates", {**row, "placed afterwards": f"{then[PLACED]} of 10"})
    assert then == {PLACED: 10}
    assert outcome.failures == {}
    return outcome


@pytest.fixture
def spark(control_plane: ControlPlane) -> Namespace:
    return Namespace(control_plane)


def test_a_first_install_refuses_no_pod(
    control_plane: ControlPlane, spark: Namespace, figures: Figures, tmp_path: Path
) -> None:
    """Until the service answers, the API server admits pods unchanged."""
    ends = ExitStack()

    def change() -> None:
        ends.enter_context(serving(control_plane, control_plane.create_namespace("placement"), tmp_path))

    with ends:
        under_load("first install", control_plane, spark, figures, change)


def test_a_renewal_costs_no_admission(
    control_plane: ControlPlane, spark: Namespace, figures: Figures, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    clock = Clock(now - timedelta(days=61))
    namespace, node = control_plane.create_namespace("placement"), Node(control_plane, tmp_path / "node")
    with installed(control_plane, namespace, {}) as helm:
        cluster = ChartCluster(control_plane, namespace)
        with running(cluster, clock):
            wait_until_well(cluster)
            first = cluster.serving["tls.crt"]
            try:
                with answering(helm, node, namespace) as release, kubelet(release.pods):

                    def change() -> None:
                        clock.now = now
                        wait_for(lambda: cluster.serving["tls.crt"] != first)
                        wait_for(lambda: presented(cluster, release.pods))

                    outcome = under_load("serving certificate renewed", control_plane, spark, figures, change)
            finally:
                node.stop()
    assert outcome.unplaced == 0


def test_a_rotation_of_the_ca_costs_no_admission(
    control_plane: ControlPlane, spark: Namespace, figures: Figures, tmp_path: Path
) -> None:
    """The CA is nine years old. The service starts once its certificate was issued today."""
    now = datetime.now(UTC)
    clock = Clock(now - 9 * YEAR - timedelta(days=1))
    namespace, node = control_plane.create_namespace("placement"), Node(control_plane, tmp_path / "node")
    with installed(control_plane, namespace, {}) as helm:
        cluster = ChartCluster(control_plane, namespace)
        with running(cluster, clock) as controller:
            wait_until_quiet(cluster, clock)
            old = cluster.ca["tls.crt"]
            clock.now = now - SETTLE
            wait_for(lambda: "next.crt" in cluster.ca)
            wait_until_well(cluster)
            try:
                with answering(helm, node, namespace) as release, kubelet(release.pods):

                    def change() -> None:
                        wait_for(lambda: settling(cluster, controller))
                        clock.now += SETTLE
                        wait_for(lambda: cluster.ca["tls.crt"] != old and issued_by_current(cluster))
                        wait_for(lambda: presented(cluster, release.pods))

                    outcome = under_load("CA rotated", control_plane, spark, figures, change)
            finally:
                node.stop()
    assert outcome.unplaced == 0


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart with its default values."""
    with (
        serving(control_plane, control_plane.create_namespace("placement"), tmp_path_factory.mktemp("node")) as started,
        kubelet(started.pods),
    ):
        yield started


@pytest.fixture
def cluster(release: Release) -> Iterator[ChartCluster]:
    """The installation. After each test its certificates are in order again, if not by the controller, then as before."""
    made = ChartCluster(release.control_plane, release.namespace)
    secrets = {name: made.data(name) for name in (made.target.ca_secret, made.target.serving_secret)}
    yield made
    try:
        wait_until_well(made)
    except AssertionError:
        for name, data in secrets.items():
            made.put_secret(name, data)
        for index in range(len(made.configuration()["webhooks"])):
            made.set_bundle(index, secrets[made.target.serving_secret]["ca.crt"])
    wait_for(lambda: presented(made, release.pods))


@pytest.mark.parametrize(
    ("event", "lost"), [("CA Secret lost", ["ca"]), ("serving Secret lost", ["tls"]), ("both lost", ["ca", "tls"])]
)
def test_lost_secrets_cost_no_admission(
    release: Release, cluster: ChartCluster, spark: Namespace, figures: Figures, event: str, lost: list[str]
) -> None:
    def change() -> None:
        for name in lost:
            cluster.delete_secret(f"{FULLNAME}-{name}")
        wait_for(lambda: cluster.ca and cluster.serving)
        wait_until_well(cluster)
        wait_for(lambda: presented(cluster, release.pods))

    assert under_load(event, cluster.control_plane, spark, figures, change).unplaced == 0


@pytest.mark.parametrize(
    ("event", "bundle"),
    [
        ("caBundle emptied", b""),
        ("caBundle replaced by another CA", new_authority(datetime.now(UTC)).certificate_pem),
    ],
)
def test_a_reverted_bundle_refuses_no_pod(
    cluster: ChartCluster, spark: Namespace, figures: Figures, event: str, bundle: bytes
) -> None:
    """Until the controller has repaired it, the API server cannot call the webhook and admits pods unchanged."""

    def change() -> None:
        for index in range(len(cluster.configuration()["webhooks"])):
            cluster.set_bundle(index, bundle)
        wait_until_well(cluster)

    under_load(event, cluster.control_plane, spark, figures, change)
