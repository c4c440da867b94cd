"""Reads and judges the certificate files of a folder, a Secret or a server.

The admission service reads the same three PEM files, named like the keys of a Secret of type `kubernetes.io/tls`:
`tls.crt` (the serving certificate, then any intermediates), `tls.key` and `ca.crt` (the CAs to trust).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from certs.authority import KeyPair, canonical
from certs.pem import PemError, encode, read_certificates, read_key

CERTIFICATE = "tls.crt"
KEY = "tls.key"
CA = "ca.crt"
FILES = (CERTIFICATE, KEY, CA)

T = TypeVar("T")
_Certificates = Sequence[x509.Certificate]


@dataclass(frozen=True, slots=True)
class Material:
    """What was read from a source, and everything that is wrong with it."""

    chain: tuple[x509.Certificate, ...]
    """The certificates of `tls.crt`, the serving one first; empty if unreadable."""
    key: PrivateKeyTypes | None
    """The private key of `tls.key`; None if unreadable or missing."""
    bundle: tuple[x509.Certificate, ...]
    """The certificates of `ca.crt`; empty if unreadable."""
    problems: tuple[str, ...]
    """What is wrong, such as `tls.crt is missing`."""

    @property
    def serving(self) -> x509.Certificate | None:
        """The serving certificate; None if unreadable."""
        return self.chain[0] if self.chain else None


def pem_files(pair: KeyPair, bundle: Iterable[x509.Certificate]) -> dict[str, bytes]:
    """The three files for a serving certificate and the CAs to trust, as name → PEM."""
    return {CERTIFICATE: pair.certificate_pem, KEY: pair.key_pem, CA: encode(bundle)}


def read(data: Mapping[str, bytes], hosts: Sequence[str], now: datetime, expected: Sequence[str] = FILES) -> Material:
    """Reads and judges the three files in `data` (name → content) at the moment `now`.

    The certificate must name all `hosts`, if any. A file that is not in `expected` may be missing.
    """
    problems: list[str] = []

    def found(name: str, parse: Callable[[bytes | None], T]) -> T | None:
        return attempt(data, name, parse, problems) if name in data or name in expected else None

    chain = found(CERTIFICATE, read_certificates) or ()
    key = found(KEY, read_key)
    bundle = found(CA, read_certificates) or ()
    if chain:
        if key is not None and not belongs(key, chain[0]):
            problems.append(f"{KEY} does not belong to {CERTIFICATE}")
        problems += [f"{CERTIFICATE} {fault}" for fault in _faults(chain, bundle, hosts, now)]
    # An expired certificate in a bundle does no harm while another one is valid.
    faults = [fault for certificate in bundle for fault in date_faults(certificate, now)]
    if bundle and len(faults) == len(bundle):
        problems.append(f"{CA} holds no valid certificate: it {faults[0]}")
    return Material(chain, key, bundle, tuple(problems))


def attempt(data: Mapping[str, bytes], name: str, parse: Callable[[bytes | None], T], problems: list[str]) -> T | None:
    """The content of the file `name` in `data`, as `parse` reads it; otherwise None, and why in `problems`."""
    try:
        return parse(data.get(name))
    except PemError as error:
        problems.append(f"{name} {error}")
        return None


def belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Whether a certificate is for a private key."""
    return key.public_key() == certificate.public_key()


def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` signed `certificate`, by name and signature only."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether a certificate may sign others (RFC 5280 4.2.1.9)."""
    values = (extension.value for extension in certificate.extensions)
    return any(isinstance(value, x509.BasicConstraints) and value.ca for value in values)


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and IP addresses of a certificate's subjectAltName, in its order."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value if isinstance(name, x509.DNSName | x509.IPAddress))


def common_name(certificate: x509.Certificate) -> str:
    """What to call a certificate: its subject's common name."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else "a certificate without a name"


def issuer_name(certificate: x509.Certificate) -> str:
    """What to call a certificate's issuer."""
    return certificate.issuer.rfc4514_string() or "an issuer without a name"


def date(moment: datetime) -> str:
    """A moment for people to read: `2030-01-31 12:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def date_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    """Why a certificate is not valid at the moment `now`, as clauses without a subject."""
    if now > certificate.not_valid_after_utc:
        yield f"expired on {date(certificate.not_valid_after_utc)}"
    if now < certificate.not_valid_before_utc:
        yield f"is not valid before {date(certificate.not_valid_before_utc)}"


def _faults(chain: _Certificates, bundle: _Certificates, hosts: Sequence[str], now: datetime) -> Iterator[str]:
    """What is wrong with a serving certificate apart from its key."""
    dates = list(date_faults(chain[0], now))
    yield from dates
    named = names(chain[0])
    missing = [host for host in (canonical(hosts) if hosts else ()) if host not in named]
    if not named:
        yield "names no DNS name or IP address (subjectAltName)"
    elif missing:
        yield f"does not name {', '.join(missing)}, only {', '.join(named)}"
    if bundle and named and not dates and chain[0] not in bundle:
        yield from _chain_faults(chain, bundle, now)


def _chain_faults(chain: _Certificates, bundle: _Certificates, now: datetime) -> Iterator[str]:
    """Why no certificate of the bundle signed a chain, given that its dates are valid and it has names."""
    serving, *intermediates = chain
    # A verifier for servers needs a name, and refuses a wildcard; but the names are judged already. Extensions are not
    # judged: Go, in which the API server is written, is no stricter.
    any_extensions = verification.ExtensionPolicy.permit_all()
    agnostic = verification.Criticality.AGNOSTIC
    builder = verification.PolicyBuilder().store(verification.Store(list(bundle))).time(now)
    verifier = builder.extension_policies(
        ca_policy=any_extensions.require_present(x509.BasicConstraints, agnostic, None),
        ee_policy=any_extensions.require_present(x509.SubjectAlternativeName, agnostic, None),
    ).build_client_verifier()
    try:
        verifier.verify(serving, intermediates)
    except verification.VerificationError as error:
        detail = "" if "no interior errors" in str(error) else f" ({str(error).removeprefix('validation failed: ')})"
        yield f"is not signed by any certificate of {CA}, but by {issuer_name(serving)}{detail}"
