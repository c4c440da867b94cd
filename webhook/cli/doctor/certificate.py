"""Are the caBundle, the Secret and what the service presents one chain, and for how long?"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from certs.material import CA, CERTIFICATE, KEY, Material, date, read
from certs.pem import PemError, read_certificates
from certs.server import Handshake
from webhook.cli.doctor.configuration import upgrade
from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.service import Contact

_CHECK: Final = "certificates"
#: Days. The certificate controller and cert-manager renew a month before the end; so late, something prevents them.
_SOON: Final = 14
#: cert-manager's annotation that names the Certificate, as NAMESPACE/NAME, whose CA becomes the caBundle.
_INJECTED: Final = "cert-manager.io/inject-ca-from"


def check_certificates(installation: Installation, contact: Contact, now: datetime) -> Iterator[Finding]:
    """Do all three match, and are they valid at the moment `now`?"""
    findings = [*_bundles(installation)]
    bundle = bundle_of(installation)
    stored: Material | None = None
    if isinstance(installation.secret, Unknown):
        findings.append(installation.secret.finding(_CHECK))
    else:
        stored = read(installation.secret, [installation.host], now, (CERTIFICATE, KEY))
        findings += _secret(installation, stored, bundle, now)
    if isinstance(contact.handshake, Unknown):
        findings.append(contact.handshake.finding(_CHECK))
    else:
        findings += _presented(installation, contact.handshake, contact.seen, stored, now)
    if not findings and stored is not None:
        days, end = _left(stored, now)
        sentence = f"caBundle, Secret and service certificate match, valid for {days} days, until {date(end)}"
        findings.append(Finding(_CHECK, Level.OK, sentence))
    yield from findings


def bundle_of(installation: Installation) -> bytes:
    """The CA certificates that the API server trusts, as PEM; empty if none can be read."""
    for bundle in map(_bundle, installation.entries):
        try:
            read_certificates(bundle)
        except PemError:
            continue
        return bundle
    return b""


def _bundle(entry: JSON) -> bytes:
    return base64.b64decode(entry["clientConfig"].get("caBundle") or "")


def _bundles(installation: Installation) -> Iterator[Finding]:
    fix = _kept_by(installation) or upgrade(installation, "--set-file certificates.provided.caBundle=ca.crt")
    bundles = {entry["name"]: _bundle(entry) for entry in installation.entries}
    empty = [name for name, bundle in bundles.items() if not bundle]
    if empty:
        sentence = (
            f"{', '.join(empty)} of {installation.name} has no caBundle, so the API server cannot trust the service"
        )
        yield Finding(_CHECK, Level.FAULT, sentence, fix)
    for bundle in {bundle for bundle in bundles.values() if bundle}:
        try:
            read_certificates(bundle)
        except PemError as error:
            sentence = f"a caBundle of {installation.name} {error}"
            yield Finding(_CHECK, Level.FAULT, sentence, fix)
    if len({bundle for bundle in bundles.values() if bundle}) > 1:
        sentence = f"the entries of {installation.name} have different caBundles"
        yield Finding(_CHECK, Level.FAULT, sentence, fix)


def _secret(installation: Installation, stored: Material, bundle: bytes, now: datetime) -> Iterator[Finding]:
    fix = _kept_by(installation) or _replace(installation)
    where = f"the Secret {installation.namespace}/{installation.secret_name}"
    for problem in stored.problems:
        yield Finding(_CHECK, Level.FAULT, f"{where}: {problem}", fix)
    if stored.problems or not bundle or isinstance(installation.secret, Unknown):
        return
    trusted = read({**installation.secret, CA: bundle}, [installation.host], now, (CERTIFICATE, KEY))
    for problem in trusted.problems:
        fault = str(problem).replace(CA, "the caBundle")
        yield Finding(_CHECK, Level.FAULT, f"{where}: {fault}", fix)
    days, _ = _left(stored, now)
    if days < _SOON:
        sentence = f"{where}: {CERTIFICATE} expires in {days} days and was not renewed"
        yield Finding(_CHECK, Level.WARNING, sentence, fix)


def _left(stored: Material, now: datetime) -> tuple[int, datetime]:
    """How many days a chain is valid from `now`, and until when."""
    end = min(one.not_valid_after_utc for one in stored.chain)
    return (end - now).days, end


def _presented(
    installation: Installation, handshake: Handshake, seen: str, stored: Material | None, now: datetime
) -> Iterator[Finding]:
    shown = read({CERTIFICATE: handshake.certificate}, [installation.host], now, (CERTIFICATE,))
    restart = installation.kubectl(f"rollout restart deployment/{installation.service}")
    if handshake.fault:
        sentence = (
            f"the service, reached {seen}, presents a certificate that the caBundle does not trust: {handshake.fault}"
        )
        yield Finding(_CHECK, Level.FAULT, sentence, restart)
    elif stored is not None and stored.serving is not None and shown.serving != stored.serving:
        sentence = (
            f"the service, reached {seen}, presents another certificate than the Secret {installation.secret_name}; "
            "after a change, loading it takes up to two minutes"
        )
        yield Finding(_CHECK, Level.WARNING, sentence, restart)


def _kept_by(installation: Installation) -> str:
    """The command that shows why what keeps the certificates fails; empty if they are provided by hand."""
    namespace, _, certificate = installation.annotations.get(_INJECTED, "").partition("/")
    if certificate:
        return f"kubectl describe certificate {certificate} --namespace {namespace}"
    if not installation.controller:
        return ""
    controller = f"{installation.service}-certificate-controller"
    return installation.kubectl(f"logs deployment/{controller} --tail 50")


def _replace(installation: Installation) -> str:
    create = installation.kubectl(f"create secret tls {installation.secret_name}")
    return f"{create} --cert tls.crt --key tls.key --dry-run=client -o yaml | kubectl apply -f -"
