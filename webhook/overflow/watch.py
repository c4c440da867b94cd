"""Following a collection of the API server: listing it, watching it, and listing it again if too much was missed."""

import random
import threading
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Final, Protocol

import structlog
from msgspec.json import Decoder

from certs.backoff import Backoff
from certs.cluster_errors import ClusterError
from webhook.overflow.api_server import BEGUN, ApiServer, Collection, GoneError
from webhook.overflow.decoder import UnreadableError, decoded
from webhook.overflow.pods import NamedEvent, NamedList, PodEvent, PodList

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_read_pod_event: Final = Decoder(PodEvent).decode
_read_named_event: Final = Decoder(NamedEvent).decode
#: For so long a new watch may tell changes that happened before it began.
_CATCH_UP_SECONDS: Final = 2.0
#: A watch that ends sooner than this was not worth its call.
_SHORT_SECONDS: Final = 1.0


class Sink(Protocol):
    """What is told of the objects of a collection. Their type is that of the collection."""

    def listed(self, found: Any, *, gap: bool) -> None:
        """An object is there; with `gap`, changes may have been missed since it was seen before."""

    def kept(self, uids: set[str]) -> None:
        """A list is complete: only the objects with these ids are there."""

    def changed(self, found: Any, *, heard: float | None) -> None:
        """An object came or changed: just now, or if `heard` is given, at some time after that moment."""

    def removed(self, found: Any) -> None:
        """An object went, or is no longer selected."""


class Follower:
    """Follows one collection in a thread of its own."""

    def __init__(
        self,
        server: ApiServer,
        collection: Collection,
        sink: Sink,
        stop: threading.Event,
        failed: Callable[[str], None],
    ) -> None:
        """Tells `sink` all until `stop` is set; calls `failed` with `list` or `watch` for each fault."""
        self._server = server
        self._collection = collection
        self._sink = sink
        self._stop = stop
        self._failed = failed
        self._version = ""
        self._lists = 0
        self._heard = monotonic()
        """Until when all changes had been told, as far as is known."""
        self._read: Callable[[bytes], Any] = _read_named_event if collection.metadata_only else _read_pod_event
        self.listed = threading.Event()
        """Set once the first list is complete."""

    def run(self) -> None:
        """Follows the collection until the controller stops."""
        backoff = Backoff()
        while not self._stop.is_set():
            began = monotonic()
            doing = "watch" if self._version else "list"
            try:
                if self._version:
                    self._watch()
                else:
                    self._list()
            except GoneError as error:
                log.info("a watch missed too much, listing again", error=str(error))
                self._version = ""
            except ClusterError as error:
                self._failed(doing)
                log.warning("following failed, trying again", collection=self._collection.what, error=str(error))
                if isinstance(error, UnreadableError):
                    self._version = ""
                self._stop.wait(max(backoff.next(), min(error.retry_after, backoff.limit)))
                continue
            backoff.reset()
            if doing == "watch" and monotonic() - began < _SHORT_SECONDS:
                self._stop.wait(random.SystemRandom().uniform(0.5, 1))

    def _list(self) -> None:
        uids: set[str] = set()
        version, began = "", monotonic()
        for page in self._server.pages(self._collection):
            version = page.metadata.resource_version
            self._take(page, uids)
            # The next page is read before it takes the name of this one.
            del page
        self._sink.kept(uids)
        self._lists += 1
        self._version, self._heard = version, began
        self.listed.set()

    def _take(self, page: PodList | NamedList, uids: set[str]) -> None:
        for found in page.items or ():
            uids.add(found.metadata.uid)
            self._sink.listed(found, gap=self._lists > 0)

    def _watch(self) -> None:
        live = inf
        for kind, line in self._server.events(self._collection, self._version):
            now = monotonic()
            if kind == BEGUN:
                live = now + _CATCH_UP_SECONDS
                continue
            event = decoded(self._read, line, f"watch the {self._collection.what}")
            if now >= live:
                self._heard = now
            if kind in ("ADDED", "MODIFIED"):
                self._sink.changed(event.object, heard=None if now >= live else self._heard)
            elif kind == "DELETED":
                self._sink.removed(event.object)
            self._version = event.object.metadata.resource_version
            if self._stop.is_set():
                return
        if monotonic() >= live:
            # It ended in order, so it had told everything.
            self._heard = monotonic()
