"""What the rules of rotation look at: the cluster as observed, read and judged once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from certs.keyring import Keyring, read_keyring
from certs.material import CA, CERTIFICATE, KEY, Material, read
from certs.pem import encode
from certs.state import Observed, Published, Target

SETTLE = timedelta(minutes=10)
"""How long a CA is trusted everywhere before it signs; kubelet takes up to two minutes to update a mounted Secret."""


@dataclass(frozen=True, slots=True)
class View:
    """What the rules look at.

    Attributes:
        observed: The cluster.
        target: The names.
        now: The moment.
        ring: What the CA's Secret holds.
        published: Since when every client could; None while some place holds another bundle.
        serving: What the serving Secret holds, judged against the CAs of ``ring``.
    """

    observed: Observed
    target: Target
    now: datetime
    ring: Keyring
    published: Published | None
    serving: Material

    @property
    def settled(self) -> bool:
        """Whether the CAs have been trusted everywhere for long enough to sign."""
        return self.published is not None and self.now - self.published.since >= SETTLE

    @property
    def ca_secret(self) -> str:
        """The CA's Secret, for a sentence."""
        return f"Secret {self.target.namespace}/{self.target.ca_secret}"

    @property
    def serving_secret(self) -> str:
        """The serving Secret, for a sentence."""
        return f"Secret {self.target.namespace}/{self.target.serving_secret}"


def view_of(observed: Observed, target: Target, before: Published | None, now: datetime) -> View:
    """Read and judge what was observed; arguments as those of ``certs.plan.plan``."""
    ring = read_keyring(observed.ca.data, now) if observed.ca else Keyring()
    bundle = encode(ring.trusted)
    stored = observed.serving.data if observed.serving else {}
    serving = read({**stored, CA: bundle}, target.hosts, now, expected=(CERTIFICATE, KEY))
    bundles = [*observed.configuration.bundles.values()] if observed.configuration else []
    published = None
    if all(held == bundle for held in (*bundles, stored.get(CA))):
        unbroken = before is not None and before.bundle == bundle and before.since <= now
        published = before if unbroken else Published(bundle, now)
    return View(observed, target, now, ring, published, serving)
