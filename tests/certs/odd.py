"""Certificates that this project would not issue."""

import ssl
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import KeyPair

_ALTERED = {
    "an extension twice": ("0603551d0f", "0603551d13"),
    "an unknown curve": ("06082a8648ce3d030107", "06082a8648ce3d03017f"),
    "an unknown kind of key": ("06072a8648ce3d0201", "06072a8648ce3d027f"),
    "an unknown version": ("a003020102", "a003020105"),
}
"""The bytes of a certificate of ours, and what they become."""

KINDS = tuple(_ALTERED)


def unreadable(pem: bytes, kind: str) -> bytes:
    """A CA's certificate, changed so that it cannot be read."""
    before, after = map(bytes.fromhex, _ALTERED[kind])
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    assert der.count(before) == 1
    return ssl.DER_cert_to_PEM_cert(der.replace(before, after)).encode()


def certificate_for(name: str, authority: KeyPair, now: datetime, end: datetime | None = None) -> KeyPair:
    """A certificate for any DNS name, valid until `end`."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(authority.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(end or now + timedelta(days=90))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    return KeyPair(builder.sign(authority.key, hashes.SHA256()), key)
