"""Are the caBundle, the Secret and what the service presents one chain, and for how long?"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from certs.material import CA, CERTIFICATE, KEY, Material, date, read
from certs.pem import PemError, read_certificates
from certs.server import Handshake
from webhook.cli.doctor.configuration import upgrade
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Installed

_CHECK: Final = "certificates"
#: The certificate controller and cert-manager renew a month before; so late, something keeps them from doing so.
_SOON: Final = 14
#: cert-manager's annotation that names the Certificate, as NAMESPACE/NAME, whose CA becomes the caBundle.
_INJECTED: Final = "cert-manager.io/inject-ca-from"


def check_certificates(
    installed: Installed, handshake: Handshake | Unknown, seen: str, now: datetime
) -> Iterator[Finding]:
    """Judges all three against each other at the moment `now`; `seen` says how the service was reached."""
    findings = [*_bundles(installed)]
    bundle = bundle_of(installed)
    stored: Material | None = None
    if isinstance(installed.secret, Unknown):
        findings.append(installed.secret.finding(_CHECK, _may_read(installed)))
    else:
        stored = read(installed.secret, [installed.host], now, (CERTIFICATE, KEY))
        findings += _secret(installed, stored, bundle, now)
    if isinstance(handshake, Unknown):
        findings.append(handshake.finding(_CHECK, f"kubectl get pods --namespace {installed.namespace}"))
    else:
        findings += _presented(installed, handshake, seen, stored, now)
    if findings:
        yield from findings
        return
    ends = [one.not_valid_after_utc for one in stored.chain] if stored else []
    days = (min(ends) - now).days
    sentence = f"caBundle, Secret and service certificate match, valid for {days} days, until {date(min(ends))}"
    yield Finding(_CHECK, Level.OK, sentence)


def bundle_of(installed: Installed) -> bytes:
    """The CA certificates that the API server trusts, as PEM; empty where there are none that can be read."""
    for bundle in map(_bundle, installed.entries):
        try:
            read_certificates(bundle)
        except PemError:
            continue
        return bundle
    return b""


def _bundle(entry: dict[str, dict[str, str]]) -> bytes:
    return base64.b64decode(entry["clientConfig"].get("caBundle") or "")


def _bundles(installed: Installed) -> Iterator[Finding]:
    fix = _kept_by(installed) or upgrade(installed, "--set-file certificates.provided.caBundle=ca.crt")
    bundles = {entry["name"]: _bundle(entry) for entry in installed.entries}
    empty = [name for name, bundle in bundles.items() if not bundle]
    if empty:
        sentence = f"{', '.join(empty)} of {installed.name} has no caBundle, so the API server cannot trust the service"
        yield Finding(_CHECK, Level.FAULT, sentence, fix)
    for bundle in {bundle for bundle in bundles.values() if bundle}:
        try:
            read_certificates(bundle)
        except PemError as error:
            sentence = f"a caBundle of {installed.name} {error}"
            yield Finding(_CHECK, Level.FAULT, sentence, fix)
    if len({bundle for bundle in bundles.values() if bundle}) > 1:
        sentence = f"the entries of {installed.name} have different caBundles"
        yield Finding(_CHECK, Level.FAULT, sentence, fix)


def _secret(installed: Installed, stored: Material, bundle: bytes, now: datetime) -> Iterator[Finding]:
    fix = _kept_by(installed) or _replace(installed)
    where = f"the Secret {installed.namespace}/{installed.secret_name}"
    for problem in stored.problems:
        yield Finding(_CHECK, Level.FAULT, f"{where}: {problem}", fix)
    if stored.problems or not bundle or isinstance(installed.secret, Unknown):
        return
    trusted = read({**installed.secret, CA: bundle}, [installed.host], now, (CERTIFICATE, KEY))
    for problem in trusted.problems:
        fault = str(problem).replace(CA, "the caBundle")
        yield Finding(_CHECK, Level.FAULT, f"{where}: {fault}", fix)
    days = (min(one.not_valid_after_utc for one in stored.chain) - now).days
    if days < _SOON:
        sentence = f"{where}: {CERTIFICATE} expires in {days} days and was not renewed"
        yield Finding(_CHECK, Level.WARNING, sentence, fix)


def _presented(
    installed: Installed, handshake: Handshake, seen: str, stored: Material | None, now: datetime
) -> Iterator[Finding]:
    shown = read({CERTIFICATE: handshake.certificate}, [installed.host], now, (CERTIFICATE,))
    restart = f"kubectl rollout restart deployment/{installed.service} --namespace {installed.namespace}"
    if handshake.fault:
        sentence = (
            f"the service, reached {seen}, presents a certificate that the caBundle does not trust: {handshake.fault}"
        )
        yield Finding(_CHECK, Level.FAULT, sentence, restart)
    elif stored is not None and stored.serving is not None and shown.serving != stored.serving:
        sentence = (
            f"the service, reached {seen}, presents another certificate than the Secret {installed.secret_name}; "
            "after a change, loading it takes up to two minutes"
        )
        yield Finding(_CHECK, Level.WARNING, sentence, restart)


def _kept_by(installed: Installed) -> str:
    """The command that shows what is wrong with who keeps the certificates; empty where they are provided by hand."""
    annotations = installed.configuration["metadata"].get("annotations") or {}
    namespace, _, certificate = annotations.get(_INJECTED, "").partition("/")
    if certificate:
        return f"kubectl describe certificate {certificate} --namespace {namespace}"
    if not installed.controller:
        return ""
    controller = f"{installed.service}-certificate-controller"
    return f"kubectl logs deployment/{controller} --namespace {installed.namespace} --tail 50"


def _replace(installed: Installed) -> str:
    create = f"kubectl create secret tls {installed.secret_name} --namespace {installed.namespace}"
    return f"{create} --cert tls.crt --key tls.key --dry-run=client -o yaml | kubectl apply -f -"


def _may_read(installed: Installed) -> str:
    return f"kubectl auth can-i get secret/{installed.secret_name} --namespace {installed.namespace}"
