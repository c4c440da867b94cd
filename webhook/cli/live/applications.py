"""The applications and clusters of both operators in a cluster, listed page by page."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from msgspec.json import Decoder

from certs.cluster import Cluster
from certs.cluster_errors import NotFoundError
from webhook.core.pod import View
from webhook.overflow.decoder import decoded
from webhook.overflow.pods import ListMetadata
from webhook.spark import applications
from webhook.spark.apache import schema

JSON = dict[str, Any]

#: How many objects a page has, and how many bytes. A page of objects that are very large has fewer.
_PAGE: Final = 500
_PAGE_BYTES: Final = 64 * 1024**2
#: Seconds for the connection, and for each part of a page. A page of large objects takes its time.
_SECONDS: Final = (5.0, 30.0)
SCHEDULE: Final = "ScheduledSparkApplication"
#: The kinds of each group. A schedule comes before the applications that it may have made.
_KINDS: Final = {
    applications.GROUP: (SCHEDULE, "SparkApplication", "SparkConnect"),
    schema.GROUP: ("SparkApplication", "SparkCluster"),
}
#: The versions that are known, the best ones first.
_KNOWN: Final = [*dict.fromkeys(applications.VERSIONS.values()), *schema.VERSIONS]


class Resource(NamedTuple):
    """A kind that a cluster serves."""

    group_version: str
    kind: str
    plural: str


class _Page(View, frozen=True):
    metadata: ListMetadata
    items: list[JSON] | None = None


_read_page: Final = Decoder(_Page).decode


def served(cluster: Cluster, group: str) -> list[Resource]:
    """The kinds of `group` that a cluster serves, each in its best known version; none if it has no such group.

    Raises ClusterError.
    """
    try:
        versions = [str(one["groupVersion"]) for one in cluster.get(f"/apis/{group}").get("versions") or ()]
    except NotFoundError:
        return []
    versions.sort(key=lambda one: _KNOWN.index(one) if one in _KNOWN else len(_KNOWN))
    found: dict[str, Resource] = {}
    for version in versions:
        for one in cluster.get(f"/apis/{version}").get("resources") or ():
            # Subresources, such as `sparkapplications/status`, have the kind of their object.
            if "/" not in one["name"]:
                found.setdefault(one["kind"], Resource(version, one["kind"], one["name"]))
    return [found[kind] for kind in _KINDS[group] if kind in found]


def groups() -> Sequence[str]:
    """The API groups of both operators."""
    return tuple(_KINDS)


def pages(cluster: Cluster, resource: Resource, namespace: str | None) -> Iterator[list[JSON]]:
    """Yields the objects of a kind in `namespace`, or in all, page by page, with apiVersion and kind.

    Raises ClusterError.
    """
    what, path = f"list the {resource.plural}", f"/apis/{resource.group_version}"
    path += f"/namespaces/{quote(namespace, safe='')}/{resource.plural}" if namespace else f"/{resource.plural}"
    query, limit = {}, _PAGE
    # The API server sends the items of a list without these.
    head = {"apiVersion": resource.group_version, "kind": resource.kind}
    while True:
        query["limit"] = str(limit)
        with cluster.opened(what, "GET", path, query, seconds=_SECONDS) as response:
            content = response.read(_PAGE_BYTES + 1)
        if len(content) > _PAGE_BYTES and limit > 1:
            limit = max(1, limit // 4)
            continue
        page = decoded(_read_page, content, what)
        del content
        yield [head | one for one in page.items or ()]
        if not page.metadata.following:
            return
        query["continue"] = page.metadata.following


def made_by(document: JSON, owners: set[str]) -> bool:
    """Whether one of `owners`, as uids, owns an object."""
    return any(one.get("uid") in owners for one in document["metadata"].get("ownerReferences") or ())
