"""PEM texts (RFC 7468), read and written."""

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
"""What cryptography raises of a certificate; it reads most of one only when asked for it."""


class PemError(ValueError):
    """A file that cannot be read as what it should be; the message goes on from the file's name: ``is missing``."""


def encode(certificates: Iterable[x509.Certificate]) -> bytes:
    """Return certificates as one PEM text, in the order given."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def encode_key(key: PrivateKeyTypes) -> bytes:
    """Return a private key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_certificates(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text, in order, at least one.

    Raises:
        PemError: It is missing, empty, or no PEM certificates.
    """
    content = _present(pem)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cryptography warns of odd serial numbers, which others may well issue
            certificates = tuple(x509.load_pem_x509_certificates(content))
            for certificate in certificates:
                _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key()
                _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _UNREADABLE as error:
        raise PemError("holds no readable PEM certificate") from error
    return certificates


def read_key(pem: bytes | None) -> PrivateKeyTypes:
    """Return the private key of a PEM text.

    Raises:
        PemError: It is missing, empty, encrypted, or no PEM private key.
    """
    content = _present(pem)
    try:
        return serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise PemError("is encrypted, but has to be readable without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError("holds no readable PEM private key") from error


def _present(content: bytes | None) -> bytes:
    if content is None:
        raise PemError("is missing")
    if not content.strip():
        raise PemError("is empty")
    return content
