"""Reads the facts about one pod, with the user's own rights; what may not be read becomes Unknown."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec

from certs.cluster import Cluster
from webhook.cli.doctor.finding import JSON, Unknown
from webhook.cli.doctor.overflow_state import read_leases
from webhook.cli.doctor.reading import attempt, items
from webhook.cli.doctor.snapshot import Installation, applied_profile, locate, read_configurations
from webhook.cli.live.installation import is_ours
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.profile import Limits
from webhook.overflow.api_server import ApiServer, opened_pods
from webhook.overflow.clock import ServerClock
from webhook.overflow.pods import Named, NamedList, StoredPod

PODS: Final = "/api/v1/namespaces/{}/pods"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read about a pod."""

    pod: JSON
    now: datetime
    """The API server's time."""
    age: float
    """How many seconds ago at least the scheduler's condition changed; 0 if there is none."""
    namespace: JSON | Unknown
    installation: Installation | Unknown | None
    """The webhook with its policy; None if the cluster has none."""
    node: JSON | Unknown | None
    """The node that the pod is bound to; None if it is bound to none."""
    events: list[JSON] | Unknown
    leases: list[JSON] | Unknown | None
    """The Leases of overflow controllers, if the pod waits for one."""
    opened: list[Named] | Unknown | None
    """The opened pods of its namespace, if the pod waits, and its profile limits them."""

    @property
    def stored(self) -> StoredPod:
        """The pod as the overflow controller reads it."""
        return msgspec.convert(self.pod, StoredPod)

    @property
    def policy(self) -> Policy | None:
        """The deployed policy; None if it could not be read, or there is none."""
        return self.installation.policy if isinstance(self.installation, Installation) else None


def read_facts(cluster: Cluster, namespace: str, name: str) -> Facts:
    """Reads everything about a pod. Raises ClusterError if the pod itself cannot be read."""
    clock = ServerClock()
    with cluster.opened(f"get the pod {name}", "GET", f"{PODS.format(namespace)}/{name}") as response:
        clock.hear(response.headers.get("Date"))
        pod = json.loads(response.read())
    stored = msgspec.convert(pod, StoredPod)
    space = attempt(
        f"the namespace {namespace}",
        f"get namespace/{namespace}",
        lambda: cluster.get(f"/api/v1/namespaces/{namespace}"),
    )
    installation = _installation(cluster)
    node = stored.spec.node_name
    leases: list[JSON] | Unknown | None = None
    opened: list[Named] | Unknown | None = None
    if stored.is_waiting and isinstance(installation, Installation) and installation.namespace:
        leases = read_leases(cluster, clock, installation.namespace)
        profile = None if isinstance(space, Unknown) else applied_profile(installation, space)
        if limits_of(installation, profile or "") != Limits(None, None):
            opened = attempt(
                "the opened pods",
                f"list pods --namespace {namespace}",
                lambda: _named(ApiServer(cluster, clock), namespace),
            )
    return Facts(
        pod=pod,
        now=clock.now(),
        age=clock.age(stored.transition),
        namespace=space,
        installation=installation,
        node=None if not node else _node(cluster, node),
        events=_events(cluster, namespace, stored.metadata.uid),
        leases=leases,
        opened=opened,
    )


def limits_of(installation: Installation, profile: str) -> Limits:
    """How many pods the overflow controller opens at most under a profile of the deployed policy."""
    found = installation.policy and installation.policy.profiles.get(profile)
    if not found:
        return Limits(None, None)
    return Limits(found.overflow.max_per_application, found.overflow.max_per_namespace)


def _installation(cluster: Cluster) -> Installation | Unknown | None:
    configurations = read_configurations(cluster)
    if isinstance(configurations, Unknown):
        return configurations
    return next((locate(cluster, one) for one in configurations if is_ours(one)), None)


def _node(cluster: Cluster, name: str) -> JSON | Unknown:
    path = f"/api/v1/nodes/{quote(name, safe='')}"
    return attempt(f"the node {name}", f"get node/{name}", lambda: cluster.get(path))


def _events(cluster: Cluster, namespace: str, uid: str) -> list[JSON] | Unknown:
    path = f"/api/v1/namespaces/{namespace}/events"
    about = {"fieldSelector": f"involvedObject.uid={uid}"}
    return items(cluster, "the Events", f"list events --namespace {namespace}", path, **about)


def _named(server: ApiServer, namespace: str) -> list[Named]:
    pages = server.pages(opened_pods(namespace))
    return [one for page in pages if isinstance(page, NamedList) for one in page.items or ()]


def record_text(pod: JSON) -> str | None:
    """The value of the annotation that records a decision; None without it."""
    found = (pod["metadata"].get("annotations") or {}).get(names.PLACEMENT_ANNOTATION)
    return None if found is None else str(found)
