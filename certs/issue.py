"""``issue``: a serving certificate of one's own CA in a folder, for running the service outside a cluster."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from certs.authority import canonical, issue, new_authority
from certs.errors import InputError
from certs.files import read_folder, write_folder
from certs.material import CERTIFICATE, Material, Problem, date, names, pem_files, read

RENEW_BEFORE = timedelta(days=30)


def ensure(out: Path, hosts: Sequence[str], now: datetime) -> bool:
    """See that a folder holds a serving certificate for some hosts: ``ca.crt``, ``tls.crt`` and ``tls.key``.

    What is there is kept while it is sound, names every host and is valid for 30 days more. Otherwise a new CA signs a
    new certificate and all three files are replaced together. The CA's private key is nowhere kept.

    Args:
        out: The folder, made where it is missing.
        hosts: DNS names and IP addresses, at least one.
        now: The moment to judge and issue at.

    Returns:
        Whether a certificate was issued.

    Raises:
        HostError: A host cannot stand in a certificate.
        OSError: The folder cannot be read or written.
    """
    if not reasons(out, hosts, now):
        return False
    authority = new_authority(now)
    write_folder(out, pem_files(issue(authority, hosts, now), [authority.certificate]))
    return True


def reasons(folder: Path, hosts: Sequence[str], now: datetime) -> tuple[Problem, ...]:
    """Return why the files of a folder have to be issued anew; nothing when they are kept.

    Raises:
        HostError: A host cannot stand in a certificate.
        OSError: The folder cannot be read.
    """
    wanted = canonical(hosts)
    material = _material(folder, wanted, now)
    serving = material.serving
    if serving and not material.problems and serving.not_valid_after_utc - now <= RENEW_BEFORE:
        return (Problem(CERTIFICATE, f"expires on {date(serving.not_valid_after_utc)}"),)
    return material.problems


def command(
    out: Annotated[Path, typer.Option(help="The folder to write ca.crt, tls.crt and tls.key into.")],
    host: Annotated[list[str], typer.Option(help="A DNS name or IP address to serve as; may be repeated.")],
) -> None:
    """Issue a serving certificate of a new CA into a folder, unless the one there will still do.

    Example: python -m certs issue --out .local/tls --host localhost --host 127.0.0.1
    """
    now = datetime.now(UTC)
    try:
        why = reasons(out, host, now)
        issued = ensure(out, host, now)
        serving = _material(out, host, now).serving
    except OSError as error:
        raise InputError(f"The folder {out} cannot hold certificates: {error}.") from error
    if serving is not None:
        done = f"issued ({'; '.join(map(str, why))})" if issued else "kept"
        until = date(serving.not_valid_after_utc)
        typer.echo(f"{out}: {done}: a certificate for {', '.join(names(serving))}, valid until {until}")


def _material(folder: Path, hosts: Sequence[str], now: datetime) -> Material:
    return read(read_folder(folder), hosts, now)
