"""The service's certificate and the CAs of its clients: tested before they are used, replaced without a restart."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from webhook.service.certificate_files import AUTHORITY, CERTIFICATE, CertificateError, Files, load_authorities

#: How many connections one context begins.
_CONNECTIONS: Final = 2000


@dataclass(frozen=True)
class Pair:
    """A certificate that matches its key, as a handshake has shown."""

    not_after: float
    """When it expires, in seconds since 1970."""
    names: tuple[str, ...]
    """The DNS names and addresses that it is valid for."""


class ServingCertificate:
    """The pair of `tls.crt` and `tls.key` from a folder, and the CAs of clients, as SSL contexts.

    A mismatched pair would break every handshake. So a new pair is first tested by a handshake in memory. Each pair and
    each version of the clients' CAs gets a new context, in which no session of an old context can be resumed.
    """

    def __init__(self, folder: Path, client_authority: Path | None = None) -> None:
        """Holds no pair yet. If `client_authority` is given, clients need a certificate from a CA in that file.

        Raises CertificateError if that file cannot be used.
        """
        self._folder = folder
        self._client_authority = client_authority
        self._client_authorities: bytes | None = None
        self._files: Files | None = None
        self._contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
        self._connections = 0
        self.reload_client_authority()

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next connection. Raises CertificateError before the first pair is loaded.

        It changes from time to time, because a context keeps the sessions of TLS 1.2 (up to 20,480, some 80 MiB), and
        Python cannot turn that off.
        """
        context, client = self._loaded()
        self._connections += 1
        if self._connections % _CONNECTIONS == 0 and self._files is not None:
            context = self._server_context(self._client_authorities)
            self._files.load_into(context)
            self._contexts = context, client
        return context

    @property
    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts the `ca.crt` that came with the loaded pair, or else the certificate itself.

        Raises CertificateError before the first pair is loaded.
        """
        return self._loaded()[1]

    def reload(self) -> Pair | None:
        """Loads the pair in the folder and returns it, or returns None if the files have not changed.

        Raises CertificateError if the files hold no valid pair; the pair loaded before stays.
        """
        with _only_certificate_errors(self._folder / CERTIFICATE):
            files = Files.read(self._folder)
            if files == self._files:
                return None
            client = _client_context(files)
            pair = prove(files, client)
            context = self._server_context(self._client_authorities)
            files.load_into(context)
        self._files, self._contexts = files, (context, client)
        return pair

    def reload_client_authority(self) -> bool:
        """Loads the CAs of clients if their file has changed; returns whether it did.

        Raises CertificateError if the file holds no CA certificates; the ones loaded before stay.
        """
        if self._client_authority is None:
            return False
        with _only_certificate_errors(self._client_authority):
            authorities = _content(self._client_authority)
            if authorities == self._client_authorities:
                return False
            context = self._server_context(authorities)
            if self._files is not None:
                self._files.load_into(context)
        self._client_authorities = authorities
        if self._contexts is not None:
            self._contexts = (context, self._contexts[1])
        return True

    def _loaded(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        if self._contexts is None:
            raise CertificateError(f"{self._folder}: no certificate is loaded")
        return self._contexts

    def _server_context(self, client_authorities: bytes | None) -> ssl.SSLContext:
        context = _plain_server_context()
        if client_authorities is None or self._client_authority is None:
            return context
        load_authorities(context, client_authorities, self._client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
        # OpenSSL does not verify the client's certificate again when a session is resumed. TLS 1.3 has no sessions
        # without tickets. In TLS 1.2 the server keeps sessions itself, and Python cannot turn that off.
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        return context


def prove(files: Files, client: ssl.SSLContext) -> Pair:
    """The pair in `files`, after a handshake in memory with `client`.

    Raises CertificateError if the key is of another certificate, the certificate is not valid now, `client` does not
    trust its issuer, or it is valid for no name that a client could check (RFC 9525, section 6).
    """
    server = _plain_server_context()
    files.load_into(server)
    try:
        found = _handshake(server, client)
    except ssl.SSLError as error:
        fault = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error
        raise CertificateError(f"{files.folder / CERTIFICATE}: {fault}") from None
    # This is how the ssl module reports an address of the wrong length.
    names = tuple(str(value) for _, value in found.get("subjectAltName", ()) if value != "<invalid>")
    if not names:
        fault = "found no name in the certificate; accepted: at least one DNS name or address in subjectAltName"
        raise CertificateError(f"{files.folder / CERTIFICATE}: {fault}")
    return Pair(ssl.cert_time_to_seconds(found["notAfter"]), names)


def _plain_server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _client_context(files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if files.authority is None:
        # Without an authority the certificate is trusted itself, so that only its dates are checked.
        load_authorities(context, files.certificate, files.folder / CERTIFICATE)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        load_authorities(context, files.authority, files.folder / AUTHORITY)
    return context


def _handshake(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> dict[str, Any]:
    """The server's certificate as `getpeercert` returns it to the client. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client.getpeercert() or {}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file}: cannot be read: {error.strerror}") from None


@contextmanager
def _only_certificate_errors(file: Path) -> Iterator[None]:
    """Raises CertificateError for every exception, because the ssl module raises many for an unusual certificate.

    For example, a name that is not UTF-8 raises UnicodeDecodeError.
    """
    try:
        yield
    except CertificateError:
        raise
    except Exception as error:
        raise CertificateError(f"{file}: cannot be used: {type(error).__name__}: {error}") from error
