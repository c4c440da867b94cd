"""Rotation: what to do next about the certificates of a cluster, as one pure function.

The order of the rules makes rotation safe: a CA is trusted everywhere before it signs, and stays trusted until
everything it signed has expired. Each action is complete in itself, so a controller may end after any of them, and the
next controller continues from what it reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, datetime, timedelta

from cryptography import x509

from certs.authority import CA_NAME, SERVING_LIFETIME, KeyPair, issue, new_authority
from certs.keyring import Keyring, authorities, managed, read_keyring
from certs.material import CA, CERTIFICATE, KEY, Material, common_name, date, pem_files, read, signed
from certs.pem import encode
from certs.state import CONTROLLER, MANAGED_BY, Action, Objects, PatchBundle, Published, Secret, Target, WriteSecret

#: How long a CA is trusted everywhere before it signs; kubelet takes up to two minutes to update a mounted Secret.
SETTLE = timedelta(minutes=10)
RENEW_SERVING_BEFORE = timedelta(days=30)
RENEW_CA_BEFORE = timedelta(days=365)
#: An early renewal must add at least this much to the life of a certificate.
GAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    action: Action | None
    """The next action; None if there is nothing to do or the controller may not act."""
    due: datetime | None
    """When to look again even if nothing changed; None if only a change can bring work."""
    problems: tuple[str, ...]
    """What the controller cannot fix, one sentence each."""
    published: Published | None
    """What the next call must be given."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The cluster as it was read, judged once for all rules."""

    objects: Objects
    target: Target
    now: datetime
    ring: Keyring
    """What the CA's Secret holds."""
    serving: Material
    """What the serving Secret holds, judged against the CAs of `ring`."""
    bundles: Mapping[str, bytes]
    """Webhook → its caBundle; empty without a configuration."""
    published: Published | None
    """Since when every place has had exactly the CAs of `ring`; None if one has others."""

    @property
    def settled(self) -> bool:
        """Whether the CAs have been trusted everywhere for long enough to sign."""
        return self.published is not None and self.now - self.published.since >= SETTLE

    @property
    def ca_secret(self) -> str:
        """The CA's Secret, as sentences name it."""
        return f"Secret {self.target.namespace}/{self.target.ca_secret}"

    @property
    def serving_secret(self) -> str:
        """The serving Secret, as sentences name it."""
        return f"Secret {self.target.namespace}/{self.target.serving_secret}"


def plan(objects: Objects, target: Target, published: Published | None, now: datetime) -> Plan:
    """What to do next about `objects`; `published` is what the previous call returned, None at first.

    The CA's Secret must be read last: the other two objects follow it, so it must not be older than they are.
    """
    foreign = tuple(
        f"Secret {target.namespace}/{name} was not made by this controller (it lacks the label"
        f" {MANAGED_BY}={CONTROLLER}), so nothing is changed: delete it, or have the chart use it as provided."
        for name, secret in ((target.ca_secret, objects.ca), (target.serving_secret, objects.serving))
        if secret and not secret.owned
    )
    if foreign:
        return Plan(None, None, foreign, None)
    view = _judge(objects, target, published, now)
    missing = f"MutatingWebhookConfiguration {target.configuration} does not exist, so no API server calls the service."
    problems = () if objects.configuration else (missing,)
    return Plan(_next_action(view), _due(view), problems, view.published)


def _judge(objects: Objects, target: Target, before: Published | None, now: datetime) -> Situation:
    ring = read_keyring(_data(objects.ca), now)
    bundle = encode(ring.trusted)
    stored = _data(objects.serving)
    serving = read({**stored, CA: bundle}, target.hosts, now, expected=(CERTIFICATE, KEY))
    bundles = objects.configuration.bundles if objects.configuration else {}
    published = None
    if all(held == bundle for held in (*bundles.values(), stored.get(CA))):
        unbroken = before is not None and before.bundle == bundle and before.since <= now
        published = before if unbroken else Published(bundle, now)
    return Situation(objects, target, now, ring, serving, bundles, published)


def _data(secret: Secret | None) -> Mapping[str, bytes]:
    return secret.data if secret else {}


def _due(view: Situation) -> datetime | None:
    """The next moment at which a rule could find work although nothing changed."""
    ring, serving, now = view.ring, view.serving.serving, view.now
    moments = [old.until for old in ring.retired]
    # A certificate is valid through the second of its notAfter; one without an end has year 9999 (RFC 5280 4.1.2.5).
    ends = [certificate.not_valid_after_utc for certificate in (*ring.trusted, *view.serving.chain)]
    moments += [end + timedelta(seconds=1) for end in ends if end.year < MAXYEAR]
    if ring.current:
        moments.append(ring.current.certificate.not_valid_after_utc - RENEW_CA_BEFORE)
    if serving and now <= serving.not_valid_after_utc:
        moments.append(serving.not_valid_after_utc - RENEW_SERVING_BEFORE)
    if view.published:
        moments.append(view.published.since + SETTLE)
    return min((moment for moment in moments if moment > now), default=None)


def _next_action(view: Situation) -> Action | None:
    """The action of the first rule that does not hold; a rule relies on the rules before it."""
    current = view.ring.current
    if current is None:
        return _replace_ca(view)
    rules = (_keep_ca, _introduce_ca, _tidy_ca, _publish_bundle, _serve, _promote_ca)
    return next((action for rule in rules if (action := rule(view, current))), None)


def _replace_ca(view: Situation) -> Action:
    """If no CA can sign, the next CA or a new one becomes the current one; the old CAs stay trusted."""
    current = view.ring.next or new_authority(view.now)
    ring = replace(view.ring, current=current, next=None).retire(_adoptable(view), view.now)
    why = "; ".join(view.ring.problems) if view.objects.ca else "the Secret does not exist"
    message = f"Made {common_name(current.certificate)} the CA in {view.ca_secret}, because {why}."
    return _write_ca(view, ring, "CACreated", message)


def _keep_ca(view: Situation, _: KeyPair) -> Action | None:
    """The keyring holds every CA that the certificate in use needs."""
    unknown = [ca for ca in _adoptable(view) if ca not in view.ring.trusted]
    if not unknown:
        return None
    message = f"Kept {_listed(unknown)} in {view.ca_secret}, because the certificate in use needs it."
    return _write_ca(view, view.ring.retire(unknown, view.now), "CAKept", message)


def _adoptable(view: Situation) -> list[x509.Certificate]:
    """The CAs that API servers trust now and may still need, whatever the CA's Secret holds.

    Only the caBundle counts: who may change it decides about trust anyway, but who may change a Secret does not.
    """
    found = dict.fromkeys(ca for bundle in view.bundles.values() for ca in authorities(bundle))
    serving, lost = view.serving.serving, view.ring.current is None
    return [
        ca
        for ca in found
        if view.now <= ca.not_valid_after_utc
        and ((serving and signed(serving, ca)) or (lost and common_name(ca).startswith(CA_NAME)))
    ]


def _introduce_ca(view: Situation, current: KeyPair) -> Action | None:
    """The next CA exists long before the current one expires."""
    end = current.certificate.not_valid_after_utc
    if view.ring.next or end - view.now > RENEW_CA_BEFORE:
        return None
    following = new_authority(view.now)
    message = (
        f"Added {common_name(following.certificate)} to {view.ca_secret} as the next CA, because"
        f" {common_name(current.certificate)} expires on {date(end)}. It signs once it is trusted everywhere."
    )
    return _write_ca(view, replace(view.ring, next=following), "CAIntroduced", message)


def _tidy_ca(view: Situation, _: KeyPair) -> Action | None:
    """The CA's Secret holds nothing that is no longer needed."""
    stored = set(filter(managed, _data(view.objects.ca)))
    ring = view.ring.forget(view.now)
    kept = ring.data().keys()
    if stored == kept:  # keys, not values: one certificate can be written in several ways
        return None
    why = "; ".join(view.ring.problems) or "everything it signed has expired"
    message = f"Removed {', '.join(sorted(stored - kept))} from {view.ca_secret}, because {why}."
    return _write_ca(view, ring, "CARetired", message)


def _publish_bundle(view: Situation, _: KeyPair) -> Action | None:
    """The caBundle of every webhook holds exactly the CAs of the keyring."""
    configuration, trusted = view.objects.configuration, view.ring.trusted
    bundle = encode(trusted)
    differing = tuple(name for name, held in view.bundles.items() if held != bundle)
    if configuration is None or not differing:
        return None
    where = f"{', '.join(differing)} in MutatingWebhookConfiguration {view.target.configuration}"
    message = f"Set the caBundle of {where} to {_listed(trusted)}."
    return PatchBundle(bundle, differing, configuration.resource_version, "CABundlePatched", message)


def _serve(view: Situation, current: KeyPair) -> Action | None:
    """The serving Secret holds a valid certificate of the current CA, its key, and the CAs of the keyring."""
    serving, stored, now = view.serving.serving, view.objects.serving, view.now
    if stored is None:
        return _issue(view, current, "the Secret does not exist")
    if serving is None or view.serving.problems:
        return _issue(view, current, "; ".join(view.serving.problems))
    trusted = view.ring.trusted
    if stored.data.get(CA) != encode(trusted):
        message = f"Set {CA} in {view.serving_secret} to {_listed(trusted)}."
        return _write_serving(view, {CA: encode(trusted)}, "BundleWritten", message)
    if not signed(serving, current.certificate):
        why = f"{common_name(current.certificate)} signs now"
        return _issue(view, current, why) if view.settled else None
    end = serving.not_valid_after_utc
    gain = min(now + SERVING_LIFETIME, current.certificate.not_valid_after_utc) - end
    if end - now <= RENEW_SERVING_BEFORE and gain > GAIN:
        return _issue(view, current, f"the previous one expires on {date(end)}")
    return None


def _promote_ca(view: Situation, current: KeyPair) -> Action | None:
    """The next CA signs once every client has trusted it for a while."""
    following = view.ring.next
    if following is None or not view.settled:
        return None
    ring = replace(view.ring, current=following, next=None).retire([current.certificate], view.now)
    message = (
        f"Made {common_name(following.certificate)} the CA in {view.ca_secret}."
        f" {common_name(current.certificate)} stays trusted until everything it signed has expired."
    )
    return _write_ca(view, ring, "CARotated", message)


def _issue(view: Situation, current: KeyPair, why: str) -> Action:
    pair = issue(current, view.target.hosts, view.now)
    message = (
        f"Issued a serving certificate into {view.serving_secret}, signed by {common_name(current.certificate)},"
        f" valid until {date(pair.certificate.not_valid_after_utc)}, because {why}."
    )
    return _write_serving(view, pem_files(pair, view.ring.trusted), "CertificateIssued", message)


def _write_ca(view: Situation, ring: Keyring, reason: str, message: str) -> Action:
    before = view.objects.ca
    others = {key: content for key, content in _data(before).items() if not managed(key)}
    return WriteSecret(view.target.ca_secret, "Opaque", {**others, **ring.data()}, before, reason, message)


def _write_serving(view: Situation, changes: Mapping[str, bytes], reason: str, message: str) -> Action:
    before = view.objects.serving
    data = {**_data(before), **changes}
    return WriteSecret(view.target.serving_secret, "kubernetes.io/tls", data, before, reason, message)


def _listed(authorities: Sequence[x509.Certificate]) -> str:
    return ", ".join(map(common_name, authorities))
