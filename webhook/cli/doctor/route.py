"""Ways to the service itself: a port-forward to one of its pods, or else its ClusterIP."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from certs.server import Address
from webhook.cli.doctor.cluster import Cluster, ClusterError
from webhook.cli.doctor.finding import Unknown
from webhook.cli.doctor.observed import Installed
from webhook.cli.doctor.tunnel import Tunnel

JSON = dict[str, Any]

_PORT: Final = 443
_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Route:
    """An address at which the service answers."""

    address: Address
    seen: str
    """How it was reached, for a sentence."""


@contextmanager
def reach(cluster: Cluster, installed: Installed) -> Iterator[Route | Unknown]:
    """A route to the service while the block lasts."""
    refused = "no pod of the Service is running"
    for pod in [] if isinstance(installed.pods, Unknown) else installed.pods:
        port = _container_port(pod, installed)
        if port is None or pod.get("status", {}).get("phase") != "Running":
            continue
        name = str(pod["metadata"]["name"])
        with ExitStack() as opened:
            try:
                tunnel = opened.enter_context(Tunnel(cluster, installed.namespace, name, port))
            except ClusterError as error:
                refused = str(error)
                continue
            yield Route(tunnel.address, f"through a port-forward to the pod {name}")
            return
    yield _cluster_ip(installed) or Unknown("the service's certificate", f"a port-forward was not possible: {refused}")


def _cluster_ip(installed: Installed) -> Route | None:
    address = None if isinstance(installed.spec, Unknown) else installed.spec.get("clusterIP")
    if not address or address == "None":
        return None
    try:
        socket.create_connection((address, _PORT), _SECONDS).close()
    except OSError:
        return None
    return Route(Address(address, _PORT), f"at the ClusterIP {address}")


def _container_port(pod: JSON, installed: Installed) -> int | None:
    """The port on which a pod answers what comes to the Service's port 443."""
    ports = [] if isinstance(installed.spec, Unknown) else installed.spec.get("ports") or []
    target = next((one.get("targetPort", _PORT) for one in ports if one["port"] == _PORT), None)
    if isinstance(target, int):
        return target
    named = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    return next((int(one["containerPort"]) for one in named if one.get("name") == target), None)
