"""The policy that is deployed in a cluster, as its ConfigMap holds it."""

from dataclasses import dataclass

from certs.cluster import Cluster
from webhook.cli.doctor.finding import JSON, Unknown, writes_to
from webhook.cli.doctor.reading import attempt
from webhook.cli.live.installation import config_map_path, policy_in
from webhook.core.policy import Policy
from webhook.service.policy_file import PolicyError

_WHAT = "the policy"


@dataclass(frozen=True, slots=True)
class DeployedPolicy:
    """The policy of an installation."""

    policy: Policy | Unknown
    written: str = ""
    """When the ConfigMap was last written (RFC 3339 in UTC); empty if that is not known."""


def read_deployed_policy(cluster: Cluster, namespace: str, config_map: str) -> DeployedPolicy:
    """The policy in a ConfigMap; Unknown if it may not be read, or is not valid."""
    permission = f"get configmap/{config_map} --namespace {namespace}"
    written = attempt(_WHAT, permission, lambda: cluster.get(config_map_path(namespace, config_map)))
    if isinstance(written, Unknown):
        return DeployedPolicy(written)
    return DeployedPolicy(_parsed(written, permission), max((time for time, _ in writes_to(written)), default=""))


def _parsed(config_map: JSON, permission: str) -> Policy | Unknown:
    try:
        return policy_in(config_map)
    except PolicyError as error:
        return Unknown(_WHAT, error.faults[0], f"kubectl {permission}")
