"""A proxy before the real API server, for one controller: it records every call, and does harm on request.

The controller speaks plain HTTP to it, and it speaks TLS to the API server, as an administrator.
"""

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.e2e.control_plane import ControlPlane
from webhook.core import names

#: Headers that are about one connection only.
_OWN = {"connection", "transfer-encoding", "keep-alive", "content-length", "date"}
_PODS = re.compile(r"/api/v1(/namespaces/[^/]+)?/pods(/(?P<name>[^/]+))?")


@dataclass
class Call:
    """One request of the controller, and what became of it. Times are of the monotonic clock."""

    step: str
    """What the controller does by it, for example `patch pod`."""
    pod: str
    """The name of its pod, or nothing."""
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    began: float
    forwarded: float = 0.0
    """When it went on to the API server; zero if it did not."""
    status: int = 0
    """What the API server answered; zero if nothing."""
    reply: bytes = b""
    """The whole answer, of calls that are no watches."""


@dataclass
class Fault:
    """What is done to the calls of one step, before they go on to the API server or after its answer."""

    step: str
    act: Callable[[Call], None]
    """Raises Dropped or Answer, or does something else, and returns."""
    after: bool = False
    pod: str | None = None
    """Only the calls for this pod; None for all."""
    skip: int = 0
    """How many calls it lets pass before."""
    times: float = 1
    done: int = field(default=0, init=False)


class Dropped(Exception):  # noqa: N818, it is no error of the test
    """Ends the connection without an answer."""


class Answer(Exception):  # noqa: N818, it is no error of the test
    """Answers with a status instead of the API server."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def drop(_: Call) -> None:
    """Ends the connection without an answer."""
    raise Dropped


def answer(status: int) -> Callable[[Call], None]:
    """Answers with `status`."""

    def act(_: Call) -> None:
        raise Answer(status)

    return act


class ApiProxy:
    """The proxy. `calls` are recorded in the order in which they began."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        self._target = (control_plane.address, control_plane.port)
        self._context = ssl.create_default_context(cafile=control_plane.ca)
        self._context.load_cert_chain(*control_plane.administrator)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._streams: set[Stream] = set()
        self._open = threading.Event()
        self._open.set()
        self.calls: list[Call] = []
        self.shift = timedelta(0)
        """How far the API server's clock seems to be ahead."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.kubeconfig = folder / f"proxy-{self._server.server_port}.kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "current-context": "proxy",
        }
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self.end_watches(orderly=False)
        self._server.shutdown()
        self._server.server_close()

    def add(self, fault: Fault) -> Fault:
        """Does what a fault says, from now on."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forgets all faults."""
        with self._lock:
            self._faults.clear()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Lets nothing through in either direction; then every call that hung is dropped."""
        self._open.clear()
        try:
            yield
        finally:
            self.end_watches(orderly=False)
            self._open.set()

    def end_watches(self, *, orderly: bool = True) -> None:
        """Ends all open watches: as an API server does after their time, or by cutting the connections."""
        for stream in list(self._streams):
            stream.end(orderly=orderly)

    @contextmanager
    def no_watches(self) -> Iterator[None]:
        """Cuts the watches, and refuses new ones."""
        faults = [Fault(f"watch {what}", drop, times=float("inf")) for what in ("waiting", "opened", "namespaces")]
        for one in faults:
            self.add(one)
        self.end_watches(orderly=False)
        try:
            yield
        finally:
            with self._lock:
                self._faults = [one for one in self._faults if one not in faults]

    def hold_watches(self, *, held: bool) -> None:
        """Keeps what the watches tell, without an end of the connections, or lets it through again."""
        for stream in list(self._streams):
            stream.held = held

    def of(self, step: str, pod: str | None = None) -> list[Call]:
        """The calls of one step so far, of one pod or of all."""
        return [call for call in list(self.calls) if call.step == step and pod in (None, call.pod)]

    def opened(self) -> list[Call]:
        """The patches that the API server accepted."""
        return [call for call in self.of("patch pod") if call.status == 200]

    def harm(self, call: Call, *, after: bool) -> None:
        """Does what the first fault for a call says that is not used up."""
        with self._lock:
            for fault in self._faults:
                fits = fault.step == call.step and fault.after is after and fault.pod in (None, call.pod)
                if fits and fault.done < fault.skip + fault.times:
                    fault.done += 1
                    if fault.done <= fault.skip:
                        return
                    break
            else:
                return
        fault.act(call)

    def await_open(self) -> None:
        """Waits while everything is cut off, and then drops the call."""
        if not self._open.is_set():
            self._open.wait()
            raise Dropped

    def connect(self) -> http.client.HTTPSConnection:
        """A connection to the API server."""
        return http.client.HTTPSConnection(*self._target, timeout=150, context=self._context)

    @contextmanager
    def stream(self, made: "Stream") -> Iterator[None]:
        """Keeps an open watch among those that can be ended."""
        self._streams.add(made)
        try:
            yield
        finally:
            self._streams.discard(made)


class Stream:
    """An open watch."""

    def __init__(self, upstream: socket.socket, downstream: socket.socket) -> None:
        self._upstream, self._downstream = upstream, downstream
        self.orderly: bool | None = None
        """How it was ended; None if it was not."""
        self.held = False

    def end(self, *, orderly: bool) -> None:
        """Ends it."""
        self.orderly = orderly
        self.held = False
        with suppress(OSError):
            self._upstream.shutdown(socket.SHUT_RDWR)
        if not orderly:
            with suppress(OSError):
                self._downstream.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection of the controller."""

    protocol_version = "HTTP/1.1"
    proxy: ApiProxy

    def setup(self) -> None:
        super().setup()
        self._upstream = self.proxy.connect()

    def finish(self) -> None:
        self._upstream.close()
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(OSError, Dropped, http.client.HTTPException):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Logs nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        call = Call(*_step(self.command, url.path, query, body), self.command, url.path, query, body, time.monotonic())
        self.proxy.calls.append(call)
        try:
            self.proxy.await_open()
            self.proxy.harm(call, after=False)
            call.forwarded = time.monotonic()
            headers = {key: value for key, value in self.headers.items() if key.lower() not in {"host", *_OWN}}
            self._upstream.request(self.command, self.path, body or None, headers)
            response = self._upstream.getresponse()
            if "watch" in query and response.status == http.HTTPStatus.OK:
                self._watch(call, response)
                return
            call.reply = response.read()
            call.status = response.status
            self.proxy.await_open()
            self.proxy.harm(call, after=True)
            self._reply(response, call.reply)
        except Answer as found:
            # An answer of our own before the API server was asked, or in place of what it said.
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": found.status}
            content = json.dumps(status | {"message": "said by the proxy"}).encode()
            self.send_response_only(found.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except Dropped:
            self._break()
            raise

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815, the names that http.server calls

    def _reply(self, response: http.client.HTTPResponse, content: bytes) -> None:
        self._head(response)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _watch(self, call: Call, response: http.client.HTTPResponse) -> None:
        call.status = response.status
        self.close_connection = True
        stream = Stream(self._upstream.sock, self.connection)
        with self.proxy.stream(stream):
            self._head(response)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            with suppress(OSError, http.client.HTTPException):
                for line in response:
                    while stream.held:
                        time.sleep(0.02)
                    self.proxy.await_open()
                    if stream.orderly is not None:
                        break
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()
            if stream.orderly is False:
                raise Dropped
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        for key, value in response.getheaders():
            if key.lower() not in _OWN:
                self.send_header(key, value)
        date = parsedate_to_datetime(response.headers["Date"]) + self.proxy.shift
        self.send_header("Date", format_datetime(date, usegmt=True))

    def _break(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _step(method: str, path: str, query: dict[str, str], body: bytes) -> tuple[str, str]:
    """What the controller does by a call, and for which pod."""
    verb = "watch" if "watch" in query else "list"
    if "/leases" in path:
        return {"GET": "get lease", "POST": "create lease", "PUT": "update lease"}[method], ""
    if path.endswith("/events"):
        return "create event", str(json.loads(body)["involvedObject"]["name"])
    if path == "/api/v1/namespaces":
        return ("read profile" if "fieldSelector" in query else f"{verb} namespaces"), ""
    pods = _PODS.fullmatch(path)
    if pods is None:
        return path, ""
    if pods["name"]:
        return ("patch pod" if method == "PATCH" else "get pod"), pods["name"]
    if query["labelSelector"].endswith(f"={names.WAITING}"):
        return f"{verb} waiting", ""
    return f"{verb} opened", ""
