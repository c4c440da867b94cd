"""Go's own verification of certificates, through the Go library in Helm's package."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import helm_python

from certs.authority import KeyPair

VERSION = b'{"major": "1", "minor": "30", "gitVersion": "v1.30.0"}'


class GoClient:
    """A Go program that calls a server here, trusting one bundle, under any given name."""

    def __init__(self, folder: Path) -> None:
        self._pair = folder / "pair.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(VERSION)

            def log_message(self, *_: Any) -> None:
                """Logs nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def refusal(self, pair: KeyPair, bundle: bytes, host: str) -> str:
        """Why Go refuses a serving certificate under a name; empty if it accepts it."""
        self._pair.write_bytes(pair.certificate_pem + pair.key_pem)
        self._context.load_cert_chain(self._pair)
        cluster = {
            "server": f"https://127.0.0.1:{self._server.server_port}",
            "certificate-authority-data": base64.b64encode(bundle).decode(),
            "tls-server-name": host,
        }
        kubeconfig = {
            "clusters": [{"name": "a", "cluster": cluster}],
            "contexts": [{"name": "a", "context": {"cluster": "a"}}],
            "current-context": "a",
        }
        try:
            with helm_python.Config(kubeconfig_content=json.dumps(kubeconfig)) as config:
                config.check_reachable()
        except helm_python.HelmKubeError as error:
            return str(error)
        return ""
