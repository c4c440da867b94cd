"""`controller`: the process that keeps the certificates of a cluster, with its signals, logs and health endpoint."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
import typer

from certs.authority import canonical
from certs.errors import InputError
from certs.server import Address
from certs.state import Target

if TYPE_CHECKING:
    from certs.controller import Controller

log: structlog.stdlib.BoundLogger = structlog.get_logger()
#: After this many seconds without a turn of the control loop, the health endpoint answers 503.
STALE = 180


def command(
    *,
    namespace: Annotated[str, typer.Option(help="The namespace of both Secrets and the Service.")],
    ca_secret: Annotated[str, typer.Option(help="The Secret for the CA and its key.")],
    serving_secret: Annotated[str, typer.Option(help="The Secret that the service mounts.")],
    configuration: Annotated[str, typer.Option(help="The MutatingWebhookConfiguration that gets the caBundle.")],
    service: Annotated[str, typer.Option(help="The Service that the API server calls.")],
    deployment: Annotated[str, typer.Option(help="The Deployment of this controller; Events name it.")],
    health_host: Annotated[str, typer.Option(help="The address of GET /healthz; :: for all addresses.")] = "::",
    health_port: Annotated[int, typer.Option(min=0, max=65535, help="The port of GET /healthz.")] = 8081,
    kubeconfig: Annotated[Path | None, typer.Option(help="A kubeconfig, if not the pod's ServiceAccount.")] = None,
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="How much to log.")] = "info",
) -> None:
    """Keep the certificates of the webhook in a cluster: issue, publish, renew and repair them.

    It needs permissions to get, list, watch and update the two Secrets, to get, list, watch and patch the
    configuration, and to create Secrets and Events in the namespace. SIGTERM ends it.

    Exit code: 0 at the end, 1 after a bug, 2 if the input cannot be used.
    """
    # The API client takes 0.4 s to import. The other commands should not wait for it.
    from certs.cluster import connect  # noqa: PLC0415
    from certs.controller import Controller  # noqa: PLC0415

    _configure_logs(log_level)
    target = Target(namespace, ca_secret, serving_secret, configuration, service)
    canonical(target.hosts)
    controller = Controller(connect(kubeconfig, in_cluster=True), target, deployment)
    with _health(controller, health_host, health_port):
        raise typer.Exit(run(controller))


def run(controller: "Controller") -> int:
    """Runs a controller until SIGTERM, SIGINT or a bug ends it; returns the exit code, 1 after a bug and else 0."""
    crashed = threading.Event()

    def work() -> None:
        try:
            controller.run()
        except Exception:
            crashed.set()
            log.exception("the controller ends because of a bug")
            controller.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: controller.end())
    # Not in the main thread: a signal must not wait for an answer of the API server. Each action is complete in itself,
    # so the process may end at any moment.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    controller.stop.wait()
    worker.join(timeout=0.5)
    log.info("ended")
    return 1 if crashed.is_set() else 0


@contextmanager
def _health(controller: "Controller", host: str, port: int) -> Iterator[str]:
    """Serves `GET /healthz` from a thread and yields its URL: 200 while the control loop runs, 503 if it is stuck.

    `GET /readyz` is 200 while the webhook serves, and else 503 with what is missing.

    The host `::` stands for all addresses of IPv6 and of IPv4, or of IPv4 alone on a machine without IPv6. The
    status stays 200 while the API server does not answer: a restart would not help. Raises InputError.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            status, text = HTTPStatus.OK, "ok\n"
            idle = time.monotonic() - controller.turned
            path = self.path.partition("?")[0]
            if path == "/readyz":
                if fault := controller.readiness.fault:
                    status, text = HTTPStatus.SERVICE_UNAVAILABLE, f"{fault}\n"
            elif path != "/healthz":
                status, text = HTTPStatus.NOT_FOUND, "not found; accepted: /healthz, /readyz\n"
            elif idle > STALE:
                status = HTTPStatus.SERVICE_UNAVAILABLE
                text = f"the control loop has been stuck for {idle:.0f} seconds\n"
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Logs no calls."""

    try:
        server = _HealthServer(host, port, Handler)
    except OSError as error:
        fault = f"cannot listen on {Address(host, port)}: {error.strerror}"
        raise InputError(f"--health-port: {fault}; choose another host or port") from None
    url = f"http://{Address(*server.socket.getsockname()[:2])}/healthz"
    log.info("answering", url=url)
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield url
        finally:
            server.shutdown()


class _HealthServer(ThreadingHTTPServer):
    """Listens on a host of either family, or on all addresses; raises OSError if it cannot."""

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._everywhere = host == "::" and socket.has_dualstack_ipv6()
        chosen = "0.0.0.0" if host == "::" and not self._everywhere else host
        self.address_family, _, _, _, address = socket.getaddrinfo(chosen, port, type=socket.SOCK_STREAM)[0]
        super().__init__(address, handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        if self._everywhere:
            # A sysctl (net.ipv6.bindv6only) decides otherwise.
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # HTTPServer would ask DNS for the name of this machine.
        TCPServer.server_bind(self)


def _configure_logs(level: str) -> None:
    """Logs plain text to a terminal, and otherwise one JSON object per line."""
    json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    text = [structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(text if sys.stderr.isatty() else json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
