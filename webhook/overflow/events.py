"""Events about pods (Kubernetes API: Event v1 core), sent by a thread of their own, so that no pod waits for them."""

import threading
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from queue import Empty, Full, Queue
from typing import Any, Final

import structlog

from certs.cluster_errors import ClusterError, ConflictError
from webhook.overflow.api_server import ApiServer

log: structlog.stdlib.BoundLogger = structlog.get_logger()

COMPONENT: Final = "spark-eci-webhook-overflow"
#: The most Events that wait to be sent. Further ones are lost, and counted.
_MOST_WAITING: Final = 2000
#: How many may be waiting if one is added about a pod that was not opened. Any user can set the label on many pods.
_MOST_WARNED: Final = 1000
#: The most Events a second.
_RATE: Final = 50
#: The longest message of an Event (Kubernetes API: Event v1 core).
_MESSAGE_LIMIT: Final = 1024


class Happening(StrEnum):
    """What an Event says; its value is the Event's reason."""

    OPENED = "OverflowOpened"
    NOT_OPENED = "OverflowNotOpened"
    LIMIT_REACHED = "OverflowLimitReached"

    @property
    def type(self) -> str:
        """The type of the Event."""
        return "Normal" if self is Happening.OPENED else "Warning"


class Events:
    """The Events of one controller. A pod gets one for each happening, however many controllers say it."""

    def __init__(self, server: ApiServer, now: Callable[[], datetime], instance: str, lost: Callable[[], None]) -> None:
        """`now` is the API server's time; `lost` is called for each Event that could not be created."""
        self._server = server
        self._now = now
        self._instance = instance
        self._lost = lost
        self._waiting: Queue[dict[str, Any]] = Queue(_MOST_WAITING)

    def tell(self, happening: Happening, namespace: str, name: str, uid: str, message: str) -> None:
        """Creates an Event about the pod soon."""
        time = f"{self._now():%Y-%m-%dT%H:%M:%SZ}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            # The same name each time: a second one is refused.
            "metadata": {"name": f"{happening.lower()}.{uid}", "namespace": namespace},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": uid},
            "type": happening.type,
            "reason": happening.value,
            "message": message[:_MESSAGE_LIMIT],
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        }
        if happening is not Happening.OPENED and self._waiting.qsize() >= _MOST_WARNED:
            self._lost()
            return
        try:
            self._waiting.put_nowait(event)
        except Full:
            self._lost()

    def send(self, stop: threading.Event) -> None:
        """Sends Events until `stop` is set, and then those that still wait, but not for long."""
        while not stop.is_set() or not self._waiting.empty():
            try:
                event = self._waiting.get(timeout=0.5)
            except Empty:
                continue
            try:
                self._server.record(event)
            except ConflictError:
                pass  # It was told before.
            except ClusterError as error:
                self._lost()
                log.warning("an Event could not be created", error=str(error))
                if stop.is_set():
                    return
            stop.wait(1 / _RATE)
