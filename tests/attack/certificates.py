"""Hostile certificates in the folder of the service, while reviews go on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certs.authority import KeyPair, issue, new_authority
from certs.files import write_folder
from certs.material import pem_files
from tests.attack.target import Attack, Target
from tests.attack.wire import Answer
from tests.live_service import OVERDUE

HOSTS = ["localhost", "127.0.0.1"]
_AUTHORITY = "authority.pem"
#: Values of a subjectAltName extension that no client can read (RFC 5280, section 4.2.1.6).
_UNREADABLE = {
    "nothing": b"",
    "no sequence": b"\x04\x02ab",
    "an address of five bytes": b"\x30\x07\x87\x05\x01\x02\x03\x04\x05",
    "a name that is not ASCII": b"\x30\x04\x82\x02\xff\xfe",
    "a length beyond the end": b"\x30\x7f\x82\x02ab",
}


def prepare(tls: Path) -> None:
    """Writes a certificate into `tls`, and the key of its CA beside it."""
    signer = new_authority(datetime.now(UTC))
    write_folder(tls, pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate]))
    (tls.parent / _AUTHORITY).write_bytes(signer.certificate_pem + signer.key_pem)


def _signer(tls: Path) -> KeyPair:
    pem = (tls.parent / _AUTHORITY).read_bytes()
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return KeyPair(x509.load_pem_x509_certificate(pem), key)


def _odd(signer: KeyPair, names: bytes | None = None, *, begins: int = -1, ends: int = 90) -> KeyPair:
    """A certificate with the bytes `names` as its subjectAltName (None: without), valid from day `begins` to `ends`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(signer.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(begins)).not_valid_after(now + timedelta(ends))
    if names is not None:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, names), critical=True
        )
    return KeyPair(builder.sign(signer.key, hashes.SHA256()), key)


def _broken(signer: KeyPair) -> dict[str, Callable[[], dict[str, bytes]]]:
    """Files with a pair that cannot be presented, by name. The pair before it stays, and the service stays ready."""
    other = new_authority(datetime.now(UTC))
    good = pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate])
    new = good | {"ca.crt": other.certificate_pem}

    def odd(pair: KeyPair) -> dict[str, bytes]:
        return pem_files(pair, [signer.certificate])

    found: dict[str, Callable[[], dict[str, bytes]]] = {
        f"an unreadable subjectAltName, {name}": lambda value=value: odd(_odd(signer, value))  # type: ignore[misc]
        for name, value in _UNREADABLE.items()
    }
    return found | {
        "a broken certificate with a new ca.crt": lambda: new | {"tls.crt": b"broken"},
        "another key with a new ca.crt": lambda: new | {"tls.key": other.key_pem},
        "four megabytes with a new ca.crt": lambda: new | {"tls.crt": b"x" * 4_000_000},
        "an expired certificate": lambda: odd(_odd(signer, begins=-9, ends=-1)),
        "a certificate of the future": lambda: odd(_odd(signer, begins=9, ends=10)),
    }


def _untrusted(signer: KeyPair) -> dict[str, Callable[[], dict[str, bytes]]]:
    """Files with a pair that clients of `ca.crt` do not trust, by name. The service is not ready until they change."""
    good = pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate])
    return {
        "a new ca.crt alone": lambda: good | {"ca.crt": new_authority(datetime.now(UTC)).certificate_pem},
        "an empty ca.crt": lambda: good | {"ca.crt": b""},
        "a ca.crt that is none": lambda: good | {"ca.crt": b"\xff" * 100_000},
    }


async def swapped(target: Target) -> None:
    """After each broken pair a good one is loaded. The service is ready all the time."""
    signer = _signer(target.tls)
    for name, files in _broken(signer).items():
        write_folder(target.tls, files())
        for _ in range(3):
            # The service calls itself at most once a second.
            await asyncio.sleep(0.4)
            await _ready(target, name)
        if not await _reloaded(target, signer, name):
            return


async def storm(target: Target) -> None:
    """One pair after another, faster than they are read."""
    signer = _signer(target.tls)
    hostile = [*_broken(signer).values(), *_untrusted(signer).values()]
    while target.running:
        write_folder(target.tls, target.chance.choice(hostile)())
        await asyncio.sleep(target.chance.random() / 10)
    await _reloaded(target, signer, "many pairs")
    await asyncio.sleep(1.2)
    await _ready(target, "many pairs")


async def _reloaded(target: Target, signer: KeyPair, name: str) -> bool:
    """Whether the service loads a good pair."""
    series = 'certificate_reloads_total{outcome="loaded"}'
    before = await _persistently(target, lambda: target.metric(series))
    write_folder(target.tls, pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate]))
    for _ in range(300):
        await asyncio.sleep(0.1)
        if await _persistently(target, lambda: target.metric(series)) > before:
            return True
    target.faults[f"after {name} no pair is loaded any more"] += 1
    return False


async def _persistently(target: Target, ask: Callable[[], Awaitable[Any]]) -> Any:
    """What `ask` returns, called again if its connection is closed because other attacks open too many."""
    until = monotonic() + 30
    while True:
        try:
            return await ask()
        except OSError:
            if target.alone or monotonic() > until:
                raise
        await asyncio.sleep(0.1)


async def _readiness(target: Target) -> Answer:
    async with target.plain() as wire:
        await wire.send(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        return await wire.answer()


async def _ready(target: Target, name: str) -> None:
    until = monotonic() + 60
    while True:
        answer = await _persistently(target, lambda: _readiness(target))
        if answer.body.decode() != OVERDUE or monotonic() > until:
            break
        await asyncio.sleep(0.1)
    if answer.status != 200:
        target.faults[f"not ready because of {name}: {answer.body.decode().strip()[:200]}"] += 1


ATTACKS = {"one after another": Attack(swapped, check=True), "storm": Attack(storm)}
