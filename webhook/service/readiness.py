"""Whether the service is ready: it calls itself through its own listener, as the API server would."""

import asyncio
import ssl
from time import monotonic
from typing import Final

from webhook.service.certificate import ServingCertificate
from webhook.service.listener import EVERY_ADDRESS, EVERY_IPV4_ADDRESS

_SECONDS: Final = 2.0
#: How long an answer is reused, so that many probes at once cause one call.
_FRESH_SECONDS: Final = 1.0
#: Where a listener on all addresses is called. A machine may lack either.
_LOOPBACK: Final = {EVERY_IPV4_ADDRESS: ("127.0.0.1",), EVERY_ADDRESS: ("127.0.0.1", "::1")}
_CALL: Final = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def called_hosts(host: str) -> tuple[str, ...]:
    """Where a listener on `host` is called from its own machine, the best first."""
    return _LOOPBACK.get(host, (host,))


class Readiness:
    """Ready means: a pair is loaded, the service is not draining, and it answers a TLS client.

    The client trusts the `ca.crt` that came with the loaded pair. A newer one may have come with a pair that failed.
    """

    def __init__(self, certificate: ServingCertificate, host: str, port: int, *, handshake_only: bool) -> None:
        """Calls `host` and `port`, only up to the end of the handshake if clients need a certificate."""
        self._certificate = certificate
        self._hosts = called_hosts(host)
        self._port = port
        self._handshake_only = handshake_only
        self._lock = asyncio.Lock()
        self._fresh_until = 0.0
        self._latest: str | None = None
        self.waiting_for: str | None = "not started"
        """Why the listener is not open yet; None if it is open."""
        self.draining = False

    async def reason(self) -> str | None:
        """Why the service is not ready; None if it is ready."""
        if self.draining:
            return "draining"
        if self.waiting_for is not None:
            return self.waiting_for
        async with self._lock:
            if monotonic() >= self._fresh_until:
                self._latest = await self._called()
                self._fresh_until = monotonic() + _FRESH_SECONDS
            return self._latest

    async def _called(self) -> str | None:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._call()
        except ssl.SSLCertVerificationError as error:
            return f"the certificate: {error.verify_message}"
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            return f"its own listener does not answer: {str(error) or type(error).__name__}"

    async def _call(self) -> str | None:
        reader, writer = await self._connected()
        try:
            if self._handshake_only:
                return None
            writer.write(_CALL)
            line = (await reader.readuntil(b"\r\n")).decode("latin-1").strip()
            return None if line.startswith("HTTP/1.1 200 ") else f"its own listener answers {line}"
        finally:
            writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection to the first address that answers. Raises OSError, that of the first one, if none does."""
        context = self._certificate.client_context
        faults: list[OSError] = []
        for host in self._hosts:
            try:
                return await asyncio.open_connection(host, self._port, ssl=context, server_hostname="localhost")
            except ssl.SSLError:
                raise
            except OSError as error:
                faults.append(error)
        raise faults[0]
