"""Asks a running server for its certificate."""

import re
import socket
import ssl
from dataclasses import dataclass

from certs.errors import InputError

_PORT = re.compile(r"[0-9]{1,5}")
_SECONDS = 10


class ServerError(Exception):
    """No TLS server answered; the message is one clause."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a DNS name or IP address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Handshake:
    """The serving certificate of a server as PEM, and what a client finds wrong with it."""

    certificate: bytes
    fault: str
    """Why a client that trusts the given CAs refuses it; empty if the client accepts it or no CAs were given."""


def read_address(text: str) -> Address:
    """Reads `HOST:PORT`; an IPv6 address is in brackets. Raises InputError."""
    host, separator, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not separator or not host or not _PORT.fullmatch(port) or not 0 < int(port) <= 65535:  # noqa: PLR2004
        raise InputError(f"--server: found {text!r}; accepted: HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443")
    return Address(host, int(port))


def shake_hands(address: Address, server_name: str, ca: bytes | None) -> Handshake:
    """Connects to a server under the name `server_name`, and verifies it strictly with `ca`, the PEM of the CAs.

    Without `ca` nothing is verified. Raises ServerError if no TLS server answers, and ssl.SSLError if `ca` holds no
    certificate.
    """
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    presented = _connect(address, server_name, unverified)
    fault = ""
    if ca is not None:
        strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        strict.load_verify_locations(cadata=ca.decode("ascii", "ignore"))  # comments in PEM need not be ASCII
        try:
            _connect(address, server_name, strict)
        except ssl.SSLCertVerificationError as error:
            fault = error.verify_message.rstrip(".")
    return Handshake(ssl.DER_cert_to_PEM_cert(presented).encode(), fault)


def _connect(address: Address, server_name: str, context: ssl.SSLContext) -> bytes:
    try:
        with (
            socket.create_connection((address.host, address.port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server_name) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""
    except ssl.SSLCertVerificationError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise ServerError(f"no TLS server answers at {address}: {reason}") from error
