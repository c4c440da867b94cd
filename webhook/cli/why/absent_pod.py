"""The sentence about a pod that does not exist: which names are near, and whether there is such an application."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, NotFoundError
from webhook.cli.doctor.finding import Unknown
from webhook.cli.doctor.reading import attempt
from webhook.cli.why.reading import PODS
from webhook.core.distribution import application
from webhook.core.selectors import APPLICATION_LABELS
from webhook.core.text import listed, one_line
from webhook.overflow.api_server import ApiServer, Collection
from webhook.overflow.clock import ServerClock
from webhook.overflow.pods import Named, NamedList
from webhook.spark.documents import GROUPS

#: The most names that are told.
_MOST: Final = 5
_LIMIT: Final = 400
#: What Spark and the operators append to an application's name.
_OF_APPLICATION: Final = re.compile(r"-(driver|server|exec-\d+|[0-9a-f]{16}-(driver|exec-\d+))$")
_APPLICATIONS: Final = "/apis/{}/namespaces/{}/sparkapplications/{}"


def absent_pod(cluster: Cluster, namespace: str, name: str) -> str:
    """One sentence that there is no such pod, and what may be meant."""
    found = attempt("the pods", f"list pods --namespace {namespace}", lambda: _pods(cluster, namespace))
    start = f'no pod "{name}" in the namespace {namespace}'
    if isinstance(found, Unknown):
        return f"{start}; {found.what} of the namespace could not be read: {one_line(found.why)}"
    of = _OF_APPLICATION.sub("", name)
    own = [one.metadata.name or "" for one in found if _application(one) in (name, of)]
    if own:
        return listed(f"{start}; the pods of the application {of if own else name}: ", sorted(own), _LIMIT)
    near = difflib.get_close_matches(name, [one.metadata.name or "" for one in found], _MOST)
    if near:
        return listed(f"{start}; near: ", near, _LIMIT)
    kind = _kind(cluster, namespace, dict.fromkeys((name, of)))
    if kind:
        return f"{start}; there is {kind}, but it has no pods: kubectl describe {kind} --namespace {namespace}"
    if not found and _is_missing(cluster, namespace):
        return f"{start}: there is no such namespace"
    return f"{start}; it has {len(found) or 'no'} pods: kubectl get pods --namespace {namespace}"


def _pods(cluster: Cluster, namespace: str) -> list[Named]:
    pods = Collection("pods", PODS.format(namespace), {}, metadata_only=True)
    pages = ApiServer(cluster, ServerClock()).pages(pods)
    return [one for page in pages if isinstance(page, NamedList) for one in page.items or ()]


def _application(pod: Named) -> str:
    return application(pod.metadata.labels or {}, APPLICATION_LABELS)


def _kind(cluster: Cluster, namespace: str, candidates: Iterable[str]) -> str:
    """The SparkApplication with one of these names, as kubectl takes it; empty if none is known of."""
    for name in candidates:
        for group, version in GROUPS.items():
            try:
                cluster.get(_APPLICATIONS.format(version, namespace, name))
            except ClusterError:
                continue
            return f"sparkapplications.{group}/{name}"
    return ""


def _is_missing(cluster: Cluster, namespace: str) -> bool:
    try:
        cluster.get(f"/api/v1/namespaces/{namespace}")
    except NotFoundError:
        return True
    except ClusterError:
        return False
    return False
