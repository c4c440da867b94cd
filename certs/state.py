"""What the controller sees of the cluster, and what it may do there: values between deciding and doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MANAGED_BY = "app.kubernetes.io/managed-by"
CONTROLLER = "spark-eci-webhook-certs"
"""The value of the label ``app.kubernetes.io/managed-by`` on every Secret that the controller made."""


@dataclass(frozen=True, slots=True)
class Target:
    """The objects that one controller keeps, by name.

    Attributes:
        namespace: The namespace of both Secrets and the Service.
        ca_secret: The Secret with the authorities and their keys, mounted nowhere.
        serving_secret: The Secret with what the service presents.
        configuration: The MutatingWebhookConfiguration whose caBundle is kept.
        service: The Service that the API server calls.
    """

    namespace: str
    ca_secret: str
    serving_secret: str
    configuration: str
    service: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The DNS names of the Service (Kubernetes: DNS for Services and Pods)."""
        qualified = f"{self.service}.{self.namespace}"
        return (self.service, qualified, f"{qualified}.svc", f"{qualified}.svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret as it was read.

    Attributes:
        data: Key → content.
        owned: Whether it carries the label of the Secrets that the controller made.
        raw: The whole object, for writing it back with its resourceVersion.
    """

    data: Mapping[str, bytes] = field(repr=False)
    owned: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A MutatingWebhookConfiguration as it was read.

    Attributes:
        bundles: Name of a webhook → its caBundle as PEM; empty where it has none.
        resource_version: What the patch has to meet.
    """

    bundles: Mapping[str, bytes]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Observed:
    """The three objects; None is an object that is not there."""

    ca: Secret | None
    serving: Secret | None
    configuration: Configuration | None


@dataclass(frozen=True, slots=True)
class WriteSecret:
    """Create a Secret, or replace the data of the one that was observed, if nobody changed it since.

    Attributes:
        name: The Secret's name.
        type: Its type, for a new one.
        data: All that it is to hold, as key → content.
        replaces: What was observed; None if it has to be new.
        reason: The reason of the Event, in UpperCamelCase.
        message: What is done and why, a sentence for the log and the Event.
    """

    name: str
    type: str
    data: Mapping[str, bytes] = field(repr=False)
    replaces: Secret | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PatchBundle:
    """Set the caBundle of some webhooks of the configuration, if nobody changed it since.

    Attributes:
        bundle: The CA certificates to trust, as PEM.
        webhooks: The names of the webhooks that have another caBundle now.
        resource_version: That of the configuration as observed.
        reason: The reason of the Event, in UpperCamelCase.
        message: What is done and why, a sentence for the log and the Event.
    """

    bundle: bytes = field(repr=False)
    webhooks: tuple[str, ...]
    resource_version: str
    reason: str
    message: str


Action = WriteSecret | PatchBundle


@dataclass(frozen=True, slots=True)
class Published:
    """Since when every place that clients trust has held one bundle, without a break.

    A controller keeps this in memory only: one that starts anew waits once more, which does no harm.
    """

    bundle: bytes
    since: datetime
