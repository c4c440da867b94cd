"""Calls the running service, and checks its endpoints and its answer to a review."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, ForbiddenError
from certs.server import Address, Handshake, ServerError, shake_hands
from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, known, name_of
from webhook.cli.doctor.snapshot import Installation
from webhook.cli.doctor.tunnel import port_forward
from webhook.cli.probe import ProbeError, check_answer, probe_review, send

_CHECK: Final = "service"
_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What the service answered to a review."""

    way: str
    """How the service was reached, for a sentence."""
    record: str
    """The placement that the answer records; empty if it is not an answer of this webhook."""

    @property
    def policy(self) -> str:
        """The digest of the policy in force; empty if the answer does not name it."""
        return dict(part.partition("=")[::2] for part in self.record.split(",")).get("policy", "")


@dataclass(frozen=True, slots=True)
class Contact:
    """What the running service presents and answers."""

    way: str
    """How the certificate was seen, for a sentence."""
    handshake: Handshake | Unknown
    answer: ProbeAnswer | Unknown | str | None
    """A string says why there is no answer; None if no review was sent."""


@dataclass(frozen=True, slots=True)
class _Route:
    """An address at which the service answers."""

    address: Address
    way: str


def call_service(cluster: Cluster, installation: Installation) -> Contact:
    """Shakes hands with the service, and sends it a review."""
    with ExitStack() as opened:
        route = _route(cluster, installation, opened)
        if isinstance(route, Unknown):
            return Contact("", route, _ask(cluster, installation, route))
        return Contact(route.way, _shake_hands(route, installation), _ask(cluster, installation, route))


def check_service(installation: Installation, contact: Contact) -> Iterator[Finding]:
    """Are there ready endpoints, and is the answer one of this webhook with the installed policy?"""
    answer, describe = contact.answer, installation.kubectl("describe pods")
    if isinstance(installation.ready, Unknown):
        yield installation.ready.finding(_CHECK)
    elif not installation.ready:
        sentence = f"the Service {installation.namespace}/{installation.service} has no ready endpoint"
        yield Finding(_CHECK, Level.FAULT, sentence, describe)
    if installation.unread:
        yield installation.unread.finding(_CHECK)
    if isinstance(answer, Unknown):
        yield answer.finding(_CHECK)
    elif isinstance(answer, str):
        yield Finding(_CHECK, Level.FAULT, f"the service does not answer a review {answer}", describe)
    elif answer is not None and not answer.record:
        sentence = f"something answers {answer.way}, but it is not this webhook"
        yield Finding(_CHECK, Level.FAULT, sentence, describe)
    elif answer is not None:
        yield _compare(installation, answer)


def _route(cluster: Cluster, installation: Installation, opened: ExitStack) -> _Route | Unknown:
    """A port-forward to one of the service's pods, which `opened` closes, or else the ClusterIP."""
    pods, spec = installation.pods, installation.spec
    refused = pods.why if isinstance(pods, Unknown) else "no pod of the Service is running"
    for pod in known(pods):
        name, port = name_of(pod), _container_port(pod, spec, installation.port)
        if port is None or pod.get("status", {}).get("phase") != "Running":
            continue
        try:
            address = opened.enter_context(port_forward(cluster, installation.namespace, name, port))
        except ClusterError as error:
            refused = error.reason
        else:
            return _Route(address, f"through a port-forward to the pod {name}")
    cluster_ip = spec.get("clusterIP")
    if cluster_ip and cluster_ip != "None":
        with suppress(OSError):
            socket.create_connection((cluster_ip, installation.port), _SECONDS).close()
            return _Route(Address(cluster_ip, installation.port), f"at the ClusterIP {cluster_ip}")
    why = f"a port-forward was not possible: {refused}"
    return Unknown("the service's certificate", why, installation.kubectl("get pods"))


def _container_port(pod: JSON, spec: JSON, called: int) -> int | None:
    """The port of a pod to which the Service's port `called` leads."""
    target = next((one.get("targetPort", called) for one in spec.get("ports") or () if one["port"] == called), None)
    if isinstance(target, int):
        return target
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    return next((int(one["containerPort"]) for one in ports if one.get("name") == target), None)


def _shake_hands(route: _Route, installation: Installation) -> Handshake | Unknown:
    try:
        return shake_hands(route.address, installation.host, installation.bundle or None)
    except ServerError as error:
        return Unknown("the service's certificate", str(error).rstrip("."), installation.kubectl("get pods"))


def _ask(cluster: Cluster, installation: Installation, route: _Route | Unknown) -> ProbeAnswer | Unknown | str | None:
    """Sends a review through the API server's proxy, or else by `route`."""
    if not installation.ready or not installation.profiles:
        return None
    path, review = f"/mutate/{installation.recommended}", probe_review(installation.example)
    service = f"/api/v1/namespaces/{installation.namespace}/services/https:{installation.service}:{installation.port}"
    way = "through the API server's proxy"
    try:
        return ProbeAnswer(way, _record(review, cluster.post(f"{service}/proxy{path}", review)))
    except ClusterError as error:
        failed = f"{way}: {error.reason}"
        if isinstance(route, Unknown):
            permission = f"kubectl auth can-i create services/proxy --namespace {installation.namespace}"
            forbidden = isinstance(error, ForbiddenError)
            return Unknown("the service's answer", error.reason, permission) if forbidden else failed
    # Another check verifies the certificate, so any certificate is accepted here.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        answer = send(f"https://{route.address}{path}", json.dumps(review).encode(), context, host=installation.host)
    except ProbeError as error:
        return f"{failed}, nor {route.way}: {error}"
    return ProbeAnswer(route.way, _record(review, answer))


def _record(review: JSON, answer: JSON) -> str:
    try:
        return check_answer(review, answer)
    except ProbeError:
        return ""


def _compare(installation: Installation, answer: ProbeAnswer) -> Finding:
    """Compares the policy that the answer names with the one in the ConfigMap."""
    if installation.policy and installation.policy.digest != answer.policy:
        sentence = f"the service answers {answer.way} with policy {answer.policy}, "
        sentence += f"but the ConfigMap has {installation.policy.digest}"
        fix = installation.kubectl(f"rollout status deployment/{installation.service}")
        return Finding(_CHECK, Level.WARNING, sentence, fix)
    ready = "" if isinstance(installation.ready, Unknown) else f"{len(installation.ready)} ready; "
    return Finding(_CHECK, Level.OK, f"{ready}answered a review {answer.way}: {answer.record}")
