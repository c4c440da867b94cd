"""The rules of rotation, each a question: is this so, and if not, what makes it so?

A rule may take for granted what the rules before it, in the order of ``RULES``, see to.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from certs.authority import CA_NAME, SERVING_LIFETIME, KeyPair, issue, new_authority
from certs.keyring import Keyring, managed
from certs.material import CA, common_name, date, is_ca, pem_files, signed
from certs.pem import PemError, encode, read_certificates
from certs.state import Action, PatchBundle, WriteSecret
from certs.view import View

RENEW_SERVING_BEFORE = timedelta(days=30)
RENEW_CA_BEFORE = timedelta(days=365)
GAIN = timedelta(days=1)
"""What a renewal before its time has to add to a certificate's life at least."""


def next_action(view: View) -> Action | None:
    """Return the first thing that is not as it should be, as what makes it so; None when all is well."""
    current = view.ring.current
    if current is None:
        return _replace_ca(view)
    return next((action for rule in RULES if (action := rule(view, current))), None)


def _replace_ca(view: View) -> Action:
    """Without a CA that could sign, the next one takes its place, or a new one; the old ones stay trusted."""
    current = view.ring.next or new_authority(view.now)
    ring = replace(view.ring, current=current, next=None).retire(_adoptable(view), view.now)
    why = "; ".join(map(str, view.ring.problems)) if view.observed.ca else "the Secret does not exist"
    message = f"{common_name(current.certificate)} is the CA from now on in {view.ca_secret}, because {why}."
    return _write_ca(view, ring, "CACreated", message)


def _keep_ca(view: View, _: KeyPair) -> Action | None:
    """Every CA that the certificate in use needs is known."""
    unknown = [ca for ca in _adoptable(view) if not view.ring.knows(ca)]
    if not unknown:
        return None
    message = f"Kept {_listed(unknown)} trusted: {view.ca_secret} lacks it, but the certificate in use needs it."
    return _write_ca(view, view.ring.retire(unknown, view.now), "CAKept", message)


def _adoptable(view: View) -> list[x509.Certificate]:
    """Return CAs that API servers trust now and that may still be needed, whatever became of the CA's Secret.

    Only the caBundle counts: who may change that decides about trust anyway, unlike who may change a Secret.
    """
    found = []
    for bundle in view.observed.configuration.bundles.values() if view.observed.configuration else ():
        with suppress(PemError):
            found += [ca for ca in read_certificates(bundle) if is_ca(ca) and view.now <= ca.not_valid_after_utc]
    serving = view.serving.serving
    return [
        ca
        for ca in dict.fromkeys(found)
        if (serving and signed(serving, ca)) or (view.ring.current is None and common_name(ca).startswith(CA_NAME))
    ]


def _introduce_ca(view: View, current: KeyPair) -> Action | None:
    """A new CA is there long before the current one expires."""
    if view.ring.next or _left(current.certificate, view.now) > RENEW_CA_BEFORE:
        return None
    following = new_authority(view.now)
    message = (
        f"Introduced {common_name(following.certificate)} in {view.ca_secret}, since {common_name(current.certificate)}"
        f" expires on {date(current.certificate.not_valid_after_utc)}: it signs once it is trusted everywhere."
    )
    return _write_ca(view, replace(view.ring, next=following), "CAIntroduced", message)


def _tidy_ca(view: View, _: KeyPair) -> Action | None:
    """The CA's Secret holds nothing that is of no more use."""
    stored = set(filter(managed, view.observed.ca.data)) if view.observed.ca else set()
    ring = view.ring.forget(view.now)
    if stored == ring.data().keys():  # the keyring lacks what cannot be used; how the rest is encoded does not matter
        return None
    dropped = ", ".join(sorted(stored - ring.data().keys()))
    message = (
        f"Put {view.ca_secret} in order: {'; '.join(map(str, view.ring.problems)) or f'{dropped} is past its use'}."
    )
    return _write_ca(view, ring, "CARetired", message)


def _publish_bundle(view: View, _: KeyPair) -> Action | None:
    """Every webhook of the configuration trusts exactly the CAs of the keyring."""
    configuration = view.observed.configuration
    bundle = encode(view.ring.trusted)
    differing = tuple(name for name, held in configuration.bundles.items() if held != bundle) if configuration else ()
    if configuration is None or not differing:
        return None
    message = (
        f"Set the caBundle of {', '.join(differing)} in MutatingWebhookConfiguration {view.target.configuration} to"
        f" {_listed(view.ring.trusted)}."
    )
    return PatchBundle(bundle, differing, configuration.resource_version, "CABundlePatched", message)


def _serve(view: View, current: KeyPair) -> Action | None:
    """The serving Secret holds a sound pair of the current CA, and the bundle."""
    serving, stored = view.serving.serving, view.observed.serving
    if stored is None:
        return _issue(view, current, "the Secret does not exist")
    if serving is None or view.serving.problems:
        return _issue(view, current, "; ".join(map(str, view.serving.problems)))
    bundle = encode(view.ring.trusted)
    if stored.data.get(CA) != bundle:
        message = f"Set ca.crt in {view.serving_secret} to {_listed(view.ring.trusted)}."
        return _write_serving(view, {CA: bundle}, "BundleWritten", message)
    if not signed(serving, current.certificate):
        return _issue(view, current, f"{common_name(current.certificate)} signs now") if view.settled else None
    life = min(view.now + SERVING_LIFETIME, current.certificate.not_valid_after_utc)
    if _left(serving, view.now) <= RENEW_SERVING_BEFORE and life - serving.not_valid_after_utc > GAIN:
        return _issue(view, current, f"the one before expires on {date(serving.not_valid_after_utc)}")
    return None


def _promote_ca(view: View, current: KeyPair) -> Action | None:
    """The next CA signs once every client has trusted it for a while."""
    following = view.ring.next
    if following is None or not view.settled:
        return None
    ring = replace(view.ring, current=following, next=None).retire([current.certificate], view.now)
    message = (
        f"{common_name(following.certificate)} signs from now on in {view.ca_secret};"
        f" {common_name(current.certificate)} stays trusted until what it signed has expired."
    )
    return _write_ca(view, ring, "CARotated", message)


def _issue(view: View, current: KeyPair, why: str) -> Action:
    pair = issue(current, view.target.hosts, view.now)
    message = (
        f"Issued a serving certificate into {view.serving_secret}, signed by"
        f" {common_name(current.certificate)}, valid until {date(pair.certificate.not_valid_after_utc)},"
        f" because {why}."
    )
    return _write_serving(view, pem_files(pair, view.ring.trusted), "CertificateIssued", message)


def _write_ca(view: View, ring: Keyring, reason: str, message: str) -> Action:
    before = view.observed.ca
    others = {key: content for key, content in before.data.items() if not managed(key)} if before else {}
    return WriteSecret(view.target.ca_secret, "Opaque", {**others, **ring.data()}, before, reason, message)


def _write_serving(view: View, changes: Mapping[str, bytes], reason: str, message: str) -> Action:
    before = view.observed.serving
    data = {**(before.data if before else {}), **changes}
    return WriteSecret(view.target.serving_secret, "kubernetes.io/tls", data, before, reason, message)


def _left(certificate: x509.Certificate, now: datetime) -> timedelta:
    return certificate.not_valid_after_utc - now


def _listed(authorities: Sequence[x509.Certificate]) -> str:
    return ", ".join(map(common_name, authorities))


RULES = (_keep_ca, _introduce_ca, _tidy_ca, _publish_bundle, _serve, _promote_ca)
