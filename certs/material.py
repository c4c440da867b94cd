"""What a folder, a Secret or a server holds of certificates: raw at first, then read, then judged.

The contract with the admission service is three PEM files, named as a Secret of type ``kubernetes.io/tls`` names its
keys: ``tls.crt`` (the serving certificate, then any intermediates), ``tls.key`` and ``ca.crt`` (the bundle to trust).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

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


class Problem(NamedTuple):
    """One thing that is wrong, as a sentence without its end: ``str()`` gives ``tls.crt is missing``."""

    file: str
    fault: str

    def __str__(self) -> str:
        return f"{self.file} {self.fault}"


@dataclass(frozen=True, slots=True)
class Material:
    """What was read of a source, and all that is wrong with it.

    Attributes:
        chain: The certificates of ``tls.crt``, the serving one first; empty if unreadable.
        key: The private key of ``tls.key``; None if unreadable or not looked at.
        bundle: The certificates of ``ca.crt``; empty if unreadable.
        problems: What is wrong, worst first; empty when all is well.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes | None
    bundle: tuple[x509.Certificate, ...]
    problems: tuple[Problem, ...]

    @property
    def serving(self) -> x509.Certificate | None:
        """The serving certificate itself."""
        return self.chain[0] if self.chain else None


def pem_files(pair: KeyPair, bundle: Iterable[x509.Certificate]) -> dict[str, bytes]:
    """Return the three files for a serving pair and the CA certificates to trust, as name → PEM."""
    return {CERTIFICATE: pair.certificate_pem, KEY: pair.key_pem, CA: encode(bundle)}


def read(data: Mapping[str, bytes], hosts: Sequence[str], now: datetime, expected: Sequence[str] = FILES) -> Material:
    """Read and judge the three files.

    Args:
        data: File name → content.
        hosts: DNS names and IP addresses that the certificate has to name; may be empty.
        now: The moment to judge validity at.
        expected: The files that have to be there; an absent one that is not expected is no problem.
    """
    problems: list[Problem] = []

    def attempt(name: str, parse: Callable[[bytes | None], T]) -> T | None:
        if name not in data and name not in expected:
            return None
        try:
            return parse(data.get(name))
        except PemError as error:
            problems.append(Problem(name, str(error)))
            return None

    chain = attempt(CERTIFICATE, read_certificates) or ()
    key = attempt(KEY, read_key)
    bundle = attempt(CA, read_certificates) or ()
    if chain:
        problems += _faults(chain, key, bundle, hosts, now)
    problems += [Problem(CA, f"holds {fault}") for fault in _bundle_faults(bundle, now)]
    return Material(chain, key, bundle, tuple(problems))


def belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Say whether a private key is that of a certificate."""
    return key.public_key() == certificate.public_key()


def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Say whether ``issuer`` signed ``certificate`` (name and signature; nothing else is looked at)."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_ca(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may sign others (RFC 5280 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and IP addresses of a certificate's subjectAltName, in its order."""
    return tuple(str(name.value) for name in _general_names(certificate))


def common_name(certificate: x509.Certificate) -> str:
    """Return what to call a certificate: its subject's common name."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else "a certificate without a name"


def date(moment: datetime) -> str:
    """Return a moment for people to read: ``2030-01-31 12:00 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _faults(
    chain: Sequence[x509.Certificate],
    key: PrivateKeyTypes | None,
    bundle: Sequence[x509.Certificate],
    hosts: Sequence[str],
    now: datetime,
) -> list[Problem]:
    """Say what is wrong with a serving certificate in its surroundings."""
    serving = chain[0]
    faults = []
    if key is not None and not belongs(key, serving):
        faults.append(Problem(KEY, f"does not belong to {CERTIFICATE}"))
    dates = list(_date_faults(serving, now))
    faults += [Problem(CERTIFICATE, fault) for fault in dates]
    named = names(serving)
    missing = [host for host in (canonical(hosts) if hosts else ()) if host not in named]
    if not named:
        faults.append(Problem(CERTIFICATE, "names no DNS name or IP address (subjectAltName)"))
    elif missing:
        faults.append(Problem(CERTIFICATE, f"does not name {', '.join(missing)}, only {', '.join(named)}"))
    if bundle and named and not dates:
        faults += [Problem(CERTIFICATE, fault) for fault in _chain_faults(chain, bundle, now)]
    return faults


def _chain_faults(
    chain: Sequence[x509.Certificate], bundle: Sequence[x509.Certificate], now: datetime
) -> Iterable[str]:
    """Say why a certificate does not lead to the bundle; it is valid by date and has names."""
    serving, *intermediates = chain
    if serving in bundle:
        return
    # A server's verifier has to be given a name, and refuses a wildcard; the names are judged already.
    # Extensions are left to their issuers' taste here: Go, which is the API server, is no stricter.
    any_extensions = verification.ExtensionPolicy.permit_all()
    agnostic = verification.Criticality.AGNOSTIC
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(bundle)))
        .time(now)
        .extension_policies(
            ca_policy=any_extensions.require_present(x509.BasicConstraints, agnostic, None),
            ee_policy=any_extensions.require_present(x509.SubjectAlternativeName, agnostic, None),
        )
        .build_client_verifier()
    )
    try:
        verifier.verify(serving, intermediates)
    except verification.VerificationError as error:
        issuer = serving.issuer.rfc4514_string() or "an issuer without a name"
        detail = "" if "no interior errors" in str(error) else f" ({str(error).removeprefix('validation failed: ')})"
        yield f"is not signed by any certificate of {CA}, but by {issuer}{detail}"


def _date_faults(certificate: x509.Certificate, now: datetime) -> Iterable[str]:
    if now > certificate.not_valid_after_utc:
        yield f"expired on {date(certificate.not_valid_after_utc)}"
    if now < certificate.not_valid_before_utc:
        yield f"is not valid before {date(certificate.not_valid_before_utc)}"


def _bundle_faults(bundle: Sequence[x509.Certificate], now: datetime) -> Iterable[str]:
    """A certificate that expired in a bundle is no fault while another one is valid: nobody trusts it any more."""
    faults = [fault for certificate in bundle for fault in _date_faults(certificate, now)]
    if bundle and len(faults) == len(bundle):
        yield f"no valid certificate: it {faults[0]}"


def _general_names(certificate: x509.Certificate) -> list[x509.DNSName | x509.IPAddress]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [name for name in extension.value if isinstance(name, x509.DNSName | x509.IPAddress)]
