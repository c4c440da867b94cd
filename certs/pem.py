"""Reads and writes PEM texts (RFC 7468)."""

import warnings
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class PemError(ValueError):
    """A file cannot be used; the message continues the name of the file, such as `is missing`."""


def encode(certificates: Iterable[x509.Certificate]) -> bytes:
    """Certificates as one PEM text, in the order given."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def read_certificates(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, in order, at least one. Raises PemError."""
    content = _present(pem)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cryptography warns of serial numbers that some issuers use
            certificates = tuple(x509.load_pem_x509_certificates(content))
            for certificate in certificates:  # cryptography parses most of a certificate only on access
                _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key()
                _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _UNREADABLE as error:
        raise PemError("holds no readable PEM certificate") from error
    return certificates


def read_key(pem: bytes | None) -> PrivateKeyTypes:
    """The private key of a PEM text. Raises PemError."""
    content = _present(pem)
    try:
        return serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise PemError("is encrypted, but must be readable without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError("holds no readable PEM private key") from error


def _present(content: bytes | None) -> bytes:
    if content is None:
        raise PemError("is missing")
    if not content.strip():
        raise PemError("is empty")
    return content
