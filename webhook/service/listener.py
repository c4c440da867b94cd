"""The sockets, and uvicorn's server with limits."""

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.protocol import LimitedProtocol, Limits, Load
from webhook.service.responses import Rejections
from webhook.service.settings import Settings

#: Memory for bodies, as a multiple of the largest body.
_BODIES: Final = 16


class ListenError(Exception):
    """The process cannot listen on an address; the message is one sentence."""


class Server(uvicorn.Server):
    """uvicorn's server with limits, and without signal handlers, because two servers share one process."""

    def __init__(self, config: uvicorn.Config, load: Load, context: ssl.SSLContext | None, seconds: float) -> None:
        """Serves as `config` says, over TLS if `context` is given; a handshake may take `seconds`."""
        super().__init__(config)
        self.server_state = self.load = load
        self.listening = asyncio.Event()
        """Set once connections are accepted."""
        self._tls: dict[str, Any] = {}
        if context is not None:
            self._tls = {"ssl": context, "ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens on `sockets` as uvicorn does, but limits the time of TLS handshakes."""
        loop = asyncio.get_running_loop()

        def connect() -> LimitedProtocol:
            return LimitedProtocol(self.config, self.load, {}, loop)

        self.servers = [
            await loop.create_server(connect, sock=one, backlog=self.config.backlog, **self._tls)
            for one in sockets or []
        ]
        self.started = True
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to the process."""
        yield


def server(
    app: Any,
    settings: Settings,
    metrics: Metrics | None = None,
    context: ssl.SSLContext | None = None,
    log: AdmissionLog | None = None,
) -> Server:
    """A server of `app` within the limits of `settings`, over TLS if `context` is given."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(settings.keep_alive_seconds),
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
    )
    limits = Limits(
        settings.max_head_bytes,
        settings.read_seconds,
        settings.max_in_flight,
        _BODIES * settings.max_body_bytes,
        # Without TLS there are no client certificates.
        frozenset() if context is None else settings.client_subjects,
    )
    return Server(config, Load(limits, metrics, Rejections(metrics, log)), context, settings.handshake_seconds)


def listen(host: str, port: int, flag: str) -> socket.socket:
    """A socket bound to `host` and `port`; `flag` is the setting that errors name. Raises ListenError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        fault = f"cannot listen on {authority(host, port)}: {error.strerror}"
        raise ListenError(f"{flag}: {fault}; choose another host or port") from None
    bound.setblocking(False)  # noqa: FBT003, the name says it
    return bound


def authority(host: str, port: int) -> str:
    """`host` and `port` as in a URL (RFC 3986, section 3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
