"""The authorities of one cluster, as the CA's Secret keeps them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import SERVING_LIFETIME, SKEW, KeyPair
from certs.material import Problem, belongs, date, is_ca
from certs.pem import PemError, encode, read_certificates, read_key

CURRENT = ("tls.crt", "tls.key")
NEXT = ("next.crt", "next.key")
_TIME = "%Y%m%dT%H%M%SZ"
_RETIRED = re.compile(r"retired-(\d{8}T\d{6}Z)-[0-9a-f]{8}\.crt")


@dataclass(frozen=True, slots=True)
class Retired:
    """A CA that signs no more; it is trusted until the last certificate it can have signed has expired."""

    certificate: x509.Certificate
    until: datetime


@dataclass(frozen=True, slots=True)
class Keyring:
    """The authorities: one signs, one may wait to, some are only trusted.

    Attributes:
        current: The CA that signs; None when there is none that could.
        next: The CA that will sign once it is trusted everywhere.
        retired: The CAs that signed before.
        problems: What of the Secret could not be used.
    """

    current: KeyPair | None = None
    next: KeyPair | None = None
    retired: tuple[Retired, ...] = ()
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    def knows(self, certificate: x509.Certificate) -> bool:
        """Say whether a certificate is one of these CAs', trusted or not."""
        pairs = [pair.certificate for pair in (self.current, self.next) if pair]
        return certificate in pairs or any(old.certificate == certificate for old in self.retired)

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """The CAs to trust, the oldest first: an order that no rotation changes.

        No clock has a say in it, so controllers whose clocks differ publish the same.
        """
        pairs = [pair.certificate for pair in (self.current, self.next) if pair]
        certificates = {*pairs, *(old.certificate for old in self.retired)}
        return tuple(sorted(certificates, key=lambda ca: (ca.not_valid_before_utc, ca.fingerprint(hashes.SHA256()))))

    def retire(self, certificates: Iterable[x509.Certificate], now: datetime) -> "Keyring":
        """Return the keyring with some CAs trusted for as long as what they signed until now can live.

        An hour is added, for another controller whose clock is slow.
        """
        until = now.replace(microsecond=0) + SERVING_LIFETIME + SKEW
        signing = [pair.certificate for pair in (self.current, self.next) if pair]
        fresh = {ca for ca in certificates if ca not in signing and now <= ca.not_valid_after_utc}
        kept = (old for old in self.retired if old.certificate not in fresh)
        return replace(self, retired=(*kept, *(Retired(ca, until) for ca in fresh)))

    def forget(self, now: datetime) -> "Keyring":
        """Return the keyring without the CAs whose last certificate has expired."""
        kept = (old for old in self.retired if now < old.until and now <= old.certificate.not_valid_after_utc)
        return replace(self, retired=tuple(kept))

    def data(self) -> dict[str, bytes]:
        """Return what the Secret is to hold, as key → PEM."""
        data: dict[str, bytes] = {}
        for (certificate, key), pair in ((CURRENT, self.current), (NEXT, self.next)):
            if pair:
                data |= {certificate: pair.certificate_pem, key: pair.key_pem}
        for old in self.retired:
            name = f"retired-{old.until:{_TIME}}-{old.certificate.fingerprint(hashes.SHA256())[:4].hex()}.crt"
            data[name] = encode([old.certificate])
        return data


def managed(key: str) -> bool:
    """Say whether a key of the CA's Secret is the keyring's; others are left as they are."""
    return key in (*CURRENT, *NEXT) or key.startswith("retired-")


def read_keyring(data: Mapping[str, bytes], now: datetime) -> Keyring:
    """Read the CA's Secret, leaving out, and naming as problems, what cannot be used.

    Where the current CA cannot sign any more but its certificate can be read, it comes back as retired, so that what
    it signed stays trusted.
    """
    problems: list[Problem] = []
    current = _pair(data, *CURRENT, now, problems)
    following = _pair(data, *NEXT, now, problems) if any(key in data for key in NEXT) else None
    ring = Keyring(current, following, tuple(_retired(data, problems)), tuple(problems))
    return ring if current else ring.retire(_authorities(data.get(CURRENT[0])), now)


def _pair(
    data: Mapping[str, bytes], certificate_key: str, private_key: str, now: datetime, problems: list[Problem]
) -> KeyPair | None:
    """Return a CA's pair if it can sign now; otherwise say why not."""
    found = []
    try:
        certificate, *more = read_certificates(data.get(certificate_key))
        found += [Problem(certificate_key, fault) for fault in _faults(certificate, now)]
        if more:
            found.append(Problem(certificate_key, "holds more than one certificate"))
    except PemError as error:
        found.append(Problem(certificate_key, str(error)))
    try:
        key = read_key(data.get(private_key))
    except PemError as error:
        found.append(Problem(private_key, str(error)))
    if not found:
        if isinstance(key, ec.EllipticCurvePrivateKey) and belongs(key, certificate):
            return KeyPair(certificate, key)
        fault = f"does not belong to {certificate_key}" if not belongs(key, certificate) else "is of no elliptic curve"
        found.append(Problem(private_key, fault))
    problems += found
    return None


def _faults(certificate: x509.Certificate, now: datetime) -> Iterable[str]:
    if not is_ca(certificate):
        yield "is not the certificate of a CA"
    extensions = [extension.oid for extension in certificate.extensions]
    if x509.SubjectKeyIdentifier.oid not in extensions:
        yield "has no subject key identifier"
    if now > certificate.not_valid_after_utc:
        yield f"expired on {date(certificate.not_valid_after_utc)}"
    if now < certificate.not_valid_before_utc:
        yield f"is not valid before {date(certificate.not_valid_before_utc)}"


def _retired(data: Mapping[str, bytes], problems: list[Problem]) -> Iterable[Retired]:
    for key in sorted(filter(managed, data)):
        if key in (*CURRENT, *NEXT):
            continue
        until, authorities = _until(key), _authorities(data[key])
        if until and len(authorities) == 1:
            yield Retired(authorities[0], until)
        else:
            problems.append(Problem(key, "is not the certificate of a retired CA"))


def _until(key: str) -> datetime | None:
    matched = _RETIRED.fullmatch(key)
    try:
        return datetime.strptime(matched[1], _TIME).replace(tzinfo=UTC) if matched else None
    except ValueError:
        return None


def _authorities(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(filter(is_ca, read_certificates(pem)))
    except PemError:
        return ()
