"""The webhook's own objects in a cluster, read once and not yet judged."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from certs.cluster import Cluster, ClusterError, NotFoundError
from webhook.cli.doctor.finding import JSON, Unknown, name_of
from webhook.core.policy import Policy
from webhook.service.policy_file import PolicyError, parse_policy

T = TypeVar("T")

#: How the chart names the entries of the configuration: `PROFILE.spark-eci-webhook.io`.
ENTRY_SUFFIX: Final = ".spark-eci-webhook.io"
_MUTATE: Final = "/mutate/"


@dataclass(frozen=True, slots=True)
class Installation:
    """Our configuration, and the objects that belong to it."""

    configuration: JSON
    namespace: str
    """The namespace of the Service; empty if the configuration names a URL."""
    service: str
    spec: JSON | Unknown
    """The Service's spec."""
    pods: list[JSON] | Unknown
    """The Service's pods."""
    ready: list[str] | Unknown
    """The Service's ready addresses."""
    secret_name: str
    secret: Mapping[str, bytes] | Unknown
    policy: Policy | Unknown
    controller: bool
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
    def profiles(self) -> list[str]:
        """The profiles that have an entry."""
        paths = map(path_of, self.entries)
        return [path.removeprefix(_MUTATE) for path in paths if path.startswith(_MUTATE)]

    @property
    def selector(self) -> dict[str, str]:
        """The labels of the pods that the configuration selects."""
        return (self.entries[0].get("objectSelector") or {}).get("matchLabels") or {}

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


def is_ours(configuration: JSON) -> bool:
    """Whether a configuration of mutating webhooks is one of this project."""
    return any(str(entry["name"]).endswith(ENTRY_SUFFIX) for entry in configuration.get("webhooks") or ())


def path_of(entry: JSON) -> str:
    """The path that an entry of a configuration calls."""
    config = entry["clientConfig"]
    return str((config.get("service") or {}).get("path") or urlsplit(config.get("url") or "").path)


def attempt(what: str, permission: str, read: Callable[[], T]) -> T | Unknown:
    """What `read` returns; Unknown if the cluster refuses. `permission` is what `kubectl auth can-i` asks for."""
    try:
        return read()
    except ClusterError as error:
        return Unknown(what, error.reason, f"kubectl auth can-i {permission}")


def read_installation(cluster: Cluster, configuration: JSON) -> Installation:
    """The installation that a configuration of ours belongs to."""
    entry = next(one for one in configuration["webhooks"] if one["name"].endswith(ENTRY_SUFFIX))
    reference = entry["clientConfig"].get("service") or {}
    namespace, service = reference.get("namespace", ""), reference.get("name", "")
    if not service:
        unknown = Unknown("the service", "the configuration names a URL")
        return Installation(configuration, "", "", unknown, unknown, unknown, "", unknown, unknown, controller=False)
    inside, within = f"/api/v1/namespaces/{namespace}", f"--namespace {namespace}"
    spec = attempt("the Service", f"get services {within}", lambda: cluster.get(f"{inside}/services/{service}")["spec"])
    labels = {} if isinstance(spec, Unknown) else spec.get("selector") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{service}"
    deployment = attempt("the Deployment", f"get deployments {within}", lambda: cluster.get(path))
    volumes = [] if isinstance(deployment, Unknown) else deployment["spec"]["template"]["spec"].get("volumes") or []
    secret = next((one["secret"]["secretName"] for one in volumes if "secret" in one), f"{service}-tls")
    policy = next((one["configMap"]["name"] for one in volumes if "configMap" in one), f"{service}-policy")
    return Installation(
        configuration=configuration,
        namespace=namespace,
        service=service,
        spec=spec,
        pods=attempt(
            "the webhook's pods",
            f"list pods {within}",
            lambda: cluster.items(f"{inside}/pods", labelSelector=selector),
        ),
        ready=attempt(
            "the Service's endpoints",
            f"get endpoints {within}",
            lambda: _ready(cluster.get(f"{inside}/endpoints/{service}")),
        ),
        secret_name=secret,
        secret=attempt(
            f"the Secret {secret}",
            f"get secret/{secret} {within}",
            lambda: _data(cluster.get(f"{inside}/secrets/{secret}")),
        ),
        policy=_policy(cluster, f"{inside}/configmaps/{policy}", policy),
        controller=_is_there(cluster, f"{path}-certificate-controller"),
    )


def _is_there(cluster: Cluster, path: str) -> bool:
    try:
        cluster.get(path)
    except ClusterError as error:
        return not isinstance(error, NotFoundError)
    return True


def _ready(endpoints: JSON) -> list[str]:
    return [one["ip"] for subset in endpoints.get("subsets") or () for one in subset.get("addresses") or ()]


def _data(secret: JSON) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in (secret.get("data") or {}).items()}


def _policy(cluster: Cluster, path: str, name: str) -> Policy | Unknown:
    what = f"the policy in the ConfigMap {name}"
    try:
        data = cluster.get(path).get("data") or {}
        return parse_policy(data.get("policy.yaml", "").encode(), "policy.yaml")
    except ClusterError as error:
        return Unknown(what, error.reason)
    except PolicyError as error:
        return Unknown(what, error.faults[0])
