"""The certificate that the service presents: read from files, tested before it is used, replaced without a restart."""

import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
AUTHORITY: Final = "ca.crt"


class CertificateError(Exception):
    """The certificate or its key cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Pair:
    """A certificate that matches its key, as a handshake has shown."""

    not_after: float
    """When it expires, in seconds since 1970."""
    names: tuple[str, ...]
    """The DNS names and addresses that it is valid for."""


class ServingCertificate:
    """The pair of `tls.crt` and `tls.key` from a folder, in the SSL context of the listener.

    A mismatched pair in that context would break every later handshake. So a new pair is first tested by a handshake in
    memory, and the same bytes are then loaded.
    """

    def __init__(self, folder: Path, client_authority: Path | None = None) -> None:
        """Holds no pair yet. If `client_authority` is given, clients need a certificate that it issued.

        Raises CertificateError if that file cannot be used.
        """
        self._folder = folder
        self._files: Files | None = None
        self.context = _server_context()
        if client_authority is not None:
            try:
                self.context.load_verify_locations(client_authority)
            except (OSError, ssl.SSLError) as error:
                raise CertificateError(f"{client_authority}: no CA certificates in it: {error}") from None
            self.context.verify_mode = ssl.CERT_REQUIRED

    def reload(self) -> Pair | None:
        """Loads the pair in the folder and returns it, or returns None if the files have not changed.

        Raises CertificateError if the files hold no valid pair; the pair loaded before stays.
        """
        files = Files.read(self._folder)
        if files == self._files:
            return None
        pair = prove(files)
        files.load_into(self.context)
        self._files = files
        return pair

    def client_context(self) -> ssl.SSLContext:
        """The context of a client that trusts `ca.crt`, or else the loaded certificate itself.

        Raises CertificateError if `ca.crt` exists and cannot be used.
        """
        certificate = self._files.certificate if self._files else b""
        return _client_context(self._folder, _authority(self._folder), certificate)


@dataclass(frozen=True)
class Files:
    """The three files as they were at one moment."""

    folder: Path
    certificate: bytes
    key: bytes
    authority: bytes | None

    @classmethod
    def read(cls, folder: Path) -> "Files":
        """The files in `folder`, all of one version of a mounted Secret.

        Raises CertificateError if a file is missing or cannot be read; only `ca.crt` may be missing.
        """
        try:
            real = _resolved(folder)
            return cls(folder, (real / CERTIFICATE).read_bytes(), (real / KEY).read_bytes(), _authority(folder, real))
        except FileNotFoundError as error:
            raise CertificateError(f"waiting for {folder / Path(str(error.filename)).name}") from None
        except OSError as error:
            raise CertificateError(f"{error.filename}: cannot be read: {error.strerror}") from None

    def load_into(self, context: ssl.SSLContext) -> None:
        """Loads the pair into `context`. Raises CertificateError if the key is encrypted or of another certificate."""

        def password() -> str:
            """Without this, OpenSSL asks at the terminal, and the process waits."""
            raise CertificateError(f"{self.folder / KEY}: found an encrypted key; accepted: an unencrypted one")

        try:
            with _as_file(self.certificate + b"\n" + self.key) as name:
                context.load_cert_chain(name, password=password)
        except ssl.SSLError as error:
            fault = f"{CERTIFICATE} and {KEY} are not a certificate and its key: {error}"
            raise CertificateError(f"{self.folder}: {fault}") from None
        except OSError as error:
            raise CertificateError(f"{self.folder}: cannot be loaded: {error.strerror}") from None


def prove(files: Files) -> Pair:
    """The pair in `files`, after a handshake in memory with a client that trusts `ca.crt`, if there is one.

    Raises CertificateError if the key is of another certificate, the certificate is not valid now, or another authority
    issued it.
    """
    server = _server_context()
    files.load_into(server)
    client = _client_context(files.folder, files.authority, files.certificate)
    try:
        found = _handshake(server, client)
    except ssl.SSLError as error:
        fault = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error
        raise CertificateError(f"{files.folder / CERTIFICATE}: {fault}") from None
    names = tuple(str(value) for _, value in found.get("subjectAltName", ()))
    return Pair(ssl.cert_time_to_seconds(found["notAfter"]), names)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _client_context(folder: Path, authority: bytes | None, certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    name, trusted = AUTHORITY, authority
    if trusted is None:
        # Without an authority the certificate is trusted itself, so that only its dates are checked.
        name, trusted = CERTIFICATE, certificate
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        # Comments around the certificates need not be ASCII.
        context.load_verify_locations(cadata=trusted.decode("ascii", "ignore"))
    except (ValueError, ssl.SSLError) as error:
        raise CertificateError(f"{folder / name}: no certificates in it: {error}") from None
    return context


def _authority(folder: Path, real: Path | None = None) -> bytes | None:
    try:
        file = (real or _resolved(folder)) / AUTHORITY
        return file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise CertificateError(f"{folder / AUTHORITY}: cannot be read: {error.strerror}") from None


def _handshake(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> dict[str, Any]:
    """The server's certificate as `getpeercert` returns it to the client. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client.getpeercert() or {}


def _resolved(folder: Path) -> Path:
    """The folder that holds the files: the kubelet's links lead through `..data` to one folder for each version."""
    real = Path(os.path.realpath(folder / CERTIFICATE)).parent
    return real if (real / CERTIFICATE).is_file() and (real / KEY).is_file() else folder


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """The name of a file that holds `content`, because the ssl module loads pairs only from files.

    The files in the folder may have changed, and the file system may be read-only. So the file is in memory on Linux.
    """
    in_memory = sys.platform == "linux" and Path("/proc/self/fd").is_dir()
    with os.fdopen(os.memfd_create("pair"), "wb") if in_memory else tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}" if in_memory else file.name
