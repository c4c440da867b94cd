"""What the controller reads from the cluster, and what it may do there: values between deciding and doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MANAGED_BY = "app.kubernetes.io/managed-by"
#: The value of that label on every Secret that the controller made.
CONTROLLER = "spark-eci-webhook-certs"


@dataclass(frozen=True, slots=True)
class Target:
    """The names of the objects that one controller keeps; the Secrets and the Service are in `namespace`."""

    namespace: str
    ca_secret: str
    """The Secret with the CAs and their keys, which no pod mounts."""
    serving_secret: str
    """The Secret that the service mounts."""
    configuration: str
    """The MutatingWebhookConfiguration that gets the caBundle."""
    service: str
    """The Service that the API server calls."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The DNS names of the Service (Kubernetes: DNS for Services and Pods)."""
        qualified = f"{self.service}.{self.namespace}"
        return (self.service, qualified, f"{qualified}.svc", f"{qualified}.svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret as it was read."""

    data: Mapping[str, bytes] = field(repr=False)
    owned: bool
    """Whether it has the label of the Secrets that the controller made."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    """The whole object, to be written back with its resourceVersion."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A MutatingWebhookConfiguration as it was read."""

    bundles: Mapping[str, bytes]
    """Name of a webhook → its caBundle as PEM, empty if it has none."""
    resource_version: str


@dataclass(frozen=True, slots=True)
class Objects:
    """The three objects as they were read; None for one that does not exist."""

    ca: Secret | None
    serving: Secret | None
    configuration: Configuration | None


@dataclass(frozen=True, slots=True)
class WriteSecret:
    """Create a Secret, or replace the data of the one that was read if nobody has changed it since."""

    name: str
    type: str
    data: Mapping[str, bytes] = field(repr=False)
    replaces: Secret | None
    """The Secret that was read; None if there must be none."""
    reason: str
    """The reason of the Event, in UpperCamelCase."""
    message: str
    """What is done and why, for the log and the Event."""


@dataclass(frozen=True, slots=True)
class PatchBundle:
    """Set the caBundle of `webhooks` in the configuration if nobody has changed it since it was read."""

    bundle: bytes = field(repr=False)
    webhooks: tuple[str, ...]
    resource_version: str
    reason: str
    message: str


Action = WriteSecret | PatchBundle


@dataclass(frozen=True, slots=True)
class Published:
    """The bundle that all clients trust, and since when they have trusted it without interruption.

    A controller keeps this in memory only: after a restart it waits once more, which does no harm.
    """

    bundle: bytes
    since: datetime
