"""The certificate authority: what it is and what it signs, as values in memory.

Nothing here reads a clock, a file or the network. Times are aware datetimes, handed in as ``now``.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.errors import InputError
from certs.pem import encode, encode_key

CA_NAME = "spark-eci-webhook CA"
"""How the common name of every CA begins."""

CA_LIFETIME = timedelta(days=3650)
SERVING_LIFETIME = timedelta(days=90)
SKEW = timedelta(hours=1)
"""How far notBefore lies back, for clients whose clock is slow."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_NAME_LIMIT = 253


class HostError(InputError):
    """A host that no certificate can name."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return encode([self.certificate])

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8 PEM."""
        return encode_key(self.key)


def new_authority(now: datetime) -> KeyPair:
    """Return a new CA, valid from an hour before ``now`` for ten years.

    Its subject holds a part of its key's identifier: CAs that stand in one bundle never share a name, so every client
    finds the right one.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _name(f"{CA_NAME} {identifier.digest[:4].hex()}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate, key)


def issue(authority: KeyPair, hosts: Iterable[str], now: datetime) -> KeyPair:
    """Return a new serving certificate for ``hosts``, signed by ``authority``.

    Args:
        authority: The CA that signs.
        hosts: DNS names and IP addresses (RFC 5280 4.2.1.6), at least one.
        now: The certificate is valid from an hour before it for 90 days, though never longer than the CA.

    Raises:
        HostError: A host is neither a DNS name nor an IP address, or there is none.
    """
    names = [general_name(host) for host in canonical(hosts)]
    key = ec.generate_private_key(ec.SECP256R1())
    ca = authority.certificate
    issuer_identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name("spark-eci-webhook"))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - SKEW, ca.not_valid_before_utc))
        .not_valid_after(min(now + SERVING_LIFETIME, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return KeyPair(certificate, key)


def canonical(hosts: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts as a certificate writes them, each once, in their order.

    DNS names come out in lower case, IP addresses in their shortest form.

    Raises:
        HostError: A host is neither a DNS name nor an IP address, or there is none.
    """
    names = tuple(dict.fromkeys(str(general_name(host).value) for host in hosts))
    if not names:
        raise HostError("A serving certificate needs at least one host, a DNS name or an IP address.")
    return names


def general_name(host: str) -> x509.DNSName | x509.IPAddress:
    """Return a host as a name of the subjectAltName extension.

    Raises:
        HostError: It is neither a DNS name (RFC 1123 2.1: letters, digits and inner hyphens, the last label not a
            number; ASCII only, no wildcard) nor an IP address without a zone.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if not getattr(address, "scope_id", None):
            return x509.IPAddress(address)
    name = host.lower()
    labels = name.split(".")
    if len(name) > _DNS_NAME_LIMIT or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
        raise HostError(
            f"The host {host!r} cannot stand in a certificate: accepted are DNS names of letters, digits, hyphens and"
            " dots, such as webhook.spark.svc, and IP addresses without a zone, such as 127.0.0.1 or ::1."
        )
    return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
