"""Why a call failed, from servers that are no API server, or not the one that the kubeconfig trusts."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from certs.authority import issue, new_authority
from certs.cluster import connect
from certs.cluster_errors import ClusterError, NoJsonError
from certs.reasons import cause
from tests.certs.stand_in import Answer, StandIn


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("timed out", "timed out"),
        ("Read timed out. (read timeout=10)", "Read timed out. (read timeout=10)"),
        ("a: b: [Errno 111] Connection refused", "[Errno 111] Connection refused"),
        ("NewConnectionError('<x>: Failed: [Errno 111] Connection refused'))", "[Errno 111] Connection refused"),
        ("x: Failed to resolve 'a' ([Errno -2] Name not known)", "Failed to resolve 'a' ([Errno -2] Name not known)"),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)",
            "self-signed certificate",
        ),
        (
            "SSLCertVerificationError(1, \"x: certificate is not valid for 'a'. (_ssl.c:1006)\")))",
            "certificate is not valid for 'a'",
        ),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "wrong version number"),
        ("too\nlong: one\n two", "one two"),
        ("", ""),
    ],
)
def test_the_cause_is_the_last_clause_without_what_encloses_it(text: str, shown: str) -> None:
    assert cause(text) == shown


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"", b"\xff\xfe", b'{"items": ['])
def test_an_answer_that_is_no_json(tmp_path: Path, body: bytes) -> None:
    with StandIn(tmp_path) as server:
        server.fault = lambda *_: Answer(body=body)
        with pytest.raises(NoJsonError, match=r"^could not GET /version: the answer is no JSON$") as error:
            connect(server.kubeconfig).get("/version")
    assert (error.value.reason, error.value.status) == ("the answer is no JSON", None)


def test_a_server_that_ends_the_connection(tmp_path: Path) -> None:
    with StandIn(tmp_path) as server:
        server.fault = lambda *_: Answer(close=True)
        assert reason(server.kubeconfig) == "Remote end closed connection without response"


@pytest.mark.parametrize(
    ("host", "trusted", "shown"),
    [
        ("127.0.0.1", False, "unable to get local issuer certificate"),
        ("10.0.0.1", True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
    ids=["of an unknown CA", "for another host"],
)
def test_a_certificate_that_is_not_trusted(tmp_path: Path, host: str, *, trusted: bool, shown: str) -> None:
    now = datetime.now(UTC)
    authority, other = new_authority(now), new_authority(now)
    pair = issue(authority, [host], now)
    (tmp_path / "pair").write_bytes(pair.certificate_pem + pair.key_pem)
    (tmp_path / "ca").write_bytes((authority if trusted else other).certificate_pem)
    with tls_server(tmp_path / "pair") as url:
        assert reason(kubeconfig(tmp_path, url)) == shown


def test_a_server_without_tls(tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(new_authority(datetime.now(UTC)).certificate_pem)
    with StandIn(tmp_path) as server:
        found = reason(kubeconfig(tmp_path, server.url.replace("http:", "https:")))
    assert found in ("wrong version number", "record layer failure")


def reason(path: Path) -> str:
    with pytest.raises(ClusterError) as error:
        connect(path).get("/version")
    return error.value.reason


def kubeconfig(folder: Path, url: str) -> Path:
    content = {
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": url, "certificate-authority": str(folder / "ca")}}],
        "users": [{"name": "a", "user": {}}],
        "current-context": "a",
    }
    (folder / "config").write_text(yaml.safe_dump(content))
    return folder / "config"


class _Silent(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Says nothing of handshakes that fail."""


@contextmanager
def tls_server(pair: Path) -> Iterator[str]:
    """The URL of a server on loopback that presents a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    with _Silent(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
