"""The objects of a cluster that the checks need, read once."""

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

from certs.cluster import Cluster
from certs.cluster_errors import NotFoundError
from certs.pem import PemError, read_certificates
from webhook.cli.doctor.deployed_policy import read_deployed_policy
from webhook.cli.doctor.finding import JSON, Unknown, known, labels_of, name_of
from webhook.cli.doctor.overflow_state import OverflowState, read_overflow
from webhook.cli.doctor.reading import attempt, exists, items, stored
from webhook.cli.live.installation import (
    CONFIGURATIONS,
    MUTATE,
    UNLABELLED,
    default_profile,
    deployment_path,
    is_ours,
    mounts_of,
    path_of,
    service_of,
)
from webhook.cli.terminal import InputError
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.namespaces import profile_of
from webhook.core.policy import Policy
from webhook.core.selectors import Role

_RESOURCE_POLICIES: Final = "/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{}/resourcepolicies"
_CONNECTS: Final = "/apis/sparkoperator.k8s.io/v1alpha1/namespaces/{}/sparkconnects"


@dataclass(frozen=True, slots=True)
class Installation:
    """The MutatingWebhookConfiguration of this webhook, and the objects that belong to it."""

    configuration: JSON
    namespace: str = ""
    """The namespace of the Service; empty if the configuration calls a URL."""
    service: str = ""
    spec: JSON = field(default_factory=dict)
    """The Service's spec; empty if it could not be read."""
    pods: list[JSON] | Unknown = field(default_factory=list)
    """The Service's pods."""
    ready: list[str] | Unknown = field(default_factory=list)
    """The Service's ready addresses."""
    secret_name: str = ""
    secret: Mapping[str, bytes] | Unknown = field(default_factory=dict)
    policy: Policy | None = None
    """The policy in the ConfigMap; None if it could not be read."""
    policy_written: str = ""
    """When the ConfigMap was last written (RFC 3339 in UTC); empty if that is not known."""
    unread: Unknown | None = None
    """Why the policy could not be read; None if it was."""
    controller: bool = False
    """Whether there is a certificate controller; also true if that could not be checked."""

    @property
    def name(self) -> str:
        """The configuration's name."""
        return name_of(self.configuration)

    @property
    def entries(self) -> list[JSON]:
        """The entries of the configuration."""
        return self.configuration.get("webhooks") or []

    @property
    def port(self) -> int:
        """The Service's port that API servers call; Kubernetes calls 443 if the configuration names none."""
        services = (one["clientConfig"].get("service") or {} for one in self.entries)
        return next((int(one["port"]) for one in services if "port" in one), 443)

    @property
    def profiles(self) -> list[str]:
        """The profiles that have an entry."""
        paths = dict.fromkeys(map(path_of, self.entries))
        return [path.removeprefix(MUTATE) for path in paths if path.startswith(MUTATE)]

    @property
    def default(self) -> str | None:
        """The profile for namespaces without the label; None if there is none."""
        return default_profile(self.configuration)

    @property
    def recommended(self) -> str:
        """The profile for a namespace that names none: the default one, else `default` if it exists, else the first."""
        if self.default is not None:
            return self.default
        return self.profiles[0] if self.profiles and "default" not in self.profiles else "default"

    @property
    def example(self) -> dict[str, str]:
        """The labels of an executor or worker that the policy selects, as far as it can be read."""
        return (self.policy or Policy()).selector.example

    def selects(self, pod: JSON) -> bool:
        """Whether the configuration selects `pod` by its labels."""
        selector, labels = self.entries[0].get("objectSelector") or {}, labels_of(pod)
        return (selector.get("matchLabels") or {}).items() <= labels.items() and all(
            one["key"] in labels and (one["operator"] == "Exists" or labels[one["key"]] in one["values"])
            for one in selector.get("matchExpressions") or ()
        )

    def lets_pass(self, namespace: JSON) -> bool:
        """Whether pods of a namespace are admitted if the service does not answer, by the entry that selects them."""
        label = profile_label(namespace)
        for one in self.entries:
            selected = label is None if one["name"] == UNLABELLED else path_of(one) == f"{MUTATE}{label}"
            if selected and one.get("failurePolicy") == "Ignore":
                return True
        return False

    @property
    def bundles(self) -> dict[str, bytes]:
        """The caBundle of each entry, by the entry's name; empty if it has none."""
        return {one["name"]: base64.b64decode(one["clientConfig"].get("caBundle") or "") for one in self.entries}

    @property
    def bundle(self) -> bytes:
        """The CA certificates that the API server trusts, as PEM; empty if none can be read."""
        for bundle in self.bundles.values():
            with suppress(PemError):
                read_certificates(bundle)
                return bundle
        return b""

    @property
    def annotations(self) -> dict[str, str]:
        """The configuration's annotations."""
        return self.configuration["metadata"].get("annotations") or {}

    @property
    def host(self) -> str:
        """The name by which the API server calls the service."""
        return f"{self.service}.{self.namespace}.svc"

    def kubectl(self, command: str) -> str:
        """A command of kubectl in the Service's namespace."""
        return f"kubectl {command} --namespace {self.namespace}"

    def helm_upgrade(self, setting: str) -> str:
        """The command that changes one value of the Helm release; `setting` is the flag for it."""
        release = self.annotations.get("meta.helm.sh/release-name", "spark-eci-webhook")
        namespace = self.annotations.get("meta.helm.sh/release-namespace", self.namespace)
        return f"helm upgrade {release} charts/spark-eci-webhook --namespace {namespace} --reuse-values {setting}"


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """The cluster at one moment."""

    configurations: list[JSON] | Unknown
    """All MutatingWebhookConfigurations."""
    installation: Installation | None
    namespaces: list[JSON] | Unknown
    """The namespaces with the label, or all if there is a default profile; with --namespace, that one only."""
    pods: Mapping[str, list[JSON] | Unknown]
    """The Spark pods of each of these namespaces that have not ended; none if the namespace opted out."""
    nodes: list[JSON] | Unknown
    resource_policies: dict[str, list[JSON] | Unknown | None] = field(default_factory=dict)
    """The ResourcePolicies of each namespace in mode resource-policy; None if the cluster has no such kind."""
    connects: dict[str, list[JSON] | Unknown | None] = field(default_factory=dict)
    """The SparkConnects of the same namespaces; None if the cluster has no such kind."""
    overflow: OverflowState | None = None
    """The overflow controller and the pods that wait for it; None if there is no Service to which it belongs."""
    only: str | None = None
    """The namespace that --namespace names."""

    @property
    def policy(self) -> Policy:
        """The installed policy; the built-in one if it could not be read."""
        return (self.installation and self.installation.policy) or Policy()

    def modes(self, namespace: JSON) -> set[SchedulingMode]:
        """The modes that pods of a namespace may get; none if its profile does not exist."""
        rules = self.policy.profiles.get(applied_profile(self.installation, namespace) or "")
        if rules is None:
            return set()
        return {one.mode for role in Role for one in rules.rule(role).variants()}


def profile_label(namespace: JSON) -> str | None:
    """The value of a namespace's label: a profile, or that it opted out; None without the label."""
    return labels_of(namespace).get(names.PROFILE_LABEL)


def applied_profile(installation: Installation | None, namespace: JSON) -> str | None:
    """The profile for the pods of a namespace, which may not exist; None if it opted out, or never opted in."""
    name, default = name_of(namespace), installation.default if installation else None
    own = installation is not None and name == installation.namespace
    return profile_of(name, labels_of(namespace), None if own else default)


def read_snapshot(cluster: Cluster, namespace: str | None) -> ClusterSnapshot:
    """Reads everything; with `namespace`, the Spark pods of that namespace only.

    Raises InputError if there is no such namespace.
    """
    configurations = read_configurations(cluster)
    ours = [one for one in known(configurations) if is_ours(one)]
    default = default_profile(ours[0]) if ours else None
    namespaces = _namespaces(cluster, namespace, everywhere=default is not None)
    installation = _read_installation(cluster, locate(cluster, ours[0])) if ours else None
    pods = _pods(cluster, known(namespaces), everywhere=default is not None and namespace is None)
    nodes = items(cluster, "the nodes", "list nodes", "/api/v1/nodes")
    overflow = (
        read_overflow(cluster, installation.namespace, namespace) if installation and installation.service else None
    )
    snapshot = ClusterSnapshot(configurations, installation, namespaces, pods, nodes, overflow=overflow, only=namespace)
    for one in known(namespaces):
        name = name_of(one)
        # With a default profile there are many namespaces that have nothing to do with Spark.
        concerned = name == namespace or profile_label(one) is not None or known(pods[name])
        if concerned and any(mode.needs_ack_scheduler for mode in snapshot.modes(one)):
            snapshot.resource_policies[name] = _custom(cluster, "ResourcePolicies", _RESOURCE_POLICIES, name)
            snapshot.connects[name] = _custom(cluster, "SparkConnects", _CONNECTS, name)
    return snapshot


def read_configurations(cluster: Cluster) -> list[JSON] | Unknown:
    """All MutatingWebhookConfigurations."""
    permission = "list mutatingwebhookconfigurations"
    return items(cluster, "the webhook configurations", permission, CONFIGURATIONS)


def locate(cluster: Cluster, configuration: JSON) -> Installation:
    """The installation that a configuration of this webhook belongs to: where it is, and its policy."""
    reference = service_of(configuration)
    if reference is None:
        unread = Unknown("the policy", "the configuration names no Service", "")
        return Installation(configuration, unread=unread)
    namespace, service = reference
    mounts = mounts_of(stored(cluster, deployment_path(namespace, service)), service)
    found = read_deployed_policy(cluster, namespace, mounts.config_map)
    return Installation(
        configuration=configuration,
        namespace=namespace,
        service=service,
        policy=None if isinstance(found.policy, Unknown) else found.policy,
        policy_written=found.written,
        unread=found.policy if isinstance(found.policy, Unknown) else None,
        secret_name=mounts.secret,
    )


def _read_installation(cluster: Cluster, located: Installation) -> Installation:
    """A located installation with all that the checks need of it."""
    namespace, service = located.namespace, located.service
    if not service:
        return located
    inside, within = f"/api/v1/namespaces/{namespace}", f"--namespace {namespace}"
    spec = stored(cluster, f"{inside}/services/{service}").get("spec", {})
    selector = ",".join(f"{key}={value}" for key, value in (spec.get("selector") or {}).items())
    secret = located.secret_name
    return replace(
        located,
        spec=spec,
        pods=items(cluster, "the webhook's pods", f"list pods {within}", f"{inside}/pods", labelSelector=selector),
        ready=attempt(
            "the Service's endpoints",
            f"get endpoints {within}",
            lambda: _ready(cluster.get(f"{inside}/endpoints/{service}")),
        ),
        secret=attempt(
            f"the Secret {secret}",
            f"get secret/{secret} {within}",
            lambda: _data(cluster.get(f"{inside}/secrets/{secret}")),
        ),
        controller=exists(cluster, f"{deployment_path(namespace, service)}-certificate-controller"),
    )


def _ready(endpoints: JSON) -> list[str]:
    return [one["ip"] for subset in endpoints.get("subsets") or () for one in subset.get("addresses") or ()]


def _data(secret: JSON) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in (secret.get("data") or {}).items()}


def _namespaces(cluster: Cluster, namespace: str | None, *, everywhere: bool) -> list[JSON] | Unknown:
    """The one namespace, or those with the label, or all."""
    path = "/api/v1/namespaces"
    if namespace is None:
        selector = {} if everywhere else {"labelSelector": names.PROFILE_LABEL}
        return items(cluster, "the namespaces", "list namespaces", path, **selector)
    return attempt(f"the namespace {namespace}", f"get namespace/{namespace}", lambda: [_namespace(cluster, namespace)])


def _namespace(cluster: Cluster, name: str) -> JSON:
    with suppress(NotFoundError):
        if name:
            return cluster.get(f"/api/v1/namespaces/{quote(name, safe='')}")
    raise InputError(f'found no namespace "{name}"; accepted: one that exists')


def _pods(cluster: Cluster, namespaces: list[JSON], *, everywhere: bool) -> dict[str, list[JSON] | Unknown]:
    """The Spark pods of each of `namespaces`, of the whole cluster at once if it is `everywhere`."""
    pods: dict[str, list[JSON] | Unknown] = {}
    all_pods = _spark_pods(cluster, None) if everywhere else []
    found: dict[str, list[JSON]] = {}
    for pod in known(all_pods):
        found.setdefault(pod["metadata"]["namespace"], []).append(pod)
    for one in namespaces:
        name, label = name_of(one), profile_label(one)
        if label == names.OPTED_OUT:
            pods[name] = []
        elif not everywhere or (isinstance(all_pods, Unknown) and label is not None):
            pods[name] = _spark_pods(cluster, name)
        elif isinstance(all_pods, Unknown):
            pods[name] = all_pods
        else:
            pods[name] = found.get(name, [])
    return pods


def _spark_pods(cluster: Cluster, namespace: str | None) -> list[JSON] | Unknown:
    """Those of one namespace, or of all."""
    select = {"labelSelector": names.SPARK_ROLE, "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
    if namespace is None:
        return items(cluster, "the Spark pods", "list pods --all-namespaces", "/api/v1/pods", **select)
    path = f"/api/v1/namespaces/{namespace}/pods"
    return items(cluster, f"the pods of {namespace}", f"list pods --namespace {namespace}", path, **select)


def _custom(cluster: Cluster, kind: str, path: str, namespace: str) -> list[JSON] | Unknown | None:
    """The objects of a custom `kind` (plural) in a namespace; None if the cluster has no such kind."""

    def read() -> list[JSON] | None:
        try:
            return cluster.items(path.format(namespace))
        except NotFoundError:
            return None

    return attempt(f"the {kind} of {namespace}", f"list {kind.lower()} --namespace {namespace}", read)
