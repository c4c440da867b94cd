"""What to do next about the certificates of a cluster, as one pure function.

The order of the rules is the safety of the whole: a CA is trusted everywhere before it signs, and stays trusted for as
long as anything it signed can live. Each action is complete in itself, so a controller may end after any of them, and
the next one goes on from what it sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from certs.rules import RENEW_CA_BEFORE, RENEW_SERVING_BEFORE, next_action
from certs.state import CONTROLLER, MANAGED_BY, Action, Observed, Published, Target
from certs.view import SETTLE, View, view_of

_FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of a certificate that has none (RFC 5280 4.1.2.5)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        action: The next thing to do; None when all is as it should be, or nothing may be done.
        due: When to look again though nothing changed; None while only a change can bring something to do.
        problems: What the controller cannot mend, a sentence each.
        published: What to hand into the next call.
    """

    action: Action | None
    due: datetime | None
    problems: tuple[str, ...]
    published: Published | None


def plan(observed: Observed, target: Target, published: Published | None, now: datetime) -> Plan:
    """Decide what to do next.

    Args:
        observed: The cluster. The CA's Secret has to be read last: it decides about the other two, so it must not be
            older than they are.
        target: The names.
        published: What the plan before this one returned; None at first.
        now: The moment.
    """
    foreign = tuple(_foreign(observed, target))
    if foreign:
        return Plan(None, None, foreign, None)
    view = view_of(observed, target, published, now)
    missing = (
        f"The MutatingWebhookConfiguration {target.configuration} does not exist, so no API server calls the service."
    )
    return Plan(next_action(view), _due(view), () if observed.configuration else (missing,), view.published)


def _due(view: View) -> datetime | None:
    """Return the next moment at which a rule could find something to do though nothing was changed."""
    ring, serving = view.ring, view.serving.serving
    moments = [old.until for old in ring.retired]
    # A certificate is still valid in the very second of its notAfter (RFC 5280 4.1.2.5).
    ends = [certificate.not_valid_after_utc for certificate in (*ring.trusted, *view.serving.chain)]
    moments += [end + timedelta(seconds=1) for end in ends if end < _FOREVER]
    if ring.current:
        moments.append(ring.current.certificate.not_valid_after_utc - RENEW_CA_BEFORE)
    if serving and view.now <= serving.not_valid_after_utc:
        moments.append(serving.not_valid_after_utc - RENEW_SERVING_BEFORE)
    if view.published:
        moments.append(view.published.since + SETTLE)
    return min((moment for moment in moments if moment > view.now), default=None)


def _foreign(observed: Observed, target: Target) -> Iterator[str]:
    for name, secret in ((target.ca_secret, observed.ca), (target.serving_secret, observed.serving)):
        if secret and not secret.owned:
            yield (
                f"The Secret {target.namespace}/{name} was not made by this controller (it lacks the label"
                f" {MANAGED_BY}={CONTROLLER}), so nothing is touched: remove it, or have the chart use it as provided."
            )
