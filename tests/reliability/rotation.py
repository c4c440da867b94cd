"""Rotations of certificate and CA under a steady load: every call is verified by the current bundle."""

import asyncio
import ssl
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

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

    def enough() -> bool:
        return statuses.total() >= calls

    async def keep() -> None:
        client = Client(running.port, _trusting(running))
        while not enough():
            statuses[await client.exchange(request)] += 1
        client.close()

    async def open_anew() -> None:
        while not enough():
            client = Client(running.port, _trusting(running))
            statuses[await client.exchange(request)] += 1
            client.close()

    async def publish_all() -> int:
        rotations, signer = 0, new_authority(datetime.now(UTC))
        # The first bundle already contains the CA that the service was started with.
        old = x509.load_pem_x509_certificate((running.tls / "ca.crt").read_bytes())
        while not enough():
            pair = (running.tls / "tls.crt").read_bytes(), (running.tls / "tls.key").read_bytes()
            together = pem_files(issue(signer, HOSTS, datetime.now(UTC)), [old, signer.certificate])["ca.crt"]
            write_folder(running.tls, {"tls.crt": pair[0], "tls.key": pair[1], "ca.crt": together})
            await asyncio.sleep(0.5)
            for _ in range(3):
                publish(running.tls, signer, old, signer.certificate)
                await asyncio.sleep(0.5)
                rotations += 1
            write_folder(
                running.tls,
                {
                    "tls.crt": (running.tls / "tls.crt").read_bytes(),
                    "tls.key": (running.tls / "tls.key").read_bytes(),
                    "ca.crt": pem_files(issue(signer, HOSTS, datetime.now(UTC)), [signer.certificate])["ca.crt"],
                },
            )
            await asyncio.sleep(0.5)
            old, signer = signer.certificate, new_authority(datetime.now(UTC))
        return rotations

    publishing = asyncio.create_task(publish_all())
    await asyncio.gather(*(keep() for _ in range(KEPT)), *(open_anew() for _ in range(FRESH)))
    return statuses, await publishing


def _trusting(running: Service) -> ssl.SSLContext:
    """A client's context that trusts only the present bundle."""
    return ssl.create_default_context(cadata=(running.tls / "ca.crt").read_text(encoding="ascii"))
