"""The serving process: both listeners in one event loop, from the first socket to the last answer."""

import asyncio
import contextlib
import gc
import math
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import uvicorn
import uvloop

from webhook.core.policy import Policy
from webhook.service.certificate import CertificateError, ServingCertificate
from webhook.service.logs import AdmissionLog, Logger, configure
from webhook.service.metrics import Metrics
from webhook.service.policy_file import PolicyError, load_policy
from webhook.service.protocol import LimitedProtocol, Limits, Load
from webhook.service.readiness import Readiness
from webhook.service.routes import admission_application, operations_application
from webhook.service.settings import Settings, SettingsError, read_settings

#: How many of the largest bodies may be in memory at a time.
_BODIES: Final = 16


class ListenError(Exception):
    """An address cannot be listened on; the message is one sentence."""


class Server(uvicorn.Server):
    """uvicorn's server with our limits, and without signal handlers, since two of them share a process."""

    def __init__(self, config: uvicorn.Config, load: Load, handshake_seconds: float) -> None:
        """Serves as `config` says, within the limits of `load`."""
        super().__init__(config)
        self.server_state = load
        self.load = load
        self._handshake_seconds = handshake_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens on `sockets`: as uvicorn does, but with a bound on the time of TLS handshakes."""
        if not self.config.loaded:
            self.config.load()
        context = self.config.ssl
        seconds = self._handshake_seconds
        bound = {} if context is None else {"ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}
        loop = asyncio.get_running_loop()

        def connect() -> LimitedProtocol:
            return LimitedProtocol(self.config, self.load, {}, loop)

        self.servers = [
            await loop.create_server(connect, sock=one, ssl=context, backlog=self.config.backlog, **bound)  # type: ignore[call-overload]
            for one in sockets or []
        ]
        self.started = True

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
    """A server of `app` within the limits of `settings`, over TLS where `context` is given."""
    options: dict[str, Any] = {} if context is None else {"ssl_context_factory": lambda *_: context}
    config = uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(settings.keep_alive_seconds),
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
        **options,
    )
    # Without TLS there are no client certificates to ask for a name.
    subjects = frozenset() if context is None else settings.client_subjects
    limits = Limits(
        settings.max_head_bytes,
        settings.read_seconds,
        settings.max_in_flight,
        _BODIES * settings.max_body_bytes,
        subjects,
    )
    load = Load(limits, metrics) if log is None else Load(limits, metrics, log.write_rejection)
    return Server(config, load, settings.handshake_seconds)


def run(arguments: Sequence[str]) -> int:
    """Serves until a signal ends it; returns the exit code: 0, or 2 where it could not start as asked."""
    try:
        settings = read_settings(arguments)
        policy = load_policy(settings.policy)
        certificate = ServingCertificate(settings.tls_dir, settings.client_ca)
        admission_socket = listen(settings.host, settings.port, "--port")
        operations_socket = listen(settings.operations_host, settings.operations_port, "--operations-port")
    except (SettingsError, PolicyError) as error:
        print(*error.faults, sep="\n", file=sys.stderr)  # noqa: T201
        return 2
    except (CertificateError, ListenError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    service = Service(settings, policy, certificate, admission_socket, operations_socket)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.serve())
    return 0


class Service:
    """One serving process: the admission listener over TLS, the operations listener, and the certificate's files."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        certificate: ServingCertificate,
        admission_socket: socket.socket,
        operations_socket: socket.socket,
    ) -> None:
        """Serves `policy` on two sockets that are bound."""
        self._settings = settings
        self._policy = policy
        self._certificate = certificate
        self._sockets = admission_socket, operations_socket
        self._logger: Logger = configure(settings.log_level, settings.log_format)
        self._metrics = Metrics(policy.digest)
        host, port = admission_socket.getsockname()[:2]
        self._readiness = Readiness(certificate, host, port, handshake_only=settings.client_ca is not None)
        log = AdmissionLog(self._logger, settings.log_rate, self._metrics.log_lines_dropped.inc)
        app = admission_application(policy, settings.max_body_bytes, self._metrics, log, self._logger)
        self._admission = server(app, settings, self._metrics, certificate.context, log)
        self._operations = server(operations_application(self._metrics, self._readiness.reason), settings)
        self._fault = ""
        self._stop = asyncio.Event()

    async def serve(self) -> None:
        """Serves from the first socket to the last answer."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        for caution in self._policy.cautions():
            self._logger.warning("policy", caution=caution)
        operating = asyncio.create_task(self._operations.serve(sockets=[self._sockets[1]]))
        reloading = asyncio.create_task(self._reload())
        serving = asyncio.create_task(self._serve_admissions())
        await self._stop.wait()
        await self._drain(serving)
        reloading.cancel()
        self._operations.should_exit = True
        await operating
        self._logger.info("stopped")

    async def _serve_admissions(self) -> None:
        """Opens the listener once there is a certificate to present."""
        while self._certificate.pair is None:  # noqa: ASYNC110, the wait is for files of somebody else's
            await asyncio.sleep(0.02)
        serving = asyncio.create_task(self._admission.serve(sockets=[self._sockets[0]]))
        while not self._admission.started:  # noqa: ASYNC110, uvicorn offers no event to wait for
            await asyncio.sleep(0)
        self._readiness.waiting_for = None
        reviews, operations = (_authority(*one.getsockname()[:2]) for one in self._sockets)
        self._logger.info(
            "serving",
            reviews=f"https://{reviews}",
            operations=f"http://{operations}",
            policy=self._policy.digest,
            profiles=list(self._policy.profiles),
        )
        # What lives now lives as long as the process: no collection needs to walk it again. A review leaves no cycles
        # behind, so collections can be rare.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        await serving

    async def _reload(self) -> None:
        """Looks at the certificate's files now and again."""
        while True:
            try:
                if self._certificate.reload():
                    self._loaded()
                self._fault = ""
            except CertificateError as error:
                self._failed(str(error))
            await asyncio.sleep(self._settings.reload_seconds if self._certificate.pair else 0.2)

    def _loaded(self) -> None:
        pair = self._certificate.pair
        assert pair is not None  # noqa: S101, it was loaded just now
        self._metrics.reloaded("loaded", pair.not_after)
        self._logger.info("certificate", outcome="loaded", names=list(pair.names), not_after=round(pair.not_after))

    def _failed(self, fault: str) -> None:
        if self._certificate.pair is None:
            self._readiness.waiting_for = fault
        if fault != self._fault:
            self._fault = fault
            self._metrics.reloaded("failed")
            self._logger.warning("certificate", outcome="failed", error=fault)

    async def _drain(self, serving: asyncio.Task[None]) -> None:
        """Fails readiness, goes on answering while the endpoints forget this process, then finishes the rest."""
        self._readiness.draining = True
        self._admission.load.draining = True
        if not self._admission.started:
            serving.cancel()
            return
        self._logger.info("draining", seconds=self._settings.drain_seconds)
        self._stop.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self._settings.drain_seconds)
        self._admission.should_exit = True
        await serving

    def _signalled(self) -> None:
        """The first signal begins to stop, the second one ends it."""
        if self._readiness.draining:
            self._admission.force_exit = True
        self._stop.set()


def listen(host: str, port: int, flag: str) -> socket.socket:
    """A socket bound to `host` and `port`; `flag` is the setting to name in errors. Raises ListenError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"{flag}: cannot listen on {_authority(host, port)}: {error.strerror or error}") from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ListenError(
            f"{flag}: cannot listen on {_authority(host, port)}: {error.strerror}; choose another with {flag}"
        ) from None
    bound.setblocking(False)  # noqa: FBT003, the name says it
    return bound


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
