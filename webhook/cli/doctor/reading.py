"""Reads objects of a cluster; what may not be read becomes Unknown, or is taken as missing."""

from collections.abc import Callable
from typing import TypeVar

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, NotFoundError
from webhook.cli.doctor.finding import JSON, Unknown

T = TypeVar("T")


def attempt(what: str, permission: str, read: Callable[[], T]) -> T | Unknown:
    """What `read` returns; Unknown if the cluster refuses. `permission` is what `kubectl auth can-i` asks for."""
    try:
        return read()
    except ClusterError as error:
        return Unknown(what, error.reason, f"kubectl auth can-i {permission}")


def items(cluster: Cluster, what: str, permission: str, path: str, **query: str) -> list[JSON] | Unknown:
    """The objects of the collection at a path; Unknown if the cluster refuses."""
    return attempt(what, permission, lambda: cluster.items(path, **query))


def stored(cluster: Cluster, path: str) -> JSON:
    """The object at a path; empty if it could not be read."""
    try:
        return cluster.get(path)
    except ClusterError:
        return {}


def exists(cluster: Cluster, path: str) -> bool:
    """Whether there is an object at a path; also true if that could not be checked."""
    try:
        cluster.get(path)
    except ClusterError as error:
        return not isinstance(error, NotFoundError)
    return True
