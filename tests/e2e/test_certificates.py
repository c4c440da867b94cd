"""The certificate controller with its own permissions, and a real API server that calls the certified service."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kubernetes import client
from kubernetes.config import incluster_config

from certs.__main__ import main
from certs.authority import issue, new_authority
from certs.cluster import connect
from certs.cluster_errors import ClusterError
from certs.controller import Controller, read_objects
from certs.material import common_name, names, pem_files, read
from certs.pem import read_certificates
from certs.rotation import plan
from tests.e2e.certificate_cluster import CertificateCluster, ControllerProcess, Server, Traffic, wait_for
from tests.e2e.control_plane import ControlPlane

pytestmark = pytest.mark.needs("control-plane")

#: What an install does, in this order.
DONE = ["CACreated", "CABundlePatched", "CertificateIssued"]
YEAR = timedelta(days=365)
SETTLE = timedelta(minutes=10)


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[CertificateCluster]:
    made = CertificateCluster(control_plane)
    yield made
    made.close()


def faults(cluster: CertificateCluster) -> list[str]:
    """What a client of the cluster finds wrong; empty if there is nothing."""
    serving = cluster.serving
    found = [str(problem) for problem in read(serving, cluster.target.hosts, datetime.now(UTC)).problems]
    found += ["a caBundle differs" for bundle in cluster.bundles() if bundle != serving.get("ca.crt")]
    if cluster.ca.get("tls.crt", b"none") not in serving.get("ca.crt", b""):
        found.append("the CA is not trusted")
    return found


def wait_until_well(cluster: CertificateCluster) -> None:
    wait_for(lambda: not faults(cluster), "a sound state")


def wait_until_told(cluster: CertificateCluster, number: int, *controllers: ControllerProcess) -> list[str]:
    """Returns the reasons that controllers gave, once there are so many in their logs and as Events: a controller tells
    what it did after it did it."""
    wait_for(lambda: len(cluster.events()) >= number, f"{number} Events")
    wait_for(lambda: sum(len(each.reasons()) for each in controllers) >= number, f"{number} reasons")
    return [reason for each in controllers for reason in each.reasons()]


@contextmanager
def running(cluster: CertificateCluster, clock: "Clock") -> Iterator[Controller]:
    """Runs a controller in this process, with its own permissions and a clock that the test moves."""
    controller = Controller(
        connect(cluster.kubeconfig), cluster.target, "webhook-certificates", clock=clock, recheck=0.1
    )
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        yield controller
    finally:
        controller.end()
        thread.join()


@contextmanager
def called(cluster: CertificateCluster, folder: Path) -> Iterator[Server]:
    """Serves the webhook for the block, which begins once the API server calls it: it follows new bundles a moment later."""
    with Server(cluster, folder) as server:
        wait_for(lambda: cluster.create_pod() == "" and server.served > 0, "a call of the webhook")
        yield server


class Clock:
    """The present moment, moved by the test."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def quiet(cluster: CertificateCluster, now: datetime) -> bool:
    """Whether a controller that just started would find nothing to do."""
    administrator = connect(cluster.control_plane.kubeconfig)
    return plan(read_objects(administrator, cluster.target), cluster.target, None, now).action is None


def test_a_first_install_ends_with_pods_admitted_through_what_was_issued(
    cluster: CertificateCluster, tmp_path: Path
) -> None:
    """The API server is written in Go. If it calls the webhook, Go accepts the certificate."""
    cluster.create_configuration("driver", "executor")
    before = cluster.configuration()
    with cluster.controller() as controller:
        wait_until_well(cluster)
        with called(cluster, tmp_path) as server:
            served = server.served
            assert cluster.create_pod() == ""
            assert server.served == served + 2
        assert httpx.get(controller.health_url, timeout=60).text == "ok\n"
        assert wait_until_told(cluster, 3, controller) == DONE
    assert [(reason, kind) for reason, kind, _ in cluster.events()] == [
        ("CACreated", "Deployment"),
        ("CABundlePatched", "Deployment"),
        ("CertificateIssued", "Secret"),
    ]
    after = cluster.configuration()
    for webhook in after["webhooks"]:
        assert webhook["clientConfig"].pop("caBundle")
    assert after["webhooks"] == before["webhooks"]
    assert after["metadata"]["annotations"] == {"kept": "yes"}


def test_each_event_about_the_serving_secret_names_it_by_its_uid(cluster: CertificateCluster) -> None:
    with cluster.controller():
        wait_for(lambda: len(cluster.events()) == 3, "three Events")
    found = cluster.http.get(f"/api/v1/namespaces/{cluster.namespace}/events").json()["items"]
    uid = cluster.http.get(f"/api/v1/namespaces/{cluster.namespace}/secrets/webhook-tls").json()["metadata"]["uid"]
    about = {event["reason"]: event["involvedObject"] for event in found}
    assert about["CertificateIssued"] == {
        "apiVersion": "v1", "kind": "Secret", "namespace": cluster.namespace, "name": "webhook-tls", "uid": uid,
    }  # fmt: skip
    assert about["ActionRequired"] == {
        "apiVersion": "apps/v1", "kind": "Deployment", "namespace": cluster.namespace, "name": "webhook-certificates",
    }  # fmt: skip
    assert {event["type"] for event in found if event["reason"] == "ActionRequired"} == {"Warning"}


@pytest.mark.parametrize("lost", [("webhook-ca",), ("webhook-tls",), ("webhook-ca", "webhook-tls")])
def test_lost_secrets_are_made_anew_and_the_old_ca_stays_trusted(
    cluster: CertificateCluster, lost: tuple[str, ...]
) -> None:
    cluster.create_configuration("driver")
    with cluster.controller():
        wait_until_well(cluster)
        old = cluster.ca["tls.crt"]
        for name in lost:
            cluster.delete_secret(name)
        wait_for(lambda: all(map(cluster.data, lost)), "the Secrets")
        wait_until_well(cluster)
    assert old in cluster.bundles()[0]
    assert (cluster.ca["tls.crt"] == old) == ("webhook-ca" not in lost)


AUTHORITY = new_authority(datetime.now(UTC))


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("webhook-tls", {"tls.crt": b"\xff\x00rubbish"}, "tls.crt holds no readable PEM certificate"),
        ("webhook-tls", {"tls.key": AUTHORITY.key_pem}, "tls.key does not belong to tls.crt"),
        ("webhook-tls", {"ca.crt": b""}, "Set ca.crt in Secret"),
        ("webhook-tls", {"ca.crt": AUTHORITY.certificate_pem}, "Set ca.crt in Secret"),
        (
            "webhook-tls",
            pem_files(issue(AUTHORITY, ["webhook"], datetime.now(UTC)), [AUTHORITY.certificate]),
            "tls.crt does not name",
        ),
        ("webhook-ca", {"tls.key": b""}, "tls.key is empty"),
        ("webhook-ca", {"tls.crt": b"rubbish", "tls.key": b"rubbish"}, "tls.crt holds no readable PEM certificate"),
        ("webhook-ca", {"tls.crt": AUTHORITY.certificate_pem}, "tls.key does not belong to tls.crt"),
    ],
)
def test_a_damaged_secret_is_named_and_healed(
    cluster: CertificateCluster, name: str, damage: dict[str, bytes], said: str
) -> None:
    cluster.create_configuration("driver")
    with cluster.controller() as controller:
        wait_until_well(cluster)
        known = len(wait_until_told(cluster, len(DONE), controller))
        cluster.put_secret(name, {**cluster.data(name), **damage})
        wait_until_told(cluster, known + 1, controller)
        wait_until_well(cluster)
        message = [line["event"] for line in controller.lines if "reason" in line][known]
    assert said in message
    assert f"Secret {cluster.namespace}/{name}" in message
    assert message in [text for _, _, text in cluster.events()]


@pytest.mark.parametrize("name", ["webhook-ca", "webhook-tls"])
def test_a_secret_of_someone_else_is_reported_and_left_alone(cluster: CertificateCluster, name: str) -> None:
    cluster.create_configuration("driver")
    content = {"tls.crt": b"mine", "tls.key": b"mine too"}
    cluster.put_secret(name, content, labelled=False)
    with cluster.controller() as controller:
        wait_until_told(cluster, 1, controller)
        time.sleep(1)
        assert controller.reasons() == ["ActionRequired"]
        assert cluster.data(name) == content
        assert cluster.bundles() == [b""]
        ((reason, kind, message),) = cluster.events()
        assert (reason, kind) == ("ActionRequired", "Deployment")
        assert message.startswith(f"Secret {cluster.namespace}/{name} was not made by this controller")
        cluster.delete_secret(name)
        wait_until_well(cluster)


def test_a_reverted_bundle_is_set_right_in_the_webhook_that_lacks_it(cluster: CertificateCluster) -> None:
    cluster.create_configuration("driver", "executor")
    with cluster.controller() as controller:
        wait_until_well(cluster)
        for bundle in (b"", AUTHORITY.certificate_pem):
            cluster.set_bundle(1, bundle)
            wait_until_well(cluster)
        assert wait_until_told(cluster, len(DONE) + 2, controller) == [*DONE, "CABundlePatched", "CABundlePatched"]
    *_, last = (line["event"] for line in controller.lines if "reason" in line)
    assert "Set the caBundle of executor.spark-eci-webhook.example in" in last


def test_a_configuration_that_comes_late_or_anew_is_patched(cluster: CertificateCluster) -> None:
    with cluster.controller() as controller:
        wait_for(lambda: bool(cluster.serving), "the serving Secret")
        cluster.create_configuration("driver")
        wait_until_well(cluster)
        assert cluster.bundles()[0]
        cluster.http.delete(
            f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{cluster.target.configuration}"
        )
        cluster.create_configuration("driver", "executor")
        wait_until_well(cluster)
        wait_for(lambda: controller.reasons().count("CABundlePatched") == 2, "a second patch")


def test_two_controllers_at_once_agree(cluster: CertificateCluster) -> None:
    cluster.create_configuration("driver")
    with cluster.controller() as first, cluster.controller() as second:
        wait_until_well(cluster)
        assert sorted(wait_until_told(cluster, len(DONE), first, second)) == sorted(DONE)
        cluster.delete_secret("webhook-tls")
        wait_until_well(cluster)
        cluster.delete_secret("webhook-ca")
        wait_for(lambda: bool(cluster.ca), "the CA")
        wait_until_well(cluster)
        all_of_it = [*DONE, "CertificateIssued", "CACreated", "CABundlePatched", "BundleWritten"]
        assert sorted(wait_until_told(cluster, len(all_of_it), first, second)) == sorted(all_of_it)


@pytest.mark.parametrize("after", ["CACreated", "CABundlePatched", "CertificateIssued"])
def test_a_controller_killed_after_an_action_is_followed_by_one_that_finishes(
    cluster: CertificateCluster, after: str
) -> None:
    cluster.create_configuration("driver")
    with cluster.controller() as controller:
        wait_for(lambda: after in controller.reasons(), after)
        controller.process.send_signal(signal.SIGKILL)
        controller.process.wait()
    with cluster.controller():
        wait_until_well(cluster)
    assert len(read_certificates(cluster.bundles()[0])) == 1


def test_sigterm_ends_a_controller_in_order(cluster: CertificateCluster) -> None:
    with cluster.controller() as controller:
        wait_for(lambda: "CertificateIssued" in controller.reasons(), "the certificate")
        controller.process.terminate()
        assert controller.process.wait(timeout=60) == 0
    assert controller.lines[-1]["event"] == "ended"


def test_a_restarted_api_server_is_waited_for_and_watched_again(cluster: CertificateCluster) -> None:
    cluster.create_configuration("driver")
    with cluster.controller() as controller:
        wait_until_well(cluster)
        known = len(controller.lines)
        cluster.control_plane.restart_api_server()
        cluster.delete_secret("webhook-tls")
        cluster.set_bundle(0, b"")
        wait_until_well(cluster)
        wait_for(
            lambda: "CertificateIssued" in [line.get("reason") for line in controller.lines[known:]], "the certificate"
        )
        assert controller.process.poll() is None


def test_the_account_of_these_tests_has_no_other_rights(cluster: CertificateCluster) -> None:
    """The controller in the tests above has only the permissions that its help lists."""
    api = cluster.control_plane.client(cluster.kubeconfig)
    core, admission, apps = client.CoreV1Api(api), client.AdmissionregistrationV1Api(api), client.AppsV1Api(api)
    own = cluster.namespace
    refused: list[tuple[Callable[..., Any], tuple[str, ...]]] = [
        (core.list_namespaced_secret, (own,)),
        (core.read_namespaced_secret, ("another", own)),
        (core.delete_namespaced_secret, ("webhook-tls", own)),
        (core.list_namespaced_event, (own,)),
        (apps.read_namespaced_deployment, ("certificates", own)),
        (admission.delete_mutating_webhook_configuration, (cluster.target.configuration,)),
        (admission.list_mutating_webhook_configuration, ()),
    ]
    for function, arguments in refused:
        with pytest.raises(client.ApiException, match="403"):
            function(*arguments)


def test_a_serving_certificate_is_renewed_without_a_lost_admission(cluster: CertificateCluster, tmp_path: Path) -> None:
    cluster.create_configuration("driver")
    now = datetime.now(UTC)
    clock = Clock(now - timedelta(days=61))
    with running(cluster, clock):
        wait_until_well(cluster)
        first = cluster.serving["tls.crt"]
        with called(cluster, tmp_path) as server, Traffic(cluster) as traffic:
            traffic.go_on()
            clock.now = now
            wait_for(lambda: cluster.serving["tls.crt"] != first, "the renewal")
            server.load()
            traffic.go_on()
    assert traffic.failures == []
    assert not faults(cluster)


def test_the_ca_is_rotated_without_a_lost_admission(cluster: CertificateCluster, tmp_path: Path) -> None:
    """The CA is nine years old already; its successor is trusted before it signs."""
    cluster.create_configuration("driver")
    now = datetime.now(UTC)
    clock = Clock(now - 9 * YEAR - timedelta(days=1))
    with running(cluster, clock) as controller:
        wait_for(lambda: bool(cluster.serving) and quiet(cluster, clock.now), "the install")
        old = cluster.ca["tls.crt"]
        clock.now = now - SETTLE
        wait_for(lambda: "next.crt" in cluster.ca, "the next CA")
        wait_for(lambda: len(read_certificates(cluster.bundles()[0])) == 2, "the bundle with both")
        wait_until_well(cluster)
        assert cluster.ca["tls.crt"] == old
        first = cluster.serving["tls.crt"]
        with called(cluster, tmp_path) as server, Traffic(cluster) as traffic:
            traffic.go_on()
            let_settle(cluster, controller, clock)
            wait_for(lambda: cluster.serving["tls.crt"] != first, "the certificate of the new CA")
            server.load()
            traffic.go_on()
    assert traffic.failures == []
    assert not faults(cluster)
    new = cluster.ca["tls.crt"]
    assert read_certificates(cluster.serving["tls.crt"])[0].issuer == read_certificates(new)[0].subject
    assert cluster.bundles() == [old + new]


def test_a_retired_ca_is_dropped_without_a_lost_admission(cluster: CertificateCluster, tmp_path: Path) -> None:
    cluster.create_configuration("driver")
    now = datetime.now(UTC)
    clock = Clock(now - timedelta(days=91))
    with running(cluster, clock) as controller:
        wait_until_quiet(cluster, clock)
        cluster.delete_secret("webhook-ca")
        wait_for(lambda: bool(cluster.ca), "the CA")
        wait_until_quiet(cluster, clock)
        let_settle(cluster, controller, clock)
        wait_for(lambda: issued_by_current(cluster), "the certificate of the new CA")
        clock.now = now - timedelta(days=20)
        wait_until_well(cluster)
        assert len(read_certificates(cluster.bundles()[0])) == 2
        with called(cluster, tmp_path), Traffic(cluster) as traffic:
            traffic.go_on()
            clock.now = now
            wait_for(lambda: cluster.bundles() == [cluster.ca["tls.crt"]], "the smaller bundle")
            traffic.go_on()
    assert traffic.failures == []
    assert not faults(cluster)


def test_a_lost_ca_is_replaced_without_a_lost_admission(cluster: CertificateCluster, tmp_path: Path) -> None:
    cluster.create_configuration("driver")
    clock = Clock(datetime.now(UTC))
    with running(cluster, clock) as controller:
        wait_until_well(cluster)
        first = cluster.serving["tls.crt"]
        with called(cluster, tmp_path) as server, Traffic(cluster) as traffic:
            traffic.go_on()
            cluster.delete_secret("webhook-ca")
            wait_for(lambda: bool(cluster.ca), "the CA")
            wait_for(lambda: len(read_certificates(cluster.bundles()[0])) == 2, "the bundle with both")
            wait_until_well(cluster)
            traffic.go_on()
            assert cluster.serving["tls.crt"] == first
            let_settle(cluster, controller, clock)
            wait_for(lambda: cluster.serving["tls.crt"] != first, "the certificate of the new CA")
            server.load()
            traffic.go_on()
    assert traffic.failures == []
    assert not faults(cluster)


def issued_by_current(cluster: CertificateCluster) -> bool:
    return (
        read_certificates(cluster.serving["tls.crt"])[0].issuer == read_certificates(cluster.ca["tls.crt"])[0].subject
    )


def let_settle(cluster: CertificateCluster, controller: Controller, clock: Clock) -> None:
    """Once the controller saw that a CA is trusted, moves the clock by the time that must pass before the CA signs."""

    def seen() -> bool:
        return controller._published is not None and [controller._published.bundle] == cluster.bundles()

    wait_for(seen, "the controller to see its bundle everywhere")
    clock.now += SETTLE


def wait_until_quiet(cluster: CertificateCluster, clock: Clock) -> None:
    wait_for(lambda: bool(cluster.serving) and quiet(cluster, clock.now), "nothing more to do")


def test_in_a_pod_it_acts_as_the_pods_own_account(
    cluster: CertificateCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files and variables that the kubelet gives every pod, and a token that the kubelet has renewed."""
    control_plane = cluster.control_plane
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    (tmp_path / "token").write_text("an expired one")
    host, port = control_plane.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", tmp_path / "token")
    monkeypatch.setattr(
        incluster_config, "SERVICE_CERT_FILENAME", kubeconfig["clusters"][0]["cluster"]["certificate-authority"]
    )
    inside = connect(in_cluster=True)
    with pytest.raises(ClusterError, match=r"401, Unauthorized$"):
        inside.secret(cluster.namespace, "webhook-tls")
    (tmp_path / "token").write_text(control_plane.token(cluster.namespace, "certificates"))
    inside = connect(in_cluster=True)
    assert inside.secret(cluster.namespace, "webhook-tls") is None
    with pytest.raises(ClusterError, match=r"403, secrets .* cannot get resource"):
        inside.secret(cluster.namespace, "another")


def test_show_explains_the_secrets_of_a_cluster(
    cluster: CertificateCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.create_configuration("driver")
    show = ["show", "--kubeconfig", str(cluster.control_plane.kubeconfig), "--secret"]
    assert main([*show, f"{cluster.namespace}/webhook-tls"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"the Secret {cluster.namespace}/webhook-tls",
        "  wrong: the Secret does not exist",
    ]
    with cluster.controller():
        wait_until_well(cluster)
    ca, leaf = (read_certificates(cluster.serving[name])[0] for name in ("ca.crt", "tls.crt"))
    assert main([*show, f"{cluster.namespace}/webhook-tls", "--host", f"webhook.{cluster.namespace}.svc"]) == 0
    first, _, named, *_, verdict = capsys.readouterr().out.splitlines()
    assert first == f"the Secret {cluster.namespace}/webhook-tls"
    assert named == f"    for {', '.join(names(leaf))}"
    assert verdict == "  nothing is wrong"
    assert main([*show, f"{cluster.namespace}/webhook-ca"]) == 0
    _, own, _, remark, _ = capsys.readouterr().out.splitlines()
    assert own == f"  tls.crt: {common_name(ca)}, issued by itself"
    assert remark == "    signs"
    kubeconfig = ["show", "--kubeconfig", str(cluster.kubeconfig), "--secret", f"{cluster.namespace}/another"]
    assert main(kubeconfig) == 2
    refusal = capsys.readouterr().err
    assert refusal.startswith(f"could not get the Secret {cluster.namespace}/another: 403, secrets ")
    assert refusal.count("\n") == 1
