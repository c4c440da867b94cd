"""The certificate that the service presents: read from files, proven before it is used, replaced without a restart."""

import hashlib
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    """A certificate that was proven to go with its key."""

    digest: bytes
    """SHA-256 of the files."""
    not_after: float
    """When it expires, in seconds since 1970."""
    names: tuple[str, ...]
    """The DNS names and addresses that it is for."""


class ServingCertificate:
    """What `tls.crt` and `tls.key` in a folder hold, in the SSL context that the listener uses.

    A new pair is loaded into the live context only after a handshake in memory, and from the very bytes that were
    proven: a mismatched pair there breaks every later handshake.
    """

    def __init__(self, folder: Path, client_authority: Path | None = None) -> None:
        """Holds nothing yet. Only clients with a certificate of `client_authority` are served, where it is given.

        Raises CertificateError where that file cannot be used.
        """
        self._folder = folder
        self.pair: Pair | None = None
        self._presented = b""
        self.context = _server_context()
        if client_authority is not None:
            try:
                self.context.load_verify_locations(client_authority)
            except (OSError, ssl.SSLError) as error:
                raise CertificateError(f"{client_authority}: no certificates of authorities in it: {error}") from None
            self.context.verify_mode = ssl.CERT_REQUIRED

    def reload(self) -> bool:
        """Loads the pair in the folder if it is another one; returns whether it was loaded.

        Raises CertificateError where the files hold no pair that could be presented now; the one loaded before stays.
        """
        files = Files.read(self._folder)
        if self.pair is not None and files.digest == self.pair.digest:
            return False
        pair = prove(files)
        files.load_into(self.context)
        self.pair, self._presented = pair, files.certificate
        return True

    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts what callers are to trust: `ca.crt`, or else the certificate in use itself.

        Raises CertificateError where the file is there and cannot be used.
        """
        return _client_context(self._folder, _authority(self._folder), self._presented)


@dataclass(frozen=True)
class Files:
    """The three files as they were at one moment."""

    folder: Path
    certificate: bytes
    key: bytes
    authority: bytes | None

    @classmethod
    def read(cls, folder: Path) -> "Files":
        """The files in `folder`, all from one resolved folder, since kubelet swaps a mounted Secret by a symbolic link.

        Raises CertificateError where one that is needed is missing or cannot be read.
        """
        try:
            real = _resolved(folder)
            return cls(folder, (real / CERTIFICATE).read_bytes(), (real / KEY).read_bytes(), _authority(folder, real))
        except FileNotFoundError as error:
            raise CertificateError(f"waiting for {folder / Path(str(error.filename)).name}") from None
        except OSError as error:
            raise CertificateError(f"{error.filename}: cannot be read: {error.strerror}") from None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the files."""
        parts = (self.certificate, self.key, self.authority or b"")
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()

    def load_into(self, context: ssl.SSLContext) -> None:
        """Loads the pair into `context`.

        Raises CertificateError where certificate and key do not belong together, or the key is encrypted.
        """

        def password() -> str:
            """OpenSSL would ask at the terminal, and all would wait."""
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
    """The pair in `files` after a handshake in memory, with the authority in `ca.crt` where there is one.

    Raises CertificateError where the two do not belong together, the certificate is not valid now, or its authority is
    another one.
    """
    scratch = _server_context()
    files.load_into(scratch)
    try:
        found = _handshake(scratch, _client_context(files.folder, files.authority, files.certificate))
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(f"{files.folder / CERTIFICATE}: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise CertificateError(f"{files.folder / CERTIFICATE}: {error}") from None
    names = tuple(str(value) for _, value in found.get("subjectAltName", ()))
    return Pair(files.digest, ssl.cert_time_to_seconds(found["notAfter"]), names)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _client_context(folder: Path, authority: bytes | None, certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    name, trusted = AUTHORITY, authority
    if trusted is None:
        # Without an authority the certificate vouches for itself, which leaves its dates to be checked.
        name, trusted = CERTIFICATE, certificate
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        # Comments around the certificates may be in any language.
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
    """The certificate that a client meets, as `getpeercert` has it. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found: dict[str, Any] = client.getpeercert() or {}
    return found


def _resolved(folder: Path) -> Path:
    """The folder that the files really are in: kubelet's links lead through `..data` to one folder for each version."""
    real = Path(os.path.realpath(folder / CERTIFICATE)).parent
    return real if (real / CERTIFICATE).is_file() and (real / KEY).is_file() else folder


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """The name of a file that holds `content`: the ssl module reads pairs from files only.

    What lies in the folder may be another pair by now, and the file system may be read-only, so the file is in memory
    where Linux offers that.
    """
    if sys.platform == "linux" and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("pair"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:  # pragma: no cover, for developers on other systems
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
