"""The sockets, how their connections are accepted, and uvicorn's server with limits."""

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final

import uvicorn

from webhook.service import hello
from webhook.service.direct_reviews import DirectReviews
from webhook.service.load import Limits, Load
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.protocol import LimitedProtocol
from webhook.service.responses import Rejections
from webhook.service.settings import Settings
from webhook.service.turn import Ration

#: Memory for bodies, as a multiple of the largest body.
BODIES: Final = 3
#: Memory for answers that clients do not take.
ANSWER_BYTES: Final = 4 * 1024**2
#: Connections that wait in the kernel.
_BACKLOG: Final = 2048
#: Connections that are accepted in one turn of the event loop. Each costs a handshake soon.
_ACCEPTED_A_TURN: Final = 16
#: Bytes that the kernel keeps for each direction of a connection; Linux takes twice as much. uvloop reads all that is
#: there at once and keeps buffers of that size, so this bounds its memory for a connection.
_SOCKET_BUFFER: Final = 16 * 1024

#: Handshakes that begin in one turn. Each takes a part of a millisecond, or some with a large RSA key.
_HANDSHAKES_A_TURN: Final = 8
#: How long the end waits for connections that the kernel has accepted.
_FINISH_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.01

#: The host that stands for all addresses, and the one for those of IPv4.
EVERY_ADDRESS: Final = "::"
EVERY_IPV4_ADDRESS: Final = "0.0.0.0"

#: Makes the connection of a server.
Connect = Callable[[], LimitedProtocol]
#: Returns the newest SSL context; each connection calls it.
Context = Callable[[], ssl.SSLContext]


class ListenError(Exception):
    """The process cannot listen on an address; the message is one sentence."""


class Listener:
    """Accepts the connections of one socket: a few in each turn of the event loop, and only if there is room."""

    def __init__(self, bound: socket.socket, load: Load, connect: Connect, tls: Context | None, seconds: float) -> None:
        """Listens on `bound`, over TLS if `tls` is given; a handshake may take `seconds`."""
        self._socket = bound
        self._load = load
        self._connect = connect
        self._tls = tls
        self._seconds = seconds
        self._handshakes = Ration(_HANDSHAKES_A_TURN)
        self._loop = asyncio.get_running_loop()
        self._pausing: asyncio.TimerHandle | None = None
        bound.listen(_BACKLOG)
        self._resume()

    async def finish(self) -> None:
        """Accepts the connections that the kernel has accepted already, so that no client is lost, and closes.

        If there are too many of them, or more come all the time, some are lost after a second.
        """
        self._pause(0)
        until = self._loop.time() + _FINISH_SECONDS
        while self._loop.time() < until:
            wait = self._load.connections.room()
            if not wait and not self._accept_some():
                break
            await asyncio.sleep(min(wait, _AGAIN_SECONDS))
        self.close()

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    async def wait_closed(self) -> None:
        """Returns at once, because `close` has done everything."""

    def _accept(self) -> None:
        wait = self._load.connections.room()
        if wait:
            self._pause(wait)
        else:
            self._accept_some()

    def _accept_some(self) -> bool:
        """Accepts one connection, and a few more without displacing others; returns whether there may be more."""
        connections = self._load.connections
        for _ in range(_ACCEPTED_A_TURN):
            try:
                accepted, _ = self._socket.accept()
            except BlockingIOError:
                return False
            except ConnectionError:
                continue
            except OSError:
                # No descriptors are left, or no memory. The connection stays in the kernel.
                connections.displace()
                return True
            accepted.setblocking(False)  # noqa: FBT003, the name says it
            connection = self._connect()
            connections.add(connection)
            connection.handshake = self._loop.create_task(self._shake_hands(connection, accepted))
            connection.handshake.add_done_callback(partial(self._shaken, connection, accepted))
            if connections.full:
                break
        return True

    async def _shake_hands(self, connection: LimitedProtocol, accepted: socket.socket) -> None:
        """Begins the connection, over TLS once the client has sent the first message of its handshake."""
        arguments: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            if self._tls is not None:
                until = self._loop.time() + self._seconds
                async with asyncio.timeout_at(until):
                    if not await hello.arrives(accepted):
                        return
                    connection.idle_since = perf_counter()
                    await self._handshakes.turn()
                rest = max(until - self._loop.time(), _AGAIN_SECONDS)
                arguments = {"ssl": self._tls(), "ssl_handshake_timeout": rest, "ssl_shutdown_timeout": self._seconds}
            await self._loop.connect_accepted_socket(lambda: connection, accepted, **arguments)

    def _shaken(self, connection: LimitedProtocol, accepted: socket.socket, _: asyncio.Task[None]) -> None:
        connection.handshake = None
        # The protocol has no transport if the handshake failed or was aborted.
        if connection.transport is None:
            self._load.connections.discard(connection)
            connection.abandon()
            accepted.close()

    def _pause(self, seconds: float) -> None:
        """Accepts nothing for `seconds`; 0 stands for ever."""
        self._loop.remove_reader(self._socket)
        if self._pausing is not None:
            self._pausing.cancel()
        self._pausing = self._loop.call_later(seconds, self._resume) if seconds else None

    def _resume(self) -> None:
        self._loop.add_reader(self._socket, self._accept)


class Server(uvicorn.Server):
    """uvicorn's server with limits, and without signal handlers, because two servers share one process."""

    def __init__(self, config: uvicorn.Config, load: Load, context: Context | None, seconds: float) -> None:
        """Serves as `config` says, over TLS if `context` is given; a handshake may take `seconds`."""
        super().__init__(config)
        self.server_state = self.load = load
        self.listening = asyncio.Event()
        """Set once connections are accepted."""
        self._context = context
        self._seconds = seconds
        self._listeners: list[Listener] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens on `sockets` as uvicorn does, but within the limits."""
        loop = asyncio.get_running_loop()
        connect = partial(LimitedProtocol, self.config, self.load, {}, loop)
        self._listeners = [Listener(one, self.load, connect, self._context, self._seconds) for one in sockets or []]
        self.servers = self._listeners  # type: ignore[assignment]
        self.started = True
        self.listening.set()

    async def on_tick(self, counter: int) -> bool:
        """Notes that the event loop turns. uvicorn calls this every tenth of a second."""
        self.load.clock.beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops as uvicorn does, but loses no connection that the kernel has accepted."""
        self.load.clock.end()
        for one in self._listeners:
            await one.finish()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to the process."""
        yield


def server(
    app: Any,
    settings: Settings,
    metrics: Metrics | None = None,
    context: Context | None = None,
    log: AdmissionLog | None = None,
    direct: DirectReviews | None = None,
    headers: Sequence[tuple[str, str]] = (),
    answer_bytes: int = ANSWER_BYTES,
) -> Server:
    """A server of `app` within the limits of `settings`, over TLS if `context` is given, called for each connection.

    If `direct` is given, it answers the reviews that need no call of `app`. All answers have `headers`. Those that
    clients do not take may together have `answer_bytes`.
    """
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=list(headers),
        timeout_keep_alive=math.ceil(settings.keep_alive_seconds),
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
    )
    limits = Limits(
        head_bytes=settings.max_head_bytes,
        read_seconds=settings.read_seconds,
        in_flight=settings.max_in_flight,
        connections=settings.max_connections,
        body_bytes=BODIES * settings.max_body_bytes,
        answer_bytes=answer_bytes,
        # Without TLS there are no client certificates.
        subjects=frozenset() if context is None else settings.client_subjects,
    )
    load = Load(limits, metrics, Rejections(metrics, log), direct)
    return Server(config, load, context, settings.handshake_seconds)


def listen(host: str, port: int, flag: str, accepted: str = "another host or port") -> socket.socket:
    """A socket bound to `host` and `port`; errors name the setting `flag` and what is `accepted`. Raises ListenError.

    The host `::` stands for all addresses of IPv6 and of IPv4, or of IPv4 alone on a machine without IPv6.
    """
    everywhere = host == EVERY_ADDRESS and socket.has_dualstack_ipv6()
    chosen = EVERY_IPV4_ADDRESS if host == EVERY_ADDRESS and not everywhere else host
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(chosen, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if everywhere:
                # A sysctl (net.ipv6.bindv6only) decides otherwise.
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                bound.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        fault = f"cannot listen on {authority(host, port)}: {error.strerror}"
        raise ListenError(f"{flag}: {fault}; choose {accepted}") from None
    bound.setblocking(False)  # noqa: FBT003, the name says it
    return bound


def authority(host: str, port: int) -> str:
    """`host` and `port` as in a URL (RFC 3986, section 3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
