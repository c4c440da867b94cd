"""A node that runs pods as processes of this machine, as their stored specs say, because there is no kubelet.

Volumes are written from ConfigMaps and Secrets, and replaced as a whole when these change. In commands and variables, the paths
of mounts become folders of this machine. A process that would listen on all addresses listens on its pod's own address on
loopback, or in a cluster with both families on all addresses of this machine. Each port of the spec becomes a free port, because other processes may listen on all addresses. Names of Services resolve
to their ClusterIPs. Nothing else of a spec is changed.
"""

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import httpx

from benchmarks.process import free_port
from tests.e2e.component import Component
from tests.e2e.control_plane import ControlPlane
from webhook.service.listener import authority

ROOT = Path(__file__).parents[2]
#: Gives a Python program the network of a pod: names of Services, and the pod's own address.
NETWORK = """
import json, os, socket
_hosts, _ports, _addresses = (json.loads(os.environ[name]) for name in ("HOSTS", "PORTS", "ADDRESSES"))
_getaddrinfo, _bind = socket.getaddrinfo, socket.socket.bind
socket.getaddrinfo = lambda host, *rest, **more: _getaddrinfo(_hosts.get(host, host), *rest, **more)
def _bind_here(self, address):
    if not isinstance(address, tuple) or address[0] not in ("", "0.0.0.0", "::"):
        return _bind(self, address)
    port = _ports.get(str(address[1]), address[1])
    if len(_addresses) > 1:
        # Both are this machine's, and no other address can stand for both.
        return _bind(self, (address[0], port))
    (own,) = _addresses
    if ":" in own:
        # On a socket of IPv4 nothing calls the pod.
        self.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
        return _bind(self, (own if self.family == socket.AF_INET6 else "127.0.0.1", port))
    _bind(self, (f"::ffff:{own}" if self.family == socket.AF_INET6 else own, port))
socket.socket.bind = _bind_here
"""


class Pod:
    """One pod as a process, with its own addresses, the first of which is `address`; its output goes to `log`."""

    def __init__(
        self, node: "Node", namespace: str, spec: dict[str, Any], folder: Path, addresses: tuple[str, ...]
    ) -> None:
        self._node, self._namespace, self.spec, self._folder = node, namespace, spec, folder
        (self._container,) = spec["containers"]
        self.addresses, self.address = addresses, addresses[0]
        self._ports = {str(one["containerPort"]): free_port() for one in self._container.get("ports", [])}
        self.log = folder / "log"
        folder.mkdir()
        self.sync()
        self._component = Component(self.command(), self.log, self.environment())

    def sync(self) -> None:
        """Writes the volumes from the present ConfigMaps and Secrets, all files of a volume in one step."""
        for volume in self.spec.get("volumes", []):
            if files := self._node.files(self._namespace, volume):
                _swap(self._folder / volume["name"], files)

    def command(self) -> list[str]:
        """The container's command line, adapted to this machine."""
        line = [*self._container["command"], *self._container.get("args", [])]
        return [sys.executable if word == "python" else self._here(word) for word in line]

    def environment(self) -> dict[str, str]:
        """The container's variables, adapted to this machine."""
        given = {one["name"]: self._here(one.get("value", "")) for one in self._container.get("env", [])}
        network = {"ADDRESSES": json.dumps(self.addresses), "PORTS": json.dumps(self._ports)}
        return {**self._node.environment(self._namespace, self.spec), **network, **given}

    def start(self) -> None:
        """Starts the pod and returns once its startup probe succeeds."""
        self._component.start(lambda: self._probe("startupProbe"))

    def run(self, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end."""
        return subprocess.run(
            self.command(), env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )

    @property
    def running(self) -> bool:
        return self._component.running

    @property
    def pid(self) -> int:
        return self._component.pid

    @property
    def code(self) -> int | None:
        """What its process has ended with, None before."""
        return self._component.code

    @property
    def ready(self) -> bool:
        """Whether its readiness probe succeeds."""
        return self.running and self._probe("readinessProbe")

    def port(self, name: str) -> int:
        """Host and port at which a named port can be reached."""
        return next(self._ports[str(one["containerPort"])] for one in self._container["ports"] if one["name"] == name)

    def stop(self) -> None:
        """Ends the pod as a kubelet does: preStop, SIGTERM, and then a wait of at most the grace period."""
        hook = self._container.get("lifecycle", {}).get("preStop")
        if hook and self.running:
            command = [sys.executable if word == "python" else word for word in hook["exec"]["command"]]
            subprocess.run(command, check=True)
        self._component.stop(self.spec.get("terminationGracePeriodSeconds", 30))

    def kill(self) -> None:
        """Ends the pod at once."""
        self._component.stop(0)

    def has(self, probe: str) -> bool:
        """Whether the spec has a probe such as `readinessProbe`."""
        return probe in self._container

    def url(self, probe: str) -> str:
        """The URL that a kubelet calls for a probe such as `livenessProbe`."""
        called = self._container[probe]["httpGet"]
        return f"http://{authority(self.address, self.port(called['port']))}{called['path']}"

    def _probe(self, kind: str) -> bool:
        try:
            return httpx.get(self.url(kind), timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _here(self, text: str) -> str:
        for mount in self._container.get("volumeMounts", []):
            text = text.replace(mount["mountPath"], str(self._folder / mount["name"]))
        return text


P = TypeVar("P", bound=Pod)
Kind = Callable[["Node", str, dict[str, Any], Path, tuple[str, ...]], P]


class Node:
    """Runs pods; `stop` ends them all."""

    def __init__(self, control_plane: ControlPlane, folder: Path, versions: Mapping[str, Path] | None = None) -> None:
        """`versions` has the packages of earlier versions, by the tag of their image; all other images have those of this checkout."""
        self.control_plane, self._folder, self._versions = control_plane, folder, versions or {}
        self._numbers = count(2)
        self._pods: list[Pod] = []
        (folder / "network").mkdir(parents=True)
        (folder / "network/sitecustomize.py").write_text(NETWORK)

    def pod(self, namespace: str, spec: dict[str, Any]) -> Pod:
        """A pod, with its volumes written, not yet started."""
        return self.add(Pod, namespace, spec)

    def add(self, kind: Kind[P], namespace: str, spec: dict[str, Any]) -> P:
        """As `pod`, for a kind of pod whose process is not what its spec alone says."""
        number = next(self._numbers)
        addresses = self.control_plane.networks.pod(number)
        made = kind(self, namespace, spec, self._folder / f"pod-{number}", addresses)
        self._pods.append(made)
        return made

    def deployment(self, namespace: str, name: str) -> Pod:
        """One more pod of a stored Deployment, not yet started."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        return self.pod(namespace, self.control_plane.get(path)["spec"]["template"]["spec"])

    def stop(self) -> None:
        """Ends every pod, at once."""
        for pod in self._pods:
            pod.kill()

    def files(self, namespace: str, volume: dict[str, Any]) -> dict[str, bytes]:
        """The content of a volume, by file name."""
        if "configMap" in volume:
            found = self.control_plane.get(f"/api/v1/namespaces/{namespace}/configmaps/{volume['configMap']['name']}")
            return {key: value.encode() for key, value in found.get("data", {}).items()}
        if "secret" in volume:
            source = volume["secret"]
            found = self.control_plane.get(f"/api/v1/namespaces/{namespace}/secrets/{source['secretName']}")
            data = {key: b64decode(value) for key, value in found["data"].items()}
            return {one["path"]: data[one["key"]] for one in source["items"]} if "items" in source else data
        return {}

    def environment(self, namespace: str, spec: dict[str, Any]) -> dict[str, str]:
        """Variables of every container: the packages of its image, names of Services, and the account's token."""
        services = self.control_plane.get("/api/v1/services")["items"]
        hosts = {
            f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc": one["spec"]["clusterIP"]
            for one in services
        }
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COVERAGE"))}
        tag = spec["containers"][0]["image"].rpartition(":")[2]
        packages = os.pathsep.join([str(self._folder / "network"), str(self._versions.get(tag, ROOT))])
        # Else Python would put the folder that the tests run in, which is this checkout, before them.
        found = {**kept, "PYTHONPATH": packages, "PYTHONSAFEPATH": "1", "HOSTS": json.dumps(hosts)}
        if spec.get("automountServiceAccountToken"):
            account = self.control_plane.service_account_kubeconfig(namespace, spec["serviceAccountName"])
            found["ECI_CERTS_KUBECONFIG"] = str(account)
        return found


def _swap(folder: Path, files: dict[str, bytes]) -> None:
    """Writes the files as a kubelet does: into a new folder, to which the link `..data` then points."""
    folder.mkdir(exist_ok=True)
    data = folder / "..data"
    if data.exists() and files == {file.name: file.read_bytes() for file in data.iterdir()}:
        return
    old = data.resolve() if data.exists() else None
    new = Path(mkdtemp(prefix="..", dir=folder))
    for name, content in files.items():
        (new / name).write_bytes(content)
    turned = folder / "..data_tmp"
    turned.symlink_to(new.name)
    turned.replace(data)
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    if old:
        shutil.rmtree(old)
