"""The overflow controller's Lease, and the pods that wait for it, read once and narrowly."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from certs.cluster import Cluster
from webhook.cli.doctor.finding import JSON, Unknown, name_of
from webhook.cli.doctor.reading import attempt
from webhook.core import names
from webhook.overflow.api_server import ApiServer, Collection
from webhook.overflow.clock import ServerClock
from webhook.overflow.lease import LABELS, LEASE_SECONDS, POLICY_ANNOTATION
from webhook.overflow.pods import NamedList

#: What another replica may take to get a Lease that has expired.
_TAKEOVER: Final = timedelta(seconds=5)
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
_WAITING: Final = {
    "labelSelector": f"{names.OVERFLOW_LABEL}={names.WAITING}",
    "fieldSelector": "spec.nodeName=,status.phase=Pending",
}


@dataclass(frozen=True, slots=True)
class OverflowState:
    """The overflow controllers of one namespace, and the pods that wait, at the moment `now`."""

    leases: list[JSON] | Unknown
    """The Leases of overflow controllers."""
    waiting: list[tuple[str, str]] | Unknown
    """The namespace and name of each pod that waits and has no node."""
    now: datetime
    """The API server's time, because it is compared with that in a Lease."""


def read_overflow(cluster: Cluster, own: str, only: str | None) -> OverflowState:
    """Reads the Leases in the webhook's namespace `own`, and the pods that wait; with `only`, those of that one."""
    clock = ServerClock()
    within = f"--namespace {only}" if only else "--all-namespaces"
    leases = read_leases(cluster, clock, own)
    waiting = attempt("the pods that wait", f"list pods {within}", lambda: _waiting(ApiServer(cluster, clock), only))
    return OverflowState(leases, waiting, clock.now())


def read_leases(cluster: Cluster, clock: ServerClock, own: str) -> list[JSON] | Unknown:
    """The Leases of overflow controllers in the webhook's namespace `own`; `clock` hears the API server's time."""
    what = "the Leases of the overflow controller"
    return attempt(what, f"list leases --namespace {own}", lambda: _leases(cluster, clock, own))


def held_lease(leases: list[JSON], now: datetime) -> JSON | str:
    """The Lease that a controller holds at `now`; or why there is none, as a clause."""
    best = max(leases, key=lambda one: (_fault(one, now) is None, _renewed(one) or ""), default=None)
    if best is None:
        return "there is no Lease of one"
    return _fault(best, now) or best


def policy_of(lease: JSON) -> str:
    """The digest of the policy by which the holder of a Lease opens pods; empty if it does not say."""
    return str((lease["metadata"].get("annotations") or {}).get(POLICY_ANNOTATION, ""))


def _fault(lease: JSON, now: datetime) -> str | None:
    """Why nobody holds a Lease; None if somebody does."""
    name, spec, renewed = name_of(lease), lease.get("spec") or {}, _renewed(lease)
    holder = spec.get("holderIdentity")
    if not holder or renewed is None:
        return f"nobody holds the Lease {name}"
    try:
        age = now - datetime.fromisoformat(renewed)
    except ValueError:
        # The API server accepts years that Python does not know.
        return f"{holder} has not renewed the Lease {name} since {renewed}"
    if age <= timedelta(seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS) + _TAKEOVER:
        return None
    return f"{holder} has not renewed the Lease {name} for {age.total_seconds():.0f} s"


def _renewed(lease: JSON) -> str | None:
    return (lease.get("spec") or {}).get("renewTime")


def _leases(cluster: Cluster, clock: ServerClock, namespace: str) -> list[JSON]:
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in LABELS.items())}
    with cluster.opened("list the Leases", "GET", _LEASES.format(namespace), query) as response:
        clock.hear(response.headers.get("Date"))
        found: list[JSON] = json.loads(response.read())["items"]
        return found


def _waiting(server: ApiServer, namespace: str | None) -> list[tuple[str, str]]:
    path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
    pages = server.pages(Collection("pods that wait", path, _WAITING, metadata_only=True))
    found = [one.metadata for page in pages if isinstance(page, NamedList) for one in page.items or ()]
    return [(one.namespace or "", one.name or "") for one in found]
