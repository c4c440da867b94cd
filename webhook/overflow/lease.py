"""The Lease by which one of several controllers writes (Kubernetes API: Lease v1 coordination)."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any, Final

import structlog

from certs.cluster_errors import ClusterError, ConflictError
from webhook.overflow.api_server import ApiServer

log: structlog.stdlib.BoundLogger = structlog.get_logger()

#: By these labels the Lease is found.
LABELS: Final = {"app.kubernetes.io/name": "spark-eci-webhook", "app.kubernetes.io/component": "overflow"}
#: Annotation of the Lease: the digest of the holder's policy.
POLICY_ANNOTATION: Final = "spark-eci-webhook/policy"
#: How often the holder renews, and the others look.
RENEW_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 1.0
#: A holder that has not renewed for so long writes no more. What it began before may take CALL_SECONDS.
WRITE_SECONDS: Final = 8.0
#: A Lease that nobody renewed for so long is taken over: after WRITE_SECONDS and CALL_SECONDS.
LEASE_SECONDS: Final = 13
#: When to look again after a conflict.
_CONFLICT_SECONDS: Final = 0.2
#: How often the log says that no turn succeeds.
_QUIET_SECONDS: Final = 30.0


class Lease:
    """The Lease as one controller sees it. `turn` has one caller; `may_write` and `epoch` may be read by any thread."""

    def __init__(
        self, server: ApiServer, now: Callable[[], datetime], namespace: str, name: str, identity: str, digest: str
    ) -> None:
        """`identity` must be new for each process; `digest` is that of the policy; `now` is the API server's time."""
        self._server = server
        self._now = now
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._digest = digest
        self._stored: dict[str, Any] | None = None
        """The Lease as it was last read or written."""
        self._doubtful = False
        """Whether it may be another by now, so that it is to be read before it is written."""
        self._changed = monotonic()
        """When it was first seen like this."""
        self._renewed = float("-inf")
        """When the call began that last made or kept it ours."""
        self._reported = float("-inf")
        self.epoch = 0
        """How many times it became ours."""

    @property
    def may_write(self) -> bool:
        """Whether this controller may begin to write now."""
        return monotonic() - self._renewed < WRITE_SECONDS

    def turn(self) -> float:
        """Takes the Lease, renews it, or looks at it; returns the seconds until the next turn."""
        began = monotonic()
        try:
            if self._doubtful or not self._is_ours(self._stored):
                self._look()
            if self._is_ours(self._stored) or self._is_free(began):
                self._write(began)
        except ConflictError:
            # Somebody wrote it: perhaps this controller, if an answer was lost.
            self._doubtful = True
            self._lose("it was written in between")
            return _CONFLICT_SECONDS
        except ClusterError as error:
            # It may have been deleted.
            self._doubtful = self._doubtful or error.status is not None
            if not self.may_write:
                self._lose("the Lease could not be renewed")
            if began - self._reported > _QUIET_SECONDS:
                self._reported = began
                log.warning("the Lease could not be read or renewed", error=str(error))
            raise
        return RENEW_SECONDS if self._is_ours(self._stored) else min(LOOK_SECONDS, max(0.1, self._left(monotonic())))

    def release(self) -> None:
        """Gives up the Lease, so that another controller can take it at once."""
        if self._stored is None or not self._is_ours(self._stored):
            return
        self._renewed = float("-inf")
        spec = self._stored["spec"] | {"holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            self._server.write_lease(self._stored | {"spec": spec})
        except ClusterError as error:
            log.warning("the Lease could not be released", error=str(error))
        self._stored = None

    def _look(self) -> None:
        found = self._server.lease(self._namespace, self._name)
        self._doubtful = False
        if found is None and self._stored is not None and not self.may_write:
            # Its holder does not know yet that it was deleted, and may write for a while.
            found = {"metadata": {}, "spec": _deleted(self._stored.get("spec") or {})}
        if found is None or self._stored is None or _version(found) != _version(self._stored):
            self._changed = monotonic()
        self._stored = found
        if not self._is_ours(found):
            self._lose("another controller has the Lease")

    def _is_ours(self, lease: dict[str, Any] | None) -> bool:
        return lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._identity

    def _is_free(self, now: float) -> bool:
        spec = (self._stored or {}).get("spec") or {}
        return not spec.get("holderIdentity") or self._left(now) <= 0

    def _left(self, now: float) -> float:
        """How long the Lease of another controller is still valid, if nobody renews it."""
        return self._changed + LEASE_SECONDS - now

    def _write(self, began: float) -> None:
        now = f"{self._now():%Y-%m-%dT%H:%M:%S.%fZ}"
        before = self._stored or {}
        spec = dict(before.get("spec") or {})
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
        spec |= {"holderIdentity": self._identity, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        metadata = dict(before.get("metadata") or {"name": self._name, "namespace": self._namespace})
        metadata["labels"] = {**(metadata.get("labels") or {}), **LABELS}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), POLICY_ANNOTATION: self._digest}
        metadata.pop("managedFields", None)
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        self._stored = self._server.write_lease(body)
        if not self.may_write:
            self.epoch += 1
            log.info("this controller has the Lease", lease=f"{self._namespace}/{self._name}", identity=self._identity)
        self._renewed = began

    def _lose(self, why: str) -> None:
        if self._renewed > float("-inf"):
            self._renewed = float("-inf")
            log.warning("this controller no longer has the Lease", reason=why)


def _deleted(spec: dict[str, Any]) -> dict[str, Any]:
    """What is left of a Lease after its deletion: its holder is unknown, but if it had none, it has none."""
    return spec | {"holderIdentity": spec.get("holderIdentity") and "unknown"}


def _version(lease: dict[str, Any]) -> Any:
    """Its resource version; None if it was deleted."""
    return lease["metadata"].get("resourceVersion")
