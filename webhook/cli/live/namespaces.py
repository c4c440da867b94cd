"""The labels of namespaces in a cluster."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, NotFoundError
from webhook.overflow.api_server import ApiServer, Collection
from webhook.overflow.clock import ServerClock
from webhook.overflow.pods import Named, NamedList
from webhook.spark.workloads import Namespace

_PATH = "/api/v1/namespaces"


@dataclass(slots=True)
class Labels:
    """The namespaces whose labels could be read, and those whose labels could not."""

    found: dict[str, Namespace] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Those that the cluster does not have."""
    unread: list[str] = field(default_factory=list)
    why: str = ""
    """Why `unread` could not be read."""


def read_namespaces(cluster: Cluster, needed: Iterable[str], *, all_at_once: bool) -> Labels:
    """The labels of the namespaces `needed`, and with `all_at_once` of all others too.

    If they cannot be listed, those that are needed are read one by one. Raises ClusterError if there is no answer.
    """
    if all_at_once:
        try:
            return Labels({one.name: one for one in map(_namespace, _listed(cluster))})
        except ClusterError as error:
            if error.status is None:
                raise
    labels = Labels()
    for name in needed:
        try:
            metadata = cluster.get(f"{_PATH}/{quote(name, safe='')}")["metadata"]
        except NotFoundError:
            labels.missing.append(name)
        except ClusterError as error:
            if error.status is None:
                raise
            labels.unread.append(name)
            labels.why = error.reason
        else:
            labels.found[name] = Namespace(name, metadata.get("labels") or {})
    return labels


def _listed(cluster: Cluster) -> list[Named]:
    pages = ApiServer(cluster, ServerClock()).pages(Collection("namespaces", _PATH, {}, metadata_only=True))
    return [one for page in pages if isinstance(page, NamedList) for one in page.items or ()]


def _namespace(named: Named) -> Namespace:
    return Namespace(named.metadata.name or "", named.metadata.labels or {})
