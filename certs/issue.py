"""`issue`: writes a serving certificate of a new CA into a folder, for a service outside a cluster."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from certs.authority import canonical, issue, new_authority
from certs.errors import InputError
from certs.files import read_folder, write_folder
from certs.material import CERTIFICATE, date, names, pem_files, read

RENEW_BEFORE = timedelta(days=30)


def ensure(out: Path, hosts: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Keeps the certificate files in `out` if nothing is wrong with them for `hosts` and the next 30 days.

    Otherwise a new CA signs a new certificate, and `ca.crt`, `tls.crt` and `tls.key` are replaced together. The CA's
    private key is not stored. Returns why new files were issued, if they were. Raises InputError and OSError.
    """
    wanted = canonical(hosts)
    material = read(read_folder(out), wanted, now)
    why, serving = material.problems, material.serving
    if serving and not why and serving.not_valid_after_utc - now <= RENEW_BEFORE:
        why = (f"{CERTIFICATE} expires on {date(serving.not_valid_after_utc)}",)
    if why:
        authority = new_authority(now)
        write_folder(out, pem_files(issue(authority, wanted, now), [authority.certificate]))
    return why


def command(
    out: Annotated[Path, typer.Option(help="The folder for ca.crt, tls.crt and tls.key.")],
    host: Annotated[list[str], typer.Option(help="A DNS name or IP address to serve as; repeatable.")],
) -> None:
    """Issue a serving certificate of a new CA into a folder, unless the certificate there can still be used.

    Exit code: 0 if there is a certificate that can be used, 2 if the input cannot be used.

    Example: spark-eci-certs issue --out .local/tls --host localhost --host 127.0.0.1
    """
    now = datetime.now(UTC)
    try:
        why = ensure(out, host, now)
        chain = read(read_folder(out), host, now).chain
    except OSError as error:
        raise InputError(f"--out: {error.filename or out} cannot be used: {error.strerror or error}") from None
    done = f"issued ({'; '.join(why)})" if why else "kept"
    until = date(chain[0].not_valid_after_utc)
    typer.echo(f"{out}: {done}: a certificate for {', '.join(names(chain[0]))}, valid until {until}")
