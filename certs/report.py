"""Describes the certificates of a source, and what is wrong with them, for people to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from certs.keyring import CURRENT, managed, read_keyring
from certs.material import CA, CERTIFICATE, FILES, belongs, common_name, date, is_ca, issuer_name, names, read
from certs.pem import PemError, read_certificates


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate of a source."""

    file: str
    """The file or key that contains it."""
    certificate: x509.Certificate
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one source at one moment."""

    source: str
    """What sentences call it, such as `the folder .local/tls`."""
    now: datetime
    certificates: tuple[Shown, ...]
    problems: tuple[str, ...]
    """What is wrong, one clause each."""
    notes: tuple[str, ...] = ()
    """What could not be checked."""


def report(source: str, data: Mapping[str, bytes], hosts: Sequence[str], now: datetime) -> Report:
    """Describes the files of a folder, or the data of a serving Secret or the CA's Secret.

    A serving certificate must name all `hosts`, if any.
    """
    if not _holds_authorities(data):
        return presented(source, data, hosts, now, FILES)
    ring = read_keyring(data, now)
    shown = [Shown(CERTIFICATE, ring.current.certificate, "signs")] if ring.current else []
    if ring.next:
        shown.append(Shown("next.crt", ring.next.certificate, "will sign once it is trusted everywhere"))
    remark = "no longer signs, trusted until"
    shown += [Shown("retired", old.certificate, f"{remark} {date(old.until)}") for old in ring.retired]
    return Report(source, now, tuple(shown), ring.problems)


def presented(
    source: str, data: Mapping[str, bytes], hosts: Sequence[str], now: datetime, expected: Sequence[str]
) -> Report:
    """Describes a serving certificate of which only the files in `expected` must be there."""
    material = read(data, hosts, now, expected)
    serving = material.serving
    key = "its key matches" if serving and material.key and belongs(material.key, serving) else ""
    shown = [Shown(CERTIFICATE, certificate, "" if index else key) for index, certificate in enumerate(material.chain)]
    shown += [Shown(CA, certificate) for certificate in material.bundle]
    return Report(source, now, tuple(shown), material.problems)


def lines(found: Report) -> Iterator[str]:
    """A report as lines of text."""
    yield found.source
    for shown in found.certificates:
        certificate = shown.certificate
        own = certificate.issuer == certificate.subject
        issuer = "itself" if own else issuer_name(certificate).removeprefix("CN=")
        yield f"  {shown.file}: {common_name(certificate)}, issued by {issuer}"
        if named := names(certificate):
            yield f"    for {', '.join(named)}"
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        yield f"    valid from {date(begin)} to {date(end)}, {_left((end - found.now).days)}"
        if shown.remark:
            yield f"    {shown.remark}"
    yield from (f"  note: {note}" for note in found.notes)
    yield from (f"  wrong: {problem}" for problem in found.problems)
    if not found.problems:
        yield "  nothing is wrong"


def _holds_authorities(data: Mapping[str, bytes]) -> bool:
    """Whether data is that of the CA's Secret: it has no bundle, and its certificate is that of a CA."""
    try:
        return CA not in data and is_ca(read_certificates(data.get(CURRENT[0]))[0])
    except PemError:
        return any(managed(key) and key not in FILES for key in data)


def _left(days: int) -> str:
    count = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
    return f"expired {count} ago" if days < 0 else f"{count} left"
