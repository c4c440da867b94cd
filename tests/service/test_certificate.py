"""The serving certificate: waited for, tested, reloaded for new connections, and never replaced by a bad one."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.process import free_port
from certs.authority import KeyPair as Authority
from certs.authority import issue, new_authority
from certs.files import write_folder
from certs.material import pem_files
from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import Service, service, trusting
from tests.service.test_admission import POD, _receive, _send
from tests.service.test_start import _serve

BODY = review(POD)
HOSTS = ["localhost", "127.0.0.1"]


def _now() -> datetime:
    return datetime.now(UTC)


def _issue(folder: Path, authority: Authority, now: datetime | None = None, hosts: list[str] = HOSTS) -> None:
    write_folder(folder, pem_files(issue(authority, hosts, now or _now()), [authority.certificate]))


def _presented(running: Service, folder: Path) -> dict[str, Any]:
    """The certificate that a new connection gets, verified against the authority in `folder`."""
    with _connected(running, trusting(folder)) as connection:
        certificate: dict[str, Any] | None = connection.getpeercert()
        assert certificate
        return certificate


def _serial(running: Service, folder: Path) -> str:
    return str(_presented(running, folder)["serialNumber"])


def _connected(running: Service, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", running.port), 30)
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


def _until_loaded(running: Service, count: int) -> None:
    wait_for(lambda: running.metric(LOADED) == count)


FAILED = 'certificate_reloads_total{outcome="failed"}'
LOADED = 'certificate_reloads_total{outcome="loaded"}'
EXPIRY = "certificate_expiry_timestamp_seconds"


@pytest.fixture
def authority() -> Authority:
    """An authority that is old enough to have issued certificates that have expired."""
    return new_authority(_now() - timedelta(days=100))


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    _issue(tmp_path / "tls", authority)
    return tmp_path / "tls"


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[Service]:
    with service(folder, tmp_path / "log", ["--reload-seconds", "0.1"]) as found:
        yield found


def test_a_new_pair_is_presented_to_new_connections_and_kept_ones_go_on(
    running: Service, folder: Path, authority: Authority
) -> None:
    old = _serial(running, folder)
    with running.connect() as kept:
        _issue(folder, authority, _now() + timedelta(minutes=30))
        wait_for(lambda: _serial(running, folder) != old)
        _send(kept, BODY)
        assert _receive(kept)[0].startswith(b"HTTP/1.1 200 ")
    assert (running.metric(LOADED), running.metric(FAILED)) == (2, 0)
    assert running.metric(EXPIRY) == ssl.cert_time_to_seconds(_presented(running, folder)["notAfter"])
    assert running.operations("/readyz").status_code == 200


def test_rotations_under_load_lose_no_request(running: Service, folder: Path, authority: Authority) -> None:
    """Persistent and new connections, each verified against the published bundle."""
    stop = threading.Event()
    outcomes: list[object] = []

    def call(*, keep: bool) -> None:
        context = trusting(folder)
        client = httpx.Client(base_url=running.url, verify=context)
        while not stop.is_set():
            try:
                if not keep:
                    client.close()
                    client = httpx.Client(base_url=running.url, verify=context)
                outcomes.append(client.post("/mutate", content=BODY).status_code)
            except Exception as error:  # noqa: BLE001, any error is a lost call
                outcomes.append(error)
        client.close()

    threads = [threading.Thread(target=call, kwargs={"keep": keep}) for keep in (True, False, False)]
    for thread in threads:
        thread.start()
    for count in range(1, 11):
        _issue(folder, authority)
        _until_loaded(running, count + 1)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(outcomes) > 100
    assert set(outcomes) == {200}


def _mismatched(folder: Path, authority: Authority) -> str:
    files = pem_files(issue(authority, HOSTS, _now()), [authority.certificate])
    write_folder(folder, files | {"tls.key": (folder / "tls.key").read_bytes()})
    return "are not a certificate and its key"


def _replace(path: Path, content: bytes) -> None:
    """Writes to the file that a link points to, which is not how files should be replaced."""
    Path(os.path.realpath(path)).write_bytes(content)


def _garbage(folder: Path, _: Authority) -> str:
    _replace(folder / "tls.crt", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return "are not a certificate and its key"


def _encrypted(folder: Path, _: Authority) -> str:
    key = serialization.load_pem_private_key((folder / "tls.key").read_bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    _replace(folder / "tls.key", pem)
    return "tls.key: found an encrypted key; accepted: an unencrypted one"


def _gone(folder: Path, _: Authority) -> str:
    Path(os.path.realpath(folder / "tls.key")).unlink()
    return "waiting for"


def _expired(folder: Path, authority: Authority) -> str:
    _issue(folder, authority, _now() - timedelta(days=91))
    return "certificate has expired"


def _early(folder: Path, authority: Authority) -> str:
    _issue(folder, authority, _now() + timedelta(days=1))
    return "certificate is not yet valid"


def _of_another_authority(folder: Path, authority: Authority) -> str:
    other = new_authority(_now())
    write_folder(folder, pem_files(issue(other, HOSTS, _now()), [authority.certificate]))
    return "unable to get local issuer certificate"


def _without_bundle(folder: Path, _: Authority) -> str:
    _replace(folder / "ca.crt", b"nothing")
    return "no certificates in it"


@pytest.mark.parametrize(
    "break_it", [_mismatched, _garbage, _encrypted, _gone, _expired, _early, _of_another_authority, _without_bundle]
)
def test_a_bad_pair_is_told_and_the_old_one_stays(
    running: Service,
    folder: Path,
    authority: Authority,
    tmp_path: Path,
    break_it: Callable[[Path, Authority], str],
) -> None:
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    shutil.copy(folder / "ca.crt", trusted / "ca.crt")
    old = _serial(running, trusted)
    fault = break_it(folder, authority)
    wait_for(lambda: any(fault in line.get("error", "") for line in running.lines()))
    assert _serial(running, trusted) == old
    with httpx.Client(base_url=running.url, verify=trusting(trusted)) as client:
        assert client.post("/mutate", content=BODY).status_code == 200
    told = len(running.lines())
    time.sleep(1.1)
    if break_it is not _without_bundle:
        assert running.operations("/readyz").status_code == 200
    assert len([line for line in running.lines()[told:] if line["event"] == "certificate"]) == 0
    _issue(folder, authority)
    wait_for(lambda: _serial(running, trusted) != old)
    assert running.operations("/readyz").status_code == 200


def test_a_link_that_cannot_be_followed_is_told_and_reloading_goes_on(
    running: Service, folder: Path, authority: Authority
) -> None:
    old = _serial(running, folder)
    (folder / "link").symlink_to("x" * 300)
    (folder / "link").rename(folder / "tls.crt")
    fault = f"{folder / 'tls.crt'}: cannot be read: File name too long"
    wait_for(lambda: any(line.get("error") == fault for line in running.lines()))
    (folder / "tls.crt").unlink()
    _issue(folder, authority)
    wait_for(lambda: _serial(running, folder) != old)


def test_kubelets_swap_of_a_mounted_secret_is_seen_whole(tmp_path: Path, authority: Authority) -> None:
    """Kubelet writes a folder for each version and moves the link `..data` to it."""
    mount = tmp_path / "mount"
    mount.mkdir()

    def publish(version: str, now: datetime) -> None:
        _issue(tmp_path / version, authority, now)
        shutil.copytree(tmp_path / version, mount / f"..{version}")
        (mount / "..data_tmp").symlink_to(f"..{version}")
        (mount / "..data_tmp").rename(mount / "..data")

    publish("one", _now())
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (mount / name).symlink_to(Path("..data") / name)
    with service(mount, tmp_path / "log", ["--reload-seconds", "0.1"]) as running:
        old = _serial(running, mount)
        for count in range(2, 6):
            publish(f"v{count}", _now() + timedelta(minutes=count))
            _until_loaded(running, count)
        assert _serial(running, mount) != old
        assert running.metric(FAILED) == 0


def test_without_a_pair_it_stays_up_says_what_it_waits_for_and_serves_once_the_files_come(
    tmp_path: Path, authority: Authority
) -> None:
    folder = tmp_path / "later"
    folder.mkdir()

    def come() -> None:
        wait_for(lambda: (tmp_path / "log").exists() and "waiting for" in (tmp_path / "log").read_text())
        _issue(folder, authority)

    thread = threading.Thread(target=come)
    thread.start()
    with service(folder, tmp_path / "log") as running:
        thread.join()
        first = running.lines()[0]
        assert (first["event"], first["error"]) == ("certificate", f"waiting for {folder / 'tls.crt'}")
        assert running.operations("/readyz").status_code == 200
        with running.client() as client:
            assert client.post("/mutate", content=BODY).status_code == 200


def test_a_service_that_waits_is_alive_not_ready_and_ends_when_told(tmp_path: Path) -> None:
    port, operations_port = free_port(), free_port()
    command = [sys.executable, "-m", "webhook", "serve", "--tls-dir", str(tmp_path / "none"), "--port", str(port)]
    with subprocess.Popen([*command, "--operations-port", str(operations_port)], stdout=subprocess.PIPE) as process:
        base = f"http://127.0.0.1:{operations_port}"

        def answers() -> bool:
            try:
                return httpx.get(f"{base}/livez").status_code == 200
            except httpx.ConnectError:
                return False

        wait_for(answers)
        wait_for(lambda: httpx.get(f"{base}/readyz").text == f"waiting for {tmp_path / 'none' / 'tls.crt'}\n")
        assert httpx.get(f"{base}/readyz").status_code == 503
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        process.terminate()
        assert process.wait(30) == 0


def test_it_is_not_ready_once_callers_no_longer_trust_it(running: Service, folder: Path) -> None:
    """This happens if the bundle was replaced and the pair was not."""
    other = new_authority(_now())
    _replace(folder / "ca.crt", pem_files(issue(other, HOSTS, _now()), [other.certificate])["ca.crt"])
    wait_for(lambda: running.operations("/readyz").status_code == 503)
    assert running.operations("/readyz").text == "the certificate: unable to get local issuer certificate\n"


def test_without_a_bundle_the_pair_and_its_dates_are_checked(
    tmp_path: Path, authority: Authority, folder: Path
) -> None:
    """A user may provide such certificates. The name in the certificate does not matter."""
    _issue(folder, authority, hosts=["spark-eci-webhook.spark.svc"])
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("tls.crt", "tls.key"):
        shutil.copy(folder / name, bare / name)
    with service(bare, tmp_path / "log", ["--reload-seconds", "0.1"]) as running:
        assert running.operations("/readyz").status_code == 200
        _issue(folder, authority, _now() - timedelta(days=91), hosts=["spark-eci-webhook.spark.svc"])
        for name in ("tls.crt", "tls.key"):
            shutil.copy(folder / name, bare / name)
        wait_for(lambda: any("expired" in line.get("error", "") for line in running.lines()))
        # By then it calls itself again, instead of reusing the last answer.
        time.sleep(1.1)
        assert running.operations("/readyz").status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(running: Service, folder: Path, version: ssl.TLSVersion) -> None:
    context = trusting(folder)
    context.minimum_version = context.maximum_version = version
    with _connected(running, context) as connection:
        assert connection.version() == version.name.replace("_", ".")


def test_older_tls_is_refused(running: Service, folder: Path) -> None:
    context = trusting(folder)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        _connected(running, context)


def _client_certificate(folder: Path, authority: Authority, name: str) -> Path:
    """A client's certificate. It is made here, because the authority issues certificates only for servers."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(hours=1))
        .not_valid_after(_now() + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path = folder / f"{name}.pem"
    path.write_bytes(pem)
    return path


def test_only_clients_of_the_authority_with_an_allowed_name_are_served(folder: Path, tmp_path: Path) -> None:
    clients = new_authority(_now())
    bundle = tmp_path / "clients.crt"
    bundle.write_bytes(pem_files(issue(clients, HOSTS, _now()), [clients.certificate])["ca.crt"])
    arguments = ["--client-ca", str(bundle), "--client-subjects", "kube-apiserver, front-proxy"]
    with service(folder, tmp_path / "log", arguments) as running:
        assert running.operations("/readyz").status_code == 200

        def call(authority: Authority | None, name: str = "kube-apiserver") -> httpx.Response:
            context = trusting(folder)
            if authority is not None:
                context.load_cert_chain(_client_certificate(tmp_path, authority, name))
            with httpx.Client(base_url=running.url, verify=context) as client:
                return client.post("/mutate", content=BODY)

        assert call(clients).status_code == 200
        assert call(clients, "front-proxy").status_code == 200
        refused = call(clients, "kube-apiserver.evil")
        assert (refused.status_code, refused.json()) == (
            403,
            {"error": "client certificate not allowed"},
        )
        for stranger in (None, new_authority(_now())):
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                call(stranger)


def test_subjects_need_an_authority(folder: Path) -> None:
    assert _serve("--tls-dir", str(folder), "--client-subjects", "a") == (
        2,
        "",
        "--client-subjects needs --client-ca\n",
    )
    code, _, error = _serve("--tls-dir", str(folder), "--client-ca", str(folder / "tls.key"))
    assert code == 2
    assert error.startswith(f"{folder / 'tls.key'}: no CA certificates in it: ")
