"""The calls to the API server. Pods are read narrowly, and nothing is written but a patch, an Event and the Lease."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct, to_builtins
from msgspec.json import Decoder

from certs.cluster import JSON, Cluster, Timeout
from certs.cluster_errors import ClusterError, NotFoundError
from webhook.core import names
from webhook.core.patch import PatchOperation
from webhook.overflow.clock import ServerClock
from webhook.overflow.decoder import decoded
from webhook.overflow.pods import ErrorEvent, Named, NamedList, PodList, StoredPod, WatchEvent, read_pod

#: The time for a whole call. It is less than what is left of a Lease when writing ends.
CALL_SECONDS: Final = 5
#: How long a watch lasts, and how long a silent one is kept.
_WATCH_SECONDS: Final = 120
_SILENT_SECONDS: Final = _WATCH_SECONDS + 10
#: How many objects a page of a list has, and how many bytes. Read, a page may take several times as much memory.
_PAGE: Final = 250
_PAGE_BYTES: Final = 4 * 1024**2
_GONE: Final = 410
_AS: Final = f"{JSON};as=PartialObjectMetadata{{}};g=meta.k8s.io;v=v1"
#: For metadata only: of one object, as in a watch, and of a list.
METADATA, _METADATA_LIST = _AS.format(""), _AS.format("List")

#: What the changes of a watch begin with.
BEGUN: Final = "BEGUN"
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces"
_OPENED: Final = {
    "labelSelector": f"{names.OVERFLOW_LABEL}={names.OPENED}",
    "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed",
}
_WAITING: Final = {"labelSelector": f"{names.OVERFLOW_LABEL}={names.WAITING}", "fieldSelector": "spec.nodeName="}

_read_pods: Final = Decoder(PodList).decode
_read_names: Final = Decoder(NamedList).decode
_read_event: Final = Decoder(WatchEvent).decode
_read_error: Final = Decoder(ErrorEvent).decode


class GoneError(ClusterError):
    """The API server no longer knows what happened since a version, so a list must be read again."""


class _TooLongError(ClusterError):
    """The answer is longer than is accepted."""


class Collection(Struct, frozen=True):
    """Objects that are listed and watched."""

    what: str
    """Their name in errors."""
    path: str
    selector: dict[str, str]
    metadata_only: bool


def waiting_pods(namespace: str | None) -> Collection:
    """The pods that wait and have no node, of one namespace or of all."""
    return Collection("pods that wait", _pods(namespace), _WAITING, metadata_only=False)


def opened_pods(namespace: str | None) -> Collection:
    """The pods that were opened and have not finished, of one namespace or of all."""
    return Collection("pods that were opened", _pods(namespace), _OPENED, metadata_only=True)


def namespaces(*, everywhere: bool = False) -> Collection:
    """The namespaces with the label by which they opt in, or all."""
    selector = {} if everywhere else {"labelSelector": names.PROFILE_LABEL}
    return Collection("namespaces", "/api/v1/namespaces", selector, metadata_only=True)


def _pods(namespace: str | None) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"


class ApiServer:
    """The API server. Every method raises ClusterError."""

    def __init__(self, cluster: Cluster, clock: ServerClock) -> None:
        """Calls `cluster`, and tells `clock` the time of the answers."""
        self._cluster = cluster
        self._clock = clock

    def pages(self, collection: Collection) -> Iterator[PodList | NamedList]:
        """Yields the objects of a collection, page by page, as they are stored now. Pages of large ones have fewer."""
        accept = _METADATA_LIST if collection.metadata_only else JSON
        read: Callable[[bytes], PodList | NamedList] = _read_names if collection.metadata_only else _read_pods
        query, limit = dict(collection.selector), _PAGE
        what = f"list the {collection.what}"
        while True:
            query["limit"] = str(limit)
            most = _PAGE_BYTES if limit > 1 else 0
            try:
                # A page of large pods takes its time.
                answer = self._call(what, "GET", collection.path, query, accept=accept, seconds=(5, 30), most=most)
            except _TooLongError:
                limit = max(1, limit // 4)
                continue
            page = decoded(read, answer, what)
            following = page.metadata.following
            yield page
            if not following:
                return
            # Otherwise two pages and an answer would take memory at the same time.
            del page, answer
            query["continue"] = following
            limit = min(_PAGE, 2 * limit)

    def events(self, collection: Collection, version: str) -> Iterator[tuple[str, bytes]]:
        """Yields BEGUN once the API server accepts the watch, and then the changes since `version` until it ends.

        A change is its type and its whole line. Raises GoneError if the version is too old.
        """
        what = f"watch the {collection.what}"
        query = {**collection.selector, "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        query["timeoutSeconds"] = str(_WATCH_SECONDS)
        accept = METADATA if collection.metadata_only else JSON
        opening = self._cluster.opened(
            what, "GET", collection.path, query, accept=accept, seconds=(CALL_SECONDS, _SILENT_SECONDS)
        )
        try:
            with opening as response:
                self._clock.hear(response.headers.get("Date"))
                yield BEGUN, b""
                for line in response:
                    kind = decoded(_read_event, line, what).type
                    if kind == "ERROR":
                        status = decoded(_read_error, line, what).object
                        message = f"could not {what}: {status.message}"
                        raise (GoneError if status.code == _GONE else ClusterError)(message, status.code)
                    yield kind, line
        except ClusterError as error:
            if error.status == _GONE and not isinstance(error, GoneError):
                raise GoneError(str(error), _GONE) from error
            raise

    def pod(self, namespace: str, name: str) -> StoredPod | None:
        """A pod; None if there is none."""
        what = f"get the Pod {namespace}/{name}"
        with suppress(NotFoundError):
            return decoded(read_pod, self._call(what, "GET", f"{_pods(namespace)}/{name}"), what)
        return None

    def labels(self, namespace: str) -> dict[str, str] | None:
        """The labels of a namespace; None if there is none."""
        only = Collection("namespaces", "/api/v1/namespaces", {"fieldSelector": f"metadata.name={namespace}"}, True)  # noqa: FBT003
        for found in self._named(only):
            return found.metadata.labels or {}
        return None

    def opened(self, namespace: str) -> list[Named]:
        """The pods of a namespace that were opened and have not finished, as they are stored now."""
        return list(self._named(opened_pods(namespace)))

    def patch(self, namespace: str, name: str, operations: list[PatchOperation]) -> None:
        """Sends a JSON Patch of a pod."""
        query = {"timeout": f"{CALL_SECONDS}s", "fieldManager": "spark-eci-webhook-overflow"}
        path, body = f"{_pods(namespace)}/{name}", to_builtins(operations)
        self._call(f"patch the Pod {namespace}/{name}", "PATCH", path, query, body)

    def record(self, event: dict[str, Any]) -> None:
        """Creates an Event."""
        namespace = event["metadata"]["namespace"]
        self._call("create an Event", "POST", f"/api/v1/namespaces/{namespace}/events", None, event)

    def lease(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Lease; None if there is none."""
        what = f"get the Lease {namespace}/{name}"
        with suppress(NotFoundError):
            return _object(self._call(what, "GET", f"{_LEASES}/{namespace}/leases/{name}"), what)
        return None

    def write_lease(self, lease: dict[str, Any]) -> dict[str, Any]:
        """Creates a Lease, or replaces the one with its resourceVersion; returns it as it is stored."""
        metadata = lease["metadata"]
        path = f"{_LEASES}/{metadata['namespace']}/leases"
        exists = "resourceVersion" in metadata
        what = f"{'update' if exists else 'create'} the Lease {metadata['namespace']}/{metadata['name']}"
        method, path = ("PUT", f"{path}/{metadata['name']}") if exists else ("POST", path)
        return _object(self._call(what, method, path, {"timeout": f"{CALL_SECONDS}s"}, lease), what)

    def _named(self, collection: Collection) -> Iterator[Named]:
        for page in self.pages(collection):
            if isinstance(page, NamedList):
                yield from page.items or ()

    def _call(
        self,
        what: str,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        *,
        accept: str = JSON,
        seconds: Timeout = CALL_SECONDS,
        most: int = 0,
    ) -> bytes:
        """The whole answer to a call. Raises _TooLongError if it has more than `most` bytes, if that is not 0."""
        with self._cluster.opened(what, method, quote(path), query, body, accept=accept, seconds=seconds) as response:
            content = response.read(most + 1 if most else None)
            self._clock.hear(response.headers.get("Date"))
            if most and len(content) > most:
                raise _TooLongError(f"could not {what}: the answer is longer than {most} bytes")
            return content


_read_object: Final = Decoder(dict[str, Any]).decode


def _object(content: bytes, what: str) -> dict[str, Any]:
    return decoded(_read_object, content, what)
