"""A namespace with the ServiceAccounts that Spark needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.rights import await_rights
from tests.e2e.spark_client import SparkClient, SparkClientError

_OBJECTS: Final = {"apiGroups": [""], "resources": ["configmaps", "persistentvolumeclaims", "services"], "verbs": ["*"]}
_PODS: Final = {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}
#: `submitter` submits, and `spark` is the account of drivers. Spark 4.3 also makes a NetworkPolicy for each application.
_RIGHTS: Final = {
    "spark": [_OBJECTS, _PODS, {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["*"]}],
    "submitter": [
        _OBJECTS,
        _PODS | {"verbs": ["create", "get", "list", "patch", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["*"]},
    ],
}
#: An API server that does not complete ports refuses the Service that Spark applies after the driver. Spark would then
#: delete the driver, but may not, and says so.
_REFUSED: Final = 'cannot delete resource "pods"'


@dataclass(frozen=True)
class SparkNamespace:
    """A namespace in which Spark may make pods."""

    control_plane: ControlPlane
    name: str

    def prepare(self) -> None:
        """Creates the ServiceAccounts and their permissions in the namespace, which exists."""
        rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.name}"
        for account, rules in _RIGHTS.items():
            metadata = {"metadata": {"name": account}}
            accounts = f"/api/v1/namespaces/{self.name}/serviceaccounts"
            self.control_plane.create(accounts, metadata | {"automountServiceAccountToken": False})
            self.control_plane.create(f"{rights}/roles", metadata | {"rules": rules})
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
            subjects = [{"kind": "ServiceAccount", "name": account, "namespace": self.name}]
            self.control_plane.create(f"{rights}/rolebindings", metadata | {"roleRef": reference, "subjects": subjects})
            await_rights(self.control_plane, f"{self.name}:{account}", rules, self.name)

    @property
    def common(self) -> dict[str, str]:
        """What every application in the namespace is given."""
        return {
            "spark.master": f"k8s://{self.control_plane.url}",
            "spark.kubernetes.namespace": self.name,
            "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
        }

    def credentials(self, account: str, part: str = "") -> dict[str, str]:
        """The properties by which Spark acts as an account; `part` is `submission.` for spark-submit."""
        prefix = f"spark.kubernetes.authenticate.{part}"
        token = self.control_plane.token(self.name, account)
        return {f"{prefix}caCertFile": str(self.control_plane.ca), f"{prefix}oauthToken": token}

    def submit(self, client: SparkClient, conf: Mapping[str, str], *arguments: str) -> None:
        """Calls spark-submit in cluster mode, with `arguments` last."""
        given = {**self.common, **conf, **self.credentials("submitter", "submission.")}
        given["spark.kubernetes.submission.waitAppCompletion"] = "false"
        command = ["--deploy-mode", "cluster"]
        command += [word for key, value in given.items() for word in ("--conf", f"{key}={value}")]
        # Spark names the ConfigMap of drivers once in each Java process, and makes it immutable.
        self.control_plane.http.delete(f"/api/v1/namespaces/{self.name}/configmaps").raise_for_status()
        try:
            client.submit([*command, *arguments])
        except SparkClientError as error:
            if self.control_plane.version.completes_ports or _REFUSED not in str(error):
                raise

    def pods(self) -> list[dict[str, Any]]:
        """The stored pods."""
        found: list[dict[str, Any]] = self.control_plane.get(f"/api/v1/namespaces/{self.name}/pods")["items"]
        return found

    def await_pods(self, number: int, prefix: str, role: str) -> list[dict[str, Any]]:
        """The pods of a role whose names begin with `prefix`, once there are `number` of them."""
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            found[:] = [
                one
                for one in self.pods()
                if one["metadata"]["name"].startswith(prefix) and one["metadata"]["labels"]["spark-role"] == role
            ]
            return len(found) == number

        wait_for(complete)
        return found
