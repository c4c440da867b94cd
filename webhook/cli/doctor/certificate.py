"""Checks that the caBundle, the Secret and the service's certificate match, and are not about to expire."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from certs.material import CA, CERTIFICATE, KEY, Material, date, read
from certs.pem import PemError, read_certificates
from certs.server import Handshake
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.service import Contact
from webhook.cli.doctor.snapshot import Installation

_CHECK: Final = "certificates"
#: Days. The certificate controller and cert-manager renew a month before the end. If less is left, renewal has failed.
_SOON: Final = 14
#: cert-manager's annotation that names the Certificate, as NAMESPACE/NAME, whose CA becomes the caBundle.
_INJECTED: Final = "cert-manager.io/inject-ca-from"


def check_certificates(installation: Installation, contact: Contact, now: datetime) -> Iterator[Finding]:
    """Do all three match, and are they valid at the moment `now`?"""
    findings = [*_bundles(installation)]
    stored = None
    if isinstance(installation.secret, Unknown):
        findings.append(installation.secret.finding(_CHECK))
    else:
        stored = _read(installation, installation.secret, now)
        findings += _secret(installation, installation.secret, stored, now)
    if isinstance(contact.handshake, Unknown):
        findings.append(contact.handshake.finding(_CHECK))
    else:
        findings += _presented(installation, contact.handshake, contact.way, stored, now)
    if stored and not findings:
        end = _end(stored)
        sentence = "caBundle, Secret and service certificate match, "
        sentence += f"valid for {(end - now).days} days, until {date(end)}"
        findings.append(Finding(_CHECK, Level.OK, sentence))
    yield from findings


def _bundles(installation: Installation) -> Iterator[Finding]:
    name, bundles = installation.name, installation.bundles
    fix = _show_issuer(installation) or installation.helm_upgrade("--set-file certificates.provided.caBundle=ca.crt")
    without = [entry for entry, bundle in bundles.items() if not bundle]
    if without:
        sentence = f"no caBundle in {', '.join(without)} of {name}, so the API server cannot trust the service"
        yield Finding(_CHECK, Level.FAULT, sentence, fix)
    different = set(bundles.values()) - {b""}
    for bundle in different:
        try:
            read_certificates(bundle)
        except PemError as error:
            yield Finding(_CHECK, Level.FAULT, f"a caBundle of {name} {error}", fix)
    if len(different) > 1:
        yield Finding(_CHECK, Level.FAULT, f"the entries of {name} have different caBundles", fix)


def _secret(
    installation: Installation, secret: Mapping[str, bytes], stored: Material, now: datetime
) -> Iterator[Finding]:
    create = installation.kubectl(f"create secret tls {installation.secret_name}")
    create += " --cert tls.crt --key tls.key --dry-run=client -o yaml | kubectl apply -f -"
    fix = _show_issuer(installation) or create
    where = f"the Secret {installation.namespace}/{installation.secret_name}"
    for problem in stored.problems:
        yield Finding(_CHECK, Level.FAULT, f"{where}: {problem}", fix)
    if stored.problems or not installation.bundle:
        return
    for problem in _read(installation, {**secret, CA: installation.bundle}, now).problems:
        fault = str(problem).replace(CA, "the caBundle")
        yield Finding(_CHECK, Level.FAULT, f"{where}: {fault}", fix)
    days = (_end(stored) - now).days
    if days < _SOON:
        sentence = f"{where}: {CERTIFICATE} expires in {days} days and was not renewed"
        yield Finding(_CHECK, Level.WARNING, sentence, fix)


def _presented(
    installation: Installation, handshake: Handshake, way: str, stored: Material | None, now: datetime
) -> Iterator[Finding]:
    shown = read({CERTIFICATE: handshake.certificate}, [], now, [CERTIFICATE])
    restart = installation.kubectl(f"rollout restart deployment/{installation.service}")
    if handshake.fault:
        sentence = f"the service, reached {way}, presents a certificate that the caBundle does not trust: "
        yield Finding(_CHECK, Level.FAULT, sentence + handshake.fault, restart)
    elif stored and stored.chain and shown.serving != stored.serving:
        sentence = (
            f"the service, reached {way}, does not present the certificate in the Secret {installation.secret_name}; "
            "after a change, loading it takes up to two minutes"
        )
        yield Finding(_CHECK, Level.WARNING, sentence, restart)


def _read(installation: Installation, secret: Mapping[str, bytes], now: datetime) -> Material:
    return read(secret, [installation.host], now, (CERTIFICATE, KEY))


def _end(stored: Material) -> datetime:
    """When the first certificate of a chain expires."""
    return min(one.not_valid_after_utc for one in stored.chain)


def _show_issuer(installation: Installation) -> str:
    """The command that shows why the certificates are not renewed; empty if they are provided by hand."""
    namespace, _, certificate = installation.annotations.get(_INJECTED, "").partition("/")
    if certificate:
        return f"kubectl describe certificate {certificate} --namespace {namespace}"
    logs = installation.kubectl(f"logs deployment/{installation.service}-certificate-controller --tail 50")
    return logs if installation.controller else ""
