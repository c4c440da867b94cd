"""All objects of the cluster that the checks need, read once and not yet judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from certs.cluster import Cluster, ClusterError, NotFoundError
from webhook.cli.doctor.finding import JSON, Unknown, known, labels_of, name_of
from webhook.cli.doctor.installation import Installation, attempt, is_ours, read_installation
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy

_CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_RESOURCE_POLICIES: Final = "/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{}/resourcepolicies"
_CONNECTS: Final = "/apis/sparkoperator.k8s.io/v1alpha1/namespaces/{}/sparkconnects"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at one moment."""

    configurations: list[JSON] | Unknown
    """All configurations of mutating webhooks."""
    installation: Installation | None
    namespaces: list[JSON] | Unknown
    """The namespaces that opted in; with --namespace, that one only, even if it did not."""
    pods: Mapping[str, list[JSON] | Unknown]
    """The Spark pods of each of these namespaces that have not ended."""
    nodes: list[JSON] | Unknown
    resource_policies: Mapping[str, list[JSON] | Unknown | None]
    """The ResourcePolicies of each namespace in mode resource-policy; None if the cluster has no such kind."""
    connects: Mapping[str, list[JSON] | Unknown | None]
    """The SparkConnects of the same namespaces; None if the cluster has no such kind."""

    @property
    def policy(self) -> Policy:
        """The installed policy; the built-in one if it could not be read."""
        policy = self.installation.policy if self.installation else None
        return policy if isinstance(policy, Policy) else Policy()


def read_snapshot(cluster: Cluster, namespace: str | None) -> Snapshot:
    """Reads everything; with `namespace`, the Spark pods of that namespace only."""
    configurations = attempt(
        "the webhook configurations",
        "list mutatingwebhookconfigurations",
        lambda: cluster.items(_CONFIGURATIONS),
    )
    ours = [one for one in known(configurations) if is_ours(one)]
    installation = read_installation(cluster, ours[0]) if ours else None
    namespaces = _namespaces(cluster, namespace)
    policy = Snapshot(configurations, installation, namespaces, {}, [], {}, {}).policy
    by_policy = [
        name_of(one)
        for one in known(namespaces)
        if SchedulingMode.RESOURCE_POLICY in modes_of(policy, profile_label(one) or "")
    ]
    return Snapshot(
        configurations=configurations,
        installation=installation,
        namespaces=namespaces,
        pods={name: _spark_pods(cluster, name) for name in map(name_of, known(namespaces))},
        nodes=attempt("the nodes", "list nodes", lambda: cluster.items("/api/v1/nodes")),
        resource_policies={name: _served(cluster, "ResourcePolicies", _RESOURCE_POLICIES, name) for name in by_policy},
        connects={name: _served(cluster, "SparkConnects", _CONNECTS, name) for name in by_policy},
    )


def profile_label(namespace: JSON) -> str | None:
    """The profile that a namespace's label names; None without the label."""
    return labels_of(namespace).get(names.PROFILE_LABEL)


def modes_of(policy: Policy, profile: str) -> set[SchedulingMode]:
    """The modes that the rules of `profile` may give to pods; none if there is no such profile."""
    if profile not in policy.profiles:
        return set()
    rules = policy.profiles[profile]
    return {rules.driver.mode, rules.executor.mode, *(share.mode for share in rules.executor.mix)}


def _namespaces(cluster: Cluster, namespace: str | None) -> list[JSON] | Unknown:
    if namespace is None:
        select = {"labelSelector": names.PROFILE_LABEL}
        return attempt("the namespaces", "list namespaces", lambda: cluster.items("/api/v1/namespaces", **select))
    path = f"/api/v1/namespaces/{namespace}"
    return attempt(f"the namespace {namespace}", "get namespaces", lambda: [cluster.get(path)])


def _spark_pods(cluster: Cluster, namespace: str) -> list[JSON] | Unknown:
    path = f"/api/v1/namespaces/{namespace}/pods"
    select = {"labelSelector": names.SPARK_ROLE, "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
    permission = f"list pods --namespace {namespace}"
    return attempt(f"the pods of {namespace}", permission, lambda: cluster.items(path, **select))


def _served(cluster: Cluster, what: str, path: str, namespace: str) -> list[JSON] | Unknown | None:
    try:
        return cluster.items(path.format(namespace))
    except NotFoundError:
        return None
    except ClusterError as error:
        permission = f"list {what.lower()} --namespace {namespace}"
        return Unknown(f"the {what} of {namespace}", error.reason, f"kubectl auth can-i {permission}")
