"""`show`: describes the certificates of a folder, a Secret or a running server, and what is wrong with them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from certs.authority import canonical
from certs.errors import InputError
from certs.files import read_folder
from certs.material import CERTIFICATE
from certs.pem import PemError, encode, read_certificates
from certs.report import Report, lines, presented, report
from certs.server import ServerError, read_address, shake_hands


def command(
    *,
    folder: Annotated[Path | None, typer.Option("--dir", help="A folder with tls.crt, tls.key and ca.crt.")] = None,
    secret: Annotated[str | None, typer.Option(help="A Secret of a cluster, as NAMESPACE/NAME.")] = None,
    server: Annotated[str | None, typer.Option(help="A running server, as HOST:PORT.")] = None,
    ca: Annotated[Path | None, typer.Option(help="With --server: a PEM file of the CAs to trust.")] = None,
    server_name: Annotated[str | None, typer.Option(help="With --server: its name, if not HOST.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="A name that the certificate must have; repeatable.")] = None,
    context: Annotated[str | None, typer.Option(help="With --secret: the context of the kubeconfig.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="With --secret: a kubeconfig, if not the usual one.")] = None,
) -> None:
    """Explain certificates: names, dates, chain, days left, and what is wrong.

    Exit code: 0 if nothing is wrong, 1 if something is, 2 if the source cannot be read.

    Example: spark-eci-certs show --dir .local/tls

    Example: spark-eci-certs show --secret spark/webhook-tls --host webhook.spark.svc

    Example: spark-eci-certs show --server 127.0.0.1:8443 --ca .local/tls/ca.crt
    """
    hosts = canonical(host) if host else ()
    now = datetime.now(UTC)
    match folder, secret, server:
        case Path(), None, None:
            found = _of_folder(folder, hosts, now)
        case None, str(), None:
            found = _of_secret(secret, hosts, now, kubeconfig, context)
        case None, None, str():
            found = _of_server(server, hosts, now, ca, server_name)
        case _:
            number = sum(source is not None for source in (folder, secret, server))
            raise InputError(f"found {number} sources; accepted: exactly one of --dir, --secret and --server")
    for line in lines(found):
        typer.echo(line)
    raise typer.Exit(1 if found.problems else 0)


def _of_folder(folder: Path, hosts: Sequence[str], now: datetime) -> Report:
    try:
        if not folder.is_dir():
            raise InputError(f"--dir: {folder} is not a folder")
        return report(f"the folder {folder}", read_folder(folder), hosts, now)
    except OSError as error:
        raise InputError(f"--dir: {folder} cannot be read: {error.strerror}") from None


def _of_secret(name: str, hosts: Sequence[str], now: datetime, kubeconfig: Path | None, context: str | None) -> Report:
    # The API client takes 0.4 s to import. The other sources should not wait for it.
    from certs.cluster import connect  # noqa: PLC0415
    from certs.cluster_errors import ClusterError  # noqa: PLC0415

    named = re.fullmatch(r"([a-z0-9-]+)/([a-z0-9.-]+)", name)
    if not named:
        raise InputError(f"--secret: found {name!r}; accepted: NAMESPACE/NAME, such as spark/webhook-tls")
    try:
        found = connect(kubeconfig, context).secret(*named.groups())
    except ClusterError as error:
        raise InputError(str(error)) from None
    source = f"the Secret {name}"
    return report(source, found.data, hosts, now) if found else Report(source, now, (), ("the Secret does not exist",))


def _of_server(address: str, hosts: Sequence[str], now: datetime, ca: Path | None, server_name: str | None) -> Report:
    where = read_address(address)
    source, name = f"the server {where}", server_name or where.host
    trusted = _trusted(ca) if ca else None
    try:
        handshake = shake_hands(where, name, trusted)
    except ServerError as error:
        return Report(source, now, (), (str(error),))
    found = presented(source, {CERTIFICATE: handshake.certificate}, hosts or canonical([name]), now, (CERTIFICATE,))
    if ca is None:
        return replace(found, notes=("no CA was given by --ca, so the chain was not verified",))
    refused = f"a client that calls it {name} and trusts {ca} refuses it: {handshake.fault}"
    return replace(found, problems=(*found.problems, *([refused] if handshake.fault else [])))


def _trusted(ca: Path) -> bytes:
    try:
        return encode(read_certificates(ca.read_bytes()))
    except OSError as error:
        raise InputError(f"--ca: {ca} cannot be read: {error.strerror}") from None
    except PemError as error:
        raise InputError(f"--ca: {ca} {error}") from None
