"""What the cluster holds, read once and with nothing judged yet."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from webhook.cli.doctor.cluster import Cluster, ClusterError, MissingError
from webhook.cli.doctor.finding import Unknown
from webhook.core import names
from webhook.core.policy import Policy, SchedulingMode
from webhook.service.policy_file import PolicyError, parse_policy

JSON = dict[str, Any]
T = TypeVar("T")

#: How the chart names the entries of the configuration: `PROFILE.spark-eci-webhook.io`.
ENTRY_SUFFIX: Final = ".spark-eci-webhook.io"
_MUTATE: Final = "/mutate/"
_CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_RESOURCE_POLICIES: Final = "/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{}/resourcepolicies"
_CONNECTS: Final = "/apis/sparkoperator.k8s.io/v1alpha1/namespaces/{}/sparkconnects"


@dataclass(frozen=True, slots=True)
class Installed:
    """Our configuration, and what stands behind it."""

    configuration: JSON
    namespace: str
    """The namespace of the Service; empty where the configuration names a URL."""
    service: str
    spec: JSON | Unknown
    """The Service's spec."""
    pods: list[JSON] | Unknown
    """The Service's pods."""
    ready: list[str] | Unknown
    """The addresses of the Service that are ready."""
    secret_name: str
    secret: Mapping[str, bytes] | Unknown
    policy: Policy | Unknown
    controller: bool
    """Whether there is a certificate controller; taken to be there where that could not be looked at."""

    @property
    def name(self) -> str:
        """The configuration's name."""
        return str(self.configuration["metadata"]["name"])

    @property
    def entries(self) -> list[JSON]:
        """The entries of the configuration."""
        return self.configuration.get("webhooks") or []

    @property
    def profiles(self) -> list[str]:
        """The profiles that have an entry."""
        paths = map(path_of, self.entries)
        return [path.removeprefix(_MUTATE) for path in paths if path.startswith(_MUTATE)]

    @property
    def host(self) -> str:
        """The name by which the API server calls the service."""
        return f"{self.service}.{self.namespace}.svc"


@dataclass(frozen=True, slots=True)
class Observed:
    """The cluster."""

    configurations: list[JSON] | Unknown
    """All configurations of mutating webhooks."""
    installed: Installed | None
    namespaces: list[JSON] | Unknown
    """The namespaces that opted in; with --namespace, that one alone, whether it did or not."""
    pods: Mapping[str, list[JSON] | Unknown]
    """The Spark pods of each of these namespaces, as far as they are not over."""
    nodes: list[JSON] | Unknown
    resource_policies: Mapping[str, list[JSON] | Unknown | None]
    """The ResourcePolicies of the namespaces in the mode resource-policy; None where the cluster serves none."""
    connects: Mapping[str, list[JSON] | Unknown | None]
    """The SparkConnects of these; None where the cluster serves none."""

    @property
    def policy(self) -> Policy | None:
        """The policy in force, where it could be read."""
        policy = self.installed.policy if self.installed else None
        return policy if isinstance(policy, Policy) else None


def observe(cluster: Cluster, namespace: str | None) -> Observed:
    """Reads all that is looked at; `namespace` limits that to one."""
    configurations = _try("the webhook configurations", lambda: cluster.list(_CONFIGURATIONS))
    ours = [] if isinstance(configurations, Unknown) else [one for one in configurations if is_ours(one)]
    installed = _installed(cluster, ours[0]) if ours else None
    namespaces = _namespaces(cluster, namespace)
    known = [] if isinstance(namespaces, Unknown) else [str(one["metadata"]["name"]) for one in namespaces]
    policy = installed.policy if installed and isinstance(installed.policy, Policy) else Policy()
    by_policy = [
        str(one["metadata"]["name"])
        for one in ([] if isinstance(namespaces, Unknown) else namespaces)
        if SchedulingMode.RESOURCE_POLICY in modes_of(policy, profile_label(one) or "")
    ]
    return Observed(
        configurations=configurations,
        installed=installed,
        namespaces=namespaces,
        pods={name: _spark_pods(cluster, name) for name in known},
        nodes=_try("the nodes", lambda: cluster.list("/api/v1/nodes")),
        resource_policies={name: _served(cluster, "ResourcePolicies", _RESOURCE_POLICIES, name) for name in by_policy},
        connects={name: _served(cluster, "SparkConnects", _CONNECTS, name) for name in by_policy},
    )


def is_ours(configuration: JSON) -> bool:
    """Whether a configuration of mutating webhooks is one of this project."""
    return any(str(entry["name"]).endswith(ENTRY_SUFFIX) for entry in configuration.get("webhooks") or ())


def path_of(entry: JSON) -> str:
    """The path that an entry of a configuration calls."""
    config = entry["clientConfig"]
    return str((config.get("service") or {}).get("path") or urlsplit(config.get("url") or "").path)


def profile_label(namespace: JSON) -> str | None:
    """The profile that a namespace's label names; None without the label."""
    label: str | None = (namespace["metadata"].get("labels") or {}).get(names.PROFILE_LABEL)
    return label


def modes_of(policy: Policy, profile: str) -> set[SchedulingMode]:
    """The modes that pods of `profile` may take by its rules; none where there is no such profile."""
    if profile not in policy.profiles:
        return set()
    rules = policy.profiles[profile]
    return {rules.driver.mode, rules.executor.mode, *(share.mode for share in rules.executor.mix)}


def _try(what: str, read: Callable[[], T]) -> T | Unknown:
    try:
        return read()
    except ClusterError as error:
        return Unknown(what, str(error))


def _namespaces(cluster: Cluster, namespace: str | None) -> list[JSON] | Unknown:
    if namespace is not None:
        return _try(f"the namespace {namespace}", lambda: [cluster.get(f"/api/v1/namespaces/{namespace}")])
    return _try("the namespaces", lambda: cluster.list("/api/v1/namespaces", labelSelector=names.PROFILE_LABEL))


def _spark_pods(cluster: Cluster, namespace: str) -> list[JSON] | Unknown:
    path = f"/api/v1/namespaces/{namespace}/pods"
    selectors = {"labelSelector": names.SPARK_ROLE, "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
    return _try(f"the pods of {namespace}", lambda: cluster.list(path, **selectors))


def _served(cluster: Cluster, what: str, path: str, namespace: str) -> list[JSON] | Unknown | None:
    try:
        return cluster.list(path.format(namespace))
    except MissingError:
        return None
    except ClusterError as error:
        return Unknown(f"the {what} of {namespace}", str(error))


def _installed(cluster: Cluster, configuration: JSON) -> Installed:
    entry = next(one for one in configuration["webhooks"] if one["name"].endswith(ENTRY_SUFFIX))
    reference = entry["clientConfig"].get("service") or {}
    namespace, service = reference.get("namespace", ""), reference.get("name", "")
    if not service:
        unknown = Unknown("the service", "the configuration names a URL")
        return Installed(configuration, "", "", unknown, unknown, unknown, "", unknown, unknown, controller=False)
    inside = f"/api/v1/namespaces/{namespace}"
    spec = _try("the Service", lambda: cluster.get(f"{inside}/services/{service}")["spec"])
    selector = (
        "" if isinstance(spec, Unknown) else ",".join(f"{k}={v}" for k, v in (spec.get("selector") or {}).items())
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{service}"
    deployment = _try("the Deployment", lambda: cluster.get(path))
    volumes = [] if isinstance(deployment, Unknown) else deployment["spec"]["template"]["spec"].get("volumes") or []
    secret = next((one["secret"]["secretName"] for one in volumes if "secret" in one), f"{service}-tls")
    policy = next((one["configMap"]["name"] for one in volumes if "configMap" in one), f"{service}-policy")
    return Installed(
        configuration=configuration,
        namespace=namespace,
        service=service,
        spec=spec,
        pods=_try("the webhook's pods", lambda: cluster.list(f"{inside}/pods", labelSelector=selector)),
        ready=_try("the Service's endpoints", lambda: _ready(cluster.get(f"{inside}/endpoints/{service}"))),
        secret_name=secret,
        secret=_try(f"the Secret {secret}", lambda: _data(cluster.get(f"{inside}/secrets/{secret}"))),
        policy=_policy(cluster, f"{inside}/configmaps/{policy}", policy),
        controller=_is_there(cluster, f"{path}-certificate-controller"),
    )


def _is_there(cluster: Cluster, path: str) -> bool:
    try:
        cluster.get(path)
    except ClusterError as error:
        return not isinstance(error, MissingError)
    return True


def _ready(endpoints: JSON) -> list[str]:
    return [one["ip"] for subset in endpoints.get("subsets") or () for one in subset.get("addresses") or ()]


def _data(secret: JSON) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in (secret.get("data") or {}).items()}


def _policy(cluster: Cluster, path: str, name: str) -> Policy | Unknown:
    what = f"the policy in the ConfigMap {name}"
    try:
        data = cluster.get(path).get("data") or {}
        files = {PurePosixPath(key).name: value for key, value in data.items()}
        return parse_policy(files.get("policy.yaml", "").encode(), "policy.yaml")
    except ClusterError as error:
        return Unknown(what, str(error))
    except PolicyError as error:
        return Unknown(what, error.faults[0])
