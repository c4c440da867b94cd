"""A real etcd, API server and scheduler on loopback, from the folder KUBEBUILDER_ASSETS.

The flags are those that 1.20 to 1.36 share; `kubernetes_version` tells what differs. There is no controller manager and no
kubelet: Deployments create no pods, and pods stay as they were stored.
"""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from kubernetes import client, config

from benchmarks.process import free_port
from tests.deadline import wait_for
from tests.e2e.component import Component
from tests.e2e.credentials import Credentials
from tests.e2e.kubernetes_version import KubernetesVersion
from tests.e2e.networks import Networks
from tests.e2e.thread_transport import ThreadTransport
from webhook.service.listener import authority

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "resources": [{"group": "coordination.k8s.io"}]}, {"level": "Metadata"}],
}


class ControlPlane:
    """The control plane of one test run.

    Services get their ClusterIP on loopback, so that a test can serve on the address and port (443) that the API server
    calls for a webhook's `clientConfig.service`. `address`, `port` and `url` are the API server's, `audit_log` (JSON lines)
    and `api_server_log` (text) its logs, and `ca` is the certificate that its clients trust. `networks` has the addresses of
    Services and pods.
    """

    administrator: tuple[Path, Path]
    """The certificate and the key of an administrator."""
    kubeconfig: Path
    """An administrator's."""
    api: client.ApiClient
    """An administrator's client."""
    http: httpx.Client
    """An administrator's client for plain JSON, also for several threads: `control_plane.http.get("/api/v1/nodes").json()`."""

    def __init__(self, assets: Path, folder: Path, families: Sequence[str] = ("IPv4",)) -> None:
        """Runs the programs in `assets`, with their files in `folder`.

        `families` are those of Services and pods, `IPv4`, `IPv6` or both, of which the first one is the API server's and
        that of a Service that asks for none. IPv6 needs what the group `ipv6` in tests/conftest.py names.
        """
        self._assets, self._folder = assets, folder
        self._numbers = count(1)
        with ExitStack() as ends:
            self.networks = ends.enter_context(Networks(families))
            self.address = self.networks.address
            ports = [free_port() for _ in range(4)]
            self._etcd_url, self._etcd_peer_url = (f"http://{authority(self.address, port)}" for port in ports[:2])
            self.port, self._scheduler_port = ports[2:]
            self.url = f"https://{authority(self.address, self.port)}"
            self.audit_log, self.api_server_log = folder / "audit.log", folder / "kube-apiserver.log"
            self._credentials = Credentials(folder)
            self.ca = self._credentials.ca
            self.administrator = self._credentials.issue("administrator", group="system:masters")
            certificate, key = map(str, self.administrator)
            self.kubeconfig = self._write_kubeconfig(
                "administrator", {"client-certificate": certificate, "client-key": key}
            )
            self._etcd = Component(self._etcd_command(), folder / "etcd.log")
            self._api_server = Component(self._api_server_command(), self.api_server_log)
            self._ends = ends.pop_all()

    def __enter__(self) -> Self:
        """Starts etcd and the API server, and returns once it is ready."""
        with self._ends:
            self.http = self._ends.enter_context(self._http_client())
            self._ends.callback(self._etcd.stop)
            self._ends.callback(self._api_server.stop)
            self._start_etcd()
            self._start_api_server()
            self.api = self.client(self.kubeconfig)
            # The API server creates its first namespaces a moment after it is ready.
            wait_for(lambda: self.http.get("/api/v1/namespaces/default").is_success)
            self.create_default_service_account("default")
            self._ends = self._ends.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends every process, the last one started first."""
        self._ends.close()

    @contextmanager
    def without_etcd(self) -> Iterator[None]:
        """Stops etcd for the block. Then etcd has the data that it had, and the API server is ready again."""
        self._etcd.stop()
        try:
            yield
        finally:
            self.mend()

    def restart_api_server(self) -> None:
        """Stops the API server, starts it on the same address and port, and returns once it is ready."""
        self._api_server.stop()
        self._start_api_server()

    def mend(self) -> list[str]:
        """Starts etcd and the API server if they have ended, and returns, with their names, once the API server is ready."""
        ended = [one.name for one in (self._etcd, self._api_server) if not one.running]
        if not self._etcd.running:
            self._start_etcd()
        if not self._api_server.running:
            self._start_api_server()
        # The namespace is read from etcd. `/readyz` may say for a moment what was true before (kubernetes#112046).
        for path in ("/api/v1/namespaces/default", "/readyz"):
            wait_for(partial(self._answers, path))
        return ended

    @contextmanager
    def scheduler(self) -> Iterator[None]:
        """Runs the scheduler for the block.

        Pods that other tests have left are removed, because the scheduler would bind them to new nodes.
        """
        for namespace in self.get("/api/v1/namespaces")["items"]:
            self.remove_pods(namespace["metadata"]["name"])
        scheduler_url = f"https://{authority(self.address, self._scheduler_port)}"
        scheduler = Component(self._scheduler_command(), self._folder / "kube-scheduler.log")
        scheduler.start(partial(self._answers, f"{scheduler_url}/healthz"))
        try:
            yield
        finally:
            scheduler.stop()

    @property
    def version(self) -> KubernetesVersion:
        """The version that the API server reports."""
        return KubernetesVersion.of(self.get("/version"))

    def serves(self, group_version: str, kind: str) -> bool:
        """Whether discovery lists a kind, for example `("policy/v1", "PodDisruptionBudget")`."""
        found = self.http.get(f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}")
        if "/" in group_version:
            # Helm and kubectl begin with the list of groups, which another part of the API server keeps.
            groups = self.get("/apis")["groups"]
            if group_version not in [one["groupVersion"] for group in groups for one in group["versions"]]:
                return False
        return found.is_success and any(resource["kind"] == kind for resource in found.json()["resources"])

    def client(self, kubeconfig: Path) -> client.ApiClient:
        """A client for a kubeconfig file, closed when the control plane ends."""
        made: client.ApiClient = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self._ends.callback(made.close)
        return made

    def get(self, path: str) -> dict[str, Any]:
        """The object at `path`; raises RuntimeError if there is none."""
        return self._answer(self.http.get(path))

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Creates an object in the collection `path` and returns it as stored; raises RuntimeError if it is refused."""
        return self._answer(self.http.post(path, json=body))

    def patch(self, path: str, body: Mapping[str, Any], kind: str = "merge") -> dict[str, Any]:
        """Patches the object at `path`, by a `merge` or a `strategic-merge` patch, and returns it as stored."""
        headers = {"Content-Type": f"application/{kind}-patch+json"}
        return self._answer(self.http.patch(path, content=json.dumps(body), headers=headers))

    def create_namespace(self, prefix: str = "test", labels: Mapping[str, str] | None = None) -> str:
        """Creates a namespace with a new name and the ServiceAccount that its pods need; returns the name."""
        name = f"{prefix}-{next(self._numbers)}"
        self.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": dict(labels or {})}})
        self.create_default_service_account(name)
        return name

    def remove_pods(self, namespace: str) -> None:
        """Deletes the pods of a namespace without a grace period, because no kubelet would confirm their end."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
        self._answer(self.http.request("DELETE", f"/api/v1/namespaces/{namespace}/pods", json=body))

    def create_default_service_account(self, namespace: str) -> None:
        """Creates the ServiceAccount that a controller manager would create, without a token in the pods."""
        self.create(
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            {"metadata": {"name": "default"}, "automountServiceAccountToken": False},
        )

    def token(self, namespace: str, service_account: str) -> str:
        """A token of an existing ServiceAccount, valid for an hour."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        return str(self.create(path, request)["status"]["token"])

    def service_account_kubeconfig(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig file for an existing ServiceAccount; a program that uses it has only the account's permissions."""
        user = {"token": self.token(namespace, service_account)}
        return self._write_kubeconfig(f"{namespace}-{service_account}", user, namespace)

    @staticmethod
    def _answer(answer: httpx.Response) -> dict[str, Any]:
        if answer.is_error:
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise RuntimeError(f"{asked} was answered {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def _start_etcd(self) -> None:
        self._etcd.start(partial(self._answers, f"{self._etcd_url}/health"))

    def _start_api_server(self) -> None:
        self._api_server.start(partial(self._answers, "/readyz"))

    def _answers(self, url: str) -> bool:
        with suppress(httpx.HTTPError):
            return self.http.get(url).is_success
        return False

    def _http_client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(*self.administrator)
        return httpx.Client(base_url=self.url, transport=ThreadTransport(context), timeout=60)

    def _write_kubeconfig(self, user: str, credentials: dict[str, str], namespace: str = "default") -> Path:
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": namespace}}],
            "current-context": "test",
        }
        path = self._folder / f"{user}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content))
        return path

    def _etcd_command(self) -> list[str]:
        return [
            str(self._assets / "etcd"),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={self._etcd_peer_url}",
            f"--initial-advertise-peer-urls={self._etcd_peer_url}",
            f"--initial-cluster=default={self._etcd_peer_url}",
        ]

    def _api_server_command(self) -> list[str]:
        certificate, key = self._credentials.issue("kube-apiserver", addresses=(self.address, "127.0.0.1"))
        service_account_key, _ = self._credentials.key("service-accounts")
        policy = self._folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(AUDIT_POLICY))
        return [
            str(self._assets / "kube-apiserver"),
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca}",
            f"--service-account-issuer={self.url}",
            f"--service-account-signing-key-file={service_account_key}",
            f"--service-account-key-file={service_account_key}",
            f"--service-cluster-ip-range={','.join(self.networks.services)}",
            *self._feature_gates(),
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
        ]

    def _feature_gates(self) -> list[str]:
        """The flag without which this version gives a Service no families, if it needs one."""
        if self.networks.families == ("IPv4",):
            return []
        gate = KubernetesVersion.of_program(self._assets / "kube-apiserver").gate_of_families
        return [f"--feature-gates={gate}=true"] if gate else []

    def _scheduler_command(self) -> list[str]:
        certificate, key = self._credentials.issue("kube-scheduler", addresses=(self.address,))
        command = [
            str(self._assets / "kube-scheduler"),
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            f"--bind-address={self.address}",
            f"--secure-port={self._scheduler_port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            "--leader-elect=false",
        ]
        return [*command, "--port=0"] if self.version.scheduler_has_plain_port else command
