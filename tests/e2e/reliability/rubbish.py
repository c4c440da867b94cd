"""A ready and trusted server instead of the service. It answers each review with the rubbish that the pod asks for.

Run as `python -m tests.e2e.reliability.rubbish HOST TLS_FOLDER`, on the ports that the chart gives to the service.
"""

import base64
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Pod annotation that names the rubbish.
ASK = "rubbish"


def review(**response: Any) -> bytes:
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}).encode()


def patch(operations: Any) -> dict[str, str]:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def answer(kind: str, uid: str) -> tuple[int, bytes, int]:
    """The status, the body, and how many bytes of the announced length are not sent."""
    allowed = {"uid": uid, "allowed": True}
    patched = review(**allowed, **patch([]))
    return {
        "an error's status": (500, patched, 0),
        "a page instead of JSON": (200, b"<html>busy</html>", 0),
        "nothing": (200, b"", 0),
        "half an answer": (200, patched[: len(patched) // 2], len(patched) - len(patched) // 2),
        "another review's uid": (200, review(uid=f"{uid}0", allowed=True), 0),
        "a review without a response": (200, b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', 0),
        "another kind": (200, b'{"kind":"Pod","apiVersion":"v1"}', 0),
        "a patch without its type": (200, review(**allowed, patch="W10="), 0),
        "a patch that is not a patch": (200, review(**allowed, **patch("rubbish")), 0),
        "a patch of a missing field": (200, review(**allowed, **patch([{"op": "remove", "path": "/spec/none"}])), 0),
    }[kind]


class Handler(BaseHTTPRequestHandler):
    """Answers reviews and probes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, b"ok\n", 0)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        self._send(*answer(request["object"]["metadata"]["annotations"][ASK], request["uid"]))

    def _send(self, status: int, body: bytes, missing: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or bool(missing)


def main() -> None:
    host, folder = sys.argv[1:]
    reviews, operations = ThreadingHTTPServer((host, 8443), Handler), ThreadingHTTPServer((host, 8080), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(folder) / "tls.crt", Path(folder) / "tls.key")
    reviews.socket = context.wrap_socket(reviews.socket, server_side=True)
    threading.Thread(target=operations.serve_forever, daemon=True).start()
    reviews.serve_forever()


if __name__ == "__main__":
    main()
