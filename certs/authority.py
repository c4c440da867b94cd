"""Issues certificates: new CAs and the serving certificates that they sign."""

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.errors import InputError
from certs.pem import encode

#: The start of every CA's common name.
CA_NAME = "spark-eci-webhook CA"
CA_LIFETIME = timedelta(days=3650)
SERVING_LIFETIME = timedelta(days=90)
#: How long before the time of issue a certificate begins to be valid, for clients whose clock is slow.
SKEW = timedelta(hours=1)

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_NAME_LIMIT = 253
_ACCEPTED = "DNS names of letters, digits, hyphens and dots, and IP addresses without a zone"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return encode([self.certificate])

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8 PEM."""
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def new_authority(now: datetime) -> KeyPair:
    """A new CA, valid from an hour before `now` for ten years.

    Its subject contains a part of its key's identifier. So all CAs in a bundle have different names, and every client
    finds the right one.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = x509.Name.from_rfc4514_string(f"CN={CA_NAME} {identifier.digest[:4].hex()}")
    builder = _builder(key, name, name, ca=True).not_valid_before(now - SKEW).not_valid_after(now + CA_LIFETIME)
    return KeyPair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: KeyPair, hosts: Iterable[str], now: datetime) -> KeyPair:
    """A new serving certificate for `hosts` (RFC 5280 4.2.1.6), signed by `authority`.

    It is valid from an hour before `now` for 90 days, but no longer than the CA. Raises InputError.
    """
    names = [general_name(host) for host in canonical(hosts)]
    key = ec.generate_private_key(ec.SECP256R1())
    ca = authority.certificate
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    builder = (
        _builder(key, x509.Name.from_rfc4514_string("CN=spark-eci-webhook"), ca.subject, ca=False)
        .not_valid_before(max(now - SKEW, ca.not_valid_before_utc))
        .not_valid_after(min(now + SERVING_LIFETIME, ca.not_valid_after_utc))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer, critical=False)
    )
    return KeyPair(builder.sign(authority.key, hashes.SHA256()), key)


def canonical(hosts: Iterable[str]) -> tuple[str, ...]:
    """The hosts as a certificate writes them: lower case, addresses in their shortest form, each once, in order.

    Raises InputError if a host cannot be named or there is none.
    """
    names = tuple(dict.fromkeys(str(general_name(host).value) for host in hosts))
    if not names:
        raise InputError(f"no host for the certificate; accepted: {_ACCEPTED}")
    return names


def general_name(host: str) -> x509.DNSName | x509.IPAddress:
    """A host as a name of the subjectAltName extension.

    Raises InputError unless it is an IP address without a zone or a DNS name (RFC 1123 2.1: ASCII letters, digits and
    inner hyphens, the last label not a number, no wildcard).
    """
    if "%" not in host:  # a zone
        with suppress(ValueError):
            return x509.IPAddress(ipaddress.ip_address(host))
    name = host.lower()
    labels = name.split(".")
    if len(name) > _DNS_NAME_LIMIT or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
        raise InputError(f"host: found {host!r}; accepted: {_ACCEPTED}")
    return x509.DNSName(name)


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, *, ca: bool
) -> x509.CertificateBuilder:
    """What the certificates of CAs and servers have in common."""
    usage = x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
