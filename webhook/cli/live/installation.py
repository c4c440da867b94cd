"""The installation of this webhook in a cluster: its configuration, what its Deployment mounts, and its policy."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError
from webhook.chart.release import Release
from webhook.core.policy import Policy
from webhook.service.policy_file import PolicyError, parse_policy

JSON = dict[str, Any]

CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
#: The chart names the entries of the configuration `PROFILE.spark-eci-webhook.io`.
_ENTRY_SUFFIX: Final = ".spark-eci-webhook.io"
#: The entry for namespaces without the label, which calls the path of the default profile.
UNLABELLED: Final = f"unlabelled.namespaces{_ENTRY_SUFFIX}"
#: The path of a profile, without its name.
MUTATE: Final = "/mutate/"
_KEY: Final = "policy.yaml"


class UnreadablePolicyError(Exception):
    """The deployed policy cannot be read; the message is one clause."""


@dataclass(frozen=True, slots=True)
class Mounts:
    """The names of what the webhook's Deployment mounts."""

    secret: str
    config_map: str


def is_ours(configuration: JSON) -> bool:
    """Whether a MutatingWebhookConfiguration is one of this webhook."""
    return any(map(_is_our_entry, configuration.get("webhooks") or ()))


def service_of(configuration: JSON) -> tuple[str, str] | None:
    """The namespace and name of the Service that a configuration of this webhook calls; None if it calls a URL."""
    entry = next(filter(_is_our_entry, configuration["webhooks"]))
    reference = entry["clientConfig"].get("service")
    return (reference["namespace"], reference["name"]) if reference else None


def path_of(entry: JSON) -> str:
    """The path that an entry of a configuration calls."""
    config = entry["clientConfig"]
    return str((config.get("service") or {}).get("path") or urlsplit(config.get("url") or "").path)


def default_profile(configuration: JSON) -> str | None:
    """The profile for namespaces without the label, by a configuration of this webhook; None if there is none."""
    entry = next((one for one in configuration.get("webhooks") or () if one["name"] == UNLABELLED), None)
    return path_of(entry).removeprefix(MUTATE) if entry else None


def deployment_path(namespace: str, service: str) -> str:
    """The path of the Deployment behind a Service: the chart gives both the same name."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{service}"


def config_map_path(namespace: str, name: str) -> str:
    """The path of a ConfigMap."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def mounts_of(deployment: JSON, service: str) -> Mounts:
    """What the Deployment behind `service` mounts; what the chart names so if `deployment` is empty."""
    template = deployment.get("spec", {}).get("template", {}).get("spec", {})
    volumes = template.get("volumes") or []
    secret = next((one["secret"]["secretName"] for one in volumes if "secret" in one), f"{service}-tls")
    config_map = next((one["configMap"]["name"] for one in volumes if "configMap" in one), f"{service}-policy")
    return Mounts(secret, config_map)


def policy_in(config_map: JSON) -> Policy:
    """The policy in a ConfigMap. Raises PolicyError."""
    content = (config_map.get("data") or {}).get(_KEY)
    if content is None:
        raise PolicyError([f"it has no key {_KEY}"])
    return parse_policy(content.encode(), _KEY)


def deployed_default(cluster: Cluster) -> str | None:
    """The profile for namespaces without the label in `cluster`; None if there is none, or it may not be read.

    Raises ClusterError if the cluster does not answer.
    """
    try:
        configuration = next(filter(is_ours, cluster.items(CONFIGURATIONS)), None)
    except ClusterError as error:
        if error.status is None:
            raise
        return None
    return default_profile(configuration) if configuration else None


def deployed_release(cluster: Cluster) -> Release | None:
    """The policy and the default profile of the installation in `cluster`; None if there is no installation.

    Raises UnreadablePolicyError if the user may not read it, or it cannot be used, and ClusterError if the cluster does
    not answer.
    """
    try:
        configuration = next(filter(is_ours, cluster.items(CONFIGURATIONS)), None)
    except ClusterError as error:
        raise _unreadable(error, "the webhook configurations could not be listed") from None
    if configuration is None:
        return None
    reference = service_of(configuration)
    if reference is None:
        raise UnreadablePolicyError(f"{configuration['metadata']['name']} calls a URL instead of a Service")
    namespace, service = reference
    name = mounts_of(_deployment(cluster, namespace, service), service).config_map
    try:
        policy = policy_in(cluster.get(config_map_path(namespace, name)))
    except ClusterError as error:
        raise _unreadable(error, f"the ConfigMap {namespace}/{name} could not be read") from None
    except PolicyError as error:
        raise UnreadablePolicyError(f"the ConfigMap {namespace}/{name}: {'; '.join(error.faults)}") from None
    return Release(policy, default_profile(configuration))


def _is_our_entry(entry: JSON) -> bool:
    return str(entry["name"]).endswith(_ENTRY_SUFFIX)


def _deployment(cluster: Cluster, namespace: str, service: str) -> JSON:
    try:
        return cluster.get(deployment_path(namespace, service))
    except ClusterError as error:
        if error.status is None:
            raise
        return {}


def _unreadable(error: ClusterError, what: str) -> Exception:
    """The error for a refusal; `error` itself if there was no answer."""
    return error if error.status is None else UnreadablePolicyError(f"{what}: {error.reason}")
