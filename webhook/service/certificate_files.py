"""The files of the serving certificate, read as one version of a mounted Secret."""

import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
AUTHORITY: Final = "ca.crt"


class CertificateError(Exception):
    """A certificate, its key or a CA cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Files:
    """The three files as they were at one moment."""

    folder: Path
    certificate: bytes
    key: bytes
    authority: bytes | None

    @classmethod
    def read(cls, folder: Path) -> "Files":
        """The files in `folder`, all of one version of a mounted Secret, which may be replaced and removed meanwhile.

        Raises CertificateError if a file is missing or cannot be read; only `ca.crt` may be missing.
        """
        try:
            while True:
                real = _resolved(folder)
                try:
                    pair = (real / CERTIFICATE).read_bytes(), (real / KEY).read_bytes()
                    files = cls(folder, *pair, _authority(folder, real))
                except FileNotFoundError:
                    if _resolved(folder) == real:
                        raise
                else:
                    if _resolved(folder) == real:
                        return files
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


def load_authorities(context: ssl.SSLContext, content: bytes, file: Path) -> None:
    """Makes `context` trust the CA certificates in `content` (PEM), which is of `file`.

    Raises CertificateError if one of them cannot be read, or if there is none.
    """
    try:
        # Comments around the certificates need not be ASCII.
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ValueError, ssl.SSLError) as error:
        raise CertificateError(f"{file}: no certificates in it: {error}") from None


def _authority(folder: Path, real: Path) -> bytes | None:
    try:
        file = real / AUTHORITY
        return file.read_bytes() if file.is_file() else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(f"{folder / AUTHORITY}: cannot be read: {error.strerror}") from None


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
