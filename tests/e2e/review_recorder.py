"""A webhook that keeps every AdmissionReview of a namespace's pods exactly as the API server sent it."""

import json
import ssl
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import Credentials

CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
NAME: Final = "recorder.spark-eci-webhook.example"
#: A namespace with this label is recorded.
LABEL: Final = {"recorded": "true"}


class ReviewRecorder:
    """Admits every pod unchanged."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        self._control_plane, self._folder = control_plane, folder
        self._bodies = bodies = list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bodies.append(body)
                review = json.loads(body)
                review["response"] = {"uid": review.pop("request")["uid"], "allowed": True}
                answer = json.dumps(review).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Logs no calls."""

        self._handler = Handler

    def __enter__(self) -> Self:
        self._folder.mkdir()
        credentials = Credentials(self._folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*credentials.issue("recorder", addresses=("127.0.0.1",)))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        # The API server keeps its connections open, so their threads never end by themselves.
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        try:
            self._control_plane.create(CONFIGURATIONS, self._configuration(credentials.ca))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._control_plane.http.delete(f"{CONFIGURATIONS}/{NAME}")
        finally:
            self._stop()

    def taken(self) -> list[bytes]:
        """The reviews since the last call, in the order of their arrival."""
        taken = list(self._bodies)
        del self._bodies[: len(taken)]
        return taken

    def _stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _configuration(self, ca: Path) -> dict[str, Any]:
        url = f"https://127.0.0.1:{self._server.server_port}/record"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        webhook = {
            "name": NAME,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": LABEL},
            "clientConfig": {"url": url, "caBundle": b64encode(ca.read_bytes()).decode()},
            "rules": [rule],
        }
        return {"metadata": {"name": NAME}, "webhooks": [webhook]}
