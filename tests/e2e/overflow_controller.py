"""The overflow controller as a process of this machine, with an account that has only its rights."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from benchmarks.process import free_port
from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.component import Component
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node, Pod
from tests.e2e.rights import await_rights

ROOT = Path(__file__).parents[2]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNT = "overflow"
LEASE = "spark-eci-webhook-overflow"
_CLUSTER_RIGHTS = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]
_LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
_OWN_RIGHTS = [_LEASES | {"verbs": ["create"]}, _LEASES | {"resourceNames": [LEASE], "verbs": ["get", "update"]}]
_PREFIX = "spark_eci_overflow_"
_numbers = count(1)


class OverflowController:
    """One replica: between `start` and `stop` or `kill`, and again after that."""

    def __init__(self, policy: Path, kubeconfig: Path, namespace: str, folder: Path, *arguments: str) -> None:
        """`policy` is the file, `namespace` that of the Lease; `arguments` are added to the command line."""
        self.identity, self.port = f"controller-{next(_numbers)}", free_port()
        self.log = folder / f"{self.identity}.log"
        command = [
            sys.executable,
            "-m",
            "webhook",
            "overflow",
            "--policy",
            str(policy),
            "--kubeconfig",
            str(kubeconfig),
        ]
        command += ["--namespace", namespace, "--lease", LEASE, "--identity", self.identity, "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COVERAGE"))}
        self._component = Component([*command, *arguments], self.log, {**kept, "PYTHONPATH": str(ROOT)})

    def start(self) -> None:
        """Starts the process, and returns once every watch has its first list."""
        self._component.start(lambda: self.answers("/readyz"))

    def stop(self) -> None:
        """Ends the process by SIGTERM, also if it is suspended; does nothing if it has ended."""
        if self.running:
            self.resume()
        self._component.stop()

    def kill(self) -> None:
        """Ends the process by SIGKILL: it does nothing more."""
        os.kill(self.pid, signal.SIGKILL)
        self._component.stop()

    def suspend(self) -> None:
        """Stops the process where it is, as when its machine is overloaded. Its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a suspended process go on."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def running(self) -> bool:
        return self._component.running

    @property
    def pid(self) -> int:
        return self._component.pid

    @property
    def code(self) -> int | None:
        """What the process has ended with, None before."""
        return self._component.code

    def answers(self, path: str) -> bool:
        """Whether a probe such as `/readyz` succeeds."""
        with suppress(httpx.HTTPError):
            return self._get(path).is_success
        return False

    def metrics(self) -> dict[str, float]:
        """Each of its own series without the prefix, such as `opened_total{profile="default"}`."""
        lines = (line for line in self._get("/metrics").text.splitlines() if line.startswith(_PREFIX))
        found = (line.removeprefix(_PREFIX).rsplit(" ", 1) for line in lines)
        return {series: float(value) for series, value in found}

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60)


@contextmanager
def overflow_controller(
    control_plane: ControlPlane, namespace: str, policy: str, folder: Path
) -> Iterator[OverflowController]:
    """Runs a controller for every namespace, with a new account and the Lease in `namespace`, until the block ends."""
    file = folder / "policy.yaml"
    file.write_text(policy)
    with account(control_plane, namespace) as kubeconfig:
        controller = OverflowController(file, kubeconfig, namespace, folder)
        try:
            controller.start()
            yield controller
        finally:
            controller.stop()


@contextmanager
def account(control_plane: ControlPlane, namespace: str) -> Iterator[Path]:
    """The kubeconfig of a new ServiceAccount of `namespace` with the rights of a controller, until the block ends."""
    control_plane.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": ACCOUNT}})
    subjects = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]
    everywhere = f"{namespace}-{ACCOUNT}"
    own = f"{RBAC}/namespaces/{namespace}"
    try:
        for path, kind, name, rules, inside in (
            (RBAC, "ClusterRole", everywhere, _CLUSTER_RIGHTS, ""),
            (own, "Role", ACCOUNT, _OWN_RIGHTS, namespace),
        ):
            metadata = {"metadata": {"name": name}}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
            control_plane.create(f"{path}/{kind.lower()}s", metadata | {"rules": rules})
            binding = metadata | {"roleRef": reference, "subjects": subjects}
            control_plane.create(f"{path}/{kind.lower()}bindings", binding)
            await_rights(control_plane, f"{namespace}:{ACCOUNT}", rules, inside)
        yield control_plane.service_account_kubeconfig(namespace, ACCOUNT)
    finally:
        for kind in ("clusterrolebindings", "clusterroles"):
            control_plane.http.delete(f"{RBAC}/{kind}/{everywhere}")


def _await_bound(control_plane: ControlPlane, account: str) -> None:
    """Waits until the API server follows all roles that are bound to an account."""
    for roles in ("clusterroles", "roles"):
        for binding in control_plane.get(f"{RBAC}/{roles.removesuffix('s')}bindings")["items"]:
            names = [f"{one.get('namespace')}:{one['name']}" for one in binding.get("subjects") or ()]
            if account in names:
                inside = binding["metadata"].get("namespace", "")
                path = (
                    f"{RBAC}/namespaces/{inside}/{binding['roleRef']['kind'].lower()}s" if inside else f"{RBAC}/{roles}"
                )
                rules = control_plane.get(f"{path}/{binding['roleRef']['name']}")["rules"]
                await_rights(control_plane, account, rules, inside)


@contextmanager
def installed_controller(node: Node, namespace: str) -> Iterator[Pod]:
    """Runs one replica of the controller that a chart has installed in a namespace, until the block ends."""
    control_plane = node.control_plane
    deployment = control_plane.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{FULLNAME}-{ACCOUNT}")
    spec = deployment["spec"]["template"]["spec"]
    # Outside a cluster there is no mounted token.
    kubeconfig = control_plane.service_account_kubeconfig(namespace, spec["serviceAccountName"])
    _await_bound(control_plane, f"{namespace}:{spec['serviceAccountName']}")
    spec["containers"][0]["args"].append(f"--kubeconfig={kubeconfig}")
    pod = node.pod(namespace, spec)
    try:
        pod.start()
        wait_for(lambda: pod.ready)
        yield pod
    finally:
        pod.stop()


def policy_of(control_plane: ControlPlane, namespace: str) -> str:
    """The policy that the service of an installed chart has mounted."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/{FULLNAME}-policy"
    return str(control_plane.get(path)["data"]["policy.yaml"])
