"""Rotations of certificate and CA under a steady load: every call is verified by the current bundle."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import KeyPair, issue, new_authority
from certs.files import write_folder
from certs.material import pem_files
from tests.captured_reviews import BUILT_IN
from tests.live_service import Service
from tests.reliability.client import Client, call

HOSTS = ["localhost", "127.0.0.1"]
#: Persistent connections, and clients that open a connection for each call.
KEPT, FRESH = 8, 8


def publish(folder: Path, signer: KeyPair, *bundle: x509.Certificate) -> None:
    """Writes a new serving certificate of `signer` and the bundle, as the controller publishes them."""
    write_folder(folder, pem_files(issue(signer, HOSTS, datetime.now(UTC)), bundle))


async def rotate(running: Service, calls: int) -> tuple[Counter[int], int]:
    """Makes at least `calls` calls while certificate and CA rotate; returns the statuses and the number of rotations.

    A CA rotates as with the controller: the new CA joins the old one in the bundle, then signs. The old CA leaves the
    bundle when no certificate that it signed is in use.
    """
    statuses: Counter[int] = Counter()
    request = call("/mutate", BUILT_IN[0].read_bytes())
    #: The bundle that each client trusts that opens a connection for each call.
    trusted: list[str | None] = [None] * FRESH

    def enough() -> bool:
        return statuses.total() >= calls

    async def keep() -> None:
        client = Client(running.port, ssl.create_default_context(cadata=_bundle(running)))
        while not enough():
            statuses[await client.exchange(request)] += 1
        client.close()

    async def open_anew(number: int) -> None:
        while not enough():
            trusted[number] = _bundle(running)
            client = Client(running.port, ssl.create_default_context(cadata=trusted[number]))
            statuses[await client.exchange(request)] += 1
            client.close()
        trusted[number] = None

    async def publish_all() -> int:
        rotations, signer = 0, new_authority(datetime.now(UTC))
        # The first bundle already contains the CA that the service was started with.
        old = x509.load_pem_x509_certificate((running.tls / "ca.crt").read_bytes())
        while not enough():
            pair = (running.tls / "tls.crt").read_bytes(), (running.tls / "tls.key").read_bytes()
            together = pem_files(issue(signer, HOSTS, datetime.now(UTC)), [old, signer.certificate])["ca.crt"]
            write_folder(running.tls, {"tls.crt": pair[0], "tls.key": pair[1], "ca.crt": together})
            await _settled(running, trusted)
            for _ in range(3):
                publish(running.tls, signer, old, signer.certificate)
                await _settled(running, trusted)
                rotations += 1
            write_folder(
                running.tls,
                {
                    "tls.crt": (running.tls / "tls.crt").read_bytes(),
                    "tls.key": (running.tls / "tls.key").read_bytes(),
                    "ca.crt": pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate])["ca.crt"],
                },
            )
            await _settled(running, trusted)
            old, signer = signer.certificate, new_authority(datetime.now(UTC))
        return rotations

    publishing = asyncio.create_task(publish_all())
    await asyncio.gather(*(keep() for _ in range(KEPT)), *map(open_anew, range(FRESH)))
    return statuses, await publishing


async def _settled(running: Service, trusted: Sequence[str | None]) -> None:
    """Waits until the service presents the pair in its folder, and no client trusts a bundle of before."""
    await asyncio.sleep(0.5)
    accepted = (None, _bundle(running))
    async with asyncio.timeout(60):
        while True:
            if await _presented(running) == _published(running) and all(one in accepted for one in trusted):
                return
            await asyncio.sleep(0.05)


def _bundle(running: Service) -> str:
    """The present bundle."""
    return (running.tls / "ca.crt").read_text(encoding="ascii")


def _published(running: Service) -> bytes:
    """The certificate in the folder of the service."""
    return x509.load_pem_x509_certificate((running.tls / "tls.crt").read_bytes()).public_bytes(Encoding.DER)


async def _presented(running: Service) -> bytes:
    """The certificate that the service presents to a client that trusts the present bundle."""
    context = ssl.create_default_context(cadata=_bundle(running))
    _, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context, server_hostname="localhost")
    try:
        return bytes(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        writer.transport.abort()
