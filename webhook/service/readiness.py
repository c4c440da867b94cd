"""Whether the service is ready: it calls itself through its own listener, as the API server would."""

import asyncio
import ssl
from time import monotonic
from typing import Final

from webhook.service.certificate import ServingCertificate

_SECONDS: Final = 2.0
#: How long an answer is reused, so that many probes at once cause one call.
_FRESH_SECONDS: Final = 1.0
_CALL: Final = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Readiness:
    """Ready means: a pair is loaded, the service is not draining, and it answers a TLS client.

    The client trusts the `ca.crt` that came with the loaded pair. A newer one may have come with a pair that failed.
    """

    def __init__(self, certificate: ServingCertificate, host: str, port: int, *, handshake_only: bool) -> None:
        """Calls `host` and `port`, only up to the end of the handshake if clients need a certificate."""
        self._certificate = certificate
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
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
        context = self._certificate.client_context
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=context, server_hostname="localhost")
        try:
            if self._handshake_only:
                return None
            writer.write(_CALL)
            line = (await reader.readuntil(b"\r\n")).decode("latin-1").strip()
            return None if line.startswith("HTTP/1.1 200 ") else f"its own listener answers {line}"
        finally:
            writer.transport.abort()
