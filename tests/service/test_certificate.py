"""The serving certificate: waited for, tested, reloaded for new connections, and never replaced by a bad one."""

import itertools
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
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
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
from certs.pem import encode
from tests.admission_reviews import review
from tests.deadline import wait_for
from tests.live_service import Service, service, trusting
from tests.service.test_admission import POD, _receive, _send
from tests.service.test_start import _serve
from webhook.service.certificate import ServingCertificate
from webhook.service.certificate_files import CertificateError, Files

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
        _send(kept, BODY)
        assert _receive(kept)[0].startswith(b"HTTP/1.1 200 ")
        _issue(folder, authority, _now() + timedelta(minutes=30))
        wait_for(lambda: _serial(running, folder) != old)
        _send(kept, BODY)
        assert _receive(kept)[0].startswith(b"HTTP/1.1 200 ")
    assert (running.metric(LOADED), running.metric(FAILED)) == (2, 0)
    assert running.metric(EXPIRY) == ssl.cert_time_to_seconds(_presented(running, folder)["notAfter"])
    assert running.readiness().status_code == 200


def test_rotations_under_load_lose_no_request(running: Service, folder: Path, authority: Authority) -> None:
    """Persistent and new connections, each verified against the published bundle."""
    stop = threading.Event()
    outcomes: list[object] = []

    def call(*, keep: bool) -> None:
        context = trusting(folder)
        client = httpx.Client(base_url=running.url, verify=context, timeout=60)
        while not stop.is_set():
            try:
                if not keep:
                    client.close()
                    client = httpx.Client(base_url=running.url, verify=context, timeout=60)
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
        wait_for(lambda: len(outcomes) > 10 * count)  # noqa: B023
    stop.set()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {200}


def _mismatched(folder: Path, authority: Authority) -> str:
    files = pem_files(issue(authority, HOSTS, _now()), [authority.certificate])
    write_folder(folder, files | {"tls.key": (folder / "tls.key").read_bytes()})
    return "are not a certificate and its key"


def _replace(path: Path, content: bytes) -> None:
    """Replaces one file of the folder that a link points to, which is not how files should be replaced."""
    real = Path(os.path.realpath(path))
    new = real.with_suffix(".new")
    new.write_bytes(content)
    # In one step, or an empty file might be read before.
    new.rename(real)


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


def _of_a_name_that_is_no_text(folder: Path, authority: Authority) -> str:
    pair = issue(authority, HOSTS, _now())
    # A sequence of one dNSName of three bytes that are not UTF-8.
    name = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x05\x82\x03\xff\xfe\x80")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(pair.certificate.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(pair.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(hours=1))
        .not_valid_after(_now() + timedelta(days=1))
        .add_extension(name, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    write_folder(folder, pem_files(Authority(certificate, pair.key), [authority.certificate]))
    return "tls.crt: cannot be used: UnicodeDecodeError"


def _mismatched_with_a_new_authority(folder: Path, _: Authority) -> str:
    other = new_authority(_now())
    files = pem_files(issue(other, HOSTS, _now()), [other.certificate])
    write_folder(folder, files | {"tls.key": (folder / "tls.key").read_bytes()})
    return "are not a certificate and its key"


def _bundle_of_another_authority(folder: Path, _: Authority) -> str:
    other = new_authority(_now())
    _replace(folder / "ca.crt", pem_files(issue(other, HOSTS, _now()), [other.certificate])["ca.crt"])
    return "unable to get local issuer certificate"


def _without_bundle(folder: Path, _: Authority) -> str:
    _replace(folder / "ca.crt", b"nothing")
    return "no certificates in it"


@pytest.mark.parametrize(
    "break_it",
    [
        _mismatched,
        _garbage,
        _encrypted,
        _gone,
        _expired,
        _early,
        _of_another_authority,
        _of_a_name_that_is_no_text,
        _mismatched_with_a_new_authority,
        _bundle_of_another_authority,
        _without_bundle,
    ],
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
    with httpx.Client(base_url=running.url, verify=trusting(trusted), timeout=60) as client:
        assert client.post("/mutate", content=BODY).status_code == 200
    told, failed = len(running.lines()), running.metric(FAILED)
    # By then it calls itself again, instead of reusing the last answer.
    time.sleep(1.1)
    ready = running.readiness()
    assert (ready.status_code, ready.text) == (200, "ok\n")
    assert len([line for line in running.lines()[told:] if line["event"] == "certificate"]) == 0
    assert (running.metric(FAILED), running.metric(LOADED)) == (failed, 1)
    _issue(folder, authority)
    wait_for(lambda: _serial(running, trusted) != old)
    assert running.readiness().status_code == 200


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


@pytest.mark.parametrize("step", range(6))
def test_a_version_of_a_mounted_secret_may_be_removed_while_it_is_read(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Kubelet removes the folder of a version as soon as `..data` leads to the next one."""
    folders = tmp_path / "..one", tmp_path / "..two"
    for folder in folders:
        _issue(tmp_path / "written", authority)
        shutil.copytree(tmp_path / "written", folder)
    (tmp_path / "..data").symlink_to("..one")
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (tmp_path / name).symlink_to(Path("..data") / name)
    new = Files.read(folders[1])
    steps = itertools.count()

    def replacing(look: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def replaced(path: Path) -> Any:
            if path.parent == folders[0] and next(steps) == step:
                (tmp_path / "..data_tmp").symlink_to("..two")
                (tmp_path / "..data_tmp").rename(tmp_path / "..data")
                shutil.rmtree(folders[0])
            return look(path)

        return replaced

    for name in ("is_file", "read_bytes"):
        monkeypatch.setattr(Path, name, replacing(getattr(Path, name)))
    assert Files.read(tmp_path) == replace(new, folder=tmp_path)
    assert not folders[0].exists()


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
        assert running.readiness().status_code == 200
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
            except httpx.TransportError:
                return False

        wait_for(answers)
        wait_for(
            lambda: httpx.get(f"{base}/readyz", timeout=60).text == f"waiting for {tmp_path / 'none' / 'tls.crt'}\n"
        )
        assert httpx.get(f"{base}/readyz", timeout=60).status_code == 503
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        process.terminate()
        assert process.wait(30) == 0


def test_it_is_not_ready_once_its_pair_has_expired(running: Service, folder: Path, authority: Authority) -> None:
    for seconds in (12, 60, 240):
        loaded, end = running.metric(LOADED), _now().replace(microsecond=0) + timedelta(seconds=seconds)
        _issue(folder, authority, end - timedelta(days=90))
        wait_for(lambda: running.metric(LOADED) > loaded or _now() > end)  # noqa: B023
        ready = running.readiness()
        # On a busy machine it may have expired before it was loaded, or before the answer.
        if _now() < end:
            break
    assert ready.status_code == 200
    wait_for(lambda: running.operations("/readyz").text == "the certificate: certificate has expired\n", seconds + 60)
    assert running.operations("/readyz").status_code == 503


def test_each_loaded_pair_has_its_own_contexts(folder: Path, authority: Authority) -> None:
    certificate = ServingCertificate(folder)
    for name in ("context", "client_context"):
        with pytest.raises(CertificateError, match="no certificate is loaded"):
            getattr(certificate, name)

    def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
        return certificate.context, certificate.client_context

    assert certificate.reload() is not None
    first = contexts()
    assert certificate.reload() is None
    assert contexts() == first
    _mismatched(folder, authority)
    with pytest.raises(CertificateError):
        certificate.reload()
    assert contexts() == first
    _issue(folder, authority)
    assert certificate.reload() is not None
    assert not {*contexts()} & {*first}


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
        assert running.readiness().status_code == 200
        _issue(folder, authority, _now() - timedelta(days=91), hosts=["spark-eci-webhook.spark.svc"])
        for name in ("tls.crt", "tls.key"):
            shutil.copy(folder / name, bare / name)
        wait_for(lambda: any("expired" in line.get("error", "") for line in running.lines()))
        # By then it calls itself again, instead of reusing the last answer.
        time.sleep(1.1)
        assert running.readiness().status_code == 200


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


def _client_certificate(folder: Path, authority: Authority, name: str, lifetime: timedelta = timedelta(days=1)) -> Path:
    """A client's certificate. It is made here, because the authority issues certificates only for servers."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(hours=1))
        .not_valid_after(_now() + lifetime)
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
        assert running.readiness().status_code == 200

        def call(authority: Authority | None, name: str = "kube-apiserver") -> httpx.Response:
            context = trusting(folder)
            if authority is not None:
                context.load_cert_chain(_client_certificate(tmp_path, authority, name))
            with httpx.Client(base_url=running.url, verify=context, timeout=60) as client:
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


def test_a_clients_ca_that_cannot_be_used_at_start_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    code, _, error = _serve("--tls-dir", str(folder), "--client-ca", str(folder / "tls.key"))
    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith(f"{folder / 'tls.key'}: no certificates in it: ")
    missing = tmp_path / "missing"
    fault = f"{missing}: cannot be read: No such file or directory\n"
    assert _serve("--tls-dir", str(folder), "--client-ca", str(missing)) == (2, "", fault)


@dataclass
class Clients:
    """A service that asks its clients for certificates, with the file of their CAs and one CA in it."""

    running: Service
    file: Path
    authority: Authority

    def trust(self, *authorities: Authority) -> None:
        """Replaces the file."""
        new = self.file.with_suffix(".new")
        new.write_bytes(encode(one.certificate for one in authorities))
        new.rename(self.file)

    def context(self, authority: Authority, lifetime: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """The context of a client with a certificate of `authority`."""
        context = trusting(self.running.tls)
        context.load_cert_chain(_client_certificate(self.file.parent, authority, "client", lifetime))
        return context

    def call(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSession | None:
        """Makes a call, and returns the session afterwards. Raises OSError if the client is refused."""
        plain = socket.create_connection(("127.0.0.1", self.running.port), 30)
        with plain, context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            _send(connection, BODY)
            answer = HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.read()[:1]) == (200, b"{")
            assert not connection.session_reused
            found = connection.session
            # OpenSSL forgets the session of a connection that is not closed properly.
            connection.unwrap()
            return found

    def refuses(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> bool:
        """Whether such a client is refused."""
        try:
            self.call(context, session)
        except OSError:
            return True
        return False


@pytest.fixture
def clients(folder: Path, tmp_path: Path) -> Iterator[Clients]:
    authority, file = new_authority(_now()), tmp_path / "clients.crt"
    file.write_bytes(encode([authority.certificate]))
    with service(folder, tmp_path / "log", ["--client-ca", str(file), "--reload-seconds", "0.1"]) as running:
        yield Clients(running, file, authority)


def test_no_session_of_a_client_with_a_certificate_is_resumed(clients: Clients) -> None:
    """OpenSSL does not verify the certificate again when it resumes a session, so it would accept an expired one."""
    for seconds in (8, 60, 240):
        end = _now().replace(microsecond=0) + timedelta(seconds=seconds)
        context = clients.context(clients.authority, timedelta(seconds=seconds))
        try:
            session = clients.call(context)
            clients.call(context, session)
            break
        except OSError:
            # On a busy machine it may have expired before.
            if _now() < end:
                raise
    wait_for(lambda: clients.refuses(context, session), seconds + 60)


def test_clients_with_certificates_need_tls_1_3(clients: Clients) -> None:
    """In TLS 1.2 the server keeps sessions without tickets, and Python's ssl module cannot turn this off."""
    context = clients.context(clients.authority)
    clients.call(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert clients.refuses(context)


def test_without_client_certificates_sessions_are_resumed(running: Service, folder: Path) -> None:
    context = trusting(folder)
    with _connected(running, context) as first:
        _send(first, BODY)
        _receive(first)
        session = first.session
    plain = socket.create_connection(("127.0.0.1", running.port), 30)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as second:
        _send(second, BODY)
        assert _receive(second)[0].startswith(b"HTTP/1.1 200 ")
        assert second.session_reused


def test_the_cas_of_clients_are_reloaded_and_a_removed_one_is_refused(clients: Clients) -> None:
    other = new_authority(_now())
    old, new = clients.context(clients.authority), clients.context(other)
    session = clients.call(old)
    assert clients.refuses(new)
    clients.trust(clients.authority, other)
    _until_loaded(clients.running, 2)
    clients.call(new)
    clients.call(old, session)
    clients.trust(other)
    _until_loaded(clients.running, 3)
    assert clients.refuses(old)
    assert clients.refuses(old, session)
    clients.call(new)
    line = {"level": "info", "event": "certificate", "outcome": "loaded", "client_ca": str(clients.file)}
    # The second line is the same, so it is counted first.
    wait_for(lambda: [one.items() >= line.items() for one in clients.running.lines()].count(True) == 2)
    assert clients.running.metric(FAILED) == 0
    assert clients.running.readiness().status_code == 200


def _emptied(file: Path) -> str:
    file.write_bytes(b"")
    return "no certificates in it: "


def _cut(file: Path) -> str:
    content, new = file.read_bytes(), file.with_suffix(".new")
    new.write_bytes(content + content[: len(content) // 2])
    # In one step, or an empty file might be read before.
    new.rename(file)
    return "no certificates in it: "


def _removed(file: Path) -> str:
    file.unlink()
    return "cannot be read: No such file or directory"


@pytest.mark.parametrize("break_it", [_emptied, _cut, _removed])
def test_bad_cas_of_clients_are_told_and_the_old_ones_stay(
    clients: Clients, folder: Path, authority: Authority, break_it: Callable[[Path], str]
) -> None:
    context = clients.context(clients.authority)
    fault = f"{clients.file}: {break_it(clients.file)}"
    wait_for(lambda: clients.running.metric(FAILED) == 1)
    clients.call(context)
    # A new pair is loaded nevertheless, and comes with the old CAs.
    old = _serial(clients.running, folder)
    _issue(folder, authority)
    wait_for(lambda: _serial(clients.running, folder) != old)
    clients.call(context)
    assert clients.refuses(clients.context(new_authority(_now())))
    told = [line["error"] for line in clients.running.lines() if line.get("outcome") == "failed"]
    assert [error.startswith(fault) for error in told] == [True]
    assert clients.running.metric(FAILED) == 1
    clients.trust(new_authority(_now()))
    wait_for(lambda: clients.refuses(context))
