"""Ways to the service itself: a port-forward to one of its pods, or else its ClusterIP."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from certs.cluster import Cluster, ClusterError
from certs.server import Address
from webhook.cli.doctor.finding import JSON, Unknown, known, name_of
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.tunnel import Tunnel

_PORT: Final = 443
_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Route:
    """An address at which the service answers."""

    address: Address
    seen: str
    """How it was reached, for a sentence."""


@contextmanager
def reach(cluster: Cluster, installation: Installation) -> Iterator[Route | Unknown]:
    """A route to the service while the block lasts."""
    refused = "no pod of the Service is running"
    for pod in known(installation.pods):
        port = _container_port(pod, installation)
        if port is None or pod.get("status", {}).get("phase") != "Running":
            continue
        name = name_of(pod)
        with ExitStack() as opened:
            try:
                tunnel = opened.enter_context(Tunnel(cluster, installation.namespace, name, port))
            except ClusterError as error:
                refused = error.reason
                continue
            yield Route(tunnel.address, f"through a port-forward to the pod {name}")
            return
    why = f"a port-forward was not possible: {refused}"
    yield _cluster_ip(installation) or Unknown("the service's certificate", why, installation.kubectl("get pods"))


def _cluster_ip(installation: Installation) -> Route | None:
    address = None if isinstance(installation.spec, Unknown) else installation.spec.get("clusterIP")
    if not address or address == "None":
        return None
    try:
        socket.create_connection((address, _PORT), _SECONDS).close()
    except OSError:
        return None
    return Route(Address(address, _PORT), f"at the ClusterIP {address}")


def _container_port(pod: JSON, installation: Installation) -> int | None:
    """The port on which a pod answers what comes to the Service's port 443."""
    ports = [] if isinstance(installation.spec, Unknown) else installation.spec.get("ports") or []
    target = next((one.get("targetPort", _PORT) for one in ports if one["port"] == _PORT), None)
    if isinstance(target, int):
        return target
    named = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    return next((int(one["containerPort"]) for one in named if one.get("name") == target), None)
