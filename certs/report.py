"""What a source presents of certificates, and what is wrong with it, for people and for other commands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from certs.keyring import CURRENT, managed, read_keyring
from certs.material import CA, CERTIFICATE, FILES, belongs, common_name, date, is_ca, names, read
from certs.pem import PemError, read_certificates


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate of a source.

    Attributes:
        file: The file or key that holds it.
        certificate: The certificate.
        remark: What else there is to say of it; may be empty.
    """

    file: str
    certificate: x509.Certificate
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        source: What was looked at, for a sentence: ``the folder .local/tls``.
        now: When.
        certificates: All certificates, in their order.
        problems: What is wrong, a sentence without its end each; empty when all is well.
        notes: What could not be looked at.
    """

    source: str
    now: datetime
    certificates: tuple[Shown, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def days_left(self) -> int | None:
        """The whole days for which the certificate that is presented is still valid, negative once it expired."""
        return None if not self.certificates else (self._first.not_valid_after_utc - self.now).days

    @property
    def _first(self) -> x509.Certificate:
        return self.certificates[0].certificate


def report(source: str, data: Mapping[str, bytes], hosts: Sequence[str], now: datetime) -> Report:
    """Explain the files of a folder, or the data of a Secret, be it a serving Secret or the CA's.

    Args:
        source: What is looked at, for a sentence.
        data: File name → content.
        hosts: DNS names and IP addresses that the certificate has to name; may be empty.
        now: The moment to judge at.
    """
    if _keeps_authorities(data):
        return _authorities(source, data, now)
    return presented(source, data, hosts, now, FILES)


def presented(
    source: str, data: Mapping[str, bytes], hosts: Sequence[str], now: datetime, expected: Sequence[str]
) -> Report:
    """Explain what is presented, where only some of the three files can be looked at.

    Args:
        source: What is looked at, for a sentence.
        data: File name → content.
        hosts: DNS names and IP addresses that the certificate has to name; may be empty.
        now: The moment to judge at.
        expected: The files that have to be there.
    """
    material = read(data, hosts, now, expected)
    serving = material.serving
    key = "its key fits" if serving and material.key and belongs(material.key, serving) else ""
    shown = [Shown(CERTIFICATE, certificate, "" if index else key) for index, certificate in enumerate(material.chain)]
    shown += [Shown(CA, certificate) for certificate in material.bundle]
    return Report(source, now, tuple(shown), tuple(map(str, material.problems)))


def lines(found: Report) -> Iterator[str]:
    """Yield a report as lines of text."""
    yield found.source
    for shown in found.certificates:
        certificate = shown.certificate
        yield f"  {shown.file}: {common_name(certificate)}, issued by {_issuer(certificate)}"
        if named := names(certificate):
            yield f"    for {', '.join(named)}"
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        yield f"    valid from {date(begin)} to {date(end)}, {_left(certificate, found.now)}"
        if shown.remark:
            yield f"    {shown.remark}"
    yield from (f"  note: {note}" for note in found.notes)
    yield from (f"  wrong: {problem}" for problem in found.problems)
    if not found.problems:
        yield "  nothing is wrong"


def _keeps_authorities(data: Mapping[str, bytes]) -> bool:
    """Say whether a Secret is the CA's: it has no bundle, and what it has is a CA."""
    try:
        return CA not in data and is_ca(read_certificates(data.get(CURRENT[0]))[0])
    except PemError:
        return any(managed(key) and key not in FILES for key in data)


def _authorities(source: str, data: Mapping[str, bytes], now: datetime) -> Report:
    ring = read_keyring(data, now)
    shown = []
    if ring.current:
        shown.append(Shown(CERTIFICATE, ring.current.certificate, "signs"))
    if ring.next:
        shown.append(Shown("next.crt", ring.next.certificate, "will sign once it is trusted everywhere"))
    shown += [
        Shown("retired", old.certificate, f"signs no more, trusted until {date(old.until)}") for old in ring.retired
    ]
    return Report(source, now, tuple(shown), tuple(map(str, ring.problems)))


def _issuer(certificate: x509.Certificate) -> str:
    if certificate.issuer == certificate.subject:
        return "itself"
    return certificate.issuer.rfc4514_string().removeprefix("CN=") or "an issuer without a name"


def _left(certificate: x509.Certificate, now: datetime) -> str:
    days = (certificate.not_valid_after_utc - now).days
    if days < 0:
        return f"expired {-days} {'day' if days == -1 else 'days'} ago"
    return f"{days} {'day' if days == 1 else 'days'} left"
