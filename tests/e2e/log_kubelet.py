"""A kubelet's part in `kubectl logs`, because the control plane has no kubelet.

The API server asks the node of a pod for /containerLogs/NAMESPACE/POD/CONTAINER, and passes on what it answers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.e2e.kubelet import certified, served

#: The log of a pod, of its present container or of the one before; None if there is none.
Logs = Callable[[str, str, bool], bytes | None]


@contextmanager
def log_kubelet(address: str, port: int, logs: Logs, folder: Path) -> Iterator[None]:
    """Listens on `address`:`port` until the block ends, and serves `logs(namespace, pod, previous)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = parse_qs(asked.query)
            kind, namespace, pod, *_ = asked.path.removeprefix("/").split("/")
            if kind != "containerLogs":
                self.send_error(404)
                return
            found = logs(namespace, pod, query.get("previous") == ["true"])
            if found is not None and "tailLines" in query:
                found = b"".join(found.splitlines(keepends=True)[-int(query["tailLines"][0]) :])
            # A kubelet says so if the container was never started, or not twice.
            content = b"the container is not found" if found is None else found
            self.send_response(400 if found is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing on the test's standard error."""

    context = certified(address, folder)
    server = ThreadingHTTPServer((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield
