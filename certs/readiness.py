"""Whether the webhook serves, as the controller sees it: certificates published, and an admission answered.

The controller lets the API server create an Event as a dry run. It matches an entry of the configuration for nothing
else, so the API server asks the service about it, by the published caBundle and over the network that every review
takes. The service's warning in the answer proves that it was asked.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import structlog

from certs.backoff import Backoff
from certs.cluster import Cluster
from certs.cluster_errors import ClusterError
from certs.material import CA
from certs.state import CONTROLLER, Objects

#: The name of the entry for the dry run.
CANARY: Final = "canary.internal.spark-eci-webhook.io"
#: The label of the Event, by which that entry selects it.
CANARY_LABEL: Final = "spark-eci-webhook/canary"
#: The service's warning.
ANSWER: Final = "spark-eci-webhook has answered"

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Served:
    """What an answered admission proves. If it changes, the proof is asked for again."""

    bundles: Mapping[str, bytes]
    """Name of an entry → its caBundle."""
    serving: Mapping[str, bytes] = field(repr=False)
    """The data of the serving Secret."""


def served(objects: Objects) -> Served | str:
    """What is published of `objects`, or the clause that says what is missing."""
    if objects.serving is None:
        return "there is no serving Secret yet"
    if objects.configuration is None:
        return "there is no MutatingWebhookConfiguration yet"
    published = objects.serving.data.get(CA)
    without = [name for name, bundle in objects.configuration.bundles.items() if not bundle or bundle != published]
    if without:
        return f"the CA is not published yet for {', '.join(without)}"
    return Served(objects.configuration.bundles, objects.serving.data)


@dataclass
class Readiness:
    """Asks the API server of `cluster` for an answer of the service whenever something else is published."""

    cluster: Cluster
    namespace: str
    stop: threading.Event
    """Ends `run`."""
    backoff: Backoff = field(default_factory=Backoff)
    """How long to wait for the next attempt if nothing else is published."""
    fault: str = field(default="nothing has been read yet", init=False)
    """Why the webhook does not serve; empty if it does."""
    _wanted: Served | None = field(default=None, init=False)
    _answered: Served | None = field(default=None, init=False)
    _changed: threading.Event = field(default_factory=threading.Event, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def see(self, found: Served | str) -> None:
        """Takes what the control loop has read: what is published, or the clause that says what is missing."""
        with self._lock:
            if isinstance(found, str):
                self.fault, self._wanted, self._answered = found, None, None
            elif found != (self._wanted or self._answered):
                self.fault, self._wanted = "the API server has not asked the service yet", found
                self._changed.set()

    def run(self) -> None:
        """Asks until `end` is called."""
        wait: float | None = None
        while True:
            self._changed.wait(wait)
            self._changed.clear()
            if self.stop.is_set():
                return
            wanted, wait = self._wanted, None
            if wanted is None:
                continue
            fault = "" if CANARY not in wanted.bundles else self._ask()
            with self._lock:
                if self._wanted is not wanted:
                    wait = 0
                    continue
                if fault and fault != self.fault:
                    log.info("the webhook does not serve yet", fault=fault)
                self.fault = fault
                if fault:
                    wait = self.backoff.next()
                    continue
                self._answered, self._wanted = wanted, None
                self.backoff.reset()
                log.info("the webhook serves")

    def end(self) -> None:
        """Makes `run` return soon, after `stop` has been set."""
        self._changed.set()

    def _ask(self) -> str:
        """Why no answer of the service came; empty if one came, or if the controller has no right to ask."""
        events = f"/api/v1/namespaces/{self.namespace}/events"
        try:
            warnings = self.cluster.dry_run("ask for an admission", events, self._event())
        except ClusterError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                log.warning("no admission can be asked for, so the certificates alone decide", error=str(error))
                return ""
            return str(error)
        return "" if any(ANSWER in one for one in warnings) else "the API server has got no answer from the service"

    def _event(self) -> Mapping[str, object]:
        """An Event that is never stored."""
        here = {"namespace": self.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{CONTROLLER}-", "labels": {CANARY_LABEL: "true"}, **here},
            "involvedObject": {"apiVersion": "v1", "kind": "Namespace", "name": self.namespace, **here},
            "type": "Normal",
            "reason": "Canary",
            "message": "Asks whether the webhook answers.",
            "source": {"component": CONTROLLER},
        }
