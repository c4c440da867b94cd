import ipaddress
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import KeyPair, canonical, issue, new_authority
from certs.errors import InputError
from tests.certs.go_client import GoClient

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", fullmatch=True)
DNS_NAMES = (
    st.lists(LABEL, min_size=1, max_size=5)
    .map(".".join)
    .filter(lambda name: len(name) <= 253 and not name.rsplit(".", 1)[-1].isdecimal())
)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
HOSTS = st.lists(st.one_of(DNS_NAMES, ADDRESSES), min_size=1, max_size=6)
AUTHORITY = new_authority(NOW)
ISSUED = issue(AUTHORITY, ["localhost", "127.0.0.1", "webhook.spark.svc"], NOW)


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def assert_is_ca(certificate: x509.Certificate) -> None:
    """RFC 5280 4.2.1: what the certificate of a CA must have, for paths without further CAs."""
    extensions = certificate.extensions
    assert {extension.oid._name: extension.critical for extension in extensions} == {
        "basicConstraints": True,
        "keyUsage": True,
        "subjectKeyIdentifier": False,
    }
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert certificate.subject == certificate.issuer


def assert_is_leaf(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    """RFC 5280 4.2.1: what the certificate of a server must have, and nothing else."""
    extensions = certificate.extensions
    assert {extension.oid._name: extension.critical for extension in extensions} == {
        "basicConstraints": True,
        "keyUsage": True,
        "extendedKeyUsage": False,
        "subjectAltName": False,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
    }
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (False, False, True)
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == subject.digest


def openssl_verify(folder: Path, bundle: bytes, pair: KeyPair, host: str, at: datetime) -> str:
    """What `openssl verify` says under its strict rules; `OK` if it accepts the certificate."""
    (folder / "bundle.pem").write_bytes(bundle)
    (folder / "leaf.pem").write_bytes(pair.certificate_pem)
    name = ["-verify_ip" if is_address(host) else "-verify_hostname", host]
    rules = ["-x509_strict", "-purpose", "sslserver", "-no-CApath", "-attime", str(int(at.timestamp()))]
    command = ["openssl", "verify", *rules, *name, "-CAfile", str(folder / "bundle.pem"), str(folder / "leaf.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix(f"{folder / 'leaf.pem'}: ") or done.stderr


def handshake(bundle: bytes, pair: KeyPair, host: str, folder: Path) -> None:
    """A handshake in memory, with real contexts on both sides; the client applies Python's strict rules."""
    (folder / "pair.pem").write_bytes(pair.certificate_pem + pair.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "pair.pem")
    client = ssl.create_default_context(cadata=bundle.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert client.verify_mode is ssl.CERT_REQUIRED
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=host)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [here, there]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


def test_a_ca_is_a_ca_for_ten_years_from_an_hour_ago() -> None:
    certificate = AUTHORITY.certificate
    assert_is_ca(certificate)
    assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=3650)


def test_a_serving_certificate_is_a_leaf_for_ninety_days_from_an_hour_ago() -> None:
    certificate = ISSUED.certificate
    assert_is_leaf(certificate, AUTHORITY.certificate)
    assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=90)


def test_both_keys_are_of_the_curve_p256() -> None:
    assert [AUTHORITY.key.curve.name, ISSUED.key.curve.name] == ["secp256r1", "secp256r1"]


def test_no_two_authorities_share_a_name() -> None:
    assert len({new_authority(NOW).certificate.subject for _ in range(20)}) == 20


def test_a_serving_certificate_never_outlives_its_ca() -> None:
    late = AUTHORITY.certificate.not_valid_after_utc - timedelta(days=3)
    assert issue(AUTHORITY, ["localhost"], late).certificate.not_valid_after_utc == late + timedelta(days=3)


def test_hosts_are_written_once_in_their_shortest_form() -> None:
    hosts = ["Webhook.Spark.svc", "webhook.spark.svc", "127.0.0.1", "0:0:0:0:0:0:0:1", "LOCALHOST"]
    assert canonical(hosts) == ("webhook.spark.svc", "127.0.0.1", "::1", "localhost")


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "*.spark.svc",
        "a_b",
        "é.example",
        "a" * 64,
        "1.2.3",
        "10.0.0.256",
        "a.0",
        "fe80::1%eth0",
        "a\n",
        "a\x00b",
        "https://a",
        "a:443",
        ".".join(["a" * 63] * 4),
    ],
)
def test_a_host_that_no_certificate_can_name_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(InputError) as caught:
        issue(AUTHORITY, ["localhost", host], NOW)
    assert str(caught.value) == (
        f"host: found {host!r};"
        " accepted: DNS names of letters, digits, hyphens and dots, and IP addresses without a zone"
    )


def test_no_host_at_all_is_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"^no host for the certificate; accepted: DNS names of [a-z ,]*, and IP addresses without a zone$",
    ):
        issue(AUTHORITY, [], NOW)


@given(hosts=HOSTS)
def test_whatever_is_issued_verifies_by_the_rules_of_the_web(hosts: list[str]) -> None:
    """The strictest rules that exist (CA/Browser Forum, as in pyca/cryptography), for each host."""
    pair = issue(AUTHORITY, hosts, NOW)
    assert_is_leaf(pair.certificate, AUTHORITY.certificate)
    store = verification.Store([AUTHORITY.certificate])
    for host in hosts:
        subject = x509.IPAddress(ipaddress.ip_address(host)) if is_address(host) else x509.DNSName(host)
        verifier = verification.PolicyBuilder().store(store).time(NOW).build_server_verifier(subject)
        assert verifier.verify(pair.certificate, []) == [pair.certificate, AUTHORITY.certificate]


@given(hosts=HOSTS)
def test_whatever_is_issued_verifies_by_pythons_strict_rules(
    hosts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    now = datetime.now(UTC)
    authority = new_authority(now)
    pair = issue(authority, hosts, now)
    for host in hosts:
        handshake(authority.certificate_pem, pair, host, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoClient]:
    with GoClient(tmp_path_factory.mktemp("go")) as client:
        yield client


@given(hosts=st.lists(st.one_of(DNS_NAMES, ADDRESSES), min_size=1, max_size=3))
def test_whatever_is_issued_verifies_by_gos_rules(hosts: list[str], go: GoClient) -> None:
    """The API server is written in Go."""
    now = datetime.now(UTC)
    authority, other = new_authority(now), new_authority(now)
    pair = issue(authority, hosts, now)
    bundle = other.certificate_pem + authority.certificate_pem
    assert [go.refusal(pair, bundle, host) for host in hosts] == [""] * len(hosts)


def test_go_refuses_what_it_should(go: GoClient) -> None:
    now = datetime.now(UTC)
    authority = new_authority(now)
    pair = issue(authority, ["localhost"], now)
    old = new_authority(now - timedelta(days=91))
    expired = issue(old, ["localhost"], now - timedelta(days=91))
    refusals = [
        go.refusal(pair, authority.certificate_pem, "other.example"),
        go.refusal(pair, new_authority(now).certificate_pem, "localhost"),
        go.refusal(issue(pair, ["localhost"], now), pair.certificate_pem, "localhost"),
        go.refusal(expired, old.certificate_pem, "localhost"),
    ]
    assert [refusal.partition("x509: ")[2].split(":")[0].split(" (")[0] for refusal in refusals] == [
        "certificate is valid for localhost, not other.example",
        "certificate signed by unknown authority",
        "certificate signed by unknown authority",
        "certificate has expired or is not yet valid",
    ]


def test_the_handshake_of_these_tests_can_fail(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = new_authority(now)
    pair = issue(authority, ["localhost"], now)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority.certificate_pem, pair, "other.example", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(new_authority(now).certificate_pem, pair, "localhost", tmp_path)


@pytest.mark.needs("openssl")
@given(hosts=st.lists(st.one_of(DNS_NAMES, ADDRESSES), min_size=1, max_size=2))
def test_whatever_is_issued_verifies_by_openssls_strict_rules(
    hosts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pair = issue(AUTHORITY, hosts, NOW)
    folder = tmp_path_factory.getbasetemp()
    assert [openssl_verify(folder, AUTHORITY.certificate_pem, pair, host, NOW) for host in hosts] == ["OK"] * len(hosts)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (NOW - timedelta(minutes=61), "not yet valid"),
        (NOW - timedelta(minutes=59), "OK"),
        (NOW + timedelta(days=90, minutes=-1), "OK"),
        (NOW + timedelta(days=90, minutes=1), "has expired"),
    ],
)
def test_openssl_finds_a_serving_certificate_valid_exactly_in_its_time(
    at: datetime, verdict: str, tmp_path: Path
) -> None:
    assert verdict in openssl_verify(tmp_path, AUTHORITY.certificate_pem, ISSUED, "localhost", at)


@pytest.mark.needs("openssl")
def test_two_authorities_in_one_bundle_both_verify(tmp_path: Path) -> None:
    second = new_authority(NOW)
    bundle = AUTHORITY.certificate_pem + second.certificate_pem
    for authority in (AUTHORITY, second):
        assert openssl_verify(tmp_path, bundle, issue(authority, ["localhost"], NOW), "localhost", NOW) == "OK"


def test_a_serving_certificate_signs_nothing(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = new_authority(now)
    serving = issue(authority, ["localhost"], now)
    forged = issue(serving, ["localhost"], now)
    bundle = authority.certificate_pem + serving.certificate_pem
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(bundle, forged, "localhost", tmp_path)


def test_a_private_key_shows_in_no_representation() -> None:
    body = ISSUED.key_pem.decode().splitlines()[1]
    assert body not in repr(ISSUED)


def test_loopback_names_resolve_here_as_issued() -> None:
    """`make run` serves under this name."""
    assert socket.gethostbyname("localhost") == "127.0.0.1"
