"""The CAs of one cluster, as the CA's Secret keeps them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import SERVING_LIFETIME, SKEW, KeyPair
from certs.material import attempt, belongs, date_faults, is_ca
from certs.pem import PemError, encode, read_certificates, read_key

#: The keys of the CA's Secret: the certificate and the private key of each CA that has one.
CURRENT = ("tls.crt", "tls.key")
NEXT = ("next.crt", "next.key")
_TIME = "%Y%m%dT%H%M%SZ"
_RETIRED = re.compile(r"retired-(\d{8}T\d{6}Z)-[0-9a-f]{8}\.crt")


@dataclass(frozen=True, slots=True)
class Retired:
    """A CA that no longer signs; it is trusted until the last certificate it can have signed has expired."""

    certificate: x509.Certificate
    until: datetime


@dataclass(frozen=True, slots=True)
class Keyring:
    """The CAs: one signs, one may be waiting to sign, others are only trusted."""

    current: KeyPair | None = None
    """The CA that signs; None if none can."""
    next: KeyPair | None = None
    """The CA that will sign once it is trusted everywhere."""
    retired: tuple[Retired, ...] = ()
    problems: tuple[str, ...] = ()
    """What in the Secret could not be used."""

    @property
    def _signing(self) -> list[x509.Certificate]:
        return [pair.certificate for pair in (self.current, self.next) if pair]

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """The CAs to trust, oldest first.

        The order depends on no clock and no role, so controllers whose clocks differ publish the same bundle.
        """
        certificates = {*self._signing, *(old.certificate for old in self.retired)}
        return tuple(sorted(certificates, key=lambda ca: (ca.not_valid_before_utc, ca.fingerprint(hashes.SHA256()))))

    def retire(self, certificates: Iterable[x509.Certificate], now: datetime) -> "Keyring":
        """The keyring that trusts `certificates` for as long as what they signed until `now` can be valid.

        An hour is added, for another controller whose clock is slow.
        """
        until = now.replace(microsecond=0) + SERVING_LIFETIME + SKEW
        fresh = {ca for ca in certificates if ca not in self._signing and now <= ca.not_valid_after_utc}
        kept = (old for old in self.retired if old.certificate not in fresh)
        return replace(self, retired=(*kept, *(Retired(ca, until) for ca in fresh)))

    def forget(self, now: datetime) -> "Keyring":
        """The keyring without the CAs whose last certificate has expired at `now`."""
        kept = (old for old in self.retired if now < old.until and now <= old.certificate.not_valid_after_utc)
        return replace(self, retired=tuple(kept))

    def data(self) -> dict[str, bytes]:
        """The data that the Secret should have, as key → PEM."""
        data: dict[str, bytes] = {}
        for (certificate, key), pair in ((CURRENT, self.current), (NEXT, self.next)):
            if pair:
                data |= {certificate: pair.certificate_pem, key: pair.key_pem}
        for old in self.retired:
            name = f"retired-{old.until:{_TIME}}-{old.certificate.fingerprint(hashes.SHA256())[:4].hex()}.crt"
            data[name] = encode([old.certificate])
        return data


def managed(key: str) -> bool:
    """Whether a key of the CA's Secret belongs to the keyring; all other keys stay as they are."""
    return key in (*CURRENT, *NEXT) or key.startswith("retired-")


def read_keyring(data: Mapping[str, bytes], now: datetime) -> Keyring:
    """Reads the CA's Secret; leaves out what cannot be used, and names it in `problems`.

    A current CA that cannot sign but whose certificate can be read is retired, so that what it signed stays trusted.
    """
    problems: list[str] = []
    current = _pair(data, CURRENT, now, problems)
    following = _pair(data, NEXT, now, problems) if any(key in data for key in NEXT) else None
    ring = Keyring(current, following, tuple(_retired(data, problems)), tuple(problems))
    return ring if current else ring.retire(authorities(data.get(CURRENT[0])), now)


def authorities(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    """The CA certificates of a PEM text; none if it cannot be read."""
    try:
        return tuple(filter(is_ca, read_certificates(pem)))
    except PemError:
        return ()


def _pair(data: Mapping[str, bytes], keys: tuple[str, str], now: datetime, problems: list[str]) -> KeyPair | None:
    """The CA under two keys of the Secret if it can sign at `now`; otherwise None, and why in `problems`."""
    certificate_key, private_key = keys
    found: list[str] = []
    certificates = attempt(data, certificate_key, read_certificates, found) or ()
    if certificates:
        found += [f"{certificate_key} {fault}" for fault in _faults(certificates, now)]
    key = attempt(data, private_key, read_key, found)
    if key and not found:
        if not belongs(key, certificates[0]):
            found.append(f"{private_key} does not belong to {certificate_key}")
        elif isinstance(key, ec.EllipticCurvePrivateKey):
            return KeyPair(certificates[0], key)
        else:
            found.append(f"{private_key} is not of an elliptic curve")
    problems += found
    return None


def _faults(certificates: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    """Why a CA with these certificates cannot sign at `now`; a CA must have one certificate."""
    certificate, *more = certificates
    if not is_ca(certificate):
        yield "is not the certificate of a CA"
    if x509.SubjectKeyIdentifier.oid not in [extension.oid for extension in certificate.extensions]:
        yield "has no subject key identifier"
    yield from date_faults(certificate, now)
    if more:
        yield "holds more than one certificate"


def _retired(data: Mapping[str, bytes], problems: list[str]) -> Iterator[Retired]:
    for key in sorted(key for key in data if key.startswith("retired-")):
        until, found = _until(key), authorities(data[key])
        if until and len(found) == 1:
            yield Retired(found[0], until)
        else:
            problems.append(f"{key} is not the certificate of a retired CA")


def _until(key: str) -> datetime | None:
    matched = _RETIRED.fullmatch(key)
    try:
        return datetime.strptime(matched[1], _TIME).replace(tzinfo=UTC) if matched else None
    except ValueError:
        return None
