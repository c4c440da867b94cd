"""A stand-in for the API server, for faults that cannot be forced in a real one."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Self

import yaml


@dataclass(frozen=True)
class Answer:
    """An answer instead of the usual one; with `hang` there is no answer at all."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    close: bool = False


def status(code: int, message: str, **headers: str) -> Answer:
    """A refusal as the API server writes it."""
    body = json.dumps({"kind": "Status", "message": message, "code": code}).encode()
    return Answer(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


Fault = Callable[[str, str], Answer | None]


class StandIn:
    """Secrets, configurations and Events over plain HTTP, on loopback."""

    def __init__(self, folder: Path) -> None:
        self.fault: Fault = lambda *_: None
        """Gets the method and path of each call; what it returns is the answer, None means the usual answer."""
        self.calls: list[tuple[str, str]] = []
        """Method and path of every call; the method of a watch is `WATCH`."""
        self.called = threading.Event()
        """Set by the first call."""
        self.objects: dict[str, dict[str, Any]] = {}
        self._versions = count(1)
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.kubeconfig = folder / "kubeconfig"
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        content = {
            "clusters": [{"name": "a", "cluster": {"server": self.url}}],
            "users": [{"name": "a", "user": {}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "current-context": "a",
        }
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def store(self, path: str, body: dict[str, Any]) -> Answer:
        body["metadata"] = {"uid": path, **body["metadata"], "resourceVersion": str(next(self._versions))}
        self.objects[path] = body
        return Answer(200, json.dumps(body).encode())

    def configuration(self, name: str) -> None:
        path = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{name}"
        self.store(path, {"metadata": {"name": name}, "webhooks": [{"name": "driver", "clientConfig": {}}]})

    def data(self, path: str) -> dict[str, bytes]:
        found = self.objects.get(path, {}).get("data", {})
        return {key: base64.b64decode(content) for key, content in found.items()}

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        if method == "GET":
            if path.endswith(("secrets", "mutatingwebhookconfigurations")):
                return Answer(body=json.dumps({"metadata": {"resourceVersion": "1"}, "items": []}).encode())
            found = self.objects.get(path)
            return Answer(body=json.dumps(found).encode()) if found else status(404, "not found")
        if method == "POST":
            return self.store(f"{path}/{body['metadata'].get('name', next(self._versions))}", body)
        if method == "PATCH":
            bundles = {webhook["name"]: webhook["clientConfig"] for webhook in body["webhooks"]}
            found = self.objects[path]
            webhooks = [
                {**webhook, "clientConfig": bundles.get(webhook["name"], webhook["clientConfig"])}
                for webhook in found["webhooks"]
            ]
            return self.store(path, {**found, "webhooks": webhooks})
        return self.store(path, body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write for each answer: a second one would wait for an acknowledgement

            def _serve(self) -> None:
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                method = "WATCH" if "watch=" in query else self.command
                stand_in.calls.append((method, path))
                stand_in.called.set()
                answer = stand_in.fault(method, path)
                if answer is None and method == "WATCH":
                    answer = Answer(hang=True)
                answer = answer or stand_in._answer(method, path, body)
                if answer.hang:
                    stand_in._over.wait()
                if answer.hang or answer.close:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Logs nothing."""

        return Handler
